//! Billing runs: by hand, by night, cancelled, interrupted and mended.

use std::collections::BTreeMap;

use billet::proto::billet::v1 as pb;
use futures::{StreamExt as _, stream};
use tonic::Code;

use crate::harness::{Billet, Engine, date, day, on_both};
use crate::refusal::{assert_invalid, assert_refused};

impl Billet {
    async fn start_run(&self) -> pb::Run {
        let request = pb::StartRunRequest { request_id: self.request_id(), cutoff_date: None };
        let made = self.owner.runs().start_run(request).await.expect("a run").into_inner();
        made.run.expect("a run")
    }

    /// Follows a run to its end.
    async fn watched(&self, id: &str) -> pb::Run {
        let request = pb::WatchRunRequest { id: id.to_owned() };
        let mut looks = self.owner.runs().watch_run(request).await.expect("a stream").into_inner();
        let mut last = None;
        while let Some(look) = looks.next().await {
            last = look.expect("a look").run;
        }
        last.expect("at least one look")
    }

    async fn runs(&self) -> Vec<pb::Run> {
        self.owner.runs().list_runs(pb::ListRunsRequest::default()).await.expect("a list").into_inner().runs
    }
}

/// Subscribes without billing.
async fn deferred(billet: &Billet, customer: &str, plan: &str) {
    let request = pb::CreateSubscriptionRequest {
        request_id: billet.request_id(),
        customer_id: customer.to_owned(),
        plan_id: plan.to_owned(),
        ..Default::default()
    };
    billet.owner.subscriptions().create_subscription(request).await.expect("it starts");
}

#[tokio::test]
async fn a_run_bills_what_is_due_and_the_next_one_of_the_day_nothing() {
    on_both(async |billet| {
        let plan = billet.simple_plan("starter", "31.00").await;
        for index in 0..20 {
            let customer = billet.customer(&format!("Customer {index}")).await;
            deferred(&billet, &customer, &plan).await;
        }
        let run = billet.start_run().await;
        let done = billet.watched(&run.id).await;
        assert_eq!(done.state(), pb::RunState::Finished, "{done:?}");
        assert_eq!((done.subscription_count, done.done_count, done.invoice_count, done.failure_count), (20, 20, 20, 0));
        // 20 x 36.89.
        assert_eq!(crate::harness::cents(done.gross_amounts.first()), 737_80);
        let second = billet.start_run().await;
        assert_ne!(second.id, run.id);
        let done = billet.watched(&second.id).await;
        assert_eq!((done.state(), done.invoice_count), (pb::RunState::Finished, 0));
        assert_eq!(billet.documents().await.len(), 20);
        // A run that is over is cancelled without effect, and one of tomorrow is refused.
        let request = pb::CancelRunRequest { request_id: billet.request_id(), id: run.id };
        let cancelled = billet.owner.runs().cancel_run(request).await.expect("it is over").into_inner().run;
        assert_eq!(cancelled.expect("a run").state(), pb::RunState::Finished);
        let request = pb::StartRunRequest { request_id: billet.request_id(), cutoff_date: date("2027-03-02") };
        assert_invalid(billet.owner.runs().start_run(request).await, "cutoff_date");
        let request = pb::GetRunRequest { id: "run_999999".to_owned() };
        assert_refused(billet.owner.runs().get_run(request).await, Code::NotFound, "NOT_FOUND");
        billet.assert_books_balance().await;
    })
    .await;
}

#[tokio::test]
async fn what_a_run_could_not_bill_the_next_one_does() {
    on_both(async |mut billet| {
        let plan = billet.simple_plan("starter", "31.00").await;
        let fine = billet.customer("Fine").await;
        deferred(&billet, &fine, &plan).await;
        let party = pb::Party { name: "Nowhere".to_owned(), ..Default::default() };
        let customer = pb::Customer { party: Some(party.clone()), ..Default::default() };
        let request = pb::CreateCustomerRequest { request_id: billet.request_id(), customer: Some(customer) };
        let made = billet.owner.customers().create_customer(request).await.expect("a customer").into_inner();
        let nowhere = made.customer.expect("a customer").id;
        deferred(&billet, &nowhere, &plan).await;
        let run = billet.start_run().await;
        let done = billet.watched(&run.id).await;
        assert_eq!(done.state(), pb::RunState::FinishedWithFailures);
        assert_eq!((done.invoice_count, done.failure_count), (1, 1));
        let request = pb::ListRunFailuresRequest { run_id: run.id, ..Default::default() };
        let failures = billet.owner.runs().list_run_failures(request).await.expect("a list").into_inner().failures;
        assert_eq!(failures[0].reason, "CUSTOMER_WITHOUT_ADDRESS", "{failures:?}");
        assert!(failures[0].detail.contains("Nowhere"), "{failures:?}");
        let party = pb::Party {
            address_line: "Weg 1".to_owned(),
            post_code: "20095".to_owned(),
            city: "Hamburg".to_owned(),
            country_code: "DE".to_owned(),
            ..party
        };
        let request = pb::UpdateCustomerRequest {
            request_id: billet.request_id(),
            customer: Some(pb::Customer { id: nowhere.clone(), party: Some(party), ..Default::default() }),
            update_mask: Some(prost_types::FieldMask { paths: vec!["party".to_owned()] }),
        };
        billet.owner.customers().update_customer(request).await.expect("it is changed");
        billet.advance_to("2027-03-02T06:00:00Z").await;
        let documents = billet.documents().await;
        assert_eq!(documents.len(), 2);
        assert_eq!(documents[1].customer_id, nowhere);
    })
    .await;
}

#[tokio::test]
async fn after_three_days_of_downtime_one_nightly_run_catches_up() {
    on_both(async |mut billet| {
        let plan = billet.simple_plan("starter", "31.00").await;
        let acme = billet.customer("Acme").await;
        billet.subscribe(&acme, &plan, Default::default()).await;
        billet.advance_to("2027-03-30T08:00:00Z").await;
        let before = billet.runs().await.len();
        billet.stop().await;
        billet.restart_at("2027-04-02T08:00:00Z").await;
        billet.settle().await;
        let runs = billet.runs().await;
        let scheduled: Vec<_> = runs[..runs.len() - before].iter().map(|run| day(run.cutoff_date.as_ref())).collect();
        assert_eq!(scheduled, ["2027-04-02"], "{runs:?}");
        assert!(runs[0].scheduled);
        let documents = billet.documents().await;
        assert_eq!(documents.len(), 2);
        let from = documents[1].lines[0].period.as_ref().and_then(|period| period.from);
        assert_eq!(from, date("2027-04-01"));
        // And not again after the next start.
        billet.restart().await;
        billet.settle().await;
        assert_eq!((billet.runs().await.len(), billet.documents().await.len()), (runs.len(), 2));
        billet.assert_books_balance().await;
    })
    .await;
}

/// Customers of the run that is cancelled, with so many subscriptions each: three batches at least.
const CUSTOMERS: usize = 240;
const SUBSCRIPTIONS_EACH: usize = 10;

/// How often each subscription is billed, and the signed gross of all documents in cents.
async fn billed(billet: &Billet) -> (BTreeMap<String, usize>, i64, i64) {
    let (mut lines, mut gross) = (BTreeMap::new(), 0);
    let documents = billet.documents().await;
    for document in &documents {
        assert_eq!(document.kind(), pb::InvoiceKind::Invoice);
        gross += crate::harness::cents(document.gross_amount.as_ref());
        for line in &document.lines {
            *lines.entry(line.subscription_id.clone()).or_default() += 1;
        }
    }
    (lines, gross, i64::try_from(documents.len()).expect("few"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_cancelled_in_the_middle_leaves_the_rest_to_the_next() {
    for engine in Engine::all() {
        // Many small batches, so that there is a middle however fast they are.
        let billet = Billet::start_with(engine, &["--run-batch", "20"]).await;
        let plan = billet.simple_plan("starter", "31.00").await;
        stream::iter(0..CUSTOMERS)
            .for_each_concurrent(8, async |index| {
                let customer = billet.customer(&format!("Customer {index}")).await;
                for _ in 0..SUBSCRIPTIONS_EACH {
                    deferred(&billet, &customer, &plan).await;
                }
            })
            .await;
        let all = CUSTOMERS * SUBSCRIPTIONS_EACH;
        let run = billet.start_run().await;
        // As soon as a batch is done somebody stops it; the one at work may still come to its end.
        let mut now = run.clone();
        while now.done_count == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            let request = pb::GetRunRequest { id: run.id.clone() };
            now = billet.owner.runs().get_run(request).await.expect("it is there").into_inner().run.expect("a run");
        }
        let request = pb::CancelRunRequest { request_id: billet.request_id(), id: run.id.clone() };
        let answer = billet.owner.runs().cancel_run(request.clone()).await.expect("it stops").into_inner();
        let cancelled = answer.run.expect("a run");
        assert_eq!(cancelled.state(), pb::RunState::Cancelled, "{cancelled:?}");
        assert!(cancelled.finished_at.is_some());
        assert_eq!(cancelled.subscription_count, i64::try_from(all).expect("few"));
        assert!(cancelled.done_count >= now.done_count && cancelled.done_count < cancelled.subscription_count);

        // Its job ends without a word, and what the run says is what was billed.
        billet.settle().await;
        assert_eq!(billet.watched(&run.id).await, cancelled);
        let (lines, gross, documents) = billed(&billet).await;
        assert_eq!(lines.len(), usize::try_from(cancelled.done_count).expect("few"));
        assert!(lines.values().all(|times| *times == 1));
        assert_eq!((cancelled.invoice_count, cancelled.failure_count), (documents, 0));
        assert_eq!(cancelled.gross_amounts.iter().map(|one| crate::harness::cents(Some(one))).sum::<i64>(), gross);
        let request_again = billet.owner.runs().cancel_run(request).await.expect("the same call").into_inner();
        assert_eq!(request_again.run, Some(cancelled.clone()));
        let told = pb::ListEventsRequest { subject: run.id.clone(), ..Default::default() };
        let told = billet.owner.events().list_events(told).await.expect("events").into_inner().events;
        let kinds: Vec<_> = told.iter().map(|event| event.kind.as_str()).collect();
        assert_eq!(kinds, ["run.planned", "run.cancelled"]);
        let data: serde_json::Value = serde_json::from_str(&told[1].data_json).expect("JSON");
        assert_eq!(data["done"], cancelled.done_count);

        // The next run of the day bills the rest, the one after it nothing.
        let next = billet.start_run().await;
        assert_ne!(next.id, run.id);
        let next = billet.watched(&next.id).await;
        assert_eq!(next.state(), pb::RunState::Finished);
        assert_eq!(next.subscription_count, cancelled.subscription_count - cancelled.done_count);
        assert_eq!(next.done_count, next.subscription_count);
        let (lines, gross, documents) = billed(&billet).await;
        assert_eq!(lines.len(), all);
        assert!(lines.values().all(|times| *times == 1), "exactly once");
        assert_eq!(documents, cancelled.invoice_count + next.invoice_count);
        // 2,400 x 31.00 net; tax is rounded per document of ten, which is exact.
        assert_eq!(gross, 2_400 * 36_89);
        let last = billet.start_run().await;
        let last = billet.watched(&last.id).await;
        assert_eq!((last.state(), last.subscription_count, last.invoice_count), (pb::RunState::Finished, 0, 0));
        billet.assert_books_balance().await;
    }
}
