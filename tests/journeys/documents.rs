//! Documents: drafts, corrections, allowances, taxes, currencies, numbers.

use billet::proto::billet::v1 as pb;
use billet::proto::google::r#type as gt;
use billet::store::{Sql, Store};
use tonic::Code;

use crate::catalogue::component;
use crate::contracts::{cancel, signed};
use crate::harness::{Billet, cents, day, decimal, euro, on_both};
use crate::refusal::{assert_invalid, assert_refused};

fn line(name: &str, quantity: &str, unit_price: &str) -> pb::ManualLine {
    pb::ManualLine {
        name: name.to_owned(),
        quantity: decimal(quantity),
        unit_price: decimal(unit_price),
        ..Default::default()
    }
}

/// Verbs of documents.
impl Billet {
    async fn draft(&self, with: pb::CreateDraftRequest) -> pb::Invoice {
        let request = pb::CreateDraftRequest { request_id: self.request_id(), ..with };
        let made = self.owner.invoices().create_draft(request).await.expect("a draft").into_inner();
        made.invoice.expect("a draft")
    }

    async fn issue(&self, id: &str) -> pb::Invoice {
        let request = pb::IssueInvoiceRequest { request_id: self.request_id(), id: id.to_owned() };
        let made = self.owner.invoices().issue_invoice(request).await.expect("it is issued").into_inner();
        made.invoice.expect("a document")
    }

    /// A document as it stands.
    pub async fn document(&self, id: &str) -> pb::Invoice {
        let request = pb::GetInvoiceRequest { id: id.to_owned() };
        self.owner.invoices().get_invoice(request).await.expect("it is there").into_inner().invoice.expect("a document")
    }

    async fn credit(
        &self,
        id: &str,
        line_id: &str,
        amount: gt::Money,
    ) -> Result<pb::CreditInvoiceResponse, tonic::Status> {
        let request = pb::CreditInvoiceRequest {
            request_id: self.request_id(),
            id: id.to_owned(),
            credits: vec![pb::LineCredit { line_id: line_id.to_owned(), amount: Some(amount) }],
            reason: "goodwill".to_owned(),
        };
        self.owner.invoices().credit_invoice(request).await.map(tonic::Response::into_inner)
    }

    async fn cancel_invoice(&self, id: &str, rebill: bool) -> pb::CancelInvoiceResponse {
        let request = pb::CancelInvoiceRequest {
            request_id: self.request_id(),
            id: id.to_owned(),
            reason: "wrong address".to_owned(),
            rebill,
        };
        self.owner.invoices().cancel_invoice(request).await.expect("it is cancelled").into_inner()
    }

    async fn set_customer(&self, customer: pb::Customer, path: &str) {
        let request = pb::UpdateCustomerRequest {
            request_id: self.request_id(),
            customer: Some(customer),
            update_mask: Some(prost_types::FieldMask { paths: vec![path.to_owned()] }),
        };
        self.owner.customers().update_customer(request).await.expect("it is changed");
    }
}

#[tokio::test]
async fn a_draft_by_hand_with_two_rates() {
    on_both(async |mut billet| {
        let acme = billet.customer("Acme").await;
        // 3 x 33.33 at 19 %: 99.99; 2 x 10.05 at 7 %: 20.10. Tax 18.9981 and 1.407: 19.00 and 1.41.
        let book = pb::ManualLine { tax_class: "reduced".to_owned(), ..line("Book", "2", "10.05") };
        let with = pb::CreateDraftRequest {
            customer_id: acme.clone(),
            lines: vec![line("Work", "3", "33.33"), book],
            note: "Thank you".to_owned(),
            ..Default::default()
        };
        let draft = billet.draft(with).await;
        assert_eq!((draft.state(), draft.number.as_str()), (pb::InvoiceState::Draft, ""));
        let issued = billet.issue(&draft.id).await;
        assert_eq!(issued.number, "RE-2027-00001");
        assert_eq!(cents(issued.net_amount.as_ref()), 120_09);
        assert_eq!(cents(issued.tax_amount.as_ref()), 20_41);
        assert_eq!(cents(issued.gross_amount.as_ref()), 140_50);
        let mut taxes: Vec<_> = issued
            .taxes
            .iter()
            .map(|row| {
                (
                    row.rate.as_ref().expect("a rate").value.clone(),
                    cents(row.taxable_amount.as_ref()),
                    cents(row.tax_amount.as_ref()),
                )
            })
            .collect();
        taxes.sort();
        assert_eq!(taxes, [("19".to_owned(), 99_99, 19_00), ("7".to_owned(), 20_10, 1_41)]);
        // The terms are 14 days unless somebody says otherwise.
        let due = issued.due_date.expect("a due date");
        assert!(day(Some(&due)).as_str() > "2027-03-01", "{due:?}");
        // Issued is issued.
        let request = pb::IssueInvoiceRequest { request_id: billet.request_id(), id: draft.id.clone() };
        let status = billet.owner.invoices().issue_invoice(request).await.expect_err("twice");
        assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}");
        let request = pb::DiscardDraftRequest { request_id: billet.request_id(), id: draft.id.clone() };
        let status = billet.owner.invoices().discard_draft(request).await.expect_err("issued");
        assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}");
        let by_number = billet.document("number:RE-2027-00001").await;
        assert_eq!(by_number.id, draft.id);
        billet.assert_books_balance().await;
        billet.stop().await;
        billet.assert_checks();
    })
    .await;
}

#[tokio::test]
async fn what_stands_on_a_draft_is_not_given_back() {
    on_both(async |billet| {
        let plan = billet.simple_plan("starter", "31.00").await;
        let acme = billet.customer("Acme").await;
        let bill = async |draft| {
            let request = pb::BillCustomerRequest { request_id: billet.request_id(), customer_id: acme.clone(), draft };
            billet.owner.invoices().bill_customer(request).await
        };
        for ending in ["discarded", "issued"] {
            let request = pb::CreateSubscriptionRequest {
                request_id: billet.request_id(),
                customer_id: acme.clone(),
                plan_id: plan.clone(),
                ..Default::default()
            };
            let made = billet.owner.subscriptions().create_subscription(request).await.expect("it starts").into_inner();
            let subscription = made.subscription.expect("a subscription").id;
            let draft = bill(true).await.expect("a draft").into_inner().invoices.remove(0);
            let before = billet.documents().await.len();

            // Ended on its first day with everything given back: nothing was charged yet, so there is nothing to give.
            let ended = |defer_billing| pb::ChangeSubscriptionRequest {
                request_id: billet.request_id(),
                id: subscription.clone(),
                change: Some(pb::SubscriptionChange {
                    effective_date: None,
                    change: Some(cancel(pb::Ending::AtOnceRefund)),
                }),
                defer_billing,
                ..Default::default()
            };
            let at_once = billet.owner.subscriptions().change_subscription(ended(false)).await;
            assert_refused(at_once, Code::FailedPrecondition, "DRAFT_IN_THE_WAY");
            billet.owner.subscriptions().change_subscription(ended(true)).await.expect("recorded");
            assert_refused(bill(false).await, Code::FailedPrecondition, "DRAFT_IN_THE_WAY");
            assert_eq!(billet.documents().await.len(), before, "no credit note for a draft");

            if ending == "discarded" {
                let request = pb::DiscardDraftRequest { request_id: billet.request_id(), id: draft.id.clone() };
                billet.owner.invoices().discard_draft(request).await.expect("discarded");
                assert!(bill(false).await.expect("nothing is due").into_inner().invoices.is_empty());
            } else {
                billet.issue(&draft.id).await;
                let credits = bill(false).await.expect("the days are due back").into_inner().invoices;
                assert_eq!(credits.iter().map(signed).collect::<Vec<_>>(), [-36_89]);
                assert_eq!(credits[0].preceding_invoice_ids, [draft.id.as_str()]);
            }
            billet.assert_books_balance().await;
        }
    })
    .await;
}

#[tokio::test]
async fn what_a_discarded_draft_covered_is_billed_again() {
    on_both(async |billet| {
        let plan = billet.simple_plan("starter", "31.00").await;
        let acme = billet.customer("Acme").await;
        let request = pb::CreateSubscriptionRequest {
            request_id: billet.request_id(),
            customer_id: acme.clone(),
            plan_id: plan,
            ..Default::default()
        };
        billet.owner.subscriptions().create_subscription(request).await.expect("it starts");
        let bill = async |draft| {
            let request = pb::BillCustomerRequest { request_id: billet.request_id(), customer_id: acme.clone(), draft };
            billet.owner.invoices().bill_customer(request).await.expect("it is billed").into_inner().invoices
        };
        let drafts = bill(true).await;
        assert_eq!((drafts.len(), drafts[0].state()), (1, pb::InvoiceState::Draft));
        assert!(bill(false).await.is_empty(), "the draft covers the month");
        let request = pb::DiscardDraftRequest { request_id: billet.request_id(), id: drafts[0].id.clone() };
        billet.owner.invoices().discard_draft(request).await.expect("it is thrown away");
        let again = bill(false).await;
        assert_eq!((again.len(), signed(&again[0]), again[0].number.as_str()), (1, 36_89, "RE-2027-00001"));
        billet.assert_books_balance().await;
    })
    .await;
}

#[tokio::test]
async fn a_cancelled_invoice_is_billed_again_or_not() {
    on_both(async |mut billet| {
        let plan = billet.simple_plan("starter", "31.00").await;
        let acme = billet.customer("Acme").await;
        let blum = billet.customer("Blum").await;
        let first = billet.subscribe(&acme, &plan, Default::default()).await.invoices[0].clone();
        let second = billet.subscribe(&blum, &plan, Default::default()).await.invoices[0].clone();
        let done = billet.cancel_invoice(&first.id, true).await;
        let cancellation = done.cancellation.expect("a document");
        assert_eq!(cancellation.kind(), pb::InvoiceKind::Cancellation);
        assert_eq!(cancellation.preceding_invoice_ids, std::slice::from_ref(&first.id));
        assert_eq!(cents(cancellation.gross_amount.as_ref()), 36_89);
        assert_eq!(done.invoice.expect("the invoice").state(), pb::InvoiceState::Cancelled);
        billet.cancel_invoice(&second.id, false).await;
        billet.advance_to("2027-03-02T06:00:00Z").await;
        // Only the first is billed again.
        let list = billet.documents().await;
        let last = list.last().expect("documents");
        assert_eq!((list.len(), signed(last), last.customer_id.as_str()), (5, 36_89, acme.as_str()));
        let again = pb::CancelInvoiceRequest {
            request_id: billet.request_id(),
            id: first.id.clone(),
            reason: "again".to_owned(),
            rebill: false,
        };
        let answer = billet.owner.invoices().cancel_invoice(again).await;
        assert_refused(answer, Code::FailedPrecondition, "INVOICE_CANCELLED");
        billet.assert_books_balance().await;
    })
    .await;
}

#[tokio::test]
async fn credits_go_up_to_what_the_line_has_and_are_not_given_twice() {
    on_both(async |mut billet| {
        let plan = billet.simple_plan("starter", "31.00").await;
        let acme = billet.customer("Acme").await;
        let made = billet.subscribe(&acme, &plan, Default::default()).await;
        let invoice = made.invoices[0].clone();
        let line_id = invoice.lines[0].id.clone();
        // 10.00 net is 11.90 gross.
        let done = billet.credit(&invoice.id, &line_id, euro(10_00)).await.expect("a credit note");
        let note = done.credit_note.expect("a credit note");
        assert_eq!((signed(&note), note.preceding_invoice_ids[0].as_str()), (-11_90, invoice.id.as_str()));
        assert_eq!(cents(done.invoice.expect("the invoice").open_amount.as_ref()), 24_99);
        assert_invalid(
            billet.credit(&invoice.id, &line_id, euro(21_01)).await.map(tonic::Response::new),
            "credits[0].amount",
        );
        assert_invalid(
            billet.credit(&invoice.id, &line_id, euro(0)).await.map(tonic::Response::new),
            "credits[0].amount",
        );
        // The same line twice is a mistake, however little it is.
        let credit = |amount| pb::LineCredit { line_id: line_id.clone(), amount: Some(amount) };
        let request = pb::CreditInvoiceRequest {
            request_id: billet.request_id(),
            id: invoice.id.clone(),
            credits: vec![credit(euro(50)), credit(euro(50))],
            reason: "twice".to_owned(),
        };
        assert_invalid(billet.owner.invoices().credit_invoice(request).await, "credits[1].line_id");
        let request = pb::CancelInvoiceRequest {
            request_id: billet.request_id(),
            id: invoice.id.clone(),
            reason: "too late".to_owned(),
            rebill: false,
        };
        assert_refused(
            billet.owner.invoices().cancel_invoice(request).await,
            Code::FailedPrecondition,
            "CREDITED_ALREADY",
        );
        // Ended on the 11th: 21 days were worth 21.00, and 21.00 are left of the line: all of it comes back, not more.
        billet.advance_to("2027-03-06T06:00:00Z").await;
        let id = made.subscription.expect("a subscription").id;
        // From the 6th on 26 days are worth 26.00; only 21.00 are left.
        let ended = billet.change(&id, None, cancel(pb::Ending::AtOnceRefund)).await;
        assert_eq!(ended.invoices.iter().map(signed).collect::<Vec<_>>(), [-24_99]);
        let settled = billet.document(&invoice.id).await;
        assert_eq!((settled.state(), cents(settled.open_amount.as_ref())), (pb::InvoiceState::Credited, 0));
        billet.assert_books_balance().await;
    })
    .await;
}

#[tokio::test]
async fn days_without_money_are_taken_back_without_a_document() {
    on_both(async |mut billet| {
        let plan = billet.simple_plan("starter", "31.00").await;
        let acme = billet.customer("Acme").await;
        let ended = billet.subscribe(&acme, &plan, Default::default()).await;
        let changed = billet.subscribe(&acme, &plan, Default::default()).await;
        for made in [&ended, &changed] {
            billet.cancel_invoice(&made.invoices[0].id, false).await;
        }
        let id = |made: &pb::CreateSubscriptionResponse| made.subscription.as_ref().expect("a subscription").id.clone();
        // The money is back already: ending at once gives nothing back, and no number is spent on that.
        billet.advance_to("2027-03-11T06:00:00Z").await;
        let end = billet.change(&id(&ended), None, cancel(pb::Ending::AtOnceRefund)).await;
        assert!(end.invoices.is_empty(), "{:?}", end.invoices);
        // Together with a charge the days go back on its document: 21 of 31 days of 62.00 are 42.00 net.
        let pro = billet.simple_plan("pro", "62.00").await;
        let change = billet.change(&id(&changed), None, crate::contracts::to_plan(&pro)).await;
        assert_eq!(change.invoices.iter().map(signed).collect::<Vec<_>>(), [49_98]);
        // Nothing is left to bill of the one, and the other goes on as agreed.
        billet.advance_to("2027-04-01T06:00:00Z").await;
        billet.advance_to("2027-04-02T06:00:00Z").await;
        let list = billet.documents().await;
        assert_eq!(list.len(), 6, "{list:?}");
        assert_eq!(signed(list.last().expect("April")), 73_78);
        assert!(list.iter().all(|one| signed(one) != 0), "{list:?}");
        billet.assert_books_balance().await;
    })
    .await;
}

#[tokio::test]
async fn a_credit_waits_for_the_next_invoice_where_the_customer_wants_that() {
    on_both(async |mut billet| {
        let starter = billet.simple_plan("starter", "31.00").await;
        let pro = billet.simple_plan("pro", "62.00").await;
        let acme = billet.customer("Acme").await;
        let policy = pb::CreditPolicy::NextInvoice.into();
        billet
            .set_customer(
                pb::Customer { id: acme.clone(), credit_policy: policy, ..Default::default() },
                "credit_policy",
            )
            .await;
        let made = billet.subscribe(&acme, &pro, Default::default()).await;
        billet.advance_to("2027-03-11T06:00:00Z").await;
        let id = made.subscription.expect("a subscription").id;
        // 21 days down from 2.00 to 1.00: 21.00 to come back with April.
        assert!(billet.change(&id, None, crate::contracts::to_plan(&starter)).await.invoices.is_empty());
        billet.advance_to("2027-04-01T06:00:00Z").await;
        // 31.00 less 21.00: 10.00 net.
        assert_eq!(billet.grosses().await, [73_78, 11_90]);
        billet.assert_books_balance().await;
    })
    .await;
}

#[tokio::test]
async fn what_is_given_up_is_a_loss() {
    on_both(async |billet| {
        let plan = billet.simple_plan("starter", "31.00").await;
        let acme = billet.customer("Acme").await;
        let invoice = billet.subscribe(&acme, &plan, Default::default()).await.invoices[0].clone();
        let request = pb::WriteOffInvoiceRequest {
            request_id: billet.request_id(),
            id: invoice.id.clone(),
            reason: "insolvent".to_owned(),
        };
        let done =
            billet.owner.invoices().write_off_invoice(request.clone()).await.expect("it is given up").into_inner();
        let done = done.invoice.expect("the invoice");
        assert_eq!((done.state(), cents(done.open_amount.as_ref())), (pb::InvoiceState::WrittenOff, 0));
        let again = pb::WriteOffInvoiceRequest { request_id: billet.request_id(), ..request };
        let status = billet.owner.invoices().write_off_invoice(again).await.expect_err("nothing is open");
        assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}");
        billet.assert_books_balance().await;
    })
    .await;
}

#[tokio::test]
async fn an_allowance_on_everything() {
    on_both(async |billet| {
        let plan = billet.simple_plan("starter", "31.00").await;
        let acme = billet.customer("Acme").await;
        let with = pb::Customer { id: acme.clone(), allowance_percent: decimal("10"), ..Default::default() };
        billet.set_customer(with, "allowance_percent").await;
        let invoice = billet.subscribe(&acme, &plan, Default::default()).await.invoices[0].clone();
        // 31.00 less 3.10: 27.90 net, 5.301 tax.
        assert_eq!(cents(invoice.lines[0].amount.as_ref()), 31_00);
        assert_eq!(cents(invoice.allowances[0].amount.as_ref()), 3_10);
        assert_eq!((cents(invoice.net_amount.as_ref()), cents(invoice.tax_amount.as_ref())), (27_90, 5_30));
        assert_eq!(signed(&invoice), 33_20);
        billet.assert_books_balance().await;
    })
    .await;
}

#[tokio::test]
async fn gross_prices_are_gross_to_the_cent() {
    on_both(async |mut billet| {
        let request = pb::CreatePlanRequest {
            request_id: billet.request_id(),
            plan: Some(pb::Plan {
                code: "home".to_owned(),
                name: "Home".to_owned(),
                orderable: true,
                ..Default::default()
            }),
            version: Some(pb::PlanVersion {
                components: vec![component("base", pb::Charging::Recurring, "9.99")],
                tax_inclusive: true,
                ..Default::default()
            }),
        };
        let plan =
            billet.owner.catalog().create_plan(request).await.expect("a plan").into_inner().plan.expect("a plan").id;
        let acme = billet.customer("Acme").await;
        let first = billet.subscribe(&acme, &plan, Default::default()).await;
        // 9.99 gross: 8.39 net (8.3950 less) and 1.60 tax, however it is rounded the sum is 9.99.
        let invoice = &first.invoices[0];
        assert_eq!(signed(invoice), 9_99);
        assert_eq!(cents(invoice.net_amount.as_ref()) + cents(invoice.tax_amount.as_ref()), 9_99);
        for _ in 0..2 {
            billet.subscribe(&acme, &plan, Default::default()).await;
        }
        billet.advance_to("2027-04-01T06:00:00Z").await;
        // Three of them on one invoice are 29.97, not a cent beside it.
        assert_eq!(billet.grosses().await, [9_99, 9_99, 9_99, 29_97]);
        billet.assert_books_balance().await;
    })
    .await;
}

#[tokio::test]
async fn money_without_and_with_three_decimals() {
    on_both(async |billet| {
        let price = |currency: &str, units: &str| pb::Price {
            currency_code: currency.to_owned(),
            cycle: Some(pb::Cycle { unit: pb::CycleUnit::Month.into(), count: 1 }),
            unit_price: decimal(units),
        };
        let base = pb::Component {
            prices: vec![price("JPY", "1001"), price("KWD", "3.335")],
            ..component("base", pb::Charging::Recurring, "1")
        };
        let plan = billet.plan("world", vec![base], None).await;
        let acme = billet.customer("Acme").await;
        let buy = async |currency: &str| {
            let with = pb::CreateSubscriptionRequest { currency_code: currency.to_owned(), ..Default::default() };
            let invoice = billet.subscribe(&acme, &plan, with).await.invoices[0].clone();
            let gross = invoice.gross_amount.expect("a total");
            (gross.currency_code, gross.units, gross.nanos)
        };
        // 1001 and 19 %: 190.19, so 190.
        assert_eq!(buy("JPY").await, ("JPY".to_owned(), 1_191, 0));
        // 3.335 and 19 %: 0.63365, so 0.634.
        assert_eq!(buy("KWD").await, ("KWD".to_owned(), 3, 969_000_000));
        billet.assert_books_balance().await;
    })
    .await;
}

#[tokio::test]
async fn numbers_have_no_gaps_also_over_new_year() {
    on_both(async |mut billet| {
        let plan = billet.simple_plan("starter", "31.00").await;
        let acme = billet.customer("Acme").await;
        let with = pb::Customer { id: acme.clone(), payment_term_days: Some(30), ..Default::default() };
        billet.set_customer(with, "payment_term_days").await;
        let invoice = billet.subscribe(&acme, &plan, Default::default()).await.invoices[0].clone();
        assert_eq!(day(invoice.due_date.as_ref()), "2027-03-31");
        billet.credit(&invoice.id, &invoice.lines[0].id, euro(1_00)).await.expect("a credit note");
        for month in 4..=12 {
            billet.advance_to(&format!("2027-{month:02}-01T06:00:00Z")).await;
        }
        billet.advance_through(&["2028-01-01T06:00:00Z", "2028-02-01T06:00:00Z"]).await;
        let documents = billet.documents().await;
        let mut numbers: Vec<_> = documents
            .iter()
            .filter(|one| one.kind() == pb::InvoiceKind::Invoice)
            .map(|one| (day(one.issue_date.as_ref()), one.number.clone()))
            .collect();
        numbers.sort();
        let expected: Vec<_> = (3..=12)
            .map(|month| (format!("2027-{month:02}-01"), format!("RE-2027-{:05}", month - 2)))
            .chain((1..=2).map(|month| (format!("2028-{month:02}-01"), format!("RE-2028-{month:05}"))))
            .collect();
        assert_eq!(numbers, expected);
        let credit = documents.iter().find(|one| one.kind() == pb::InvoiceKind::CreditNote).expect("a credit note");
        assert!(credit.number.ends_with("2027-00001"), "each kind has its own range: {}", credit.number);
        billet.stop().await;
        billet.assert_checks();
    })
    .await;
}

#[tokio::test]
async fn a_clock_that_went_back_numbers_nothing() {
    on_both(async |mut billet| {
        let plan = billet.simple_plan("starter", "31.00").await;
        let acme = billet.customer("Acme").await;
        billet.subscribe(&acme, &plan, Default::default()).await;
        billet.restart_at("2027-02-27T08:00:00Z").await;
        let draft = billet
            .draft(pb::CreateDraftRequest {
                customer_id: acme,
                lines: vec![line("Work", "1", "1")],
                ..Default::default()
            })
            .await;
        let request = pb::IssueInvoiceRequest { request_id: billet.request_id(), id: draft.id };
        let answer = billet.owner.invoices().issue_invoice(request).await;
        assert_refused(answer, Code::FailedPrecondition, "CLOCK_WENT_BACK");
        assert_eq!(billet.documents().await.iter().filter(|one| !one.number.is_empty()).count(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_document_that_was_tampered_with_is_found() {
    on_both(async |mut billet| {
        let plan = billet.simple_plan("starter", "31.00").await;
        let acme = billet.customer("Acme").await;
        // One customer with an allowance, so that lines alone are not the net.
        let dear = billet.customer("Dear").await;
        let request = pb::UpdateCustomerRequest {
            request_id: billet.request_id(),
            customer: Some(pb::Customer { id: dear.clone(), allowance_percent: decimal("10"), ..Default::default() }),
            update_mask: Some(prost_types::FieldMask { paths: vec!["allowance_percent".to_owned()] }),
        };
        billet.owner.customers().update_customer(request).await.expect("an allowance");
        let mut made = Vec::new();
        for customer in [&acme, &dear] {
            made.extend(billet.subscribe(customer, &plan, Default::default()).await.invoices);
        }
        let taken_back = billet.cancel_invoice(&made[0].id, true).await.cancellation.expect("a cancellation");
        billet.stop().await;
        billet.assert_checks();
        // Somebody with the database's password.
        let tamper = async |triggers: Sql, change: &'static str, id: &str| {
            let store = Store::open(billet.database()).await.expect("a database");
            let mut tx = store.engine().begin().await.expect("a transaction");
            tx.execute(triggers, &[]).await.expect("no triggers");
            let id: i64 = id.trim_start_matches("inv_").parse().expect("an id");
            assert_eq!(tx.execute(change, &[id.into()]).await.expect("changed"), 1);
            tx.commit().await.expect("a commit");
            store.engine().close().await;
            let (is_in_order, said) = billet.check();
            assert!(!is_in_order, "{said}");
            said
        };
        let lines = Sql {
            sqlite: "DROP TRIGGER invoice_lines_issued_update",
            postgres: "ALTER TABLE invoice_lines DISABLE TRIGGER USER",
        };
        let said =
            tamper(lines, "UPDATE invoice_lines SET net_minor = net_minor - 100 WHERE invoice_id = $1", &made[1].id)
                .await;
        assert!(said.contains(&format!("{}: the issued document is not the sum of its lines", made[1].id)), "{said}");
        assert!(!said.contains(&taken_back.id), "{said}");
        let documents = Sql {
            sqlite: "DROP TRIGGER invoices_issued_update",
            postgres: "ALTER TABLE invoices DISABLE TRIGGER USER",
        };
        let said =
            tamper(documents, "UPDATE invoices SET gross_minor = gross_minor - 100 WHERE id = $1", &taken_back.id)
                .await;
        assert!(said.contains(&format!("{}: the issued document and its open item", taken_back.id)), "{said}");
        assert!(said.contains(&format!("{}: the issued document is not the sum", taken_back.id)), "{said}");
    })
    .await;
}
