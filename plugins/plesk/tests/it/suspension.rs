//! SuspendAccount and UnsuspendAccount: one bit each.

use billet_plugin::v1::{ProblemKind, SuspendAccountRequest, SuspensionOrigin, UnsuspendAccountRequest};
use billet_simulator::Fault;
use billet_simulator::plesk::status;
use serde_json::json;

use crate::bench::{Bench, attempt, configured, first, later, reference, refused, unknown};

fn suspend() -> SuspendAccountRequest {
    let reason = "overdue".to_owned();
    SuspendAccountRequest { operation: first(), r#ref: Some(reference()), reason, lock: true }
}

fn lift(force: bool) -> UnsuspendAccountRequest {
    UnsuspendAccountRequest { operation: first(), r#ref: Some(reference()), force }
}

fn bits(bench: &Bench) -> u32 {
    bench.plesk.subscription("acme.example").expect("it is there").status
}

#[tokio::test]
async fn suspending_sets_our_bit_and_lifting_clears_it() {
    let bench = Bench::with_account().await;
    let done = bench.panel.suspend_account(suspend()).await.expect("suspended");
    let suspension = done.value.suspension.expect("told");
    assert!(!done.already && done.warnings.is_empty() && suspension.locked);
    assert_eq!(suspension.origin(), SuspensionOrigin::Billet);
    assert_eq!(bits(&bench), status::BY_ADMIN);
    assert!(bench.panel.suspend_account(suspend()).await.expect("again").already);
    let shown = bench.account().await.expect("there").value.suspension.expect("suspended");
    assert_eq!(shown.reason, "status 16: suspended by the administrator");
    assert!(!bench.panel.unsuspend_account(lift(false)).await.expect("lifted").already);
    assert_eq!(bits(&bench), 0);
    assert!(bench.panel.unsuspend_account(lift(false)).await.expect("again").already);
}

#[tokio::test]
async fn what_others_suspended_stays_suspended() {
    let bench = Bench::with_account().await;
    let cases = [
        (status::BY_CUSTOMER, SuspensionOrigin::Customer),
        (status::BY_RESELLER, SuspensionOrigin::Reseller),
        (status::EXPIRED, SuspensionOrigin::Panel),
    ];
    for (foreign, origin) in cases {
        bench.plesk.set_status("acme.example", foreign).expect("it is there");
        let shown = bench.account().await.expect("there").value.suspension.expect("suspended");
        assert_eq!(shown.origin(), origin);
        let words = refused(bench.panel.unsuspend_account(lift(false)).await, ProblemKind::State);
        assert!(words.contains("Billet did not suspend it"), "{words}");
        // Ours beside it, and away again.
        bench.panel.suspend_account(suspend()).await.expect("suspended");
        assert_eq!(bits(&bench), foreign | status::BY_ADMIN);
        let done = bench.panel.unsuspend_account(lift(false)).await.expect("lifted");
        assert!(done.warnings[0].contains("not active yet"), "{:?}", done.warnings);
        assert_eq!(bits(&bench), foreign);
        let words = refused(bench.panel.unsuspend_account(lift(true)).await, ProblemKind::State);
        assert!(words.contains("cannot be lifted here"), "{words}");
    }
    bench.plesk.set_status("acme.example", status::BACKUP_RESTORE).expect("it is there");
    assert_eq!(later(bench.panel.unsuspend_account(lift(false)).await).0, ProblemKind::Busy);
}

#[tokio::test]
async fn a_reseller_has_another_bit() {
    let bench = Bench::with_account().await;
    let secrets = [("secret_key", bench.plesk.secret_key())];
    let panel = configured(&bench.plesk.url(), json!({ "acts_as": "reseller" }), &secrets).expect("good settings");
    bench.plesk.set_status("acme.example", status::BY_ADMIN).expect("it is there");
    let words = refused(panel.unsuspend_account(lift(false)).await, ProblemKind::State);
    assert!(words.contains("suspended by the administrator"), "{words}");
}

#[tokio::test]
async fn lost_answers_are_looked_up() {
    let bench = Bench::with_account().await;
    bench.plesk.fail_next("webspace.set", Fault::DoThenDrop);
    assert!(!bench.panel.suspend_account(suspend()).await.expect("looked up").already);
    bench.plesk.fail_next("webspace.set", Fault::DoThenDrop);
    bench.panel.unsuspend_account(lift(false)).await.expect("looked up");
    assert_eq!(bits(&bench), 0);
    bench.plesk.fail_next("webspace.set", Fault::HttpError(504));
    assert!(unknown(bench.panel.suspend_account(suspend()).await).contains("504"));
    assert_eq!(bits(&bench), 0, "nothing was done");
    let repeated = SuspendAccountRequest { operation: attempt(2), ..suspend() };
    bench.panel.suspend_account(repeated).await.expect("suspended");
    bench.plesk.fail_next("webspace.set", Fault::Refuse("Unable to update the web server.".to_owned()));
    assert_eq!(later(bench.panel.unsuspend_account(lift(false)).await).0, ProblemKind::Unavailable);
}

#[tokio::test]
async fn an_account_that_is_not_there_is_not_found() {
    let bench = Bench::start().await;
    refused(bench.panel.suspend_account(suspend()).await, ProblemKind::NotFound);
    refused(bench.panel.unsuspend_account(lift(false)).await, ProblemKind::NotFound);
    refused(bench.panel.suspend_account(SuspendAccountRequest::default()).await, ProblemKind::Invalid);
}
