//! Contacts. Openprovider keeps them as customers with a handle, and a domain names handles.
//!
//! A contact's data never change under a handle: other domains may use it, and the API keeps the old name when it is told
//! a new one. So each set of data has a handle of its own, found again by a fingerprint in the customer's comments; that
//! also makes it harmless when the answer to a creation is lost.

use std::collections::BTreeMap;

use billet_plugin::Failure;
use billet_plugin::v1::{Contact, ContactRole, DomainContact, ProblemKind};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::Openprovider;
use crate::budget::Budget;
use crate::client::Call;
use crate::domain::or_default;
use crate::failure::Trouble;

/// So many bytes of the fingerprint are kept.
const FINGERPRINT_BYTES: usize = 16;
/// How many customers may bear one fingerprint: two that were made at once.
const SAME_MAX: usize = 10;
/// Fields of `additional_data` of a customer that are text.
const ADDITIONAL: [&str; 20] = [
    "birth_address",
    "birth_city",
    "birth_country",
    "birth_date",
    "birth_state",
    "birth_zipcode",
    "company_registration_city",
    "company_registration_number",
    "company_registration_subscription_date",
    "company_url",
    "headquarters_address",
    "headquarters_city",
    "headquarters_country",
    "headquarters_state",
    "headquarters_zipcode",
    "passport_number",
    "social_security_number",
    "trading_name",
    "vat",
    "locale",
];

/// The handles of a domain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Handles {
    pub(crate) owner: String,
    pub(crate) admin: String,
    pub(crate) tech: String,
    pub(crate) billing: String,
}

#[derive(Serialize)]
struct Customer {
    name: PersonName,
    #[serde(skip_serializing_if = "String::is_empty")]
    company_name: String,
    email: String,
    phone: Phone,
    address: Address,
    #[serde(skip_serializing_if = "Option::is_none")]
    vat: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    locale: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    additional_data: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    comments: String,
}

#[derive(Serialize)]
struct PersonName {
    first_name: String,
    last_name: String,
}

#[derive(Serialize)]
struct Phone {
    country_code: String,
    area_code: String,
    subscriber_number: String,
}

#[derive(Serialize)]
struct Address {
    street: String,
    number: String,
    city: String,
    state: String,
    zipcode: String,
    country: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Customers {
    #[serde(deserialize_with = "or_default")]
    results: Vec<Found>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Found {
    #[serde(deserialize_with = "or_default")]
    handle: String,
    #[serde(deserialize_with = "or_default")]
    comments: String,
    #[serde(deserialize_with = "or_default")]
    is_deleted: bool,
}

/// The handles for an order: those that it names, made where it brings data, and the operator's or the registrant's for
/// roles that it does not name.
///
/// # Errors
/// [`ProblemKind::Invalid`] when there is no registrant or a contact is incomplete; what the API says otherwise. A handle
/// that was made although its answer was lost is found by the next attempt: nothing here is ever unknown.
pub(crate) async fn all(
    plugin: &Openprovider,
    contacts: &[DomainContact],
    budget: &Budget,
) -> Result<Handles, Failure> {
    let mut known = BTreeMap::new();
    let mut of = [String::new(), String::new(), String::new(), String::new()];
    let roles = [ContactRole::Registrant, ContactRole::Admin, ContactRole::Tech, ContactRole::Billing];
    for (handle, role) in of.iter_mut().zip(roles) {
        if let Some(contact) = named(contacts, role)? {
            *handle = one(plugin, contact, &mut known, budget).await?;
        }
    }
    let [owner, admin, tech, billing] = of;
    if owner.is_empty() {
        return Err(invalid("contacts: a registrant is needed"));
    }
    let or = |handle: String, own: &str| match (handle.is_empty(), own.is_empty()) {
        (false, _) => handle,
        (true, false) => own.to_owned(),
        (true, true) => owner.clone(),
    };
    let manner = &plugin.manner;
    Ok(Handles {
        admin: or(admin, &manner.admin_handle),
        tech: or(tech, &manner.tech_handle),
        billing: or(billing, &manner.billing_handle),
        owner,
    })
}

/// The handles of the roles that are named, and of no others; empty for the rest.
///
/// # Errors
/// As [`all`].
pub(crate) async fn only_named(
    plugin: &Openprovider,
    contacts: &[DomainContact],
    budget: &Budget,
) -> Result<Handles, Failure> {
    let mut known = BTreeMap::new();
    let mut handles = Handles::default();
    let roles = [
        (ContactRole::Registrant, &mut handles.owner),
        (ContactRole::Admin, &mut handles.admin),
        (ContactRole::Tech, &mut handles.tech),
        (ContactRole::Billing, &mut handles.billing),
    ];
    for (role, handle) in roles {
        if let Some(contact) = named(contacts, role)? {
            *handle = one(plugin, contact, &mut known, budget).await?;
        }
    }
    Ok(handles)
}

/// The contact of a role.
fn named(contacts: &[DomainContact], role: ContactRole) -> Result<Option<&DomainContact>, Failure> {
    let mut of_role = contacts.iter().filter(|contact| contact.role() == role);
    match (of_role.next(), of_role.next()) {
        (Some(_), Some(_)) => Err(invalid("contacts: Openprovider takes one contact for each role")),
        (first, _) => Ok(first),
    }
}

/// The handle of a contact, by its fingerprint in `known` if it was just asked for.
async fn one(
    plugin: &Openprovider,
    contact: &DomainContact,
    known: &mut BTreeMap<String, String>,
    budget: &Budget,
) -> Result<String, Failure> {
    if !contact.handle.is_empty() {
        return Ok(contact.handle.clone());
    }
    let Some(data) = &contact.contact else {
        return Err(invalid("contacts: each needs a handle or data"));
    };
    let mut customer = customer(data)?;
    let fingerprint = fingerprint(&customer);
    if let Some(handle) = known.get(&fingerprint) {
        return Ok(handle.clone());
    }
    customer.comments.clone_from(&fingerprint);
    let handle = match find(plugin, &fingerprint, budget).await.map_err(Trouble::asking)? {
        Some(handle) => handle,
        None => make(plugin, &customer, budget).await?,
    };
    known.insert(fingerprint, handle.clone());
    Ok(handle)
}

async fn find(plugin: &Openprovider, fingerprint: &str, budget: &Budget) -> Result<Option<String>, Trouble> {
    let call = Call::get(&["customers"]).query("comment_pattern", &fingerprint).query("limit", &SAME_MAX);
    let customers: Customers = plugin.client.send(call, budget.left()).await?.data;
    let mut same = customers.results.into_iter().filter(|found| found.comments == fingerprint && !found.is_deleted);
    Ok(same.find(|found| !found.handle.is_empty()).map(|found| found.handle))
}

async fn make(plugin: &Openprovider, customer: &Customer, budget: &Budget) -> Result<String, Failure> {
    let made = plugin.client.send::<Found>(Call::post(&["customers"], customer), budget.left()).await;
    match made {
        Ok(reply) if !reply.data.handle.is_empty() => Ok(reply.data.handle),
        Ok(_) => Err(Failure::later(ProblemKind::Unavailable, "", "a contact was made, but its handle was not told")),
        // Not unknown to the caller: no domain was ordered, and the next attempt finds the contact if it was made.
        Err(trouble) => Err(trouble.asking()),
    }
}

fn customer(contact: &Contact) -> Result<Customer, Failure> {
    let given = |name: &str, value: &str| {
        let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
        if value.is_empty() { Err(invalid(&format!("contact: {name} is missing"))) } else { Ok(value) }
    };
    let mut extra: BTreeMap<String, String> = contact.extra.clone();
    let unknown = |name: &&String| !ADDITIONAL.contains(&name.as_str()) && name.as_str() != "house_number";
    if let Some(name) = extra.keys().find(unknown) {
        let name: String = name.chars().take(60).collect();
        return Err(invalid(&format!("contact: Openprovider has no field `{name}`")));
    }
    let whole = given("the name", &contact.name)?;
    let (first_name, last_name) = whole.split_once(' ').unwrap_or((&whole, &whole));
    let country = given("the country", &contact.country_code)?.to_ascii_uppercase();
    if country.len() != 2 || !country.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return Err(invalid("contact: the country is not two letters (ISO 3166-1)"));
    }
    let lines: Vec<&str> = contact.street.iter().map(|line| line.trim()).filter(|line| !line.is_empty()).collect();
    let street = given("the street", &lines.join(", "))?;
    let (street, number) = match extra.remove("house_number") {
        Some(number) => (street, number),
        None => house_number(&street),
    };
    Ok(Customer {
        name: PersonName { first_name: first_name.to_owned(), last_name: last_name.to_owned() },
        company_name: contact.organisation.trim().to_owned(),
        email: given("the e-mail address", &contact.email)?,
        phone: phone(&contact.phone)?,
        address: Address {
            street,
            number,
            city: given("the city", &contact.city)?,
            state: contact.province.trim().to_owned(),
            zipcode: contact.post_code.trim().to_owned(),
            country,
        },
        vat: extra.remove("vat"),
        locale: extra.remove("locale"),
        additional_data: extra,
        comments: String::new(),
    })
}

/// `Main Street 12a`: the number stands in a field of its own, which several registries want filled.
fn house_number(street: &str) -> (String, String) {
    let number = |word: &str| word.len() <= 8 && word.starts_with(|c: char| c.is_ascii_digit());
    match street.rsplit_once(' ') {
        Some((name, last)) if number(last) && !last.contains(',') => {
            (name.trim_end_matches(',').to_owned(), last.to_owned())
        }
        _ => (street.to_owned(), String::new()),
    }
}

/// `+48.221234567` in three parts. Where the area ends nobody can tell from the number; it is put together again anyway.
fn phone(text: &str) -> Result<Phone, Failure> {
    let wrong = || invalid("contact: the phone number must look like +48.221234567");
    let (country, number) = text.trim().strip_prefix('+').and_then(|rest| rest.split_once('.')).ok_or_else(wrong)?;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !(1..=3).contains(&country.len()) || !(4..=14).contains(&number.len()) || !digits(country) || !digits(number) {
        return Err(wrong());
    }
    let (area_code, subscriber_number) = number.split_at(3);
    Ok(Phone {
        country_code: format!("+{country}"),
        area_code: area_code.to_owned(),
        subscriber_number: subscriber_number.to_owned(),
    })
}

/// `billet:` and 32 hexadecimal digits of the data's SHA-256.
fn fingerprint(customer: &Customer) -> String {
    let text = serde_json::to_vec(customer).unwrap_or_default();
    let digest = Sha256::digest(&text);
    let hex: String = digest.iter().take(FINGERPRINT_BYTES).map(|byte| format!("{byte:02x}")).collect();
    format!("billet:{hex}")
}

fn invalid(words: &str) -> Failure {
    Failure::refused(ProblemKind::Invalid, "", words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contact() -> Contact {
        Contact {
            name: "Anna Maria Example".to_owned(),
            street: vec!["Long Street 12a".to_owned()],
            city: "Sometown".to_owned(),
            post_code: "12345".to_owned(),
            country_code: "pl".to_owned(),
            phone: "+48.221234567".to_owned(),
            email: "anna@example.org".to_owned(),
            ..Contact::default()
        }
    }

    #[test]
    fn a_contact_is_taken_apart() {
        let customer = customer(&contact()).expect("good");
        assert_eq!((customer.name.first_name.as_str(), customer.name.last_name.as_str()), ("Anna", "Maria Example"));
        assert_eq!((customer.address.street.as_str(), customer.address.number.as_str()), ("Long Street", "12a"));
        assert_eq!(customer.address.country, "PL");
        let phone = customer.phone;
        assert_eq!(format!("{}.{}{}", phone.country_code, phone.area_code, phone.subscriber_number), "+48.221234567");
    }

    #[test]
    fn the_same_data_have_the_same_fingerprint_and_others_another() {
        let of = |contact: &Contact| fingerprint(&customer(contact).expect("good"));
        assert_eq!(of(&contact()), of(&contact()));
        assert_ne!(of(&contact()), of(&Contact { email: "b@example.org".to_owned(), ..contact() }));
        assert_eq!(of(&contact()).len(), "billet:".len() + 32);
    }

    #[test]
    fn what_is_missing_is_named() {
        for (contact, named) in [
            (Contact { name: String::new(), ..contact() }, "name"),
            (Contact { street: vec![], ..contact() }, "street"),
            (Contact { phone: "0221234567".to_owned(), ..contact() }, "phone"),
            (Contact { country_code: "POL".to_owned(), ..contact() }, "country"),
            (Contact { extra: [("shoe_size".to_owned(), "9".to_owned())].into(), ..contact() }, "shoe_size"),
        ] {
            let Err(failure) = customer(&contact) else { panic!("{named} was taken") };
            assert!(failure.is_refused(ProblemKind::Invalid) && failure.problem().words.contains(named), "{failure:?}");
        }
    }

    #[test]
    fn house_numbers_are_found_where_there_is_one() {
        assert_eq!(house_number("Plac Zamkowy 4/6"), ("Plac Zamkowy".to_owned(), "4/6".to_owned()));
        assert_eq!(house_number("Rue sans nom"), ("Rue sans nom".to_owned(), String::new()));
        assert_eq!(house_number("12"), ("12".to_owned(), String::new()));
    }
}
