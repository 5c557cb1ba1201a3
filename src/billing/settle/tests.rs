use billet_domain::id::{PaymentId, SellerId};
use billet_domain::money::Money;
use billet_domain::settle::State;
use chrono::{DateTime, Utc};

use super::*;
use crate::billing::pay::{self, NewPayment, Paid};
use crate::billing::write_off::write_off;
use crate::store::Store;
use crate::store::fixture::{self, TODAY};
use crate::store::testing::stores;

/// One customer of one seller, with verbs.
struct Story {
    store: Store,
    seller_id: SellerId,
    customer_id: CustomerId,
}

fn noon() -> DateTime<Utc> {
    TODAY.and_hms_opt(12, 0, 0).expect("noon").and_utc()
}

fn eur(minor: i64) -> Money {
    Money::new(minor, Currency::EUR)
}

impl Story {
    async fn on(store: &Store) -> Self {
        let (seller_id, customers) = fixture::seller(store, 1).await;
        Self { store: store.clone(), seller_id, customer_id: customers[0] }
    }

    async fn unit(&self) -> Unit {
        self.store.begin(self.seller_id, "tok_1", noon()).await.expect("begins")
    }

    fn document(&self, unit: &mut Unit, kind: DocumentKind, gross_minor: i64, preceding: &[InvoiceId]) -> NewItem {
        let tax_minor = gross_minor / 5;
        NewItem {
            invoice_id: InvoiceId(unit.id().expect("an id")),
            customer_id: self.customer_id,
            kind,
            currency: Currency::EUR,
            due_date: (kind == DocumentKind::Invoice).then_some(TODAY),
            net_minor: gross_minor - tax_minor,
            tax_minor,
            gross_minor,
            preceding: preceding.to_vec(),
        }
    }

    async fn issue_all(&self, documents: &[(DocumentKind, i64, &[InvoiceId])]) -> Vec<InvoiceId> {
        let mut unit = self.unit().await;
        let mut items = Vec::new();
        for (kind, gross_minor, preceding) in documents {
            let item = self.document(&mut unit, *kind, *gross_minor, preceding);
            fixture::document(&mut unit, item.invoice_id, item.customer_id, *kind, item.currency, *gross_minor).await;
            items.push(item);
        }
        let ids = items.iter().map(|item| item.invoice_id).collect();
        settle(&mut unit, TODAY, items).await.expect("settles");
        unit.commit().await.expect("commits");
        self.assert_books_balance().await;
        ids
    }

    async fn issue(&self, kind: DocumentKind, gross_minor: i64, preceding: &[InvoiceId]) -> InvoiceId {
        self.issue_all(&[(kind, gross_minor, preceding)]).await[0]
    }

    async fn invoice(&self, gross_minor: i64) -> InvoiceId {
        self.issue(DocumentKind::Invoice, gross_minor, &[]).await
    }

    async fn pay(&self, minor: i64, invoice_ids: &[InvoiceId], keep_rest: bool) -> Paid {
        let mut unit = self.unit().await;
        let paid = pay::record(&mut unit, self.money(minor), invoice_ids, keep_rest).await.expect("booked");
        unit.commit().await.expect("commits");
        self.assert_books_balance().await;
        paid
    }

    fn money(&self, minor: i64) -> NewPayment {
        NewPayment {
            customer_id: self.customer_id,
            amount: eur(minor),
            moved_on: None,
            method: String::new(),
            reference: None,
        }
    }

    async fn assert_books_balance(&self) {
        let mut tx = self.store.snapshot().await.expect("begins");
        assert_eq!(ledger::audit(&mut tx, self.seller_id).await.expect("reads"), Vec::<String>::new());
    }

    /// Where a document stands and what of it is open.
    async fn stands(&self, id: InvoiceId) -> (State, i64) {
        let mut tx = self.store.snapshot().await.expect("begins");
        let open = open_item::get(&mut tx, self.seller_id, id).await.expect("reads").expect("is there");
        (open.state, open.item.open_minor)
    }

    async fn left(&self, id: PaymentId) -> i64 {
        let mut tx = self.store.snapshot().await.expect("begins");
        payment::get(&mut tx, self.seller_id, id).await.expect("reads").expect("is there").unallocated_minor
    }

    async fn events(&self, kind: &str, subject: impl ToString) -> i64 {
        let mut tx = self.store.snapshot().await.expect("begins");
        fixture::event_count(&mut tx, self.seller_id, kind, &subject.to_string()).await
    }
}

const INVOICE: DocumentKind = DocumentKind::Invoice;
const NOTE: DocumentKind = DocumentKind::CreditNote;
const CANCELLATION: DocumentKind = DocumentKind::Cancellation;

#[tokio::test]
async fn a_prepayment_settles_the_next_invoice() {
    for fresh in stores().await {
        let story = Story::on(&fresh.store).await;
        let paid = story.pay(100, &[], false).await;
        assert_eq!(paid.payment.unallocated_minor, 100);
        let first = story.invoice(70).await;
        let second = story.invoice(70).await;
        assert_eq!(story.stands(first).await, (State::Paid, 0));
        assert_eq!(story.stands(second).await, (State::PartlyPaid, 40));
        assert_eq!(story.left(paid.payment.id).await, 0);
        assert_eq!(story.events("invoice.settled", first).await, 1);
        assert_eq!(story.events("invoice.settled", second).await, 0);
        assert_eq!(story.events("payment.allocated", paid.payment.id).await, 2);
    }
}

#[tokio::test]
async fn an_invoice_over_nothing_is_paid_at_once() {
    for fresh in stores().await {
        let story = Story::on(&fresh.store).await;
        let id = story.invoice(0).await;
        assert_eq!(story.stands(id).await, (State::Paid, 0));
        assert_eq!(story.events("invoice.settled", id).await, 1);
    }
}

#[tokio::test]
async fn a_batch_comes_out_as_one_by_one() {
    for fresh in stores().await {
        let batch = Story::on(&fresh.store).await;
        let ids = batch
            .issue_all(&[(INVOICE, 100, &[]), (NOTE, 150, &[]), (INVOICE, 80, &[]), (INVOICE, 10, &[]), (NOTE, 5, &[])])
            .await;
        let one_by_one = Story::on(&fresh.store).await;
        let mut same = Vec::new();
        for (kind, gross) in [(INVOICE, 100), (NOTE, 150), (INVOICE, 80), (INVOICE, 10), (NOTE, 5)] {
            same.push(one_by_one.issue(kind, gross, &[]).await);
        }
        for (id, other) in ids.into_iter().zip(same) {
            assert_eq!(batch.stands(id).await, one_by_one.stands(other).await);
        }
    }
}

#[tokio::test]
async fn cancelling_a_paid_invoice_frees_the_payment_for_the_next() {
    for fresh in stores().await {
        let story = Story::on(&fresh.store).await;
        let wrong = story.invoice(100).await;
        let paid = story.pay(100, &[wrong], false).await;
        let cancellation = story.issue(CANCELLATION, 100, &[wrong]).await;
        assert_eq!(story.stands(wrong).await, (State::Cancelled, 0));
        assert_eq!(story.stands(cancellation).await, (State::Paid, 0));
        assert_eq!(story.left(paid.payment.id).await, 100);
        let right = story.invoice(100).await;
        assert_eq!(story.stands(right).await, (State::Paid, 0));

        let mut unit = story.unit().await;
        let found = allocation::of_payments(&mut unit, story.seller_id, &[paid.payment.id]).await.expect("reads");
        assert_eq!(found.iter().map(|a| a.target).collect::<Vec<_>>(), [Target::Invoice(right)]);
        let released = release(&mut unit, paid.allocations[0].id, "again").await.expect_err("was taken back");
        assert_eq!(released.reason(), "ALREADY_RELEASED");
    }
}

#[tokio::test]
async fn an_invoice_and_its_cancellation_in_one_unit() {
    for fresh in stores().await {
        let story = Story::on(&fresh.store).await;
        let paid = story.pay(60, &[], false).await;
        let mut unit = story.unit().await;
        let invoice = story.document(&mut unit, INVOICE, 100, &[]);
        let cancellation = story.document(&mut unit, CANCELLATION, 100, &[invoice.invoice_id]);
        let (wrong, back) = (invoice.invoice_id, cancellation.invoice_id);
        for item in [&invoice, &cancellation] {
            fixture::document(&mut unit, item.invoice_id, item.customer_id, item.kind, item.currency, 100).await;
        }
        settle(&mut unit, TODAY, vec![invoice, cancellation]).await.expect("settles");
        unit.commit().await.expect("commits");
        story.assert_books_balance().await;
        assert_eq!(story.stands(wrong).await, (State::Cancelled, 0));
        assert_eq!(story.stands(back).await, (State::Paid, 0));
        assert_eq!(story.left(paid.payment.id).await, 60);
    }
}

#[tokio::test]
async fn settling_twice_in_one_unit_sees_what_was_gathered() {
    for fresh in stores().await {
        let story = Story::on(&fresh.store).await;
        let mut unit = story.unit().await;
        let mut ids = Vec::new();
        for kind in [INVOICE, NOTE, INVOICE] {
            let item = story.document(&mut unit, kind, 100, &[]);
            fixture::document(&mut unit, item.invoice_id, item.customer_id, kind, item.currency, 100).await;
            ids.push(item.invoice_id);
            settle(&mut unit, TODAY, vec![item]).await.expect("settles");
        }
        let paid = pay::record(&mut unit, story.money(100), &[], false).await.expect("booked");
        allocate(&mut unit, Source::Payment(paid.payment.id), ids[0], None).await.expect_err("is settled");
        unit.commit().await.expect("commits");
        story.assert_books_balance().await;
        assert_eq!(story.stands(ids[0]).await, (State::Credited, 0));
        assert_eq!(story.stands(ids[2]).await, (State::Paid, 0));
    }
}

#[tokio::test]
async fn a_credit_note_names_only_the_customers_own() {
    for fresh in stores().await {
        let other = Story::on(&fresh.store).await;
        let story = Story::on(&fresh.store).await;
        let foreign = other.invoice(100).await;
        let mut unit = story.unit().await;
        let note = story.document(&mut unit, NOTE, 100, &[foreign]);
        let refused = settle(&mut unit, TODAY, vec![note]).await.expect_err("not the customer's");
        assert_eq!(refused.reason(), "NOT_THE_CUSTOMERS_INVOICE");
        let mut odd = story.document(&mut unit, INVOICE, 100, &[]);
        odd.tax_minor += 1;
        let refused = settle(&mut unit, TODAY, vec![odd]).await.expect_err("does not add up");
        assert_eq!(refused.reason(), "AMOUNTS_DO_NOT_ADD_UP");
    }
}

#[tokio::test]
async fn allocating_and_taking_back() {
    for fresh in stores().await {
        let story = Story::on(&fresh.store).await;
        let invoice = story.invoice(100).await;
        let paid = story.pay(80, &[], true).await;
        let source = Source::Payment(paid.payment.id);

        let mut unit = story.unit().await;
        let too_much = allocate(&mut unit, source, invoice, Some(81)).await.expect_err("80 are left");
        assert_eq!(too_much.reason(), "MORE_THAN_LEFT");
        let none = allocate(&mut unit, source, invoice, Some(0)).await.expect_err("nothing");
        assert_eq!(none.reason(), "INVALID");
        let made = allocate(&mut unit, source, invoice, Some(30)).await.expect("allocates");
        unit.commit().await.expect("commits");
        story.assert_books_balance().await;
        assert_eq!((made.amount_minor, story.stands(invoice).await), (30, (State::PartlyPaid, 70)));

        let mut unit = story.unit().await;
        let unreasoned = release(&mut unit, made.id, " ").await.expect_err("without a reason");
        assert_eq!(unreasoned.reason(), "INVALID");
        release(&mut unit, made.id, "wrong invoice").await.expect("releases");
        unit.commit().await.expect("commits");
        story.assert_books_balance().await;
        assert_eq!(story.stands(invoice).await, (State::Issued, 100));
        assert_eq!(story.left(paid.payment.id).await, 80);
        assert_eq!(story.events("allocation.released", made.id).await, 1);

        let note = story.issue(NOTE, 40, &[]).await;
        assert_eq!(story.stands(invoice).await, (State::PartlyPaid, 60));
        let mut unit = story.unit().await;
        let used_up = allocate(&mut unit, Source::CreditNote(note), invoice, None).await.expect_err("used up");
        assert_eq!(used_up.reason(), "NOTHING_LEFT");
        let swapped = allocate(&mut unit, Source::CreditNote(invoice), invoice, None).await.expect_err("an invoice");
        assert_eq!(swapped.reason(), "NOT_A_CREDIT_NOTE");
        let swapped = allocate(&mut unit, source, note, None).await.expect_err("a credit note");
        assert_eq!(swapped.reason(), "NOT_AN_INVOICE");
        let rest = allocate(&mut unit, source, invoice, None).await.expect("allocates");
        unit.commit().await.expect("commits");
        assert_eq!(rest.amount_minor, 60);
        assert_eq!(story.stands(invoice).await, (State::Credited, 0));
        story.assert_books_balance().await;
    }
}

#[tokio::test]
async fn what_was_given_up_is_not_credited_a_second_time() {
    for fresh in stores().await {
        let story = Story::on(&fresh.store).await;
        let invoice = story.invoice(100).await;
        story.pay(40, &[], false).await;
        let mut unit = story.unit().await;
        let written = write_off(&mut unit, invoice, "insolvent").await.expect("written off");
        assert_eq!((written.state, written.item.written_off_minor), (State::WrittenOff, 60));
        let twice = write_off(&mut unit, invoice, "insolvent").await.expect_err("nothing is open");
        assert_eq!(twice.reason(), "NOTHING_OPEN");
        unit.commit().await.expect("commits");
        story.assert_books_balance().await;
        assert_eq!(story.events("invoice.written_off", invoice).await, 1);

        let note = story.issue(NOTE, 50, &[invoice]).await;
        assert_eq!(story.stands(note).await, (State::Paid, 0), "it takes the place of the loss");
        let cancellation = story.issue(CANCELLATION, 50, &[invoice]).await;
        assert_eq!(story.stands(cancellation).await, (State::Paid, 0));
        assert_eq!(story.stands(invoice).await, (State::Cancelled, 0));
        let mut unit = story.unit().await;
        let credit: Vec<_> =
            credit::of_customers(&mut unit, story.seller_id, [story.customer_id]).await.expect("reads");
        assert_eq!(credit.iter().map(|owned| owned.credit.left_minor).sum::<i64>(), 40, "what was paid");
    }
}

#[tokio::test]
async fn a_refund_pays_out_what_is_left_and_no_more() {
    for fresh in stores().await {
        let story = Story::on(&fresh.store).await;
        let note = story.issue(NOTE, 50, &[]).await;
        let paid = story.pay(30, &[], true).await;
        let mut unit = story.unit().await;
        let too_much = pay::refund(&mut unit, story.money(81)).await.expect_err("80 are there");
        assert_eq!(too_much.reason(), "CREDIT_TOO_LOW");
        let refund = pay::refund(&mut unit, story.money(60)).await.expect("refunded");
        unit.commit().await.expect("commits");
        story.assert_books_balance().await;
        assert_eq!((refund.amount_minor, refund.unallocated_minor), (-60, 0));
        assert_eq!(story.left(paid.payment.id).await, 0);
        assert_eq!(story.stands(note).await, (State::PartlyPaid, 20));

        let mut unit = story.unit().await;
        let drawn = allocation::of_payments(&mut unit, story.seller_id, &[paid.payment.id]).await.expect("reads");
        let back = release(&mut unit, drawn[0].id, "came back").await.expect_err("paid out");
        assert_eq!(back.reason(), "MONEY_WENT_OUT");
        let again = allocate(&mut unit, Source::Payment(refund.id), note, None).await.expect_err("a credit note");
        assert_eq!(again.reason(), "NOT_AN_INVOICE");
        drop(unit);
        let invoice = story.invoice(30).await;
        let again = allocate(&mut story.unit().await, Source::Payment(refund.id), invoice, None).await;
        assert_eq!(again.expect_err("no credit").reason(), "MONEY_WENT_OUT");
    }
}

#[tokio::test]
async fn one_payment_settles_more_invoices_than_a_unit_has_ids() {
    for fresh in stores().await {
        let story = Story::on(&fresh.store).await;
        let mut unit = fresh.store.begin_large(story.seller_id, "tok_1", noon(), 5_000).await.expect("begins");
        let mut items = Vec::new();
        for _ in 0..700 {
            let item = story.document(&mut unit, INVOICE, 10, &[]);
            fixture::document(&mut unit, item.invoice_id, item.customer_id, INVOICE, item.currency, 10).await;
            items.push(item);
        }
        settle(&mut unit, TODAY, items).await.expect("settles");
        unit.commit().await.expect("commits");
        let paid = story.pay(7_005, &[], false).await;
        assert_eq!((paid.allocations.len(), paid.payment.unallocated_minor), (700, 5));
    }
}

#[tokio::test]
async fn the_audit_finds_what_does_not_agree() {
    for fresh in stores().await {
        let story = Story::on(&fresh.store).await;
        let invoice = story.invoice(100).await;
        let mut unit = story.unit().await;
        fixture::falsify_open_amount(&mut unit, invoice, 90).await;
        let findings = ledger::audit(&mut unit, story.seller_id).await.expect("reads");
        let customer = story.customer_id;
        assert_eq!(
            findings,
            [
                format!("{customer}: the ledger's receivables: 1.00 EUR, but the open invoices: 0.90 EUR"),
                format!("{invoice}: what counts as settled: 0.10 EUR, but allocations and write-offs: 0.00 EUR"),
                format!("{invoice}: its state is Issued, its amounts say PartlyPaid"),
            ]
        );
    }
}

#[tokio::test]
async fn the_same_money_reported_many_times_at_once_is_booked_once() {
    for fresh in stores().await {
        let story = Story::on(&fresh.store).await;
        let invoice = story.invoice(100).await;
        let report = async || {
            let mut unit = story.unit().await;
            let money = NewPayment { reference: Some("TX-1".to_owned()), ..story.money(60) };
            pay::record(&mut unit, money, &[invoice], false).await?;
            unit.commit().await.map_err(BillingError::from)
        };
        let outcomes = futures::future::join_all((0..8).map(|_| report())).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
        for refused in outcomes.into_iter().filter_map(Result::err) {
            assert_eq!(refused.reason(), "PAYMENT_KNOWN");
        }
        let pay = async || {
            let mut unit = story.unit().await;
            pay::record(&mut unit, story.money(30), &[invoice], false).await?;
            unit.commit().await.map_err(BillingError::from)
        };
        for outcome in futures::future::join_all((0..8).map(|_| pay())).await {
            outcome.expect("different money");
        }
        assert_eq!(story.stands(invoice).await, (State::Paid, 0));
        story.assert_books_balance().await;
    }
}
