//! A simulated server, the plugin configured for it, and the requests of the stories.

use std::sync::Arc;

use billet_cpanel::PLUGIN;
use billet_plugin::v1::*;
use billet_plugin::{Answer, Configured, Failure, Panel, Settings};
use billet_simulator::{Whm, WhmOptions};
use serde_json::{Value, json};

/// A simulated server with the plugin in front of it.
pub(crate) struct World {
    pub(crate) whm: Whm,
    pub(crate) panel: Arc<dyn Panel>,
}

impl World {
    /// With the packages `starter` and `pro`, and root's token.
    pub(crate) async fn start() -> Self {
        let options = WhmOptions { packages: vec!["starter".to_owned(), "pro".to_owned()], ..WhmOptions::default() };
        let whm = Whm::start(options).await.expect("the simulator starts");
        let panel = panel(json!({"url": whm.url()}), whm.token());
        Self { whm, panel }
    }

    /// With the account `acme` on acme.example, package `starter`.
    pub(crate) async fn with_acme() -> Self {
        let world = Self::start().await;
        world.account("acme", "acme.example").await;
        world
    }

    /// Makes an account without the plugin.
    pub(crate) async fn account(&self, user: &str, domain: &str) {
        self.whm.client().create_account(user, domain, "starter", "ops@acme.example").await.expect("created");
    }

    /// Makes `resa` a reseller with the accounts `kida` and `kidb`, without the plugin.
    pub(crate) async fn with_reseller() -> Self {
        let world = Self::start().await;
        world.account("resa", "resa.example").await;
        world.whm.client().call("setupreseller", &[("user", "resa")]).await.expect("set up");
        for user in ["kida", "kidb"] {
            let domain = format!("{user}.example");
            let parameters = [("username", user), ("domain", &domain), ("owner", "resa"), ("plan", "starter")];
            world.whm.client().call("createacct", &parameters).await.expect("created");
        }
        world
    }

    /// The plugin with the token of a reseller.
    pub(crate) fn as_reseller(&self, user: &str) -> Arc<dyn Panel> {
        let token = self.whm.reseller_token(user).expect("a reseller has a token");
        panel(json!({"url": self.whm.url(), "user": user}), token.reveal())
    }

    /// The reason of a suspension, without the plugin; `None` while active.
    pub(crate) fn reason(&self, user: &str) -> Option<String> {
        self.whm.account(user).expect("it exists").suspension.map(|suspension| suspension.reason)
    }
}

/// The plugin, set up.
pub(crate) fn panel(values: Value, token: &str) -> Arc<dyn Panel> {
    match configure(values, token).expect("the settings are good") {
        Configured::Panel(panel) => panel,
        other => panic!("not a panel: {other:?}"),
    }
}

/// What the plugin says to settings.
pub(crate) fn configure(values: Value, token: &str) -> Result<Configured, Failure> {
    let Value::Object(values) = values else { panic!("settings are an object") };
    let secrets = [("token".to_owned(), token.to_owned())].into();
    (PLUGIN.configure)(&Settings { instance: "ins_1".to_owned(), values, secrets })
}

/// A first attempt that began now, with half a minute.
pub(crate) fn first() -> Option<Operation> {
    operation(1, 30_000)
}

/// A second attempt of what began a minute ago.
pub(crate) fn second() -> Option<Operation> {
    let mut operation = operation(2, 30_000);
    if let Some(began) = operation.as_mut().and_then(|operation| operation.first_attempt_at.as_mut()) {
        began.seconds -= 60;
    }
    operation
}

/// An attempt with so much time.
pub(crate) fn operation(attempt: u32, milliseconds: i64) -> Option<Operation> {
    let now = chrono::Utc::now().timestamp();
    let nanos = i32::try_from(milliseconds % 1_000 * 1_000_000).expect("less than a second");
    Some(Operation {
        id: "op_1".to_owned(),
        attempt,
        first_attempt_at: Some(prost_types::Timestamp { seconds: now, nanos: 0 }),
        time_left: Some(prost_types::Duration { seconds: milliseconds / 1_000, nanos }),
    })
}

/// A reference by user name.
pub(crate) fn named(user: &str) -> Option<AccountRef> {
    Some(AccountRef { username: user.to_owned(), ..AccountRef::default() })
}

/// A reference by user name and domain.
pub(crate) fn on(user: &str, domain: &str) -> Option<AccountRef> {
    Some(AccountRef { username: user.to_owned(), domain: domain.to_owned(), ..AccountRef::default() })
}

/// The first password of `acme`.
pub(crate) const PASSWORD: &str = "corr3ct-h0rse";

/// Asks for `acme` on acme.example with package `starter`.
pub(crate) fn acme(operation: Option<Operation>) -> CreateAccountRequest {
    CreateAccountRequest {
        operation,
        username: "acme".to_owned(),
        domain: "acme.example".to_owned(),
        package: "starter".to_owned(),
        password: PASSWORD.to_owned(),
        email: "ops@acme.example".to_owned(),
        ..CreateAccountRequest::default()
    }
}

/// The failure, which must be a refusal of this kind.
pub(crate) fn refused<T: std::fmt::Debug>(answer: Answer<T>, kind: ProblemKind) -> String {
    match answer {
        Err(failure) if failure.is_refused(kind) => failure.problem().words.clone(),
        other => panic!("not refused as {kind:?}: {other:?}"),
    }
}

/// The words of a failure that must be unknown.
pub(crate) fn unknown<T: std::fmt::Debug>(answer: Answer<T>) -> String {
    match answer {
        Err(Failure::Unknown(problem)) => problem.words,
        other => panic!("not unknown: {other:?}"),
    }
}

/// The problem of a failure that must say to try later.
pub(crate) fn later<T: std::fmt::Debug>(answer: Answer<T>) -> Problem {
    match answer {
        Err(Failure::RetryLater { problem, .. }) => problem,
        other => panic!("not for later: {other:?}"),
    }
}
