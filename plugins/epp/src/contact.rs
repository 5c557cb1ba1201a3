//! Contacts (RFC 5733): made once for the same person, and used again.

use billet_plugin::v1::{Contact, ContactRole, DomainContact, Operation, ProblemKind};
use billet_plugin::{Failure, redact};
use sha2::{Digest, Sha256};

use crate::client::Client;
use crate::command::{Command, Object};
use crate::deadline::Deadline;
use crate::namespace;
use crate::xml::Element;

/// Stands before the handles that are made here.
const PREFIX: &str = "BLT";
/// RFC 5733: a handle has 3 to 16 characters.
const HANDLE_CHARACTERS: usize = 16;
/// RFC 5733.
const STREETS_MAX: usize = 3;
/// The letters of a handle: none that are read as another.
const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/// What is hidden when the holder does not want to be shown.
const PARTS: [(&str, bool); 6] =
    [("name", true), ("org", true), ("addr", true), ("voice", false), ("fax", false), ("email", false)];

/// The handles of `contacts`, those without one made first. The handle is a digest of the data, so the same person has the
/// same one, and an attempt that is repeated finds what the one before it made.
///
/// # Errors
/// [`ProblemKind::Invalid`] for data that cannot be, [`ProblemKind::Conflict`] for a handle that holds other data. Never
/// unknown: a contact that may have been made does no harm, and the next attempt finds it.
pub async fn handles(
    client: &Client,
    contacts: &[DomainContact],
    id_protected: bool,
    operation: Option<&Operation>,
    until: Deadline,
) -> Result<Vec<(ContactRole, String)>, Failure> {
    let mut handles: Vec<(ContactRole, String)> = Vec::new();
    for contact in contacts {
        let role = contact.role();
        if role == ContactRole::Unspecified || handles.iter().any(|(one, _)| *one == role) {
            return Err(invalid("each contact needs a role of its own"));
        }
        let handle = match (&contact.contact, contact.handle.is_empty()) {
            (_, false) => contact.handle.clone(),
            (Some(data), true) => {
                let hidden = id_protected && role == ContactRole::Registrant;
                make(client, data, hidden, operation, until).await?
            }
            (None, true) => return Err(invalid("a contact needs a handle or data")),
        };
        handles.push((role, handle));
    }
    Ok(handles)
}

/// Fields of `contacts` that this protocol has no place for.
#[must_use]
pub fn warnings(contacts: &[DomainContact]) -> Vec<String> {
    let names = contacts.iter().filter_map(|one| one.contact.as_ref()).flat_map(|contact| contact.extra.keys());
    names.map(|name| format!("the contact's field `{name}` was not sent: EPP has no place for it")).collect()
}

async fn make(
    client: &Client,
    contact: &Contact,
    hidden: bool,
    operation: Option<&Operation>,
    until: Deadline,
) -> Result<String, Failure> {
    check(contact)?;
    let handle = handle_of(contact, hidden);
    let secret = new_secret();
    let mut children = vec![Element::leaf("contact:id", &handle), postal_info(client, contact)];
    if !contact.phone.is_empty() {
        children.push(Element::leaf("contact:voice", &contact.phone));
    }
    children.push(Element::leaf("contact:email", &contact.email));
    children.push(Element::new("contact:authInfo").with(Element::leaf("contact:pw", &secret)));
    if hidden {
        children.push(disclose(client, false));
    }
    let command = Command::about("create", Object::Contact, children);
    match client.change(&command, operation, until, &[&secret]).await {
        Ok(_) => Ok(handle),
        Err(failure) if failure.is_refused(ProblemKind::Conflict) => known(client, &handle, contact, until).await,
        // Whether it was made, the next attempt sees; the domain was not touched.
        Err(Failure::Unknown(problem)) => Err(Failure::RetryLater { problem, after: None }),
        Err(failure) => Err(failure),
    }
}

/// A handle that is there already: it must be ours and hold these data.
async fn known(client: &Client, handle: &str, contact: &Contact, until: Deadline) -> Result<String, Failure> {
    let conflict = |words: &str| {
        Err(Failure::refused(ProblemKind::Conflict, "2302", format!("the contact {handle} is there already {words}")))
    };
    let command = Command::about("info", Object::Contact, [Element::leaf("contact:id", handle)]);
    let response = match client.ask(&command, until).await {
        Ok(response) => response,
        Err(failure) if failure.is_refused(ProblemKind::Permission) => return conflict("and belongs to somebody else"),
        Err(failure) => return Err(failure),
    };
    let data = response.data.of(namespace::CONTACT, "infData").cloned().unwrap_or_default();
    if data.text_of("clID") != client.client_id() {
        return conflict("and belongs to somebody else");
    }
    let postal = data.get("postalInfo").cloned().unwrap_or_default();
    let address = postal.get("addr").cloned().unwrap_or_default();
    let same = postal.text_of("name") == contact.name
        && postal.text_of("org") == contact.organisation
        && address.text_of("city") == contact.city
        && address.text_of("cc").eq_ignore_ascii_case(&contact.country_code)
        && data.text_of("email").eq_ignore_ascii_case(&contact.email);
    if same { Ok(handle.to_owned()) } else { conflict("with other data; name another handle, or change it back") }
}

/// Shows or hides the data of a contact that is there.
///
/// # Errors
/// Those of a change.
pub async fn set_hidden(
    client: &Client,
    handle: &str,
    hidden: bool,
    operation: Option<&Operation>,
    until: Deadline,
) -> Result<(), Failure> {
    let change = Element::new("contact:chg").with(disclose(client, !hidden));
    let command = Command::about("update", Object::Contact, [Element::leaf("contact:id", handle), change]);
    client.change(&command, operation, until, &[]).await.map(drop)
}

/// Whether the data of a contact are hidden; `None` when the registry does not say it.
///
/// # Errors
/// Those of a question.
pub async fn is_hidden(client: &Client, handle: &str, until: Deadline) -> Result<Option<bool>, Failure> {
    let command = Command::about("info", Object::Contact, [Element::leaf("contact:id", handle)]);
    let response = client.ask(&command, until).await?;
    let disclose = response.data.of(namespace::CONTACT, "infData").and_then(|data| data.get("disclose"));
    Ok(disclose.map(|disclose| {
        let names_parts = disclose.get("name").is_some() || disclose.get("addr").is_some();
        matches!(disclose.attribute("flag"), "0" | "false") && names_parts
    }))
}

fn postal_info(client: &Client, contact: &Contact) -> Element {
    let leaf = |name: &str, text: &str| (!text.is_empty()).then(|| Element::leaf(name, text));
    let address = Element::new("contact:addr")
        .with_all(contact.street.iter().map(|line| Element::leaf("contact:street", line)))
        .with(Element::leaf("contact:city", &contact.city))
        .with_all(leaf("contact:sp", &contact.province))
        .with_all(leaf("contact:pc", &contact.post_code))
        .with(Element::leaf("contact:cc", contact.country_code.to_ascii_uppercase()));
    Element::new("contact:postalInfo")
        .attr("type", client.settings.postal_form.word())
        .with(Element::leaf("contact:name", &contact.name))
        .with_all(leaf("contact:org", &contact.organisation))
        .with(address)
}

fn disclose(client: &Client, shown: bool) -> Element {
    let form = client.settings.postal_form.word();
    Element::new("contact:disclose").attr("flag", if shown { "1" } else { "0" }).with_all(PARTS.iter().map(
        |(name, has_form)| {
            let part = Element::new(&format!("contact:{name}"));
            if *has_form { part.attr("type", form) } else { part }
        },
    ))
}

fn check(contact: &Contact) -> Result<(), Failure> {
    for (name, value, length_max) in [
        ("name", &contact.name, 255),
        ("city", &contact.city, 255),
        ("email", &contact.email, 255),
        ("organisation", &contact.organisation, 255),
        ("province", &contact.province, 255),
        ("post_code", &contact.post_code, 16),
    ] {
        let needed = matches!(name, "name" | "city" | "email");
        if (needed && value.trim().is_empty()) || value.chars().count() > length_max {
            return Err(invalid(&format!("the contact's {name} is missing or longer than {length_max} characters")));
        }
    }
    if contact.street.len() > STREETS_MAX || contact.street.iter().any(|line| line.chars().count() > 255) {
        return Err(invalid("the contact's street has at most three lines"));
    }
    let country = contact.country_code.as_bytes();
    if country.len() != 2 || !country.iter().all(u8::is_ascii_alphabetic) {
        return Err(invalid("the contact's country_code has two letters (ISO 3166-1)"));
    }
    if !contact.phone.is_empty() && !is_phone(&contact.phone) {
        return Err(invalid("the contact's phone must look like +48.221234567"));
    }
    Ok(())
}

/// RFC 5733: `+`, one to three digits, a dot, up to 14 digits.
fn is_phone(text: &str) -> bool {
    let digits = |text: &str, max: usize| {
        !text.is_empty() && text.len() <= max && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    let parts = text.strip_prefix('+').and_then(|rest| rest.split_once('.'));
    parts.is_some_and(|(country, number)| digits(country, 3) && digits(number, 14))
}

fn handle_of(contact: &Contact, hidden: bool) -> String {
    let mut digest = Sha256::new();
    let fields = [
        &contact.name,
        &contact.organisation,
        &contact.city,
        &contact.province,
        &contact.post_code,
        &contact.country_code,
        &contact.phone,
        &contact.email,
    ];
    for field in fields.into_iter().chain(&contact.street) {
        digest.update((field.len() as u64).to_be_bytes());
        digest.update(field);
    }
    digest.update([u8::from(hidden)]);
    let octets = digest.finalize();
    let letters = octets.iter().map(|octet| char::from(ALPHABET[usize::from(octet % 32)]));
    PREFIX.chars().chain(letters).take(HANDLE_CHARACTERS).collect()
}

/// A secret that satisfies the rules of most registries: 16 characters, letters of both cases, digits and a sign.
#[must_use]
pub fn new_secret() -> String {
    let octets: Vec<u8> = [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()].iter().flat_map(|id| *id.as_bytes()).collect();
    let letters: String = octets.iter().map(|octet| char::from(ALPHABET[usize::from(octet % 32)])).collect();
    // Two random ids hold twelve fixed bits; 12 letters of 5 bits out of 244 random ones are 58 bits or more.
    format!("{}b7-{}", &letters[..6], letters[16..23].to_ascii_lowercase())
}

fn invalid(words: &str) -> Failure {
    Failure::refused(ProblemKind::Invalid, "", redact::redact(words, []))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person() -> Contact {
        Contact {
            name: "Ann Example".to_owned(),
            street: vec!["1 Long Street".to_owned()],
            city: "Porttown".to_owned(),
            country_code: "PL".to_owned(),
            phone: "+48.221234567".to_owned(),
            email: "ann@person.example".to_owned(),
            ..Contact::default()
        }
    }

    #[test]
    fn the_same_person_has_the_same_handle_and_it_fits() {
        let handle = handle_of(&person(), false);
        assert_eq!(handle, handle_of(&person(), false));
        assert_ne!(handle, handle_of(&person(), true));
        assert_ne!(handle, handle_of(&Contact { city: "Other".to_owned(), ..person() }, false));
        assert_eq!(handle.len(), HANDLE_CHARACTERS);
    }

    #[test]
    fn what_the_rfc_does_not_take_is_refused_before_it_is_sent() {
        assert!(check(&person()).is_ok());
        let bad = [
            Contact { name: String::new(), ..person() },
            Contact { country_code: "POL".to_owned(), ..person() },
            Contact { phone: "+48221234567".to_owned(), ..person() },
            Contact { phone: "+4812.1".to_owned(), ..person() },
            Contact { street: vec!["x".to_owned(); 4], ..person() },
        ];
        for contact in bad {
            assert!(check(&contact).is_err_and(|failure| failure.is_refused(ProblemKind::Invalid)), "{contact:?}");
        }
    }

    #[test]
    fn secrets_differ_and_have_letters_digits_and_a_sign() {
        let (one, other) = (new_secret(), new_secret());
        assert_ne!(one, other);
        assert_eq!(one.len(), 16);
        assert!(one.contains('-') && one.bytes().any(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()));
    }
}
