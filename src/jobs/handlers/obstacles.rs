//! What keeps a seller from issuing anything: panels' reports are taken all the same, a run waits and says why, and once it
//! is mended everything is billed as if nothing had been in the way.

use billet_domain::document::DocumentKind;
use billet_domain::hook::{Change, Hook};
use billet_domain::id::{InstanceId, InvoiceId, SellerId};
use billet_domain::period::Cycle;
use chrono::{NaiveDate, TimeDelta};
use rust_decimal_macros::dec;

use super::tests::{CUSTOMERS, claimed, jobs, planned, stands};
use super::*;
use crate::billing::catalog::mapping::{self, NewMapping};
use crate::billing::draft::{self, ManualLine};
use crate::billing::hook::Report;
use crate::billing::instance::{NewInstance, create as create_instance};
use crate::billing::series::NewSeries;
use crate::billing::testing::start;
use crate::billing::{Clock, link, series as ranges};
use crate::jobs::queue::Attempt;
use crate::params;
use crate::store::customer::{self, Customer};
use crate::store::hook::{HookState, StoredHook};
use crate::store::instance::UnknownCustomer;
use crate::store::job::JobState;
use crate::store::ledger::{audit, audit_documents};
use crate::store::link::{Link, LinkKind};
use crate::store::mapping::Reporter;
use crate::store::run::{RunState, failures};
use crate::store::seller::Seller;
use crate::store::testing::{Fresh, stores};
use crate::store::{Unit, plan, series};

/// 5.00 and 19 %.
const GROSS_MINOR: i64 = 595;

/// A seller with due subscriptions, a planned run, and a panel whose accounts are its first customers'.
struct Story {
    billing: Billing,
    seller_id: SellerId,
    run_id: RunId,
    instance_id: InstanceId,
    customers: Vec<Customer>,
}

impl Story {
    async fn on(fresh: &Fresh) -> Self {
        let (billing, seller_id, run_id) = planned(&fresh.store).await;
        let mut unit = billing.begin(seller_id, "tok_1").await.expect("begins");
        let panel = NewInstance {
            plugin: "cpanel".to_owned(),
            name: "web1".to_owned(),
            group: String::new(),
            url: "https://web1.example:2087".to_owned(),
            unknown_customer: UnknownCustomer::Park,
            enabled: true,
        };
        let instance_id = create_instance(&mut unit, panel).await.expect("a panel").id;
        let customers = customer::list(&mut unit, seller_id, "", 0, 1_000).await.expect("customers");
        let plan_id = plan::by_code(&mut unit, seller_id, "web").await.expect("read").expect("the plan").id;
        unit.flush().await.expect("written");
        let package = NewMapping {
            reporter: Reporter::Instance(instance_id),
            package: "web".to_owned(),
            plan_id,
            currency: None,
            cycle: Cycle::MONTHLY,
            settings: std::collections::BTreeMap::new(),
        };
        mapping::set(&mut unit, package).await.expect("mapped");
        for (account, owner) in ["before", "meanwhile"].into_iter().zip(&customers) {
            let (kind, value, customer_id) = (LinkKind::ExternalRef, account.to_owned(), owner.id);
            link::create(&mut unit, Link { instance_id, kind, value, customer_id }).await.expect("linked");
        }
        unit.commit().await.expect("committed");
        Self { billing, seller_id, run_id, instance_id, customers }
    }

    async fn unit(&self) -> Unit {
        self.billing.begin(self.seller_id, "tok_1").await.expect("begins")
    }

    /// Reports that an account was made.
    async fn reported(&self, billing: &Billing, account: &str) -> (StoredHook, bool) {
        let change = Change::AccountCreated {
            package: "web".to_owned(),
            domain: format!("{account}.example"),
            contact_email: String::new(),
            owner: String::new(),
        };
        let hook = Hook {
            event_id: format!("created-{account}"),
            happened_at: billing.now(),
            external_ref: account.to_owned(),
            change,
            source: String::new(),
        };
        let report = Report { instance_id: self.instance_id, hook, is_dated: true };
        let mut answers = hook::apply(billing, self.seller_id, &[report]).await.expect("answers");
        let answer = answers.pop().expect("one").expect("taken");
        (answer.hook, answer.duplicate)
    }

    async fn seller(&self, unit: &mut Unit) -> Seller {
        seller::get(unit, self.seller_id).await.expect("read").expect("the seller")
    }

    async fn drafted(&self) -> InvoiceId {
        let mut unit = self.unit().await;
        let seller = self.seller(&mut unit).await;
        let line = ManualLine {
            name: "Work".to_owned(),
            quantity: dec!(1),
            unit_price: dec!(5),
            tax_class: String::new(),
            period: None,
        };
        let (to, note) = (&self.customers[2], String::new());
        let made = draft::create(&mut unit, &seller, to, to.currency, false, note, vec![line]).expect("a draft");
        unit.commit().await.expect("committed");
        made.id
    }

    async fn issue_draft(&self, billing: &Billing, id: InvoiceId) -> Result<String, BillingError> {
        let mut unit = billing.begin(self.seller_id, "tok_1").await.expect("begins");
        let seller = self.seller(&mut unit).await;
        let issued = draft::issue(&mut unit, &seller, id).await?;
        unit.commit().await?;
        Ok(issued.number)
    }

    /// Numbers, dates and gross of what was issued, in their order.
    async fn issued(&self) -> Vec<(String, NaiveDate, i64)> {
        let mut tx = self.billing.store.snapshot().await.expect("a snapshot");
        let findings = audit(&mut tx, self.seller_id).await.expect("an audit");
        assert_eq!(findings, Vec::<String>::new());
        assert_eq!(audit_documents(&mut tx, self.seller_id).await.expect("an audit"), Vec::<String>::new());
        let sql = "SELECT number, issue_date, gross_minor FROM invoices \
            WHERE seller_id = $1 AND number IS NOT NULL ORDER BY number";
        tx.all(sql, params![self.seller_id]).await.expect("documents")
    }

    async fn set_city(&self, city: &str) {
        let mut unit = self.unit().await;
        let mut seller = self.seller(&mut unit).await;
        city.clone_into(&mut seller.party.city);
        seller::update(&mut unit, &seller).await.expect("written");
        unit.commit().await.expect("committed");
    }

    async fn set_next_number(&self, next_number: i64) {
        let mut unit = self.unit().await;
        let range = series::lock(&mut unit, DocumentKind::Invoice).await.expect("read").expect("a series");
        series::update(&mut unit, &series::Series { next_number, ..range }).await.expect("written");
        unit.commit().await.expect("committed");
    }

    /// Puts the obstacle in the way; answers a daemon that meets it.
    async fn hindered(&self, obstacle: &str) -> Billing {
        match obstacle {
            "NO_SERIES" => {
                let mut unit = self.unit().await;
                let sql = "DELETE FROM series WHERE seller_id = $1 AND document_kind = 'invoice'";
                unit.execute(sql, params![self.seller_id]).await.expect("deleted");
                unit.commit().await.expect("committed");
            }
            "SELLER_INCOMPLETE" => self.set_city("").await,
            "SERIES_EXHAUSTED" => self.set_next_number(i64::MAX).await,
            _ => return Billing::new(self.billing.store.clone(), Clock::simulated(start() - TimeDelta::days(3))),
        }
        self.billing.clone()
    }

    /// Takes the obstacle away. One number was given before.
    async fn mend(&self, obstacle: &str) {
        match obstacle {
            "NO_SERIES" => {
                let (kind, pattern) = (DocumentKind::Invoice, "RE-{year}-{number:5}".to_owned());
                let mut unit = self.unit().await;
                let new = NewSeries { kind, pattern, yearly: true, next_number: Some(2) };
                ranges::set(&mut unit, new).await.expect("a series");
                unit.commit().await.expect("committed");
            }
            "SELLER_INCOMPLETE" => self.set_city("Berlin").await,
            "SERIES_EXHAUSTED" => self.set_next_number(2).await,
            _ => {}
        }
    }
}

/// Everything that a seller and its panels live through while they cannot issue.
async fn waits_and_comes_out_right(obstacle: &str) {
    for fresh in stores().await {
        let story = Story::on(&fresh).await;
        let (before, _) = story.reported(&story.billing, "before").await;
        assert_eq!((before.reason.as_str(), before.invoices.len()), ("", 1), "{before:?}");
        let hindered = story.hindered(obstacle).await;

        // A report is applied, without a document, and says why; again, it is known.
        let (hook, _) = story.reported(&hindered, "meanwhile").await;
        assert_eq!((hook.state, hook.reason.as_str()), (HookState::Applied, obstacle), "{hook:?}");
        assert!(hook.subscription_id.is_some() && hook.invoices.is_empty() && !hook.detail.is_empty(), "{hook:?}");
        assert!(story.reported(&hindered, "meanwhile").await.1, "it was known");

        // A draft can be written and not be issued.
        let draft_id = story.drafted().await;
        let refused = story.issue_draft(&hindered, draft_id).await.expect_err("it cannot be issued");
        assert_eq!(refused.reason(), obstacle, "{refused}");

        // The run fails as a whole: no customer is to blame, nothing is passed over, its job waits and says why.
        let (queue, job) = claimed(&story.billing).await;
        let outcome = billing_run(hindered, job.clone()).await;
        assert!(matches!(&outcome, Err(JobError::Fail(words)) if words.starts_with(obstacle)), "{outcome:?}");
        queue.settle(&[Attempt { job, outcome }]).await.expect("settled");
        let waiting = jobs(&story.billing, story.seller_id).await;
        assert_eq!((waiting.len(), waiting[0].state), (1, JobState::Ready), "{waiting:?}");
        assert!(waiting[0].last_error.starts_with(obstacle), "{waiting:?}");
        let run = stands(&story.billing, story.seller_id, story.run_id).await;
        assert!(!run.state.is_over() && run.done_count == 0 && run.failure_count == 0, "{run:?}");
        let mut tx = fresh.store.snapshot().await.expect("a snapshot");
        let failed = failures(&mut tx, story.seller_id, story.run_id, 0, 10).await.expect("failures");
        assert_eq!(failed, []);
        drop(tx);
        assert_eq!(story.issued().await.len(), 1, "nothing was issued");

        story.mend(obstacle).await;
        story.billing.clock.advance(start() + TimeDelta::days(1)).expect("time goes on");
        let (queue, job) = claimed(&story.billing).await;
        let outcome = billing_run(story.billing.clone(), job.clone()).await;
        assert_eq!(outcome, Ok(()));
        queue.settle(&[Attempt { job, outcome }]).await.expect("settled");
        let run = stands(&story.billing, story.seller_id, story.run_id).await;
        // What the panel reported is on its customer's invoice.
        let (all, subscriptions) = (i64::try_from(CUSTOMERS).expect("few"), i64::try_from(CUSTOMERS + 1).expect("few"));
        assert_eq!(run.state, RunState::Finished, "{run:?}");
        assert_eq!((run.done_count, run.invoice_count, run.failure_count), (subscriptions, all, 0));
        let number = story.issue_draft(&story.billing, draft_id).await.expect("it is issued");

        let issued = story.issued().await;
        let numbers: Vec<String> = (1..=CUSTOMERS + 2).map(|number| format!("RE-2026-{number:05}")).collect();
        assert!(issued.iter().map(|(number, ..)| number).eq(&numbers), "{issued:?}");
        assert_eq!(Some(&number), numbers.last());
        assert!(issued.is_sorted_by_key(|(_, on, _)| *on), "{issued:?}");
        let gross_minor: i64 = issued.iter().map(|(.., gross_minor)| gross_minor).sum();
        // `before`, each due subscription, `meanwhile`, the draft.
        assert_eq!(gross_minor, GROSS_MINOR * (subscriptions + 2));

        // A second pass is empty.
        let mut unit = story.unit().await;
        let again = run::plan(&mut unit, start().date_naive(), false).await.expect("a run");
        unit.commit().await.expect("committed");
        let again = run::work(&story.billing, story.seller_id, again.id, 1).await.expect("works");
        assert_eq!((again.state, again.invoice_count), (RunState::Finished, 0));
        assert_eq!(story.issued().await, issued);
    }
}

#[tokio::test]
async fn a_run_that_meets_the_same_trouble_each_time_gives_its_job_back() {
    for fresh in stores().await {
        let story = Story::on(&fresh).await;
        story.reported(&story.billing, "before").await;
        // Every document would have a number that there is: as if another transaction were always quicker.
        story.set_next_number(1).await;
        let (queue, job) = claimed(&story.billing).await;
        let error = run::work(&story.billing, story.seller_id, story.run_id, 1).await.expect_err("it gives up");
        assert!(error.is_transient(), "{error}");
        queue.settle(&[Attempt { job, outcome: Err(error.into()) }]).await.expect("settled");
        let waiting = jobs(&story.billing, story.seller_id).await;
        assert_eq!((waiting.len(), waiting[0].state, waiting[0].attempt_count), (1, JobState::Ready, 1), "{waiting:?}");
        assert!(waiting[0].run_at > story.billing.now() && !waiting[0].last_error.is_empty(), "{waiting:?}");
        let run = stands(&story.billing, story.seller_id, story.run_id).await;
        assert!(!run.state.is_over() && run.done_count == 0 && run.failure_count == 0, "nobody is to blame: {run:?}");

        story.set_next_number(2).await;
        story.billing.clock.advance(start() + TimeDelta::hours(1)).expect("time goes on");
        let (_, job) = claimed(&story.billing).await;
        assert_eq!(billing_run(story.billing.clone(), job).await, Ok(()));
        let run = stands(&story.billing, story.seller_id, story.run_id).await;
        assert_eq!((run.state, run.failure_count), (RunState::Finished, 0), "{run:?}");
        assert_eq!(story.issued().await.len(), CUSTOMERS + 1);
    }
}

#[tokio::test]
async fn without_a_series_everything_waits() {
    waits_and_comes_out_right("NO_SERIES").await;
}

#[tokio::test]
async fn without_the_sellers_address_everything_waits() {
    waits_and_comes_out_right("SELLER_INCOMPLETE").await;
}

#[tokio::test]
async fn without_numbers_left_everything_waits() {
    waits_and_comes_out_right("SERIES_EXHAUSTED").await;
}

#[tokio::test]
async fn with_a_clock_that_went_back_everything_waits() {
    waits_and_comes_out_right("CLOCK_WENT_BACK").await;
}
