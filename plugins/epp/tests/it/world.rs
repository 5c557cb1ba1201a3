//! A registry, and registrars at it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use billet_plugin::google::r#type::{Date, Money};
use billet_plugin::v1::{
    Contact, ContactRole, DomainContact, GetDomainRequest, Operation, RegisterDomainRequest, RegisterDomainResponse,
};
use billet_plugin::{Answer, Configured, Registrar, Settings, v1};
use billet_simulator::{EppOptions, EppRegistry};
use chrono::{DateTime, TimeDelta, Utc};

pub const FIRST: (&str, &str) = ("first-reg", "First-pw-1");
pub const SECOND: (&str, &str) = ("second-reg", "Second-pw-2");

/// A registry with the default settings.
pub async fn registry() -> EppRegistry {
    registry_with(EppOptions::default()).await
}

pub async fn registry_with(options: EppOptions) -> EppRegistry {
    EppRegistry::start(options).await.expect("loopback has ports")
}

/// A registrar at a registry.
pub fn registrar(registry: &EppRegistry, who: (&str, &str)) -> Arc<dyn Registrar> {
    registrar_with(registry, who, &serde_json::json!({}))
}

/// With more settings, or others.
pub fn registrar_with(
    registry: &EppRegistry,
    (client_id, password): (&str, &str),
    more: &serde_json::Value,
) -> Arc<dyn Registrar> {
    let mut values = serde_json::json!({
        "url": registry.url(), "client_id": client_id, "ca_pem": registry.ca_pem(), "timeout_s": 5,
    });
    let values = values.as_object_mut().expect("an object");
    let mut secrets = std::collections::BTreeMap::from([("password".to_owned(), password.to_owned())]);
    for (name, value) in more.as_object().expect("an object") {
        if name == "key_pem" {
            secrets.insert(name.clone(), value.as_str().expect("text").to_owned());
        } else {
            values.insert(name.clone(), value.clone());
        }
    }
    let settings = Settings { instance: "ins_1".to_owned(), values: values.clone(), secrets };
    match (billet_epp::PLUGIN.configure)(&settings).expect("good settings") {
        Configured::Registrar(registrar) => registrar,
        other => panic!("a {other:?}"),
    }
}

/// The first attempt of a new operation, with ten seconds.
pub fn operation() -> Option<Operation> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    Some(Operation {
        id: format!("op_{}", NUMBER.fetch_add(1, Ordering::Relaxed)),
        attempt: 1,
        first_attempt_at: Some(timestamp(Utc::now())),
        time_left: Some(prost_types::Duration { seconds: 10, nanos: 0 }),
    })
}

/// The same operation once more.
pub fn again(operation: &Option<Operation>) -> Option<Operation> {
    operation.clone().map(|operation| Operation { attempt: operation.attempt + 1, ..operation })
}

/// The same operation, begun at another time.
pub fn begun(operation: Option<Operation>, at: DateTime<Utc>) -> Option<Operation> {
    operation.map(|operation| Operation { first_attempt_at: Some(timestamp(at)), ..operation })
}

pub fn timestamp(at: DateTime<Utc>) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: at.timestamp(), nanos: 0 }
}

pub fn days(days: i64) -> TimeDelta {
    TimeDelta::days(days)
}

pub fn person() -> Contact {
    Contact {
        name: "Ann Example".to_owned(),
        organisation: "Example & Daughters".to_owned(),
        street: vec!["1 Long Street".to_owned(), "Back yard".to_owned()],
        city: "Porttown".to_owned(),
        post_code: "00-100".to_owned(),
        country_code: "pl".to_owned(),
        phone: "+48.221234567".to_owned(),
        email: "ann@person.example".to_owned(),
        ..Contact::default()
    }
}

pub fn contact(role: ContactRole, contact: Contact) -> DomainContact {
    DomainContact { role: role.into(), handle: String::new(), contact: Some(contact) }
}

pub fn registration(name: &str) -> RegisterDomainRequest {
    RegisterDomainRequest {
        operation: operation(),
        name: name.to_owned(),
        years: 1,
        contacts: vec![
            contact(ContactRole::Registrant, person()),
            contact(ContactRole::Admin, person()),
            contact(ContactRole::Tech, Contact { name: "Tom Example".to_owned(), ..person() }),
        ],
        name_servers: vec!["ns1.host.test".to_owned(), "NS2.host.test.".to_owned()],
        ..RegisterDomainRequest::default()
    }
}

pub async fn register(registrar: &Arc<dyn Registrar>, name: &str) -> Answer<RegisterDomainResponse> {
    registrar.register_domain(registration(name)).await
}

pub async fn domain(registrar: &Arc<dyn Registrar>, name: &str) -> v1::Domain {
    let request = GetDomainRequest { name: name.to_owned() };
    registrar.get_domain(request).await.expect("registered").value.domain.expect("a domain")
}

pub async fn auth_code(registrar: &Arc<dyn Registrar>, name: &str) -> String {
    let request = v1::GetAuthCodeRequest { name: name.to_owned() };
    registrar.get_auth_code(request).await.expect("told").value.auth_code
}

/// The day a domain expires, as a renewal names it.
pub async fn expiry(registrar: &Arc<dyn Registrar>, name: &str) -> Option<Date> {
    let at = domain(registrar, name).await.expires_at.expect("it expires");
    day(&at)
}

pub fn day(at: &prost_types::Timestamp) -> Option<Date> {
    let at = DateTime::from_timestamp(at.seconds, 0)?;
    let parts: Vec<i32> = at.format("%Y %m %d").to_string().split(' ').map(|n| n.parse().expect("digits")).collect();
    Some(Date { year: parts[0], month: parts[1], day: parts[2] })
}

pub fn euros(units: i64) -> Option<Money> {
    Some(Money { currency_code: "EUR".to_owned(), units, nanos: 0 })
}
