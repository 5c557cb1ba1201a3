//! Whatever is done with documents and money, in any order: the books balance after every step, and the ledger, the open
//! items, the payments and the statement say the same.

use billet_domain::document::DocumentKind;
use billet_domain::id::{AllocationId, CustomerId, InvoiceId, PaymentId, SellerId};
use billet_domain::money::{Currency, Money};
use billet_domain::settle::Source;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::BillingError;
use super::pay::{self, NewPayment};
use super::settle::{NewItem, allocate, release, settle};
use super::statement::statement;
use super::trial_balance::trial_balance;
use super::write_off::write_off;
use crate::store::fixture::{self, TODAY};
use crate::store::testing::{Fresh, stores};
use crate::store::{Store, Unit, allocation, credit, ledger, open_item};

/// Indexes choose among what is there, modulo how much there is.
#[derive(Debug, Clone)]
enum Step {
    Issue(Vec<Document>),
    Pay { customer: usize, zloty: bool, minor: i64, invoices: Vec<usize>, keep_rest: bool },
    Allocate { from_payment: bool, source: usize, invoice: usize, minor: Option<i64> },
    Release(usize),
    Refund { customer: usize, zloty: bool, minor: i64 },
    WriteOff(usize),
}

#[derive(Debug, Clone)]
struct Document {
    customer: usize,
    zloty: bool,
    kind: DocumentKind,
    net_minor: i64,
    tax_minor: i64,
    preceding: Vec<usize>,
}

fn documents() -> impl Strategy<Value = Document> {
    let kind = prop_oneof![
        4 => Just(DocumentKind::Invoice),
        2 => Just(DocumentKind::CreditNote),
        1 => Just(DocumentKind::Cancellation),
    ];
    // Tax against the sign of the net sum happens where rates are mixed.
    let amounts = prop_oneof![(0_i64..300, 0_i64..60), (20_i64..300, -20_i64..0)];
    (0_usize..3, any::<bool>(), kind, amounts, prop::collection::vec(0_usize..50, 0..3)).prop_map(
        |(customer, zloty, kind, (net_minor, tax_minor), preceding)| Document {
            customer,
            zloty,
            kind,
            net_minor,
            tax_minor,
            preceding,
        },
    )
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let choice = || 0_usize..50;
    let step = prop_oneof![
        4 => prop::collection::vec(documents(), 1..5).prop_map(Step::Issue),
        3 => (0_usize..3, any::<bool>(), 1_i64..400, prop::collection::vec(choice(), 0..3), any::<bool>()).prop_map(
            |(customer, zloty, minor, invoices, keep_rest)| Step::Pay { customer, zloty, minor, invoices, keep_rest }
        ),
        2 => (any::<bool>(), choice(), choice(), prop::option::of(1_i64..100)).prop_map(
            |(from_payment, source, invoice, minor)| Step::Allocate { from_payment, source, invoice, minor }
        ),
        2 => choice().prop_map(Step::Release),
        1 => (0_usize..3, any::<bool>(), 1_i64..100)
            .prop_map(|(customer, zloty, minor)| Step::Refund { customer, zloty, minor }),
        1 => choice().prop_map(Step::WriteOff),
    ];
    prop::collection::vec(step, 1..25)
}

fn currency(zloty: bool) -> Currency {
    if zloty { "PLN".parse().expect("a currency") } else { Currency::EUR }
}

/// A seller of its own for each case, and what is known of it so far.
struct World {
    store: Store,
    seller_id: SellerId,
    customers: Vec<CustomerId>,
    documents: Vec<NewItem>,
    payments: Vec<PaymentId>,
    allocations: Vec<AllocationId>,
}

/// One of several; `None` when there are none.
fn pick<T: Clone>(all: &[T], index: usize) -> Option<T> {
    all.get(index % all.len().max(1)).cloned()
}

impl World {
    async fn new(store: &Store) -> Self {
        let (seller_id, customers) = fixture::seller(store, 3).await;
        let (documents, payments, allocations) = Default::default();
        Self { store: store.clone(), seller_id, customers, documents, payments, allocations }
    }

    async fn unit(&self) -> Unit {
        let noon = TODAY.and_hms_opt(12, 0, 0).expect("noon").and_utc();
        self.store.begin(self.seller_id, "tok_1", noon).await.expect("begins")
    }

    /// Takes a step; a refusal leaves everything as it was and has to be one for a reason.
    async fn take(&mut self, step: Step) {
        let mut unit = self.unit().await;
        let known = (self.documents.len(), self.payments.len(), self.allocations.len());
        match self.act(&mut unit, step).await {
            Ok(()) => unit.commit().await.expect("commits"),
            Err(BillingError::Precondition { .. }) => {
                drop(unit);
                self.documents.truncate(known.0);
                self.payments.truncate(known.1);
                self.allocations.truncate(known.2);
            }
            Err(error) => panic!("{error:?}"),
        }
    }

    async fn act(&mut self, unit: &mut Unit, step: Step) -> Result<(), BillingError> {
        match step {
            Step::Issue(documents) => self.issue(unit, documents).await?,
            Step::Pay { customer, zloty, minor, invoices, keep_rest } => {
                let invoices = self.own_invoices(self.customers[customer], currency(zloty), &invoices);
                let paid = pay::record(unit, self.money(customer, zloty, minor), &invoices, keep_rest).await?;
                self.payments.push(paid.payment.id);
                self.allocations.extend(paid.allocations.iter().map(|allocation| allocation.id));
            }
            Step::Allocate { from_payment, source, invoice, minor } => {
                let from = if from_payment {
                    pick(&self.payments, source).map(Source::Payment)
                } else {
                    pick(&self.documents, source).map(|document| Source::CreditNote(document.invoice_id))
                };
                if let (Some(source), Some(invoice)) = (from, pick(&self.documents, invoice)) {
                    self.allocations.push(allocate(unit, source, invoice.invoice_id, minor).await?.id);
                }
            }
            Step::Release(index) => {
                if let Some(id) = pick(&self.allocations, index) {
                    release(unit, id, "a mistake").await?;
                }
            }
            Step::Refund { customer, zloty, minor } => {
                self.payments.push(pay::refund(unit, self.money(customer, zloty, minor)).await?.id);
            }
            Step::WriteOff(index) => {
                if let Some(document) = pick(&self.documents, index) {
                    write_off(unit, document.invoice_id, "lost").await?;
                }
            }
        }
        Ok(())
    }

    async fn issue(&mut self, unit: &mut Unit, documents: Vec<Document>) -> Result<(), BillingError> {
        let mut items = Vec::new();
        for document in documents {
            let (customer_id, currency) = (self.customers[document.customer], currency(document.zloty));
            let is_invoice = document.kind == DocumentKind::Invoice;
            let preceding =
                if is_invoice { Vec::new() } else { self.own_invoices(customer_id, currency, &document.preceding) };
            let item = NewItem {
                invoice_id: InvoiceId(unit.id()?),
                customer_id,
                kind: document.kind,
                currency,
                due_date: is_invoice.then_some(TODAY),
                net_minor: document.net_minor,
                tax_minor: document.tax_minor,
                gross_minor: document.net_minor + document.tax_minor,
                preceding,
            };
            fixture::document(unit, item.invoice_id, customer_id, item.kind, currency, item.gross_minor).await;
            items.push(item.clone());
            // Later documents of the batch may name it.
            self.documents.push(item);
        }
        settle(unit, TODAY, items).await
    }

    fn own_invoices(&self, customer_id: CustomerId, currency: Currency, indexes: &[usize]) -> Vec<InvoiceId> {
        let own: Vec<InvoiceId> = self
            .documents
            .iter()
            .filter(|document| (document.customer_id, document.currency) == (customer_id, currency))
            .filter(|document| document.kind == DocumentKind::Invoice)
            .map(|document| document.invoice_id)
            .collect();
        let mut picked: Vec<InvoiceId> = indexes.iter().filter_map(|index| pick(&own, *index)).collect();
        picked.dedup();
        picked.truncate(if picked.len() == 3 && picked[0] == picked[2] { 2 } else { 3 });
        picked
    }

    fn money(&self, customer: usize, zloty: bool, minor: i64) -> NewPayment {
        NewPayment {
            customer_id: self.customers[customer],
            amount: Money::new(minor, currency(zloty)),
            moved_on: None,
            method: String::new(),
            reference: None,
        }
    }

    async fn assert_sound(&mut self) {
        let mut tx = self.store.snapshot().await.expect("begins");
        let findings = ledger::audit(&mut tx, self.seller_id).await.expect("reads");
        assert!(findings.is_empty(), "{findings:?}");
        let balance = trial_balance(&mut tx, self.seller_id, None).await.expect("fits");
        assert!(balance.differences.iter().all(|(_, minor)| *minor == 0), "{balance:?}");
        for customer_id in &self.customers {
            let credits = credit::of_customers(&mut tx, self.seller_id, [*customer_id]).await.expect("reads");
            for currency in [currency(false), currency(true)] {
                let open = open_item::open_invoices(&mut tx, self.seller_id, *customer_id, currency, 1_000).await;
                let owed: i64 = open.expect("reads").iter().map(|open| open.item.open_minor).sum();
                let has: i64 = credits
                    .iter()
                    .filter(|owned| owned.currency == currency)
                    .map(|owned| owned.credit.left_minor)
                    .sum();
                let account =
                    statement(&mut tx, self.seller_id, *customer_id, currency, None, TODAY).await.expect("short");
                assert_eq!(account.closing_minor, owed - has, "{customer_id} {currency}: {account:?}");
            }
        }
        // What was allocated on the way is known from here on, so that it can be taken back.
        for allocation in allocation::of_payments(&mut tx, self.seller_id, &self.payments).await.expect("reads") {
            if !self.allocations.contains(&allocation.id) {
                self.allocations.push(allocation.id);
            }
        }
    }
}

async fn hold_through(store: &Store, steps: Vec<Step>) {
    let mut world = World::new(store).await;
    for step in steps {
        world.take(step).await;
        world.assert_sound().await;
    }
}

#[test]
fn the_books_balance_whatever_is_done() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    for Fresh { store, .. } in &runtime.block_on(stores()) {
        let cases = if store.engine().name() == "sqlite" { 48 } else { 8 };
        let config = Config { cases, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
        let outcome = TestRunner::new(config).run(&steps(), |steps| {
            runtime.block_on(hold_through(store, steps));
            Ok(())
        });
        assert!(outcome.is_ok(), "{}", outcome.expect_err("failed"));
    }
}
