//! A simulated registrar with the plugin configured for it, and requests that fit it.

use std::sync::Arc;

use billet_openprovider::PLUGIN;
use billet_plugin::v1::*;
use billet_plugin::{Configured, Failure, Registrar, Settings};
use billet_simulator::openprovider::Domain as Held;
use billet_simulator::{Openprovider, OpenproviderOptions};
use chrono::Utc;
use serde_json::{Map, Value, json};

/// A registrar and the plugin for it.
pub(crate) struct Stand {
    pub(crate) server: Openprovider,
    pub(crate) plugin: Arc<dyn Registrar>,
}

/// The plugin for an address.
pub(crate) fn plugin(url: &str, password: &str, more: Value) -> Arc<dyn Registrar> {
    let Value::Object(more) = more else { panic!("an object") };
    let mut values = Map::from_iter([("url".to_owned(), json!(url)), ("username".to_owned(), json!("reseller"))]);
    values.extend(more);
    let secrets = [("password".to_owned(), password.to_owned())].into();
    let settings = Settings { instance: "ins_1".to_owned(), values, secrets };
    match (PLUGIN.configure)(&settings) {
        Ok(Configured::Registrar(plugin)) => plugin,
        other => panic!("no registrar: {other:?}"),
    }
}

impl Stand {
    pub(crate) async fn new() -> Self {
        Self::with(OpenproviderOptions::default()).await
    }

    pub(crate) async fn with(options: OpenproviderOptions) -> Self {
        let server = Openprovider::start(options).await.expect("the simulator starts");
        let plugin = plugin(&server.url(), server.password(), json!({"timeout_s": 3}));
        Self { server, plugin }
    }

    /// With this domain registered.
    pub(crate) async fn having(name: &str) -> Self {
        let stand = Self::new().await;
        stand.plugin.register_domain(register(name)).await.expect("registered");
        stand
    }

    /// The row of this name that is not gone.
    pub(crate) fn held(&self, name: &str) -> Held {
        let rows = self.server.domains();
        rows.into_iter().rfind(|row| row.name == name).unwrap_or_else(|| panic!("{name} is not there"))
    }

    pub(crate) async fn domain(&self, name: &str) -> Domain {
        let answer = self.plugin.get_domain(GetDomainRequest { name: name.to_owned() }).await;
        answer.expect("it is there").value.domain.expect("a domain")
    }
}

/// The first attempt of an operation that began now.
pub(crate) fn operation(id: &str) -> Option<Operation> {
    let now = Utc::now();
    Some(Operation {
        id: id.to_owned(),
        attempt: 1,
        first_attempt_at: Some(prost_types::Timestamp { seconds: now.timestamp(), nanos: 0 }),
        time_left: Some(prost_types::Duration { seconds: 20, nanos: 0 }),
    })
}

/// A later attempt of the same.
pub(crate) fn again(operation: Option<Operation>) -> Option<Operation> {
    operation.map(|operation| Operation { attempt: operation.attempt + 1, ..operation })
}

pub(crate) fn contact(name: &str) -> Contact {
    Contact {
        name: name.to_owned(),
        street: vec!["Long Street 12a".to_owned()],
        city: "Sometown".to_owned(),
        post_code: "12345".to_owned(),
        country_code: "PL".to_owned(),
        phone: "+48.221234567".to_owned(),
        email: "anna@holder.example".to_owned(),
        ..Contact::default()
    }
}

pub(crate) fn of_role(role: ContactRole, name: &str) -> DomainContact {
    DomainContact { role: role.into(), contact: Some(contact(name)), ..DomainContact::default() }
}

/// A year of a domain for Anna.
pub(crate) fn register(name: &str) -> RegisterDomainRequest {
    RegisterDomainRequest {
        operation: operation("op-1"),
        name: name.to_owned(),
        years: 1,
        contacts: vec![of_role(ContactRole::Registrant, "Anna Holder")],
        name_servers: vec!["ns1.host.example".to_owned(), "ns2.host.example".to_owned()],
        ..RegisterDomainRequest::default()
    }
}

pub(crate) fn euros(units: i64, nanos: i32) -> billet_plugin::google::r#type::Money {
    billet_plugin::google::r#type::Money { currency_code: "EUR".to_owned(), units, nanos }
}

pub(crate) fn assert_refused<T: std::fmt::Debug>(answer: &Result<T, Failure>, kind: ProblemKind) -> String {
    match answer {
        Err(failure) if failure.is_refused(kind) => failure.problem().words.clone(),
        other => panic!("not refused as {kind:?}: {other:?}"),
    }
}

pub(crate) fn assert_unknown<T: std::fmt::Debug>(answer: &Result<T, Failure>) {
    assert!(matches!(answer, Err(Failure::Unknown(_))), "{answer:?}");
}

pub(crate) fn assert_later<T: std::fmt::Debug>(answer: &Result<T, Failure>, kind: ProblemKind) {
    match answer {
        Err(Failure::RetryLater { problem, .. }) => assert_eq!(problem.kind(), kind, "{problem:?}"),
        other => panic!("not to be tried later: {other:?}"),
    }
}
