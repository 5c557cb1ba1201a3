use billet_domain::placement::Placement;
use billet_domain::provision::{Known, Presence, Step, Suspended};
use billet_plugin::v1::{AccountRef, CreateAccountRequest, SuspendAccountRequest};

use super::testing::World;
use super::*;
use crate::billing::change::{Change, change, load};
use crate::billing::instance_settings::Changes;
use crate::billing::provision::refresh::refresh;
use crate::billing::provision::{by_hand, call, round, rules};
use crate::store::service::{self, Service, ServiceState};
use crate::store::testing::{stores, waiting_for_locks};

const TIME: Duration = Duration::from_secs(5);

async fn changed(world: &World, id: SubscriptionId, what: Change, key: &str) {
    let mut unit = world.unit().await;
    let mut loaded = load(&mut unit, id).await.expect("loaded");
    change(&mut unit, &world.seller, &mut loaded, what, None, key).await.expect("changed");
    unit.commit().await.expect("commits");
}

fn known(service: &Service) -> &billet_domain::provision::Account {
    match &service.known {
        Known::Account(known) => known,
        Known::Domain(known) => panic!("no account: {known:?}"),
    }
}

fn outcomes(attempts: &[crate::store::service_attempt::Attempt]) -> Vec<(Step, Outcome)> {
    attempts.iter().map(|one| (one.step, one.outcome)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_lives_as_its_subscription_does() {
    for fresh in stores().await {
        let world = World::new(&fresh.store).await;
        let srv1 = world.instance("srv1", Changes::default()).await;
        let id = world.order(world.small, "erika.example").await;
        world.provision().await;
        let service = world.service(id).await;
        assert_eq!((service.state, service.name.as_deref()), (ServiceState::Settled, Some("erika")), "{service:?}");
        let accounts = world.accounts(srv1).await;
        let account = accounts.get("erika").expect("made");
        assert_eq!((account.package.as_str(), account.email.as_str()), ("small", "erika@customer.example"));
        assert!(!service.credentials.is_empty() && account.suspension.is_none());

        // Another plan, then a hold, then both at once.
        let to_large = Change::Plan {
            plan_id: world.large,
            version_id: None,
            cycle: None,
            timing: None,
            anchor: None,
            quantities: std::collections::BTreeMap::new(),
        };
        changed(&world, id, to_large, "to-large").await;
        world.provision().await;
        assert_eq!(world.accounts(srv1).await["erika"].package, "large");
        let mut unit = world.unit().await;
        by_hand::hold(&mut unit, id, "overdue", "the invoice is not paid").await.expect("held");
        unit.commit().await.expect("commits");
        world.provision().await;
        assert!(world.accounts(srv1).await["erika"].suspension.is_some());
        let service = world.service(id).await;
        assert_eq!((known(&service).suspension, service.state), (Some(Suspended::Ours), ServiceState::Settled));
        let mut unit = world.unit().await;
        by_hand::release(&mut unit, id, "overdue", "it is paid").await.expect("released");
        unit.commit().await.expect("commits");
        world.provision().await;
        assert!(world.accounts(srv1).await["erika"].suspension.is_none());

        // It ends: at once, and the account goes, looked at first.
        let cancel = Change::Cancel {
            ending: Some(billet_domain::timeline::Ending::AtOnceRefund),
            reason: "moved away".to_owned(),
        };
        changed(&world, id, cancel, "cancel").await;
        world.provision().await;
        assert!(world.accounts(srv1).await.is_empty());
        let service = world.service(id).await;
        assert_eq!((service.state, known(&service).presence), (ServiceState::Gone, Presence::Gone));
        assert_eq!(
            outcomes(&world.attempts(id).await),
            [
                (Step::Create, Outcome::Done),
                (Step::ChangePackage, Outcome::Done),
                (Step::Suspend, Outcome::Done),
                (Step::Unsuspend, Outcome::Done),
                (Step::Look, Outcome::Done),
                (Step::Terminate, Outcome::Done)
            ]
        );
        // The name is free for the next one.
        let next = world.order(world.small, "erika.example").await;
        world.provision().await;
        assert_eq!(world.service(next).await.name.as_deref(), Some("erika"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_and_places_are_found() {
    for fresh in stores().await {
        let world = World::new(&fresh.store).await;
        let few = Changes { accounts_max: Some(Some(2)), ..Changes::default() };
        let (srv1, srv2) = (world.instance("srv1", few.clone()).await, world.instance("srv2", few).await);
        let mut unit = world.unit().await;
        rules::set_placement(&mut unit, "web", Placement::Fill).await.expect("set");
        unit.commit().await.expect("commits");
        // Somebody has the name already whom Billet has never heard of.
        let foreign = CreateAccountRequest {
            username: "shop".to_owned(),
            domain: "elsewhere.example".to_owned(),
            package: "small".to_owned(),
            operation: Some(billet_plugin::v1::Operation {
                id: "by-hand".to_owned(),
                attempt: 1,
                ..Default::default()
            }),
            ..CreateAccountRequest::default()
        };
        world.panel(srv1).await.call(foreign, TIME).await.expect("made");
        let mut ids = Vec::new();
        for domain in ["shop.example", "shop.test.example", "third.example", "fourth.example", "fifth.example"] {
            ids.push(world.order(world.small, domain).await);
        }
        world.provision().await;
        let (at_srv1, at_srv2) = (world.accounts(srv1).await, world.accounts(srv2).await);
        assert_eq!((at_srv1.len(), at_srv2.len()), (3, 2), "with the foreign one: {at_srv1:?}");
        let mut names = Vec::new();
        for id in &ids[..4] {
            let service = world.service(*id).await;
            assert_eq!(service.state, ServiceState::Settled, "{service:?}");
            names.push(service.name.expect("named"));
        }
        assert_eq!(at_srv1["shop"].r#ref.as_ref().expect("named").domain, "elsewhere.example", "left alone");
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 4);
        let full = world.service(ids[4]).await;
        assert_eq!((full.state, full.problem.as_str()), (ServiceState::Waiting, "NO_PLACE"));
        // A third server, and a person tries again.
        let srv3 = world.instance("srv3", Changes::default()).await;
        let mut unit = world.unit().await;
        by_hand::retry(&mut unit, ids[4]).await.expect("tried");
        unit.commit().await.expect("commits");
        world.provision().await;
        assert_eq!(world.service(ids[4]).await.instance_id, Some(srv3));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_others_suspended_stays_suspended() {
    for fresh in stores().await {
        let world = World::new(&fresh.store).await;
        let srv1 = world.instance("srv1", Changes::default()).await;
        let id = world.order(world.small, "erika.example").await;
        world.provision().await;
        let by_hand_at_panel = SuspendAccountRequest {
            r#ref: Some(AccountRef { username: "erika".to_owned(), ..AccountRef::default() }),
            reason: "abuse".to_owned(),
            operation: Some(billet_plugin::v1::Operation {
                id: "by-hand".to_owned(),
                attempt: 1,
                ..Default::default()
            }),
            lock: true,
        };
        // The panel in memory marks what comes through it as Billet's; the rules only have the host's own table then.
        world.panel(srv1).await.call(by_hand_at_panel, TIME).await.expect("suspended");
        for (hold, key) in [(true, "a"), (false, "b")] {
            let mut unit = world.unit().await;
            if hold {
                by_hand::hold(&mut unit, id, "overdue", key).await.expect("held");
            } else {
                by_hand::release(&mut unit, id, "overdue", key).await.expect("released");
            }
            unit.commit().await.expect("commits");
            world.provision().await;
        }
        let attempts = outcomes(&world.attempts(id).await);
        assert_eq!(attempts.get(1), Some(&(Step::Suspend, Outcome::DoneAlready)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_dead_daemon_was_at_is_looked_up() {
    for fresh in stores().await {
        let world = World::new(&fresh.store).await;
        let srv1 = world.instance("srv1", Changes::default()).await;
        let id = world.order(world.small, "erika.example").await;
        refresh(&world.billing, world.seller.id).await.expect("derived");
        // Handed out twice, by a daemon that dies each time: once before it called, once after.
        for called in [false, true] {
            let dispatcher = round::Dispatcher { owner: "dead", lease_until: Utc::now(), real_now: Utc::now() };
            let mut tasks = Vec::new();
            for _ in 0..4 {
                let mut tx = world.billing.store.snapshot().await.expect("a snapshot");
                let queues = crate::store::service::queues(&mut tx, world.billing.now(), 10).await.expect("queues");
                drop(tx);
                let offers = queues.into_iter().map(|queue| (queue, 4)).collect();
                let round = round::round(&world.billing, dispatcher, world.seller.id, &[], &offers).await;
                tasks.extend(round.expect("a round").tasks);
            }
            assert_eq!(tasks.len(), 1);
            let task = tasks.pop().expect("one");
            assert_eq!(task.step, if called { Step::Look } else { Step::Create });
            if called {
                let create =
                    call::Task { step: Step::Create, credentials: world.service(id).await.credentials, ..task };
                call::perform(world.billing.clone(), create).await;
            }
            assert_eq!(take_back(&world.billing, Utc::now(), false).await.expect("taken"), 1);
        }
        world.provision().await;
        let service = world.service(id).await;
        assert_eq!(service.state, ServiceState::Settled, "{service:?}");
        assert_eq!(world.accounts(srv1).await.len(), 1);
        assert_eq!(
            outcomes(&world.attempts(id).await),
            [(Step::Create, Outcome::Unknown), (Step::Look, Outcome::Unknown), (Step::Look, Outcome::Done)]
        );
    }
}

/// The very moment: a service is being derived anew when its subscription changes again. Whoever changes it has to wait and ask once
/// more, or what is wanted stays as it was before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_while_a_service_is_derived_anew_is_not_lost() {
    for fresh in stores().await {
        if !fresh.store.snapshot().await.expect("a snapshot").is_postgres() {
            // A writing unit is alone there: nobody can be in between.
            continue;
        }
        let world = World::new(&fresh.store).await;
        let id = world.order(world.small, "erika.example").await;
        let mut deriving = world.unit().await;
        let mut services = service::to_refresh(&mut deriving, 10).await.expect("read");
        assert_eq!(services.len(), 1, "what was ordered is to be derived");
        let mut changing = world.unit().await;
        let change = tokio::spawn(async move {
            service::refresh(&mut changing, [id]).await.expect("asked for");
            changing.commit().await.expect("commits");
        });
        for _ in 0..1_000 {
            if change.is_finished() || waiting_for_locks(&fresh.store).await >= 1 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        services[0].refresh_at = None;
        service::update(&mut deriving, &services).await.expect("written");
        deriving.commit().await.expect("commits");
        change.await.expect("no panic");
        assert!(world.service(id).await.refresh_at.is_some(), "the change is seen");
    }
}
