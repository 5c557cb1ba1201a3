//! Panels against the books: what differs is found, told, and mended as a person says.

use std::time::Duration;

use billet::proto::billet::v1 as pb;
use billet_simulator::{Whm, WhmOptions};
use chrono::{TimeDelta, Utc};

use crate::harness::{Billet, Engine};

async fn compared(billet: &Billet, instance: &str) -> pb::Reconciliation {
    let request = pb::ReconcileRequest { request_id: billet.request_id(), instance_id: instance.to_owned() };
    billet.owner.provisioning().reconcile(request).await.expect("asked");
    for _ in 0..600 {
        let request = pb::GetReconciliationRequest { instance_id: instance.to_owned() };
        let found = billet.owner.provisioning().get_reconciliation(request).await.expect("there").into_inner();
        let found = found.reconciliation.expect("a comparison");
        if !found.pending {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it was never compared\n{}", billet.log());
}

async fn listed(billet: &Billet, instance: &str, include_ignored: bool) -> Vec<pb::Drift> {
    let request = pb::ListDriftRequest { instance_id: instance.to_owned(), include_ignored, ..Default::default() };
    billet.owner.provisioning().list_drift(request).await.expect("listed").into_inner().drifts
}

fn told(drifts: &[pb::Drift]) -> Vec<(&str, pb::DriftKind, pb::Mend)> {
    let name = |one: &pb::Drift| one.here.is_some();
    let mut told: Vec<_> = drifts
        .iter()
        .map(|one| {
            let side = if name(one) { &one.here } else { &one.there };
            (side.as_ref().expect("a side").name.as_str(), one.kind(), one.proposal())
        })
        .collect();
    told.sort_unstable();
    told
}

async fn mended(billet: &Billet, ids: &[&str], mend: pb::Mend) -> Vec<pb::MendResult> {
    let request = pb::MendDriftRequest {
        request_id: billet.request_id(),
        ids: ids.iter().map(|id| (*id).to_owned()).collect(),
        mend: mend.into(),
        reason: "looked at it".to_owned(),
    };
    billet.owner.provisioning().mend_drift(request).await.expect("an answer").into_inner().results
}

fn id_of<'a>(drifts: &'a [pb::Drift], name: &str) -> &'a str {
    let is_it = |one: &&pb::Drift| [&one.here, &one.there].into_iter().flatten().any(|side| side.name == name);
    &drifts.iter().find(is_it).expect("a difference").id
}

/// A server whose accounts were made yesterday, in real time: what was made just now may still be reported.
async fn server(billet: &Billet, name: &str) -> (String, Whm) {
    let (instance, whm) = billet.whm(name, WhmOptions::default(), 30, 1).await;
    whm.set_now(Utc::now() - TimeDelta::days(1));
    (instance, whm)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_differs_is_found_and_mended_as_a_person_says() {
    for engine in Engine::all() {
        let mut billet = Billet::start(engine).await;
        let (small, _) = billet.hosting_plans(pb::CreateWhen::Accepted).await;
        let (instance, whm) = server(&billet, "srv1").await;
        let customer = billet.customer("Erika Beispiel").await;
        let mut ids = Vec::new();
        for name in ["alpha", "bravo", "charlie", "delta", "echo"] {
            ids.push(billet.order(&customer, &small, &format!("{name}.example"), true).await);
        }
        for id in &ids {
            billet.settled(id).await;
        }
        let first = compared(&billet, &instance).await;
        assert_eq!((first.account_count, first.drift_count, first.problem.as_str()), (5, 0, ""), "{first:?}");

        // While nobody listened.
        let client = whm.client();
        client.change_package("alpha", "large").await.expect("changed");
        client.suspend("bravo", "abuse").await.expect("suspended");
        client.remove("charlie").await.expect("removed");
        client.call("modifyacct", &[("user", "delta"), ("newuser", "dora")]).await.expect("renamed");
        client.create_account("xray", "xray.example", "small", "x@xray.example").await.expect("made");
        let before = billet.documents().await.len();
        let second = compared(&billet, &instance).await;
        assert_eq!((second.account_count, second.drift_count), (5, 5), "{second:?}");
        let drifts = listed(&billet, &instance, false).await;
        assert_eq!(
            told(&drifts),
            [
                ("alpha", pb::DriftKind::Package, pb::Mend::FixAtPanel),
                ("bravo", pb::DriftKind::Suspension, pb::Mend::FixHere),
                ("charlie", pb::DriftKind::Missing, pb::Mend::FixAtPanel),
                ("delta", pb::DriftKind::Renamed, pb::Mend::FixHere),
                ("xray", pb::DriftKind::Extra, pb::Mend::Adopt),
            ]
        );
        // It only tells.
        assert_eq!((billet.documents().await.len(), whm.accounts().len()), (before, 5));
        assert!(whm.account("charlie").is_none() && whm.account("alpha").expect("there").plan == "large");
        // The same again is the same difference.
        compared(&billet, &instance).await;
        assert_eq!(listed(&billet, &instance, false).await, drifts);

        // Refused for what can be mended, and refused again: nothing is left in the inbox by it.
        for _ in 0..2 {
            let results = mended(&billet, &[id_of(&drifts, "alpha")], pb::Mend::FixHere).await;
            assert_eq!(results[0].problem, "UNKNOWN_PACKAGE", "{results:?}");
        }
        let parked = billet.owner.hooks().list_parked(pb::ListParkedRequest::default()).await.expect("listed");
        assert!(parked.into_inner().hooks.is_empty());
        let at_panel = [id_of(&drifts, "alpha"), id_of(&drifts, "charlie"), "dri_999999"];
        let results = mended(&billet, &at_panel, pb::Mend::FixAtPanel).await;
        let problems: Vec<&str> = results.iter().map(|one| one.problem.as_str()).collect();
        assert_eq!(problems, ["", "", "NOT_FOUND"], "{results:?}");
        billet.until(&ids[0], "small", |one| one.known_package == "small" && one.known_certain).await;
        billet.settled(&ids[2]).await;
        assert_eq!(whm.account("alpha").expect("there").plan, "small");
        assert!(whm.account("charlie").is_some(), "it was made anew");
        let results = mended(&billet, &[id_of(&drifts, "xray"), id_of(&drifts, "delta")], pb::Mend::FixAtPanel).await;
        assert!(results.iter().all(|one| one.problem == "CANNOT_BE_MENDED_SO"), "{results:?}");

        let here = [id_of(&drifts, "bravo"), id_of(&drifts, "delta")];
        let results = mended(&billet, &here, pb::Mend::FixHere).await;
        assert!(results.iter().all(|one| one.mended), "{results:?}");
        billet.until(&ids[1], "others", |one| one.suspended_by() == pb::SuspendedBy::Others).await;
        billet.until(&ids[3], "dora", |one| one.name == "dora" && one.known_certain).await;
        let results = mended(&billet, &[id_of(&drifts, "xray")], pb::Mend::Ignore).await;
        assert!(results[0].mended);
        let third = compared(&billet, &instance).await;
        assert_eq!(third.drift_count, 1, "{third:?} {:?}", listed(&billet, &instance, true).await);
        assert!(listed(&billet, &instance, false).await.is_empty());
        assert_eq!(listed(&billet, &instance, true).await.len(), 1);

        // Gone at the panel, and so for the customer: the contract ends as if the panel had reported it.
        client.remove("echo").await.expect("removed");
        compared(&billet, &instance).await;
        let drifts = listed(&billet, &instance, false).await;
        let results = mended(&billet, &[id_of(&drifts, "echo")], pb::Mend::FixHere).await;
        assert!(results[0].mended, "{results:?}");
        billet.until(&ids[4], "gone", |one| one.state() == pb::ProvisioningState::Gone).await;

        // Moved to another server by hand: followed, wherever it is looked at from.
        let (other, second) = server(&billet, "srv2").await;
        client.remove("charlie").await.expect("removed");
        second.client().create_account("charlie", "charlie.example", "small", "c@c.example").await.expect("made");
        compared(&billet, &instance).await;
        compared(&billet, &other).await;
        let drifts = listed(&billet, "", false).await;
        assert_eq!(
            told(&drifts),
            [
                ("charlie", pb::DriftKind::Missing, pb::Mend::FixHere),
                ("charlie", pb::DriftKind::Extra, pb::Mend::FixHere),
            ]
        );
        let (gone, extra) = if drifts[0].kind() == pb::DriftKind::Missing { (0, 1) } else { (1, 0) };
        assert_eq!(drifts[gone].moved_instance_id, other);
        assert_eq!(drifts[extra].moved_instance_id, instance);
        let results = mended(&billet, &[&drifts[extra].id, &drifts[gone].id], pb::Mend::FixHere).await;
        assert!(results.iter().all(|one| one.mended), "{results:?}");
        let moved = billet.until(&ids[2], "moved", |one| one.instance_id == other && one.known_certain).await;
        assert_eq!((moved.name.as_str(), moved.state()), ("charlie", pb::ProvisioningState::Settled));
        assert_eq!(compared(&billet, &other).await.drift_count, 0);

        // Every night, without being asked.
        client.change_package("alpha", "large").await.expect("changed");
        billet.advance_to("2027-03-02T08:00:00Z").await;
        for attempt in 0.. {
            if told(&listed(&billet, &instance, false).await)
                == [("alpha", pb::DriftKind::Package, pb::Mend::FixAtPanel)]
            {
                break;
            }
            assert!(attempt < 200, "the night has found nothing\n{}", billet.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        billet.assert_books_balance().await;
    }
}
