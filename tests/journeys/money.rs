//! Money in and out, and the books after it.

use billet::proto::billet::v1 as pb;
use billet::proto::google::r#type as gt;
use tonic::Code;

use crate::contracts::signed;
use crate::harness::{Billet, cents, date, day, decimal, euro, on_both};
use crate::refusal::{assert_invalid, assert_refused};

/// Verbs of money.
impl Billet {
    async fn pay(&self, customer: &str, amount_cents: i64, with: pb::RecordPaymentRequest) -> pb::Payment {
        let request = pb::RecordPaymentRequest {
            request_id: self.request_id(),
            customer_id: customer.to_owned(),
            amount: Some(euro(amount_cents)),
            ..with
        };
        let made = self.owner.payments().record_payment(request).await.expect("it is booked").into_inner();
        made.payment.expect("a payment")
    }

    async fn open(&self, id: &str) -> (i64, pb::InvoiceState) {
        let found = self.document(id).await;
        (cents(found.open_amount.as_ref()), found.state())
    }

    /// What the customer owes, in cents.
    async fn balance(&self, customer: &str) -> i64 {
        let request = pb::GetCustomerRequest { id: customer.to_owned() };
        let found = self.owner.customers().get_customer(request).await.expect("it is there").into_inner();
        found.customer.expect("a customer").balances.iter().map(|one| cents(Some(one))).sum()
    }
}

#[tokio::test]
async fn a_payment_settles_what_is_named_then_the_oldest() {
    on_both(async |mut billet| {
        let plan = billet.simple_plan("starter", "31.00").await;
        let acme = billet.customer("Acme").await;
        billet.subscribe(&acme, &plan, Default::default()).await;
        billet.advance_through(&["2027-04-01T06:00:00Z", "2027-05-01T06:00:00Z"]).await;
        let invoices = billet.documents().await;
        let ids: Vec<_> = invoices.iter().map(|one| one.id.clone()).collect();
        assert_eq!(invoices.iter().map(signed).collect::<Vec<_>>(), [36_89; 3]);
        assert_eq!(billet.balance(&acme).await, 110_67);

        // 40.00 for the third first: 36.89, and 3.11 of the first.
        let named = pb::RecordPaymentRequest { invoice_ids: vec![ids[2].clone()], ..Default::default() };
        let payment = billet.pay(&acme, 40_00, named).await;
        let told: Vec<_> =
            payment.allocations.iter().map(|one| (one.invoice_id.as_str(), cents(one.amount.as_ref()))).collect();
        assert_eq!(told, [(ids[2].as_str(), 36_89), (ids[0].as_str(), 3_11)]);
        assert_eq!(billet.open(&ids[0]).await, (33_78, pb::InvoiceState::PartlyPaid));
        assert_eq!(billet.open(&ids[2]).await, (0, pb::InvoiceState::Paid));

        // 50.00 of which nothing is named: 33.78 for the first, 16.22 for the second.
        let payment = billet.pay(&acme, 50_00, Default::default()).await;
        assert_eq!(payment.allocations.len(), 2);
        assert_eq!(billet.open(&ids[1]).await, (20_67, pb::InvoiceState::PartlyPaid));
        assert_eq!(billet.balance(&acme).await, 20_67);

        // Kept as credit it settles nothing; by hand as much as possible of it does.
        let kept = billet.pay(&acme, 30_00, pb::RecordPaymentRequest { keep_rest: true, ..Default::default() }).await;
        assert_eq!((kept.allocations.len(), cents(kept.unallocated_amount.as_ref())), (0, 30_00));
        assert_eq!(billet.balance(&acme).await, -9_33);
        let request = pb::AllocatePaymentRequest {
            request_id: billet.request_id(),
            source: Some(pb::allocate_payment_request::Source::PaymentId(kept.id.clone())),
            invoice_id: ids[1].clone(),
            amount: None,
        };
        let done = billet.owner.payments().allocate_payment(request).await.expect("it settles").into_inner();
        let allocation = done.allocation.expect("an allocation");
        assert_eq!(cents(allocation.amount.as_ref()), 20_67);
        // Taken back and given again.
        let request = pb::ReleaseAllocationRequest {
            request_id: billet.request_id(),
            id: allocation.id,
            reason: "wrong invoice".to_owned(),
        };
        billet.owner.payments().release_allocation(request).await.expect("it is released");
        assert_eq!(billet.open(&ids[1]).await, (20_67, pb::InvoiceState::PartlyPaid));
        assert_eq!(billet.balance(&acme).await, -9_33);
        billet.assert_books_balance().await;

        // June takes the credit of 30.00 by itself: 6.89 stay open of it.
        billet.advance_to("2027-06-01T06:00:00Z").await;
        let june = billet.documents().await.pop().expect("June");
        assert_eq!(billet.open(&june.id).await, (6_89, pb::InvoiceState::PartlyPaid));
        assert_eq!(billet.balance(&acme).await, 27_56);
        billet.assert_books_balance().await;
        billet.stop().await;
        billet.assert_checks();
    })
    .await;
}

#[tokio::test]
async fn credit_is_paid_out_once_and_no_more_than_there_is() {
    on_both(async |billet| {
        let acme = billet.customer("Acme").await;
        let reference = pb::RecordPaymentRequest { reference: "TX-1".to_owned(), ..Default::default() };
        billet.pay(&acme, 50_00, reference).await;
        let again = pb::RecordPaymentRequest {
            request_id: billet.request_id(),
            customer_id: acme.clone(),
            amount: Some(euro(50_00)),
            reference: "TX-1".to_owned(),
            ..Default::default()
        };
        assert_refused(billet.owner.payments().record_payment(again).await, Code::AlreadyExists, "PAYMENT_KNOWN");
        let refund = async |amount| {
            let request = pb::RecordRefundRequest {
                request_id: billet.request_id(),
                customer_id: acme.clone(),
                amount: Some(euro(amount)),
                ..Default::default()
            };
            billet.owner.payments().record_refund(request).await
        };
        assert_refused(refund(50_01).await, Code::FailedPrecondition, "CREDIT_TOO_LOW");
        let done = refund(20_00).await.expect("it is booked").into_inner().payment.expect("a payment");
        assert_eq!(done.amount, Some(pb_euro(-20_00)));
        assert_eq!(billet.balance(&acme).await, -30_00);
        let ahead = pb::RecordPaymentRequest {
            request_id: billet.request_id(),
            customer_id: acme.clone(),
            amount: Some(euro(1_00)),
            received_on: date("2027-03-02"),
            ..Default::default()
        };
        assert_invalid(billet.owner.payments().record_payment(ahead).await, "received_on");
        billet.assert_books_balance().await;
    })
    .await;
}

#[tokio::test]
async fn the_largest_payments_leave_the_books_readable() {
    on_both(async |mut billet| {
        let acme = billet.customer("Acme").await;
        let most = 10_000_000_000_000;
        let pay = async |amount| {
            let request = pb::RecordPaymentRequest {
                request_id: billet.request_id(),
                customer_id: acme.clone(),
                amount: Some(amount),
                ..Default::default()
            };
            billet.owner.payments().record_payment(request).await
        };
        // What fills 64 bits of cents, and one cent too many.
        let huge = gt::Money { currency_code: "EUR".to_owned(), units: i64::MAX / 100, nanos: 0 };
        assert_invalid(pay(huge).await, "amount");
        assert_invalid(pay(euro(most + 1)).await, "amount");
        for _ in 0..3 {
            pay(euro(most)).await.expect("the largest amount is booked");
        }
        assert_eq!(billet.balance(&acme).await, -3 * most);
        // Price and quantity are each within their bounds; what comes of them is not.
        let line = pb::ManualLine {
            name: "Everything".to_owned(),
            quantity: decimal("1000000000"),
            unit_price: decimal("1000000000"),
            ..Default::default()
        };
        let draft = pb::CreateDraftRequest {
            request_id: billet.request_id(),
            customer_id: acme.clone(),
            currency_code: "EUR".to_owned(),
            lines: vec![line],
            ..Default::default()
        };
        let refused = billet.owner.invoices().create_draft(draft).await;
        assert_refused(refused, Code::FailedPrecondition, "AMOUNT_TOO_LARGE");
        billet.assert_books_balance().await;
        billet.stop().await;
        billet.assert_checks();
    })
    .await;
}

fn pb_euro(cents: i64) -> billet::proto::google::r#type::Money {
    euro(cents)
}

#[tokio::test]
async fn a_statement_as_of_a_date_and_the_books_behind_it() {
    on_both(async |mut billet| {
        let plan = billet.simple_plan("starter", "31.00").await;
        let acme = billet.customer("Acme").await;
        billet.subscribe(&acme, &plan, Default::default()).await;
        billet.advance_to("2027-03-15T06:00:00Z").await;
        billet.pay(&acme, 36_89, Default::default()).await;
        billet.advance_to("2027-04-01T06:00:00Z").await;
        let statement = async |period| {
            let request =
                pb::GetStatementRequest { customer_id: acme.clone(), currency_code: "EUR".to_owned(), period };
            let told = billet.owner.customers().get_statement(request).await.expect("a statement").into_inner();
            let lines: Vec<_> = told
                .lines
                .iter()
                .map(|line| {
                    (
                        day(line.date.as_ref()),
                        line.kind.clone(),
                        cents(line.amount.as_ref()),
                        cents(line.balance.as_ref()),
                    )
                })
                .collect();
            (cents(told.opening_balance.as_ref()), lines, cents(told.closing_balance.as_ref()))
        };
        let row = |on: &str, kind: &str, amount, balance| (on.to_owned(), kind.to_owned(), amount, balance);
        let all = vec![
            row("2027-03-01", "issue", 36_89, 36_89),
            row("2027-03-15", "payment", -36_89, 0),
            row("2027-04-01", "issue", 36_89, 36_89),
        ];
        assert_eq!(statement(None).await, (0, all.clone(), 36_89));
        let part = pb::Period { from: date("2027-03-02"), to: date("2027-04-01") };
        assert_eq!(statement(Some(part)).await, (36_89, all[1..2].to_vec(), 0));

        // As of 31 March: revenue 31.00, tax 5.89, the bank has 36.89, nobody owes anything.
        let request = pb::GetTrialBalanceRequest { as_of: date("2027-03-31") };
        let books = billet.owner.reports().get_trial_balance(request).await.expect("a trial balance").into_inner();
        let balance = |account: &str| {
            books
                .accounts
                .iter()
                .filter(|one| one.account == account)
                .map(|one| cents(one.balance.as_ref()))
                .sum::<i64>()
        };
        assert_eq!((balance("revenue"), balance("tax"), balance("receivable")), (-31_00, -5_89, 0), "{books:?}");
        assert!(books.differences.iter().all(|one| (one.units, one.nanos) == (0, 0)));
    })
    .await;
}
