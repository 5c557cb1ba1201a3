//! Who buys from the hoster of the demonstration. All of them are invented.

use super::api::{Api, ask, have};
use super::error::DemoError;
use super::narration::Narration;
use super::stage::Ids;
use crate::proto::billet::v1 as pb;
use crate::proto::billet::v1::link_customer_request::Link;

/// A customer of the story.
#[derive(Debug)]
pub struct Person {
    /// What the story calls it.
    pub key: &'static str,
    /// Its name on invoices.
    pub name: &'static str,
    address_line: &'static str,
    post_code: &'static str,
    city: &'static str,
    /// The contact address, by which accounts at whm1 find it.
    pub email: &'static str,
    panel: &'static str,
}

impl Person {
    /// The domain it has hosted.
    pub fn domain(&self) -> String {
        domain_of(self.key)
    }
}

/// The domain that a customer has hosted.
pub fn domain_of(key: &str) -> String {
    format!("{key}.example")
}

const fn person(
    key: &'static str,
    name: &'static str,
    [address_line, post_code, city]: [&'static str; 3],
    email: &'static str,
    panel: &'static str,
) -> Person {
    Person { key, name, address_line, post_code, city, email, panel }
}

/// The operator's customers, in the order in which they come.
pub const PEOPLE: [Person; 7] = [
    person("alder", "Alder Bakery GmbH", ["Backgasse 1", "11111", "Musterstadt"], "it@alder.example", "whm1"),
    person("birch", "Birch & Beech Studio", ["Am Hain 22", "22222", "Beispielhausen"], "web@birch.example", "plesk1"),
    person("hazel", "Hazel Photography", ["Lichtweg 3", "33333", "Musterdorf"], "hello@hazel.example", "whm1"),
    person("cedar", "Cedar Consulting AG", ["Ratsplatz 4", "44444", "Beispielburg"], "ops@cedar.example", "whm1"),
    person("dogwood", "Dogwood e.V.", ["Vereinsweg 5", "55555", "Musterau"], "post@dogwood.example", "plesk1"),
    person("elm", "Elm Furniture OHG", ["Werkstr. 66", "66666", "Beispielheim"], "shop@elm.example", "whm1"),
    person("fir", "Fir Labs UG", ["Turmallee 7", "77777", "Mustertal"], "dev@fir.example", "whm1"),
];

/// The reseller's customer.
pub const IVY: Person =
    person("ivy", "Ivy Pottery", ["Tonkuhle 8", "88888", "Beispielsee"], "kiln@ivy.example", "");

/// A customer's name on invoices.
pub fn name_of(key: &str) -> &'static str {
    PEOPLE.iter().chain([&IVY]).find(|person| person.key == key).map_or("", |person| person.name)
}

/// Makes a customer; answers its identifier.
///
/// # Errors
/// [`DemoError::Refused`].
pub async fn make_one(api: &Api, person: &Person) -> Result<String, DemoError> {
    let party = pb::Party {
        name: person.name.to_owned(),
        address_line: person.address_line.to_owned(),
        post_code: person.post_code.to_owned(),
        city: person.city.to_owned(),
        country_code: "DE".to_owned(),
        email: person.email.to_owned(),
        ..Default::default()
    };
    let customer = pb::Customer { party: Some(party), language: "en".to_owned(), ..Default::default() };
    let request = pb::CreateCustomerRequest { request_id: api.request_id(), customer: Some(customer) };
    let answer = ask("CreateCustomer", api.customers().create_customer(request)).await?;
    Ok(have("the customer", answer.customer)?.id)
}

/// Makes the operator's customers and says by what the panels know them.
///
/// # Errors
/// [`DemoError::Refused`].
pub async fn make(api: &Api, ids: &mut Ids, say: &mut Narration) -> Result<(), DemoError> {
    let mut rows = Vec::new();
    for person in &PEOPLE {
        let id = make_one(api, person).await?;
        let link = pb::LinkCustomerRequest {
            request_id: api.request_id(),
            customer_id: id.clone(),
            instance_id: ids.instance(person.panel),
            // The events of Plesk do not carry the address, so its subscriptions are linked by their names.
            link: Some(match person.panel {
                "plesk1" => Link::ExternalRef(person.domain()),
                _ => Link::Email(person.email.to_owned()),
            }),
        };
        ask("LinkCustomer", api.customers().link_customer(link)).await?;
        let known_by = if person.panel == "plesk1" { person.domain() } else { person.email.to_owned() };
        rows.push([person.name, person.city, person.panel, &known_by].map(str::to_owned).to_vec());
        ids.customers.insert(person.key, id);
    }
    say.step("owner", "makes seven customers, each linked to the panel that will report its account");
    say.table(&["customer", "city", "panel", "known there by"], &rows, &[]);
    Ok(())
}
