//! Billing runs: by hand, by night, interrupted and mended.

use billet::proto::billet::v1 as pb;
use tokio_stream::StreamExt as _;
use tonic::Code;

use crate::harness::{Billet, date, day, on_both};
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
