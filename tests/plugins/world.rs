//! Hosts and instances of the panel in memory.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use billet::plugins::{Host, InstanceSpec, Program, Running};
use billet_domain::id::InstanceId;
use billet_plugin::v1::{CreateAccountRequest, Operation, TestConnectionRequest, TestConnectionResponse};
use billet_plugin::{Answer, Failure};
use billet_simulator::MEMORY;
use serde_json::{Value, json};

/// Long enough for a slow machine.
pub const TIME: Duration = Duration::from_secs(20);

/// A host with the panel in memory in its own process.
pub fn linked() -> Host {
    Host::with(&[MEMORY], [])
}

/// A host with the panel in memory as a child process.
pub fn as_child() -> Host {
    host_of(&[env!("CARGO_BIN_EXE_billet"), "plugin", "memory"])
}

/// A host with a program in the place of `memory`.
pub fn host_of(command: &[&str]) -> Host {
    let command = command.iter().map(|part| (*part).to_owned()).collect();
    Host::with(&[], [Program { name: "memory".to_owned(), command }])
}

/// An instance with settings.
pub fn spec(id: i64, values: &Value) -> InstanceSpec {
    InstanceSpec {
        id: InstanceId(id),
        plugin: "memory".to_owned(),
        revision: 1,
        values: values.as_object().cloned().expect("an object"),
        secrets: BTreeMap::from([("token".to_owned(), "open-sesame".to_owned())]),
        concurrency: None,
    }
}

/// An instance of the panel in memory that behaves in a way.
pub async fn behaving(host: &Host, id: i64, behaviour: &str) -> Arc<Running> {
    host.instance(&spec(id, &json!({ "behaviour": behaviour }))).await.expect("an instance")
}

/// A test of the connection.
pub async fn test(instance: &Running, time: Duration) -> Answer<TestConnectionResponse> {
    instance.call(TestConnectionRequest {}, time).await
}

/// A request for an account.
pub fn account(username: &str, attempt: u32) -> CreateAccountRequest {
    CreateAccountRequest {
        operation: Some(Operation { id: format!("op-{username}"), attempt, ..Operation::default() }),
        username: username.to_owned(),
        domain: format!("{username}.example"),
        package: "starter".to_owned(),
        external_id: format!("sub-{username}"),
        ..CreateAccountRequest::default()
    }
}

/// Whether nobody can tell if it was done.
pub fn is_unknown<T>(answer: &Answer<T>) -> bool {
    matches!(answer, Err(Failure::Unknown(_)))
}

/// Whether it is to be tried later.
pub fn is_later<T>(answer: &Answer<T>) -> bool {
    matches!(answer, Err(Failure::RetryLater { .. }))
}
