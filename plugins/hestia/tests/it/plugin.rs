//! The plugin, set up as the host does it.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use billet_hestia::PLUGIN;
use billet_plugin::v1::{AccountRef, CreateAccountRequest, Operation};
use billet_plugin::{Kind, Panel, Settings};
use billet_simulator::{Hestia, HestiaOptions};
use serde_json::json;

pub(crate) const PASSWORD: &str = "S3cret-pw-1";

pub(crate) fn configured(url: &str, access_key: &str, secret_key: &str) -> Arc<dyn Panel> {
    let serde_json::Value::Object(values) =
        json!({"url": url, "access_key": access_key, "timeout_s": 5, "timeout_slow_s": 5})
    else {
        panic!("an object")
    };
    let secrets = [("secret_key".to_owned(), secret_key.to_owned())].into();
    let settings = Settings { instance: "ins_1".to_owned(), values, secrets };
    let configured = (PLUGIN.configure)(&settings).expect("good settings");
    <dyn Panel as Kind>::of(&configured).expect("a panel")
}

pub(crate) async fn with(options: HestiaOptions) -> (Hestia, Arc<dyn Panel>) {
    let server = Hestia::start(options).await.expect("the simulator starts");
    let plugin = configured(&server.url(), server.access_key(), server.secret_key());
    (server, plugin)
}

pub(crate) async fn start() -> (Hestia, Arc<dyn Panel>) {
    with(HestiaOptions { packages: vec!["small".to_owned(), "large".to_owned()], ..HestiaOptions::default() }).await
}

/// A piece of work that began now.
pub(crate) fn operation(attempt: u32) -> Option<Operation> {
    began(attempt, 0)
}

/// A piece of work that began so many seconds ago.
pub(crate) fn began(attempt: u32, ago_s: i64) -> Option<Operation> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let seconds = i64::try_from(now).expect("before 2262") - ago_s;
    Some(Operation {
        id: "op_1".to_owned(),
        attempt,
        first_attempt_at: Some(prost_types::Timestamp { seconds, nanos: 0 }),
        time_left: Duration::from_secs(4).try_into().ok(),
    })
}

/// `acme` with `acme.example`, unless said otherwise.
pub(crate) fn creation(attempt: u32) -> CreateAccountRequest {
    CreateAccountRequest {
        operation: operation(attempt),
        username: "acme".to_owned(),
        domain: "acme.example".to_owned(),
        package: "small".to_owned(),
        password: PASSWORD.to_owned(),
        email: "ops@acme.example".to_owned(),
        contact_name: "Anna \"Acme\"".to_owned(),
        ..CreateAccountRequest::default()
    }
}

pub(crate) fn acme() -> Option<AccountRef> {
    Some(AccountRef { username: "acme".to_owned(), domain: "acme.example".to_owned(), panel_id: String::new() })
}
