//! CheckUsername and CreateAccount.

use std::time::Duration;

use billet_plugin::v1::*;
use billet_simulator::Fault;
use serde_json::json;

use crate::canned::Server;
use crate::world::{PASSWORD, World, acme, first, operation, refused, second, unknown};

#[tokio::test]
async fn an_account_is_made_and_read_back() {
    let world = World::start().await;
    let mut request = acme(first());
    request.language = "pt-BR".to_owned();
    request.extra.insert("maxpop".to_owned(), "7".to_owned());
    let done = world.panel.create_account(request).await.expect("made");
    assert!(!done.already);
    let account = done.value.account.expect("an account");
    let named = account.r#ref.clone().expect("a name");
    assert_eq!((named.username.as_str(), named.domain.as_str()), ("acme", "acme.example"));
    assert_eq!((account.package.as_str(), account.owner.as_str()), ("starter", "root"));
    assert_eq!((account.email.as_str(), account.ip.as_str()), ("ops@acme.example", "192.0.2.10"));
    assert!(account.created_at.is_some() && account.suspension.is_none());
    assert_eq!(done.value.name_servers, ["ns1.whm.simulator.example", "ns2.whm.simulator.example"]);
    let made = world.whm.account("acme").expect("it exists");
    assert_eq!(made.password.reveal(), PASSWORD);
    assert_eq!(made.limits.counted["MAXPOP"], billet_simulator::whm::Limit::At(7));
}

#[tokio::test]
async fn what_is_taken_is_a_conflict_at_the_first_attempt() {
    let world = World::with_acme().await;
    refused(world.panel.create_account(acme(first())).await, ProblemKind::Conflict);
    let mut same_domain = acme(first());
    same_domain.username = "other".to_owned();
    let words = refused(world.panel.create_account(same_domain).await, ProblemKind::Conflict);
    assert!(words.contains("acme.example") && !words.contains("XID"), "{words}");
}

#[tokio::test]
async fn wrong_values_are_refused_as_such() {
    let world = World::start().await;
    let mut no_package = acme(first());
    no_package.package = "gone".to_owned();
    refused(world.panel.create_account(no_package).await, ProblemKind::Invalid);
    let mut bad_name = acme(first());
    bad_name.username = "test1".to_owned();
    refused(world.panel.create_account(bad_name).await, ProblemKind::Invalid);
    let mut bad_extra = acme(first());
    bad_extra.extra.insert("uid".to_owned(), "0".to_owned());
    let words = refused(world.panel.create_account(bad_extra).await, ProblemKind::Invalid);
    assert!(words.contains("`uid`") && words.contains("maxpop"), "{words}");
    world.whm.fail_next("createacct", Fault::Refuse("Your license permits no more accounts.".to_owned()));
    refused(world.panel.create_account(acme(first())).await, ProblemKind::Limit);
    assert!(world.whm.accounts().is_empty());
}

#[tokio::test]
async fn a_lost_answer_is_looked_up_and_ours_is_adopted() {
    let world = World::start().await;
    world.whm.fail_next("createacct", Fault::DoThenDrop);
    let done = world.panel.create_account(acme(first())).await.expect("found");
    assert!(!done.already && done.warnings.iter().any(|warning| warning.contains("no answer came")), "{done:?}");
    assert_eq!(done.value.account.expect("an account").package, "starter");
}

#[tokio::test]
async fn a_lost_answer_with_nothing_to_see_is_unknown() {
    let world = World::start().await;
    world.whm.fail_next("createacct", Fault::DelayThenDo(Duration::from_secs(20)));
    unknown(world.panel.create_account(acme(operation(1, 2_000))).await);
    world.whm.fail_next("createacct", Fault::HttpError(503));
    let words = unknown(world.panel.create_account(acme(first())).await);
    assert!(words.contains("503"), "{words}");
}

#[tokio::test]
async fn a_lost_answer_with_somebody_elses_account_is_a_conflict() {
    let world = World::start().await;
    world.account("acme", "other.example").await;
    world.whm.fail_next("createacct", Fault::HttpError(504));
    refused(world.panel.create_account(acme(first())).await, ProblemKind::Conflict);
}

#[tokio::test]
async fn a_lookup_that_fails_as_well_leaves_it_unknown() {
    let world = World::start().await;
    world.whm.fail_next("createacct", Fault::DoThenDrop);
    world.whm.fail_next("accountsummary", Fault::HttpError(500));
    unknown(world.panel.create_account(acme(first())).await);
    let done = world.panel.create_account(acme(second())).await.expect("the second attempt finds it");
    assert!(done.already);
}

#[tokio::test]
async fn a_second_attempt_looks_first_and_takes_only_what_is_ours() {
    let world = World::with_acme().await;
    let done = world.panel.create_account(acme(second())).await.expect("ours");
    assert!(done.already, "same name, domain and owner, made since the first attempt");
    let mut other_domain = acme(second());
    other_domain.domain = "other.example".to_owned();
    refused(world.panel.create_account(other_domain).await, ProblemKind::Conflict);
    let mut other_owner = acme(second());
    other_owner.owner = "resa".to_owned();
    refused(world.panel.create_account(other_owner).await, ProblemKind::Conflict);
    let mut later = acme(second());
    let began = later.operation.as_mut().and_then(|operation| operation.first_attempt_at.as_mut()).expect("a time");
    began.seconds += 60 + 150;
    refused(world.panel.create_account(later).await, ProblemKind::Conflict);
    let mut timeless = acme(second());
    timeless.operation.as_mut().expect("an operation").first_attempt_at = None;
    refused(world.panel.create_account(timeless).await, ProblemKind::Conflict);
}

#[tokio::test]
async fn a_second_attempt_makes_it_when_the_first_did_nothing() {
    let world = World::start().await;
    let done = world.panel.create_account(acme(second())).await.expect("made");
    assert!(!done.already && world.whm.account("acme").is_some());
}

#[tokio::test]
async fn a_conflict_at_a_second_attempt_may_be_our_own_work_that_goes_on() {
    let world = World::start().await;
    let taken = || Fault::Refuse("This system already has an account named “acme”.".to_owned());
    world.whm.fail_next("createacct", taken());
    unknown(world.panel.create_account(acme(second())).await);
    world.whm.fail_next("createacct", taken());
    let mut late = acme(second());
    let began = late.operation.as_mut().and_then(|operation| operation.first_attempt_at.as_mut()).expect("a time");
    began.seconds -= 15 * 60;
    refused(world.panel.create_account(late).await, ProblemKind::Conflict);
    world.account("other", "acme.example").await;
    refused(world.panel.create_account(acme(second())).await, ProblemKind::Conflict);
}

#[tokio::test]
async fn no_time_means_that_nothing_was_sent() {
    let server = Server::start().await;
    let problem = crate::world::later(server.panel.create_account(acme(operation(1, 0))).await);
    assert!(problem.words.contains("nothing was sent"), "{problem:?}");
    assert!(server.seen("createacct").is_empty());
}

#[tokio::test]
async fn the_password_is_sent_and_never_said() {
    let server = Server::start().await;
    server.answers_file("createacct", 200, "createacct.json");
    server.answers_file("accountsummary", 200, "accountsummary.json");
    let done = server.panel.create_account(acme(first())).await.expect("made");
    assert_eq!(
        done.warnings,
        ["Configuring DNS...Error: there was a problem communicating with the name server 192.0.2.53."]
    );
    assert!(!format!("{done:?}").contains(PASSWORD), "{done:?}");
    let seen = server.seen("createacct");
    assert!(seen[0].form.contains(PASSWORD) && seen[0].form.contains("showpass=n"), "{}", seen[0].form);
    assert!(seen[0].form.starts_with("api.version=1&") && seen[0].query.is_none());
}

#[tokio::test]
async fn a_refusal_that_repeats_the_password_does_not_pass_it_on() {
    let server = Server::start().await;
    let echo = json!({"metadata": {"result": 0, "reason": format!("The password {PASSWORD} is too weak.")}});
    server.answers("createacct", 200, &echo.to_string());
    let words = refused(server.panel.create_account(acme(first())).await, ProblemKind::Invalid);
    assert_eq!(words, "The password [redacted] is too weak.");
}

#[tokio::test]
async fn a_failure_in_the_middle_of_the_work_is_unknown() {
    let server = Server::start().await;
    let now = chrono::Utc::now().timestamp();
    let account = json!({"user": "acme", "domain": "acme.example", "owner": "root", "unix_startdate": now});
    let failed = json!({"metadata": {"result": 0, "reason": "Could not set permissions of the home folder."}});
    server.answers("createacct", 200, &failed.to_string());
    server.answers("accountsummary", 200, &json!({"metadata": {"result": 1}, "data": {"acct": [account]}}).to_string());
    let words = unknown(server.panel.create_account(acme(first())).await);
    assert!(words.contains("is there") && words.contains("home folder"), "{words}");
    let server = Server::start().await;
    server.answers("createacct", 200, &failed.to_string());
    server.answers("accountsummary", 200, r#"{"metadata":{"result":0,"reason":"Account does not exist."}}"#);
    refused(server.panel.create_account(acme(first())).await, ProblemKind::Permission);
}

#[tokio::test]
async fn names_are_checked_here_and_at_the_server() {
    let world = World::with_acme().await;
    let check = |username: &str, domain: &str| {
        let request = CheckUsernameRequest { username: username.to_owned(), domain: domain.to_owned() };
        let panel = std::sync::Arc::clone(&world.panel);
        async move { panel.check_username(request).await }
    };
    check("beta", "beta.example").await.expect("free");
    check("beta", "").await.expect("free");
    refused(check("acme", "").await, ProblemKind::Conflict);
    refused(check("beta", "ACME.example").await, ProblemKind::Conflict);
    for bad in ["mysql", "testing", "1up", "waytoolongforcpanel"] {
        refused(check(bad, "").await, ProblemKind::Invalid);
    }
    world.whm.fail_next("verify_new_username", Fault::HttpError(500));
    crate::world::later(check("beta", "").await);
    let rules = (billet_cpanel::PLUGIN.describe)().username_rules.expect("rules");
    assert_eq!((rules.length_max, rules.unique_prefix, rules.later_characters.as_str()), (16, 8, "0123456789"));
    assert_eq!(rules.forbidden_prefixes, ["test"]);
}
