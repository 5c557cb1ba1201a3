//! A panel that was there before Billet is taken over: each account is a contract, and nothing is billed twice.

use std::io::Write as _;
use std::process::Command;

use billet::proto::billet::v1 as pb;
use billet_simulator::WhmOptions;
use chrono::{TimeDelta, Utc};

use crate::catalogue::component;
use crate::harness::{Billet, Engine, cents};

/// `billet adopt` as an operator calls it; answers what it says and its exit code.
fn adopt(billet: &Billet, arguments: &[&str]) -> (String, i32) {
    let done = Command::new(env!("CARGO_BIN_EXE_billet"))
        .args(["adopt", "cpanel", "--instance", "srv1", "--server", billet.url()])
        .args(arguments)
        .env("BILLET_TOKEN", &billet.token)
        .output()
        .expect("it runs");
    let text = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    (text, done.status.code().unwrap_or(-1))
}

async fn subscriptions(billet: &Billet) -> Vec<pb::Subscription> {
    let request = pb::ListSubscriptionsRequest { page_size: 1_000, ..Default::default() };
    let mut all =
        billet.owner.subscriptions().list_subscriptions(request).await.expect("a list").into_inner().subscriptions;
    all.sort_by(|a, b| a.external_ref.cmp(&b.external_ref));
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panel_is_taken_over_and_nothing_is_billed_twice() {
    for engine in Engine::all() {
        let mut billet = Billet::start(engine).await;
        let base = component("base", pb::Charging::Recurring, "31.00");
        let setup = component("setup", pb::Charging::Setup, "10.00");
        let small = billet.plan("small", vec![base, setup], None).await;
        let (instance, whm) = billet.whm("srv1", WhmOptions::default(), 30, 1).await;
        // They were made yesterday, in real time: what was made just now may still be reported.
        whm.set_now(Utc::now() - TimeDelta::days(1));
        let client = whm.client();
        for (name, email) in
            [("alpha", "a@a.example"), ("bravo", "b@b.example"), ("bravotwo", "B@b.example"), ("held", "h@h.example")]
        {
            client.create_account(name, &format!("{name}.example"), "small", email).await.expect("made");
        }
        client.create_account("odd", "odd.example", "large", "o@o.example").await.expect("made");
        client.suspend("held", "not paid").await.expect("suspended");
        let alpha = billet.customer("Alpha").await;
        billet.link(&alpha, &instance, "alpha").await;

        // Before anything is known of packages: it says what is missing, and changes nothing.
        let (text, code) = adopt(&billet, &["--dry-run"]);
        assert_eq!(code, 1, "{text}");
        assert!(text.contains("no plan for the package `small` (4 accounts)"), "{text}");
        billet.map(&instance, "small", &small).await;
        let (text, code) = adopt(&billet, &["--dry-run", "--create-customers"]);
        assert!(text.contains("4 accounts would be adopted, 1 not. Nothing was changed."), "{text}");
        assert_eq!(code, 1, "{text}");
        assert!(subscriptions(&billet).await.is_empty());
        let (text, code) = adopt(&billet, &["--bill-from", "2027-03-15"]);
        assert!(text.contains("1 accounts were adopted, 4 not") && text.contains("UNKNOWN_CUSTOMER"), "{text}");
        assert_eq!(code, 1, "{text}");

        // The rest by a list: one is paid until autumn, one since the last month is not billed at all yet.
        let list = billet.folder().join("list.csv");
        let mut file = std::fs::File::create(&list).expect("a file");
        writeln!(file, "account,bill_from\nbravo,2027-02-15\nbravotwo,2027-03-20\nheld,2027-03-15\nalpha,2027-03-15")
            .expect("written");
        drop(file);
        let path = list.display().to_string();
        let (text, code) = adopt(&billet, &["--from", &path, "--create-customers"]);
        assert!(text.contains("3 accounts were adopted, 0 not"), "{text}");
        assert!(text.contains("`alpha` is in the list, and is no account that Billet knows nothing of"), "{text}");
        assert_eq!(code, 0, "{text}");
        let made = subscriptions(&billet).await;
        let told: Vec<_> = made.iter().map(|one| (one.external_ref.as_str(), one.service_state())).collect();
        assert_eq!(
            told,
            [
                ("alpha", pb::ServiceState::Active),
                ("bravo", pb::ServiceState::Active),
                ("bravotwo", pb::ServiceState::Active),
                ("held", pb::ServiceState::Suspended),
            ]
        );
        assert_eq!(made[1].customer_id, made[2].customer_id, "one contact address, one customer");
        let (text, code) = adopt(&billet, &["--from", &path, "--create-customers"]);
        assert!(text.contains("There is nothing to adopt."), "{text}");
        assert_eq!((code, subscriptions(&billet).await.len()), (0, 4), "{text}");

        // Nothing for the days that were paid elsewhere, no set-up fee, and cycles begin where Billet begins.
        billet.advance_to("2027-03-14T06:00:00Z").await;
        let of_alpha = |documents: &[pb::Invoice]| -> Vec<(i64, usize)> {
            let of = documents.iter().filter(|one| one.customer_id == alpha);
            of.map(|one| (cents(one.net_amount.as_ref()), one.lines.len())).collect()
        };
        assert!(of_alpha(&billet.documents().await).is_empty());
        billet.advance_to("2027-03-15T06:00:00Z").await;
        assert_eq!(of_alpha(&billet.documents().await), [(31_00, 1)]);
        billet.advance_to("2027-04-15T06:00:00Z").await;
        assert_eq!(of_alpha(&billet.documents().await), [(31_00, 1), (31_00, 1)]);

        // What the panel reports of them now finds them, and they are kept up.
        let token = billet.panel_token(&instance).await;
        let panel = billet.caller(&token).await;
        let event = pb::HookEvent {
            event_id: "late".to_owned(),
            external_ref: "alpha".to_owned(),
            happened_at: crate::harness::instant("2027-04-15T06:00:00Z"),
            change: Some(pb::hook_event::Change::AccountTerminated(pb::AccountTerminated::default())),
            ..Default::default()
        };
        let answer = panel.hooks().report(pb::ReportRequest { event: Some(event) }).await.expect("taken");
        let result = answer.into_inner().result.expect("a result");
        assert_eq!(
            (result.outcome(), result.subscription_id.as_str()),
            (pb::HookOutcome::Applied, made[0].id.as_str())
        );
        let cancel = pb::Cancel { ending: pb::Ending::AtOnceRefund.into(), ..Default::default() };
        let request = pb::ChangeSubscriptionRequest {
            request_id: billet.request_id(),
            id: made[1].id.clone(),
            change: Some(pb::SubscriptionChange {
                effective_date: None,
                change: Some(pb::subscription_change::Change::Cancel(cancel)),
            }),
            // Its customer has no address yet.
            defer_billing: true,
            ..Default::default()
        };
        billet.owner.subscriptions().change_subscription(request).await.expect("cancelled");
        billet.until(&made[1].id, "gone", |one| one.state() == pb::ProvisioningState::Gone).await;
        assert!(whm.account("bravo").is_none());
        billet.assert_books_balance().await;
    }
}
