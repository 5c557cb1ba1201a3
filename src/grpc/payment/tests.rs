use billet_domain::document::DocumentKind;
use billet_domain::id::{CustomerId, SellerId, TokenId};
use billet_domain::money::Currency;
use billet_domain::role::Role;
use tonic::Code;
use tonic_types::StatusExt as _;

use super::*;
use crate::billing::Clock;
use crate::billing::settle::NewItem;
use crate::grpc::auth::Caller;
use crate::grpc::report::ReportApi;
use crate::proto::billet::v1::report_service_server::ReportService as _;
use crate::store::fixture::{self, TODAY};
use crate::store::testing::stores;

struct Desk {
    api: PaymentApi,
    seller_id: SellerId,
    customers: Vec<CustomerId>,
}

impl Desk {
    async fn on(store: &crate::store::Store) -> Self {
        let (seller_id, customers) = fixture::seller(store, 2).await;
        // 23:30 in London is half past midnight of the next day in Berlin, where the seller is.
        let now = TODAY.pred_opt().and_then(|day| day.and_hms_opt(23, 30, 0)).expect("an instant").and_utc();
        let billing = Billing::new(store.clone(), Clock::simulated(now));
        Self { api: PaymentApi { billing }, seller_id, customers }
    }

    fn asks<T>(&self, message: T) -> Request<T> {
        self.asks_as(Role::Accountant, None, message)
    }

    fn asks_as<T>(&self, role: Role, customer_id: Option<CustomerId>, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.extensions_mut().insert(Caller {
            token_id: TokenId(1),
            seller_id: self.seller_id,
            roles: vec![role],
            instance_id: None,
            customer_id,
        });
        request
    }

    async fn invoice(&self, customer: usize, gross_minor: i64) -> InvoiceId {
        let mut unit = self.api.billing.begin(self.seller_id, "tok_1").await.expect("begins");
        let invoice_id = InvoiceId(unit.id().expect("an id"));
        let item = NewItem {
            invoice_id,
            customer_id: self.customers[customer],
            kind: DocumentKind::Invoice,
            currency: Currency::EUR,
            due_date: Some(TODAY),
            net_minor: gross_minor,
            tax_minor: 0,
            gross_minor,
            preceding: Vec::new(),
        };
        fixture::document(&mut unit, invoice_id, item.customer_id, item.kind, item.currency, gross_minor).await;
        settle::settle(&mut unit, TODAY, vec![item]).await.expect("settles");
        unit.commit().await.expect("commits");
        invoice_id
    }

    fn payment(&self, request_id: &str, units: i64) -> pb::RecordPaymentRequest {
        pb::RecordPaymentRequest {
            request_id: request_id.to_owned(),
            customer_id: self.customers[0].to_string(),
            amount: eur(units),
            ..Default::default()
        }
    }

    async fn pay(&self, request: pb::RecordPaymentRequest) -> Result<pb::Payment, Status> {
        let answer = self.api.record_payment(self.asks(request)).await?;
        Ok(answer.into_inner().payment.expect("a payment"))
    }
}

#[allow(clippy::unnecessary_wraps)] // As fields of messages are.
fn eur(units: i64) -> Option<gt::Money> {
    Some(gt::Money { currency_code: "EUR".to_owned(), units, nanos: 0 })
}

fn reason(status: &Status) -> String {
    status.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}

#[tokio::test]
async fn a_payment_is_booked_once() {
    for fresh in stores().await {
        let desk = Desk::on(&fresh.store).await;
        let invoice_id = desk.invoice(0, 7_000).await;
        let asked = pb::RecordPaymentRequest { reference: "TX-1".to_owned(), ..desk.payment("r1", 100) };
        let booked = desk.pay(asked.clone()).await.expect("booked");
        assert_eq!(booked.received_on, Some(convert::to_date(TODAY)), "the seller's date");
        assert_eq!((booked.method.as_str(), &booked.unallocated_amount), ("bank", &eur(30)));
        assert_eq!(booked.allocations.len(), 1);
        assert_eq!(booked.allocations[0].invoice_id, invoice_id.to_string());
        assert_eq!(booked.allocations[0].amount, eur(70));
        assert_eq!(desk.pay(asked.clone()).await.expect("the same call"), booked);

        let again = desk.pay(pb::RecordPaymentRequest { request_id: "r2".to_owned(), ..asked.clone() }).await;
        let again = again.expect_err("the same money");
        assert_eq!((again.code(), reason(&again)), (Code::AlreadyExists, "PAYMENT_KNOWN".to_owned()));
        assert!(again.message().contains(&booked.id), "{}", again.message());
        let other = pb::RecordPaymentRequest { request_id: "r3".to_owned(), amount: eur(99), ..asked };
        let other = desk.pay(other).await.expect_err("another amount");
        assert_eq!((other.code(), reason(&other)), (Code::AlreadyExists, "REFERENCE_TAKEN".to_owned()));

        let read = desk.api.get_payment(desk.asks(pb::GetPaymentRequest { id: booked.id.clone() })).await;
        assert_eq!(read.expect("is there").into_inner().payment, Some(booked));
    }
}

#[tokio::test]
async fn what_cannot_be_is_refused_by_field() {
    for fresh in stores().await {
        let desk = Desk::on(&fresh.store).await;
        let foreign = desk.invoice(1, 100).await.to_string();
        let tomorrow = TODAY.succ_opt().map(convert::to_date);
        let base = || desk.payment("r", 1);
        let cases = [
            (pb::RecordPaymentRequest { amount: eur(0), ..base() }, "amount"),
            (pb::RecordPaymentRequest { amount: eur(-1), ..base() }, "amount"),
            (pb::RecordPaymentRequest { amount: None, ..base() }, "amount"),
            (pb::RecordPaymentRequest { received_on: tomorrow, ..base() }, "received_on"),
            (pb::RecordPaymentRequest { method: "by hand".to_owned(), ..base() }, "method"),
            (pb::RecordPaymentRequest { reference: "x".repeat(141), ..base() }, "reference"),
            (pb::RecordPaymentRequest { customer_id: "cus".to_owned(), ..base() }, "customer_id"),
            (pb::RecordPaymentRequest { invoice_ids: vec!["inv".to_owned()], ..base() }, "invoice_ids[0]"),
            (pb::RecordPaymentRequest { request_id: String::new(), ..base() }, "request_id"),
        ];
        for (request, field) in cases {
            let refused = desk.pay(request).await.expect_err(field);
            let fields: Vec<String> = refused
                .get_details_bad_request()
                .map(|bad| bad.field_violations.into_iter().map(|violation| violation.field).collect())
                .unwrap_or_default();
            assert_eq!((refused.code(), fields), (Code::InvalidArgument, vec![field.to_owned()]));
        }
        let named = |ids: &[&String]| ids.iter().map(|id| (*id).clone()).collect();
        let other = pb::RecordPaymentRequest { invoice_ids: named(&[&foreign]), ..base() };
        assert_eq!(reason(&desk.pay(other).await.expect_err("not its own")), "OTHER_CUSTOMER");
        let own = desk.invoice(0, 100).await.to_string();
        let zloty = Some(gt::Money { currency_code: "PLN".to_owned(), units: 1, nanos: 0 });
        let other = pb::RecordPaymentRequest { invoice_ids: named(&[&own]), amount: zloty, ..base() };
        assert_eq!(reason(&desk.pay(other).await.expect_err("in euros")), "CURRENCY_MISMATCH");
        let twice = pb::RecordPaymentRequest { invoice_ids: named(&[&own, &own]), ..base() };
        assert_eq!(desk.pay(twice).await.expect_err("named twice").code(), Code::InvalidArgument);
        for missing in ["inv_999999", "cus_999999"] {
            let mut request = base();
            if missing.starts_with("inv") {
                request.invoice_ids = vec![missing.to_owned()];
            } else {
                missing.clone_into(&mut request.customer_id);
            }
            assert_eq!(desk.pay(request).await.expect_err("is not there").code(), Code::NotFound);
        }
    }
}

#[tokio::test]
async fn lists_go_from_new_to_old_and_a_customer_sees_its_own() {
    for fresh in stores().await {
        let desk = Desk::on(&fresh.store).await;
        let mut booked = Vec::new();
        for number in 0..5_usize {
            let customer_id = desk.customers[number % 2].to_string();
            let request = pb::RecordPaymentRequest { customer_id, ..desk.payment(&format!("r{number}"), 1) };
            booked.push(desk.pay(request).await.expect("booked"));
            let next = desk.api.billing.now() + chrono::Duration::milliseconds(1);
            desk.api.billing.clock.advance(next).expect("moves");
        }
        booked.reverse();
        let mut seen = Vec::new();
        let mut page_token = String::new();
        loop {
            let asked = pb::ListPaymentsRequest { page_size: 2, page_token, ..Default::default() };
            let page = desk.api.list_payments(desk.asks(asked)).await.expect("a page").into_inner();
            assert!((1..=2).contains(&page.payments.len()));
            seen.extend(page.payments);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        assert_eq!(seen, booked);

        let own = Some(desk.customers[1]);
        let asked = desk.asks_as(Role::Customer, own, pb::ListPaymentsRequest::default());
        let page = desk.api.list_payments(asked).await.expect("a page").into_inner();
        assert_eq!(page.payments, [booked[1].clone(), booked[3].clone()]);
        let foreign = pb::GetPaymentRequest { id: booked[0].id.clone() };
        let foreign = desk.api.get_payment(desk.asks_as(Role::Customer, own, foreign)).await.expect_err("not its own");
        assert_eq!(foreign.code(), Code::NotFound);
        let asked = pb::ListPaymentsRequest { customer_id: desk.customers[0].to_string(), ..Default::default() };
        let asked = desk.api.list_payments(desk.asks_as(Role::Customer, own, asked)).await.expect_err("not its own");
        assert_eq!(asked.code(), Code::NotFound);

        let other = Desk::on(&fresh.store).await;
        let foreign = pb::GetPaymentRequest { id: booked[0].id.clone() };
        let foreign = other.api.get_payment(other.asks(foreign)).await.expect_err("another seller's");
        assert_eq!(foreign.code(), Code::NotFound);
    }
}

#[tokio::test]
async fn allocating_taking_back_and_paying_out() {
    for fresh in stores().await {
        let desk = Desk::on(&fresh.store).await;
        let kept = pb::RecordPaymentRequest { keep_rest: true, ..desk.payment("r1", 100) };
        let payment = desk.pay(kept).await.expect("booked");
        let invoice_id = desk.invoice(1, 100).await.to_string();
        let asked = pb::AllocatePaymentRequest {
            request_id: "r2".to_owned(),
            source: Some(pb::allocate_payment_request::Source::PaymentId(payment.id.clone())),
            invoice_id,
            amount: None,
        };
        let refused = desk.api.allocate_payment(desk.asks(asked.clone())).await.expect_err("not its own");
        assert_eq!(reason(&refused), "OTHER_CUSTOMER");
        // The invoice takes what was there; the customer wants it otherwise.
        let first = desk.invoice(0, 6_000).await;
        let read = desk.api.get_payment(desk.asks(pb::GetPaymentRequest { id: payment.id.clone() })).await;
        let read = read.expect("is there").into_inner().payment.expect("a payment");
        assert_eq!((read.allocations.len(), &read.unallocated_amount), (1, &eur(40)));
        let release = pb::ReleaseAllocationRequest {
            request_id: "r3".to_owned(),
            id: read.allocations[0].id.clone(),
            reason: "the customer wants it so".to_owned(),
        };
        desk.api.release_allocation(desk.asks(release.clone())).await.expect("released");
        desk.api.release_allocation(desk.asks(release)).await.expect("the same call");
        let zloty = Some(gt::Money { currency_code: "PLN".to_owned(), units: 10, nanos: 0 });
        let asked = pb::AllocatePaymentRequest { invoice_id: first.to_string(), amount: zloty, ..asked };
        let refused = desk.api.allocate_payment(desk.asks(asked.clone())).await.expect_err("in euros");
        assert_eq!(reason(&refused), "CURRENCY_MISMATCH");
        let asked = pb::AllocatePaymentRequest { amount: eur(10), ..asked };
        let made = desk.api.allocate_payment(desk.asks(asked)).await.expect("allocated").into_inner();
        assert_eq!(made.allocation.expect("an allocation").amount, eur(10));

        let refund = pb::RecordRefundRequest {
            request_id: "r4".to_owned(),
            customer_id: desk.customers[0].to_string(),
            amount: eur(91),
            reference: "OUT-1".to_owned(),
            ..Default::default()
        };
        let refused = desk.api.record_refund(desk.asks(refund.clone())).await.expect_err("90 are left");
        assert_eq!(reason(&refused), "CREDIT_TOO_LOW");
        assert!(refused.message().contains("90.00 EUR"), "{}", refused.message());
        let refund = pb::RecordRefundRequest { amount: eur(90), ..refund };
        let paid_out = desk.api.record_refund(desk.asks(refund)).await.expect("booked").into_inner().payment;
        let paid_out = paid_out.expect("a refund");
        assert_eq!((&paid_out.amount, &paid_out.unallocated_amount), (&eur(-90), &eur(0)));
        let read = desk.api.get_payment(desk.asks(pb::GetPaymentRequest { id: payment.id })).await;
        let read = read.expect("is there").into_inner().payment.expect("a payment");
        let used: Vec<_> = read.allocations.iter().map(|used| (used.invoice_id.clone(), used.amount.clone())).collect();
        assert_eq!(used, [(first.to_string(), eur(10)), (String::new(), eur(90))]);
        assert_eq!(read.unallocated_amount, eur(0));

        let report = ReportApi { billing: desk.api.billing.clone() };
        let answer = report.get_trial_balance(desk.asks(pb::GetTrialBalanceRequest { as_of: None })).await;
        let answer = answer.expect("a report").into_inner();
        let balances: Vec<_> =
            answer.accounts.iter().map(|account| (account.account.as_str(), account.balance.clone())).collect();
        assert_eq!(answer.differences, [gt::Money { currency_code: "EUR".to_owned(), units: 0, nanos: 0 }]);
        // Invoices over 1 and 60 euros; 100 came in, 90 went out, 10 settle the second.
        let expected = [("cash", eur(10)), ("customer_credit", eur(0)), ("receivable", eur(51)), ("revenue", eur(-61))];
        assert_eq!(balances, expected);
        let before = TODAY.pred_opt().map(convert::to_date);
        let answer = report.get_trial_balance(desk.asks(pb::GetTrialBalanceRequest { as_of: before })).await;
        assert_eq!(answer.expect("a report").into_inner().accounts, []);
    }
}
