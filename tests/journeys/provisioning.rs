//! Accounts that Billet makes, changes and removes at a panel which reports all of it back by its hooks.

use billet::proto::billet::v1 as pb;
use billet_simulator::{PleskOptions, WhmOptions};

use crate::harness::{Billet, Engine, date};

async fn hold(billet: &Billet, id: &str, reason: &str) {
    let request = pb::HoldServiceRequest {
        request_id: billet.request_id(),
        subscription_id: id.to_owned(),
        hold: "overdue".to_owned(),
        reason: reason.to_owned(),
    };
    billet.owner.provisioning().hold_service(request).await.expect("held");
}

async fn release(billet: &Billet, id: &str, reason: &str) {
    let request = pb::ReleaseServiceRequest {
        request_id: billet.request_id(),
        subscription_id: id.to_owned(),
        hold: "overdue".to_owned(),
        reason: reason.to_owned(),
    };
    billet.owner.provisioning().release_service(request).await.expect("released");
}

async fn change(billet: &Billet, id: &str, change: pb::subscription_change::Change) {
    let request = pb::ChangeSubscriptionRequest {
        request_id: billet.request_id(),
        id: id.to_owned(),
        change: Some(pb::SubscriptionChange { effective_date: None, change: Some(change) }),
        ..Default::default()
    };
    billet.owner.subscriptions().change_subscription(request).await.expect("changed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_the_order_to_the_end_and_every_hook_of_the_panel_changes_nothing() {
    for engine in Engine::all() {
        let billet = Billet::start(engine).await;
        let (small, large) = billet.hosting_plans(pb::CreateWhen::Accepted).await;
        let (instance, whm) = billet.whm("srv1", WhmOptions::default(), 30, 1).await;
        let customer = billet.customer("Erika Beispiel").await;
        let id = billet.order(&customer, &small, "erika.example", true).await;
        let service = billet.settled(&id).await;
        assert_eq!((service.name.as_str(), service.instance_id.as_str()), ("erika", instance.as_str()));
        let account = whm.account("erika").expect("it was made");
        assert_eq!((account.plan.as_str(), account.domain.as_str()), ("small", "erika.example"));
        assert_eq!(account.contact_email, "erika-beispiel@customer.example");
        // The first password is that of the account, and who asked for it is in the journal.
        let asked = pb::RevealCredentialsRequest { request_id: billet.request_id(), subscription_id: id.clone() };
        for _ in 0..2 {
            let shown =
                billet.owner.provisioning().reveal_credentials(asked.clone()).await.expect("shown").into_inner();
            assert_eq!((shown.name.as_str(), shown.password.as_str()), ("erika", account.password.reveal()));
        }
        let told = pb::ListEventsRequest { subject: id.clone(), ..Default::default() };
        let told = billet.owner.events().list_events(told).await.expect("events").into_inner().events;
        let kinds: Vec<_> =
            told.iter().map(|event| event.kind.as_str()).filter(|kind| kind.starts_with("service.")).collect();
        assert_eq!(
            kinds,
            [
                "service.ordered",
                "service.wanted",
                "service.placed",
                "service.step_done",
                "service.credentials_revealed"
            ]
        );
        assert!(!told.iter().any(|event| event.data_json.contains(account.password.reveal())));

        // The panel's hooks say what Billet did: they find the subscription, and nothing comes of them.
        let token = billet.panel_token(&instance).await;
        let panel = billet.caller(&token).await;
        let before = billet.documents().await.len();
        let report = |event_id: &str, change: pb::hook_event::Change| pb::ReportRequest {
            event: Some(pb::HookEvent {
                event_id: event_id.to_owned(),
                external_ref: "erika".to_owned(),
                happened_at: crate::harness::instant("2027-03-01T08:00:00Z"),
                change: Some(change),
                ..Default::default()
            }),
        };
        let created = pb::hook_event::Change::AccountCreated(pb::AccountCreated {
            package: "small".to_owned(),
            domain: "erika.example".to_owned(),
            owner: "root".to_owned(),
            ..Default::default()
        });
        let answer = panel.hooks().report(report("echo-1", created)).await.expect("taken").into_inner();
        let result = answer.result.expect("a result");
        assert_eq!(
            (result.outcome(), result.subscription_id.as_str()),
            (pb::HookOutcome::Applied, id.as_str()),
            "{result:?}"
        );
        assert_eq!(billet.documents().await.len(), before);

        // A better plan: the package follows, the difference is billed.
        let to_large =
            pb::subscription_change::Change::Plan(pb::ChangePlan { plan_id: large.clone(), ..Default::default() });
        change(&billet, &id, to_large).await;
        billet.until(&id, "large", |one| one.known_package == "large").await;
        assert_eq!(whm.account("erika").expect("there").plan, "large");

        // Not paid, paid.
        hold(&billet, &id, "the first reminder has run out").await;
        billet.until(&id, "suspended", |one| one.known_state() == pb::AccountState::Suspended).await;
        let suspension = whm.account("erika").expect("there").suspension.expect("suspended");
        assert!(suspension.reason.contains("overdue"), "{suspension:?}");
        release(&billet, &id, "it was paid").await;
        billet.until(&id, "active", |one| one.known_state() == pb::AccountState::Active).await;

        // What the administrator suspended stays so, whatever is paid.
        whm.client().suspend("erika", "abuse").await.expect("suspended");
        hold(&billet, &id, "again").await;
        billet.until(&id, "others", |one| one.suspended_by() == pb::SuspendedBy::Others).await;
        release(&billet, &id, "paid again").await;
        let service = billet
            .until(&id, "settled", |one| {
                one.state() == pb::ProvisioningState::Settled
                    && one.holds.is_empty()
                    && one.wanted_state() == pb::AccountState::Active
            })
            .await;
        assert_eq!(service.suspended_by(), pb::SuspendedBy::Others);
        assert!(whm.account("erika").expect("there").suspension.is_some());

        // The end: in a trial of nothing, the account goes.
        let cancel = pb::Cancel { ending: pb::Ending::AtOnceRefund.into(), ..Default::default() };
        change(&billet, &id, pb::subscription_change::Change::Cancel(cancel)).await;
        billet.until(&id, "gone", |one| one.state() == pb::ProvisioningState::Gone).await;
        assert!(whm.account("erika").is_none());
        let attempts = pb::ListAttemptsRequest { subscription_id: id.clone(), ..Default::default() };
        let attempts = billet.owner.provisioning().list_attempts(attempts).await.expect("listed").into_inner().attempts;
        let steps: Vec<_> = attempts.iter().rev().map(|one| one.step.as_str()).collect();
        assert_eq!(steps, ["create", "change_package", "suspend", "unsuspend", "suspend", "look", "terminate"]);
        let told = billet.scrape().await;
        let at = |name: &str| told.get(name).copied().unwrap_or_default();
        assert_eq!(at("billet_provisioning_attempts_total{step=\"suspend\",outcome=\"done_already\"}"), 1.0);
        assert_eq!(at("billet_provisioning_attempts_total{step=\"create\",outcome=\"done\"}"), 1.0);
        assert_eq!(at("billet_provisioning_attempt_duration_seconds_count{step=\"create\"}"), 1.0);
        billet.assert_books_balance().await;
    }
}

/// A report of a panel.
fn reported(event_id: &str, external_ref: &str, at: &str, change: pb::hook_event::Change) -> pb::ReportRequest {
    let event = pb::HookEvent {
        event_id: event_id.to_owned(),
        external_ref: external_ref.to_owned(),
        happened_at: crate::harness::instant(at),
        change: Some(change),
        ..Default::default()
    };
    pb::ReportRequest { event: Some(event) }
}

fn created(package: &str, domain: &str) -> pb::hook_event::Change {
    pb::hook_event::Change::AccountCreated(pb::AccountCreated {
        package: package.to_owned(),
        domain: domain.to_owned(),
        contact_email: format!("owner@{domain}"),
        owner: domain.to_owned(),
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plesk_names_accounts_by_their_domain_and_none_is_billed_twice() {
    for engine in Engine::all() {
        let billet = Billet::start(engine).await;
        let (small, large) = billet.hosting_plans(pb::CreateWhen::Accepted).await;
        let (instance, plesk) = billet.plesk("plesk1", PleskOptions::default(), 30, 1).await;
        let customer = billet.customer("Erika Beispiel").await;
        let token = billet.panel_token(&instance).await;
        let panel = billet.caller(&token).await;
        let report = async |request: pb::ReportRequest| {
            panel.hooks().report(request).await.expect("taken").into_inner().result.expect("a result")
        };

        // Ordered: the subscription is what events will say, the service is the system user.
        let id = billet.order(&customer, &small, "erika.example", true).await;
        let service = billet.settled(&id).await;
        assert_eq!(service.name, "erika");
        let request = pb::GetSubscriptionRequest { id: id.clone() };
        let found = billet.owner.subscriptions().get_subscription(request).await.expect("there").into_inner();
        assert_eq!(found.subscription.expect("a subscription").external_ref, "erika.example");
        let before = billet.documents().await.len();
        let echo = reported("echo-1", "erika.example", "2027-03-01T08:00:00Z", created("small", "erika.example"));
        let result = report(echo).await;
        assert_eq!(result.outcome(), pb::HookOutcome::Applied, "{result:?}");
        assert_eq!(result.subscription_id, id);
        assert_eq!(billet.documents().await.len(), before, "it is billed once");

        // The same domain again: there can be no second account of it, and a person is told whose it is.
        let twice = billet.order(&customer, &small, "erika.example", false).await;
        let waiting = billet.until(&twice, "waiting", |one| one.state() == pb::ProvisioningState::Waiting).await;
        assert!(waiting.detail.contains(&id), "{waiting:?}");
        let cancel = pb::Cancel { ending: pb::Ending::AtOnceRefund.into(), ..Default::default() };
        change(&billet, &twice, pb::subscription_change::Change::Cancel(cancel.clone())).await;

        // What Plesk reported itself is kept up by its domain: held, changed, and released.
        billet.map(&instance, "small", &small).await;
        billet.link(&customer, &instance, "max.example").await;
        let client = plesk.client();
        client.create_account("maxuser", "max.example", "small", "owner@max.example").await.expect("made there");
        let request = reported("born-1", "max.example", "2027-03-01T08:01:00Z", created("small", "max.example"));
        let result = report(request).await;
        assert_eq!(result.outcome(), pb::HookOutcome::Applied, "{result:?}");
        let born = result.subscription_id;
        hold(&billet, &born, "not paid").await;
        billet.until(&born, "suspended", |one| one.known_state() == pb::AccountState::Suspended).await;
        assert_ne!(plesk.subscription("max.example").expect("there").status, 0);
        release(&billet, &born, "paid").await;
        billet.until(&born, "active", |one| one.known_state() == pb::AccountState::Active).await;
        assert_eq!(plesk.subscription("max.example").expect("there").status, 0);
        let to_large =
            pb::subscription_change::Change::Plan(pb::ChangePlan { plan_id: large.clone(), ..Default::default() });
        change(&billet, &born, to_large).await;
        billet.until(&born, "large", |one| one.known_package == "large").await;
        assert_eq!(plesk.plan_of("max.example").as_deref(), Some("large"));

        // The end of both is told by Plesk too, once each, and nothing comes of it.
        for (id, domain) in [(&id, "erika.example"), (&born, "max.example")] {
            change(&billet, id, pb::subscription_change::Change::Cancel(cancel.clone())).await;
            billet.until(id, "gone", |one| one.state() == pb::ProvisioningState::Gone).await;
            assert!(plesk.subscription(domain).is_none());
            let documents = billet.documents().await.len();
            let gone = pb::hook_event::Change::AccountTerminated(pb::AccountTerminated::default());
            let result = report(reported(&format!("gone-{domain}"), domain, "2027-03-01T08:02:00Z", gone)).await;
            assert_eq!(result.outcome(), pb::HookOutcome::Noted, "{result:?}");
            assert_eq!(billet.documents().await.len(), documents);
        }
        billet.assert_books_balance().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_is_renamed_at_its_panel_keeps_its_contract() {
    for engine in Engine::all() {
        let billet = Billet::start(engine).await;
        let (small, _) = billet.hosting_plans(pb::CreateWhen::Accepted).await;
        let (instance, whm) = billet.whm("srv1", WhmOptions::default(), 30, 1).await;
        let customer = billet.customer("Erika Beispiel").await;
        billet.map(&instance, "small", &small).await;
        billet.link(&customer, &instance, "old").await;
        let token = billet.panel_token(&instance).await;
        let panel = billet.caller(&token).await;
        let report = async |request: pb::ReportRequest| {
            panel.hooks().report(request).await.expect("taken").into_inner().result.expect("a result")
        };
        let client = whm.client();
        client.create_account("old", "old.example", "small", "owner@old.example").await.expect("made there");
        let id = report(reported("1", "old", "2027-03-01T08:00:00Z", created("small", "old.example"))).await;
        let id = id.subscription_id;
        let other = billet.order(&customer, &small, "other.example", true).await;
        assert_eq!(billet.settled(&other).await.name, "other");

        client.call("modifyacct", &[("user", "old"), ("newuser", "new")]).await.expect("renamed there");
        let suspended = pb::hook_event::Change::AccountSuspended(pb::AccountSuspended::default());
        let early = report(reported("2", "new", "2027-03-01T08:01:00Z", suspended)).await;
        assert_eq!((early.outcome(), early.reason.as_str()), (pb::HookOutcome::Parked, "UNKNOWN_ACCOUNT"));

        let rename = async |id: &str, external_ref: &str| {
            let request = pb::RenameAccountRequest {
                request_id: billet.request_id(),
                subscription_id: id.to_owned(),
                external_ref: external_ref.to_owned(),
                reason: "the customer married".to_owned(),
            };
            let answer = billet.owner.subscriptions().rename_account(request).await;
            answer.map(|answer| answer.into_inner().subscription.expect("a subscription"))
        };
        let taken = rename(&id, "other").await.expect_err("somebody has it");
        assert_eq!(taken.code(), tonic::Code::AlreadyExists, "{taken:?}");
        for _ in 0..2 {
            assert_eq!(rename(&id, "new").await.expect("renamed").external_ref, "new");
        }
        assert_eq!(billet.service(&id).await.name, "new");
        // What waited for the new name is applied, and what Billet does is done to the account of the new name.
        for attempt in 0.. {
            let parked = billet.owner.hooks().list_parked(pb::ListParkedRequest::default()).await.expect("listed");
            if parked.into_inner().hooks.is_empty() {
                break;
            }
            assert!(attempt < 200, "it still waits\n{}", billet.log());
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        hold(&billet, &id, "not paid").await;
        billet.until(&id, "suspended", |one| one.known_state() == pb::AccountState::Suspended).await;
        assert!(whm.account("new").expect("there").suspension.is_some());
        let cancel = pb::Cancel { ending: pb::Ending::AtOnceRefund.into(), ..Default::default() };
        change(&billet, &id, pb::subscription_change::Change::Cancel(cancel)).await;
        billet.until(&id, "gone", |one| one.state() == pb::ProvisioningState::Gone).await;
        assert!(whm.account("new").is_none());
        let ended = rename(&id, "newer").await.expect_err("it has no account any more");
        assert_eq!(ended.code(), tonic::Code::FailedPrecondition, "{ended:?}");
        billet.assert_books_balance().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_to_be_paid_first_is_made_when_it_is() {
    for engine in Engine::all() {
        let mut billet = Billet::start(engine).await;
        let (small, _) = billet.hosting_plans(pb::CreateWhen::Paid).await;
        let (_, whm) = billet.whm("srv1", WhmOptions::default(), 30, 1).await;
        let customer = billet.customer("Max Muster").await;
        let id = billet.order(&customer, &small, "max.example", true).await;
        billet.until(&id, "derived", |one| one.awaits_payment && one.state() == pb::ProvisioningState::Settled).await;
        assert!(whm.accounts().is_empty());
        // An invoice that is cancelled is not paid.
        let other = billet.order(&customer, &small, "other.example", true).await;
        let document = billet.documents().await.pop().expect("its invoice");
        let request = pb::CancelInvoiceRequest {
            request_id: billet.request_id(),
            id: document.id.clone(),
            reason: "a mistake".to_owned(),
            ..Default::default()
        };
        billet.owner.invoices().cancel_invoice(request).await.expect("cancelled");
        let request = pb::RecordPaymentRequest {
            request_id: billet.request_id(),
            customer_id: customer.clone(),
            amount: Some(crate::harness::euro(5_95)),
            received_on: date("2027-03-01"),
            method: "transfer".to_owned(),
            reference: "first".to_owned(),
            ..Default::default()
        };
        billet.owner.payments().record_payment(request).await.expect("booked");
        let service = billet.settled(&id).await;
        assert!(!service.awaits_payment && whm.account(&service.name).is_some());
        let service = billet.service(&other).await;
        assert!(service.awaits_payment && service.name.is_empty(), "{service:?}");

        billet.stop().await;
        billet.assert_checks();
    }
}
