//! The plugin, set up as the host does it.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use billet_directadmin::PLUGIN;
use billet_plugin::v1::{AccountRef, CreateAccountRequest, Operation};
use billet_plugin::{Kind, Panel, Settings};
use billet_simulator::{DirectAdmin, DirectAdminOptions};
use serde_json::json;

pub(crate) const PASSWORD: &str = "S3cret-pw-1";

pub(crate) fn configured(url: &str, login_key: &str) -> Arc<dyn Panel> {
    let values = json!({"url": url, "timeout_s": 5, "timeout_slow_s": 5});
    let serde_json::Value::Object(values) = values else { panic!("an object") };
    let secrets = [("login_key".to_owned(), login_key.to_owned())].into();
    let settings = Settings { instance: "ins_1".to_owned(), values, secrets };
    let configured = (PLUGIN.configure)(&settings).expect("good settings");
    <dyn Panel as Kind>::of(&configured).expect("a panel")
}

pub(crate) async fn with(options: DirectAdminOptions) -> (DirectAdmin, Arc<dyn Panel>) {
    let packages = vec!["small".to_owned(), "large".to_owned()];
    let server = DirectAdmin::start(DirectAdminOptions { packages, ..options }).await.expect("the simulator starts");
    let plugin = configured(&server.url(), server.login_key());
    (server, plugin)
}

pub(crate) async fn start() -> (DirectAdmin, Arc<dyn Panel>) {
    with(DirectAdminOptions::default()).await
}

/// A piece of work that began now.
pub(crate) fn operation(attempt: u32) -> Option<Operation> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    Some(Operation {
        id: "op_1".to_owned(),
        attempt,
        first_attempt_at: Some(prost_types::Timestamp { seconds: i64::try_from(now).expect("before 2262"), nanos: 0 }),
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
        ..CreateAccountRequest::default()
    }
}

pub(crate) fn acme() -> Option<AccountRef> {
    Some(AccountRef { username: "acme".to_owned(), domain: "acme.example".to_owned(), panel_id: String::new() })
}
