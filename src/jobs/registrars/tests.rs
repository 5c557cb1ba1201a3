use billet_domain::money::Money;
use billet_domain::provision::{Standing, TransferState};
use billet_plugin::v1::{DecideTransferRequest, DeleteDomainRequest, TransferDecision, TransferDomainRequest};
use billet_simulator::{EppFault, EppOptions};
use rust_decimal::Decimal;

use super::testing::{World, at, price_list};
use crate::billing::BillingError;
use crate::billing::domain::{change, price_list};
use crate::billing::pay;
use crate::store::plan_service::CreateWhen;
use crate::store::registrar_message;
use crate::store::service::ServiceState;
use crate::store::subscription;
use crate::store::testing::{Fresh, stores};

async fn world(fresh: &Fresh) -> World {
    World::new(&fresh.store, EppOptions::default(), CreateWhen::Accepted).await
}

fn day(text: &str) -> Option<chrono::NaiveDate> {
    Some(text.parse().expect("a date"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_domain_is_invoiced_and_renewed_once_a_year() {
    for fresh in stores().await {
        let world = world(&fresh).await;
        let id = world.order("shop.example", None).await.expect("ordered");
        let taken = world.order("shop.example", None).await.expect_err("it is taken");
        assert_eq!(taken.reason(), "DOMAIN_TAKEN");
        world.settle().await;
        let known = world.known(id).await;
        assert_eq!((known.expires_on, known.served_until), (day("2027-03-10"), day("2027-03-10")));
        assert_eq!(world.steps(id).await, ["register"]);
        assert_eq!(world.invoiced().await, [500]);
        // Long before: looked at, nothing else.
        world.advance("2026-08-01T12:00:00Z").await;
        assert_eq!(world.invoiced().await, [500]);
        for (instant, expires) in [("2027-02-08T12:00:00Z", "2028-03-10"), ("2028-02-09T12:00:00Z", "2029-03-10")] {
            world.advance(instant).await;
            assert_eq!(world.known(id).await.expires_on, day(expires), "at {instant}");
        }
        // The day itself, and the day after: nothing more.
        world.advance("2028-03-10T12:00:00Z").await;
        world.advance("2028-03-11T12:00:00Z").await;
        assert_eq!(world.steps(id).await, ["register", "renew", "renew"]);
        assert_eq!(world.invoiced().await, [500, 1_200, 1_200]);
        assert_eq!(world.registry.credit("first-reg"), Decimal::from(970));
        assert_eq!(world.events("domain.renewal_uncovered").await, 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_bought_before_it_is_paid_where_that_is_waited_for() {
    for fresh in stores().await {
        let world = World::new(&fresh.store, EppOptions::default(), CreateWhen::Paid).await;
        let id = world.order("shop.example", None).await.expect("ordered");
        world.settle().await;
        assert!(world.steps(id).await.is_empty());
        pay(&world, 595, "first").await;
        world.settle().await;
        assert_eq!(world.steps(id).await, ["register"]);
        // Invoiced a month before, told ten days before that nobody has paid, renewed when it is paid after all.
        world.advance("2027-02-08T12:00:00Z").await;
        assert_eq!((world.invoiced().await.len(), world.steps(id).await.len()), (2, 1));
        world.advance("2027-03-01T12:00:00Z").await;
        world.advance("2027-03-02T12:00:00Z").await;
        assert_eq!((world.events("domain.renewal_uncovered").await, world.steps(id).await.len()), (1, 1));
        assert_eq!(world.invoiced().await, [500, 1_200], "what waits to be paid is not invoiced again");
        pay(&world, 1_428, "second").await;
        world.settle().await;
        assert_eq!(world.steps(id).await, ["register", "renew"]);
        assert_eq!(world.known(id).await.expires_on, day("2028-03-10"));
    }
}

async fn pay(world: &World, amount_minor: i64, reference: &str) {
    let mut unit = world.unit().await;
    let new = pay::NewPayment {
        customer_id: world.customer.id,
        amount: Money::new(amount_minor, world.seller.currency),
        moved_on: None,
        method: "bank".to_owned(),
        reference: Some(reference.to_owned()),
    };
    pay::record(&mut unit, new, &[], false).await.expect("booked");
    unit.commit().await.expect("commits");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_buys_more_years_and_lets_it_go() {
    for fresh in stores().await {
        let world = world(&fresh).await;
        let id = world.order("shop.example", None).await.expect("ordered");
        world.settle().await;
        let mut unit = world.unit().await;
        let (_, issued) = change::renew(&mut unit, &world.seller, id, 2).await.expect("asked");
        unit.commit().await.expect("commits");
        assert_eq!(issued.len(), 1);
        world.settle().await;
        assert_eq!(world.invoiced().await, [500, 2_400]);
        assert_eq!(world.known(id).await.expires_on, day("2029-03-10"));
        assert_eq!(world.steps(id).await, ["register", "renew"]);
        let mut unit = world.unit().await;
        let refused = change::renew(&mut unit, &world.seller, id, 9).await.expect_err("twelve years");
        assert_eq!(refused.reason(), "TOO_MANY_YEARS");
        drop(unit);
        // Let go: it ends with what is bought, and nothing is invoiced or renewed again. Minds change.
        let ends_on = async || {
            let mut tx = world.billing.store.snapshot().await.expect("a snapshot");
            subscription::get(&mut tx, world.seller.id, id).await.expect("read").expect("there").ends_on
        };
        for (on, ends) in [(false, day("2029-03-10")), (true, None), (false, day("2029-03-10"))] {
            let mut unit = world.unit().await;
            let key = format!("set at {}", world.billing.now());
            change::set_auto_renew(&mut unit, &world.seller, id, on, &key).await.expect("set");
            unit.commit().await.expect("commits");
            world.settle().await;
            assert_eq!(ends_on().await, ends, "{on}");
            world.billing.clock.advance(world.billing.now() + chrono::TimeDelta::minutes(1)).expect("ahead");
        }
        assert_eq!(ends_on().await, day("2029-03-10"));
        world.advance("2027-03-10T12:00:00Z").await;
        world.advance("2029-02-20T12:00:00Z").await;
        assert_eq!(world.invoiced().await, [500, 2_400]);
        world.advance("2029-03-10T12:00:00Z").await;
        assert_eq!(world.service(id).await.state, ServiceState::Gone);
        assert_eq!(world.steps(id).await, ["register", "renew"]);
        // The name is free for another order.
        world.order("shop.example", None).await.expect("ordered again");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transfer_comes_and_goes() {
    for fresh in stores().await {
        let world = world(&fresh).await;
        let other = world.other();
        let code = world.elsewhere(&other, "moving.example").await;
        let id = world.order("moving.example", Some(code)).await.expect("ordered");
        world.settle().await;
        let (known, service) = (world.known(id).await, world.service(id).await);
        assert_eq!((known.transfer, service.state), (Some(TransferState::Pending), ServiceState::Due));
        assert!(service.credentials.is_empty(), "the code is not kept longer than it is needed");
        assert_eq!(world.invoiced().await, [1_000]);
        let approve = DecideTransferRequest {
            operation: world.operation("approve"),
            name: "moving.example".to_owned(),
            decision: TransferDecision::Approve.into(),
        };
        other.decide_transfer(approve).await.expect("theirs to decide");
        // The message says so with the next look at the clock.
        world.advance("2026-03-10T12:06:00Z").await;
        let known = world.known(id).await;
        assert_eq!((known.transfer, known.expires_on), (Some(TransferState::Approved), day("2028-03-10")));
        assert_eq!(world.events("registrar.message").await, 1);
        // It leaves: found by a message, and the subscription ends.
        let registrar = crate::billing::panel::connect(&world.billing, world.seller.id, world.instance).await;
        let ours = registrar.expect("connected").expect("configured");
        let asked = billet_plugin::v1::GetAuthCodeRequest { name: "moving.example".to_owned() };
        let code = ours.call(asked, std::time::Duration::from_secs(5)).await.expect("told").value.auth_code;
        let away = TransferDomainRequest {
            operation: world.operation("away"),
            name: "moving.example".to_owned(),
            auth_code: code,
            years: 1,
            ..TransferDomainRequest::default()
        };
        other.transfer_domain(away).await.expect("asked");
        world.advance("2026-03-10T12:12:00Z").await;
        assert_eq!(world.known(id).await.standing, Standing::PendingTransfer);
        // Nobody answers; after five days the registry approves.
        world.advance("2026-03-16T12:12:00Z").await;
        let service = world.service(id).await;
        assert!(world.known(id).await.left);
        assert_eq!((service.state, world.events("domain.transferred_away").await), (ServiceState::Gone, 1));
        let mut tx = fresh.store.snapshot().await.expect("a snapshot");
        let ended = subscription::get(&mut tx, world.seller.id, id).await.expect("read").expect("there");
        assert_eq!((ended.ends_on, ended.ended_at.is_some()), (day("2026-03-16"), true));
        drop(tx);
        assert_eq!(world.invoiced().await, [1_000], "what was paid to a registry does not come back");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transfer_that_is_refused_is_tried_again_with_another_code() {
    for fresh in stores().await {
        let world = world(&fresh).await;
        let other = world.other();
        let code = world.elsewhere(&other, "moving.example").await;
        let id = world.order("moving.example", Some("Wrong-code-77".to_owned())).await.expect("ordered");
        world.settle().await;
        let service = world.service(id).await;
        assert_eq!((service.state, service.problem.as_str()), (ServiceState::Waiting, "REFUSED"), "{service:?}");
        assert!(!format!("{service:?}").contains("Wrong-code-77"));
        let mut unit = world.unit().await;
        change::retry_transfer(&mut unit, &world.billing.keys, id, &code).await.expect("retried");
        unit.commit().await.expect("commits");
        world.settle().await;
        assert_eq!(world.known(id).await.transfer, Some(TransferState::Pending));
        // The losing side says no.
        let reject = DecideTransferRequest {
            operation: world.operation("reject"),
            name: "moving.example".to_owned(),
            decision: TransferDecision::Reject.into(),
        };
        other.decide_transfer(reject).await.expect("theirs to decide");
        world.advance("2026-03-10T12:06:00Z").await;
        let service = world.service(id).await;
        assert_eq!((service.state, service.problem.as_str()), (ServiceState::Waiting, "TRANSFER_FAILED"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_are_stored_once_and_acknowledged_afterwards() {
    for fresh in stores().await {
        let world = world(&fresh).await;
        world.settle().await;
        world.registry.tell("first-reg", "Maintenance on Sunday");
        // The acknowledgement is lost on its way: the message comes again, and is there once.
        world.registry.fault("poll", EppFault::Delay(std::time::Duration::ZERO));
        world.registry.fault("poll", EppFault::Refuse(2400));
        world.advance("2026-03-10T12:06:00Z").await;
        let messages = async || {
            let mut tx = fresh.store.snapshot().await.expect("a snapshot");
            registrar_message::list(&mut tx, world.seller.id, i64::MAX, 10).await.expect("read")
        };
        let kept = messages().await;
        assert_eq!((kept.len(), kept[0].acknowledged_at), (1, None));
        world.advance("2026-03-10T12:12:00Z").await;
        let kept = messages().await;
        assert_eq!((kept.len(), kept[0].words.as_str()), (1, "Maintenance on Sunday"));
        assert_eq!(kept[0].acknowledged_at, Some(at("2026-03-10T12:12:00Z")));
        assert_eq!(world.events("registrar.message").await, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_domain_is_restored_for_a_fee() {
    for fresh in stores().await {
        let world = world(&fresh).await;
        let id = world.order("shop.example", None).await.expect("ordered");
        world.settle().await;
        let refused = async || {
            let mut unit = world.unit().await;
            change::restore(&mut unit, &world.seller, id, "wanted back").await.expect_err("not now").reason()
        };
        assert_eq!(refused().await, "NOT_IN_REDEMPTION");
        world.advance("2026-03-20T12:00:00Z").await;
        let registrar = crate::billing::panel::connect(&world.billing, world.seller.id, world.instance).await;
        let ours = registrar.expect("connected").expect("configured");
        let delete = DeleteDomainRequest { operation: world.operation("delete"), name: "shop.example".to_owned() };
        ours.call(delete, std::time::Duration::from_secs(5)).await.expect("deleted");
        let mut unit = world.unit().await;
        change::look(&mut unit, id).await.expect("looked at");
        unit.commit().await.expect("commits");
        world.settle().await;
        let service = world.service(id).await;
        assert_eq!((service.state, service.problem.as_str()), (ServiceState::Waiting, "IN_REDEMPTION"));
        let mut unit = world.unit().await;
        change::restore(&mut unit, &world.seller, id, "wanted back").await.expect("asked");
        unit.commit().await.expect("commits");
        world.settle().await;
        let known = world.known(id).await;
        assert_eq!((known.standing, world.service(id).await.state), (Standing::Active, ServiceState::Settled));
        assert_eq!(world.steps(id).await, ["register", "restore"]);
        // The fee and, as the next period was not invoiced yet, that.
        assert_eq!(world.invoiced().await, [500, 6_000, 1_200]);
        assert_eq!(refused().await, "NOT_IN_REDEMPTION");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_price_list_makes_versions_and_checks_itself() {
    for fresh in stores().await {
        let world = world(&fresh).await;
        let mut unit = world.unit().await;
        let list = price_list(CreateWhen::Accepted);
        let (_, first) = price_list::set(&mut unit, list.clone()).await.expect("the same");
        assert_eq!(first.version, 1);
        let mut dearer = list.clone();
        dearer.prices[1].price = Decimal::from(13);
        let (_, second) = price_list::set(&mut unit, dearer).await.expect("dearer");
        assert_eq!(second.version, 2);
        let field = |error: BillingError| match error {
            BillingError::Invalid { violations } => violations[0].field.clone(),
            other => panic!("{other}"),
        };
        let mut without = list.clone();
        without.prices.retain(|price| price.action != price_list::Action::Renew);
        assert_eq!(field(price_list::set(&mut unit, without).await.expect_err("no renewals")), "tld.prices");
        let late = price_list::PriceList { renew_before_days: 40, ..list };
        let late = price_list::set(&mut unit, late).await.expect_err("too late");
        assert_eq!(field(late), "tld.renew_before_days");
        unit.commit().await.expect("commits");
        for (name, reason) in [("shop.test", "TLD_NOT_SOLD"), ("www.shop.example", "INVALID")] {
            assert_eq!(world.order(name, None).await.expect_err("not sold").reason(), reason, "{name}");
        }
    }
}
