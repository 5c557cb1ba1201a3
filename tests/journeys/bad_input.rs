//! What bad input gets: a precise refusal with reason and field, or a place in the inbox; and a daemon that lives on.

use billet::grpc::access::METHODS;
use billet::proto::billet::v1 as pb;
use billet::proto::google::r#type as gt;
use prost::Message as _;
use tonic::Code;

use crate::catalogue::component;
use crate::harness::{Billet, date, decimal, euro, on_both};
use crate::panel::{Panel, created, event, quantity, used};
use crate::refusal::{assert_invalid, assert_refused, fields, reason};

/// A plan, a customer and a subscription.
async fn contract(billet: &Billet) -> (String, String, String) {
    let plan = billet.simple_plan("starter", "31.00").await;
    let acme = billet.customer("Acme").await;
    let made = billet.owner.subscriptions().create_subscription(start(billet, &acme, &plan)).await.expect("it starts");
    (plan, acme, made.into_inner().subscription.expect("a subscription").id)
}

fn start(billet: &Billet, customer: &str, plan: &str) -> pb::CreateSubscriptionRequest {
    pb::CreateSubscriptionRequest {
        request_id: billet.request_id(),
        customer_id: customer.to_owned(),
        plan_id: plan.to_owned(),
        bill_now: true,
        ..Default::default()
    }
}

fn change(
    billet: &Billet,
    id: &str,
    on: Option<gt::Date>,
    change: pb::subscription_change::Change,
) -> pb::ChangeSubscriptionRequest {
    pb::ChangeSubscriptionRequest {
        request_id: billet.request_id(),
        id: id.to_owned(),
        change: Some(pb::SubscriptionChange { effective_date: on, change: Some(change) }),
        ..Default::default()
    }
}

fn draft(billet: &Billet, customer: &str, lines: Vec<pb::ManualLine>) -> pb::CreateDraftRequest {
    pb::CreateDraftRequest {
        request_id: billet.request_id(),
        customer_id: customer.to_owned(),
        lines,
        ..Default::default()
    }
}

fn line(quantity: &str, unit_price: &str) -> pb::ManualLine {
    pb::ManualLine {
        name: "Work".to_owned(),
        quantity: decimal(quantity),
        unit_price: decimal(unit_price),
        ..Default::default()
    }
}

async fn assert_alive(billet: &Billet) {
    billet.owner.admin().who_am_i(pb::WhoAmIRequest {}).await.expect("it is alive");
    assert!(!billet.log().contains("panicked"), "{}", billet.log());
}

#[tokio::test]
async fn what_is_unknown_is_not_found_and_what_is_malformed_names_its_field() {
    on_both(async |billet| {
        let (plan, acme, subscription) = contract(&billet).await;
        let subscriptions = || billet.owner.subscriptions();
        let missing = start(&billet, "cus_999999", &plan);
        assert_refused(subscriptions().create_subscription(missing).await, Code::NotFound, "NOT_FOUND");
        let missing = start(&billet, &acme, "pln_999999");
        let status = subscriptions().create_subscription(missing).await.expect_err("no such plan");
        assert!(matches!(status.code(), Code::NotFound | Code::InvalidArgument), "{status:?}");
        // An id of another kind, of nothing, of too much.
        for id in [acme.as_str(), "pln_", "17", "pln_99999999999999999999", "pln_-1", "pln_1 "] {
            assert_invalid(subscriptions().create_subscription(start(&billet, &acme, id)).await, "plan_id");
        }
        let odd = pb::CreateSubscriptionRequest { currency_code: "XXY".to_owned(), ..start(&billet, &acme, &plan) };
        assert_invalid(subscriptions().create_subscription(odd).await, "currency_code");
        let dear = pb::CreateSubscriptionRequest { currency_code: "PLN".to_owned(), ..start(&billet, &acme, &plan) };
        assert_refused(subscriptions().create_subscription(dear).await, Code::FailedPrecondition, "NO_PRICE");
        let negative = [("base".to_owned(), "-1".to_owned())].into();
        let odd = pb::CreateSubscriptionRequest { quantities: negative, ..start(&billet, &acme, &plan) };
        let status = subscriptions().create_subscription(odd).await.expect_err("negative");
        assert_eq!((status.code(), reason(&status).as_str()), (Code::InvalidArgument, "INVALID"), "{status:?}");
        assert!(fields(&status)[0].starts_with("quantit"), "{status:?}");
        let anchor = pb::CreateSubscriptionRequest { anchor_day: 32, ..start(&billet, &acme, &plan) };
        assert_invalid(subscriptions().create_subscription(anchor).await, "anchor_day");
        let trial = pb::CreateSubscriptionRequest { trial_days: u32::MAX, ..start(&billet, &acme, &plan) };
        assert_invalid(subscriptions().create_subscription(trial).await, "trial_days");
        let day = Some(gt::Date { year: 2027, month: 2, day: 30 });
        let odd = pb::CreateSubscriptionRequest { start_date: day, ..start(&billet, &acme, &plan) };
        assert_invalid(subscriptions().create_subscription(odd).await, "start_date");
        let far = pb::CreateSubscriptionRequest { start_date: date("9999-12-31"), ..start(&billet, &acme, &plan) };
        assert_invalid(subscriptions().create_subscription(far).await, "start_date");
        let nul = pb::CreateSubscriptionRequest { label: "a\0b".to_owned(), ..start(&billet, &acme, &plan) };
        assert_invalid(subscriptions().create_subscription(nul).await, "label");
        let long = pb::CreateSubscriptionRequest { label: "x".repeat(201), ..start(&billet, &acme, &plan) };
        assert_invalid(subscriptions().create_subscription(long).await, "label");
        let odd = pb::CreateSubscriptionRequest { external_ref: "acme".to_owned(), ..start(&billet, &acme, &plan) };
        assert_invalid(subscriptions().create_subscription(odd).await, "instance_id");

        // Two capital letters that are no country, on the way in and afterwards.
        let party = |country: &str| pb::Party {
            name: "Odd".to_owned(),
            country_code: country.to_owned(),
            ..Default::default()
        };
        for country in ["XX", "UK", "de", "DEU"] {
            let customer = pb::Customer { party: Some(party(country)), ..Default::default() };
            let asked = pb::CreateCustomerRequest { request_id: billet.request_id(), customer: Some(customer) };
            assert_invalid(billet.owner.customers().create_customer(asked).await, "customer.party.country_code");
        }
        let asked = pb::UpdateCustomerRequest {
            request_id: billet.request_id(),
            customer: Some(pb::Customer { id: acme.clone(), party: Some(party("XX")), ..Default::default() }),
            update_mask: Some(prost_types::FieldMask { paths: vec!["party".to_owned()] }),
        };
        assert_invalid(billet.owner.customers().update_customer(asked).await, "customer.party.country_code");

        // Changes.
        let pause = || pb::subscription_change::Change::Pause(pb::Pause {});
        let early = change(&billet, &subscription, date("2027-02-28"), pause());
        assert_invalid(subscriptions().change_subscription(early).await, "change.effective_date");
        let to = |component: &str, units: &str| {
            let quantity =
                pb::ChangeQuantity { component: component.to_owned(), quantity: decimal(units), ..Default::default() };
            pb::subscription_change::Change::Quantity(quantity)
        };
        let bad = ["-1", "1e400", "abc", "", "0.0000000000001", "1000000001", "NaN", "١"];
        for units in bad {
            let asked = change(&billet, &subscription, None, to("base", units));
            let status = subscriptions().change_subscription(asked).await.expect_err(units);
            assert_eq!(status.code(), Code::InvalidArgument, "{units}: {status:?}");
            assert!(fields(&status)[0].starts_with("change"), "{units}: {status:?}");
        }
        let status =
            subscriptions().change_subscription(change(&billet, &subscription, None, to("nothing", "1"))).await;
        assert_eq!(status.expect_err("no such component").code(), Code::InvalidArgument);
        let nothing = pb::ChangeSubscriptionRequest { change: None, ..change(&billet, &subscription, None, pause()) };
        assert_invalid(subscriptions().change_subscription(nothing).await, "change");
        let resume = pb::subscription_change::Change::Resume(pb::Resume {});
        let asked = change(&billet, &subscription, None, resume);
        assert_refused(subscriptions().change_subscription(asked).await, Code::FailedPrecondition, "WRONG_STATE");
        assert_alive(&billet).await;
    })
    .await;
}

#[tokio::test]
async fn a_period_that_is_billed_is_not_billed_again() {
    on_both(async |billet| {
        let (_, acme, _) = contract(&billet).await;
        for _ in 0..3 {
            let request =
                pb::BillCustomerRequest { request_id: billet.request_id(), customer_id: acme.clone(), draft: false };
            let answer = billet.owner.invoices().bill_customer(request).await.expect("nothing is due").into_inner();
            assert!(answer.invoices.is_empty(), "{answer:?}");
        }
        assert_eq!(billet.documents().await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_customer_without_an_address_refuses_what_would_be_invoiced() {
    on_both(async |billet| {
        let (plan, _, _) = contract(&billet).await;
        let party = pb::Party { name: "Nowhere".to_owned(), ..Default::default() };
        let customer = pb::Customer { party: Some(party), ..Default::default() };
        let request = pb::CreateCustomerRequest { request_id: billet.request_id(), customer: Some(customer) };
        let made = billet.owner.customers().create_customer(request).await.expect("a customer").into_inner();
        let id = made.customer.expect("a customer").id;
        let answer = billet.owner.subscriptions().create_subscription(start(&billet, &id, &plan)).await;
        assert_refused(answer, Code::FailedPrecondition, "CUSTOMER_WITHOUT_ADDRESS");
        // Nothing of it was done.
        let request = pb::ListSubscriptionsRequest { customer_id: id, ..Default::default() };
        let list = billet.owner.subscriptions().list_subscriptions(request).await.expect("a list").into_inner();
        assert!(list.subscriptions.is_empty(), "{list:?}");
    })
    .await;
}

#[tokio::test]
async fn a_request_id_is_for_one_call() {
    on_both(async |billet| {
        let (plan, acme, _) = contract(&billet).await;
        let request = start(&billet, &acme, &plan);
        let first = billet.owner.subscriptions().create_subscription(request.clone()).await.expect("it starts");
        let again = billet.owner.subscriptions().create_subscription(request.clone()).await.expect("the same answer");
        assert_eq!(first.into_inner(), again.into_inner());
        let other = pb::CreateSubscriptionRequest { label: "another".to_owned(), ..request.clone() };
        let answer = billet.owner.subscriptions().create_subscription(other).await;
        assert_refused(answer, Code::AlreadyExists, "REQUEST_ID_REUSED");
        let request =
            pb::BillCustomerRequest { request_id: request.request_id, customer_id: acme.clone(), draft: false };
        assert_refused(billet.owner.invoices().bill_customer(request).await, Code::AlreadyExists, "REQUEST_ID_REUSED");
        for id in ["", "a\0b", "line\nbreak", &"x".repeat(129)] {
            let request = pb::CreateSubscriptionRequest { request_id: id.to_owned(), ..start(&billet, &acme, &plan) };
            assert_invalid(billet.owner.subscriptions().create_subscription(request).await, "request_id");
        }
    })
    .await;
}

#[tokio::test]
async fn drafts_and_money_have_bounds() {
    on_both(async |billet| {
        let (_, acme, _) = contract(&billet).await;
        let create = async |lines| billet.owner.invoices().create_draft(draft(&billet, &acme, lines)).await;
        assert_invalid(create(Vec::new()).await, "lines");
        assert_invalid(create(vec![line("1", "1"); 1_001]).await, "lines");
        assert_invalid(create(vec![line("0", "1")]).await, "lines[0].quantity");
        assert_invalid(create(vec![line("1", "1"), line("1", "-1")]).await, "lines[1].unit_price");
        assert_invalid(create(vec![line("-1", "1")]).await, "lines");
        assert_invalid(create(vec![line("1", "1000000001")]).await, "lines[0].unit_price");
        let nul = pb::ManualLine { name: "a\0b".to_owned(), ..line("1", "1") };
        assert_invalid(create(vec![nul]).await, "lines[0].name");
        let class = pb::ManualLine { tax_class: "unheard_of".to_owned(), ..line("1", "1") };
        assert_invalid(create(vec![class]).await, "lines[0].tax_class");
        let backwards = pb::Period { from: date("2027-03-02"), to: date("2027-03-01") };
        let odd = pb::ManualLine { period: Some(backwards), ..line("1", "1") };
        let status = create(vec![odd]).await.expect_err("backwards");
        assert!(fields(&status)[0].starts_with("lines[0].period"), "{status:?}");
        // A thousand lines of the most that a number can be do not fit into an amount.
        let huge = create(vec![line("1000000000", "1000000000"); 1_000]).await;
        let status = huge.expect_err("too much");
        assert!(matches!(status.code(), Code::FailedPrecondition | Code::InvalidArgument), "{status:?}");
        create(vec![line("1", "1"); 1_000]).await.expect("a thousand lines are fine");

        let pay = async |amount: Option<gt::Money>| {
            let request = pb::RecordPaymentRequest {
                request_id: billet.request_id(),
                customer_id: acme.clone(),
                amount,
                ..Default::default()
            };
            billet.owner.payments().record_payment(request).await
        };
        assert_invalid(pay(None).await, "amount");
        assert_invalid(pay(Some(euro(0))).await, "amount");
        assert_invalid(pay(Some(euro(-1_00))).await, "amount");
        let money = |units, nanos| Some(gt::Money { currency_code: "EUR".to_owned(), units, nanos });
        for odd in [money(1, 1), money(i64::MAX, 0), money(1, -10_000_000), money(1, i32::MAX)] {
            let status = pay(odd.clone()).await.expect_err("no amount");
            assert_eq!(status.code(), Code::InvalidArgument, "{odd:?}: {status:?}");
            assert!(fields(&status)[0].starts_with("amount"), "{odd:?}: {status:?}");
        }
        let status = pay(Some(gt::Money { currency_code: "eur".to_owned(), units: 1, nanos: 0 })).await;
        assert_eq!(status.expect_err("no currency").code(), Code::InvalidArgument);
        assert_alive(&billet).await;
        billet.assert_books_balance().await;
    })
    .await;
}

#[tokio::test]
async fn a_catalogue_is_checked_before_it_is_kept() {
    on_both(async |billet| {
        let plan = |code: &str, components| pb::CreatePlanRequest {
            request_id: billet.request_id(),
            plan: Some(pb::Plan {
                code: code.to_owned(),
                name: "Plan".to_owned(),
                orderable: true,
                ..Default::default()
            }),
            version: Some(pb::PlanVersion { components, ..Default::default() }),
        };
        let base = || component("base", pb::Charging::Recurring, "1.00");
        let refused = async |request, at: &str| {
            let status = billet.owner.catalog().create_plan(request).await.expect_err(at);
            assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
            assert!(fields(&status).iter().any(|field| field.contains(at)), "{at}: {status:?}");
        };
        refused(plan("", vec![base()]), "plan.code").await;
        refused(plan("a b", vec![base()]), "plan.code").await;
        refused(plan("none", Vec::new()), "components").await;
        refused(plan("twice", vec![base(), base()]), "components[1]").await;
        let price = component("base", pb::Charging::Recurring, "-1");
        refused(plan("negative", vec![price]), "unit_price").await;
        let mut odd = base();
        odd.prices[0].currency_code = "EURO".to_owned();
        refused(plan("currency", vec![odd]), "currency_code").await;
        let mut odd = base();
        odd.prices[0].cycle = Some(pb::Cycle { unit: pb::CycleUnit::Month.into(), count: u32::MAX });
        refused(plan("cycle", vec![odd]), "cycle").await;
        refused(plan("unspecified", vec![component("base", pb::Charging::Unspecified, "1")]), "charging").await;
        billet.simple_plan("once", "1").await;
        let answer = billet.owner.catalog().create_plan(plan("once", vec![base()])).await;
        let status = answer.expect_err("taken");
        assert_eq!(status.code(), Code::AlreadyExists, "{status:?}");
        assert_alive(&billet).await;
    })
    .await;
}

#[tokio::test]
async fn lists_take_only_tokens_that_they_gave() {
    on_both(async |billet| {
        contract(&billet).await;
        for token in ["garbage", "!!!", "\0", "LTE", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5"] {
            let page_token = || token.to_owned();
            let request = pb::ListInvoicesRequest { page_token: page_token(), ..Default::default() };
            let invoices = billet.owner.invoices().list_invoices(request).await;
            let request = pb::ListPaymentsRequest { page_token: page_token(), ..Default::default() };
            let payments = billet.owner.payments().list_payments(request).await;
            let request = pb::ListCustomersRequest { page_token: page_token(), ..Default::default() };
            let customers = billet.owner.customers().list_customers(request).await;
            let request = pb::ListPlansRequest { page_token: page_token(), ..Default::default() };
            let plans = billet.owner.catalog().list_plans(request).await;
            let codes = [invoices.map(|_| ()), payments.map(|_| ()), customers.map(|_| ()), plans.map(|_| ())];
            for answer in codes {
                // `LTE` is a number that names no row: an empty page at most.
                if let Err(status) = answer {
                    assert_eq!(status.code(), Code::InvalidArgument, "{token}: {status:?}");
                    assert_eq!(fields(&status), ["page_token"], "{token}: {status:?}");
                }
            }
        }
        for page_size in [-1, 1_001, i32::MIN] {
            let request = pb::ListInvoicesRequest { page_size, ..Default::default() };
            assert_invalid(billet.owner.invoices().list_invoices(request).await, "page_size");
        }
        let request = pb::ListCustomersRequest { query: "a\0b%_'\"".to_owned(), ..Default::default() };
        if let Err(status) = billet.owner.customers().list_customers(request).await {
            assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
        }
        assert_alive(&billet).await;
    })
    .await;
}

#[tokio::test]
async fn hooks_that_cannot_be_are_refused_with_their_field() {
    on_both(async |billet| {
        let panel = Panel::parking(&billet, "whm1").await;
        let at = "2027-03-01T08:00:00Z";
        let good = || event("e1", "acme", at, created("starter"));
        let refused = async |event: pb::HookEvent, field: &str| {
            let status = panel.try_report(event).await.expect_err(field);
            assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
            assert_eq!(fields(&status), [format!("event.{field}")], "{status:?}");
        };
        refused(pb::HookEvent { external_ref: String::new(), ..good() }, "external_ref").await;
        refused(pb::HookEvent { external_ref: "a\0b".to_owned(), ..good() }, "external_ref").await;
        refused(pb::HookEvent { external_ref: "x".repeat(254), ..good() }, "external_ref").await;
        refused(pb::HookEvent { event_id: "\u{1b}[31m".to_owned(), ..good() }, "event_id").await;
        refused(pb::HookEvent { instance_id: "cus_1".to_owned(), ..good() }, "instance_id").await;
        refused(pb::HookEvent { change: None, ..good() }, "change").await;
        refused(
            pb::HookEvent { happened_at: Some(prost_types::Timestamp { seconds: i64::MAX, nanos: 0 }), ..good() },
            "happened_at",
        )
        .await;
        // Without an id and an instant two equal reports are one or two: nobody knows.
        let use_of = || used("traffic", "1", "2027-03-01", "2027-03-02");
        refused(pb::HookEvent { happened_at: None, ..event("", "acme", at, use_of()) }, "happened_at").await;
        // The panel's clock may be a day ahead. With more than that a person is asked, and later reports are not held up.
        let ahead = event("e2", "ahead", "2027-03-02T08:00:01Z", created("starter"));
        let answer = panel.caller.hooks().report(pb::ReportRequest { event: Some(ahead) }).await.expect("taken");
        let result = answer.into_inner().result.expect("a result");
        assert_eq!(
            (result.outcome(), result.reason.as_str()),
            (pb::HookOutcome::Parked, "AHEAD_OF_TIME"),
            "{result:?}"
        );
        refused(event("e3", "acme", at, quantity("mailbox", "-1")), "quantity_changed.quantity").await;
        refused(event("e4", "acme", at, quantity("mailbox", "1e99")), "quantity_changed.quantity").await;
        refused(event("e5", "acme", at, used("m", "1", "2027-03-02", "2027-03-01")), "usage_reported.to").await;
        let answer = panel.caller.hooks().report(pb::ReportRequest { event: None }).await;
        assert_invalid(answer, "event");
        // An unknown instance, by somebody who is bound to none.
        let unknown = pb::HookEvent { instance_id: "ins_999999".to_owned(), ..good() };
        let answer = billet.owner.hooks().report(pb::ReportRequest { event: Some(unknown) }).await;
        assert_refused(answer, Code::NotFound, "NOT_FOUND");
        let answer = billet.owner.hooks().report(pb::ReportRequest { event: Some(good()) }).await;
        assert_invalid(answer, "event.instance_id");
        // A number beyond what money can be waits or is refused, and blocks nobody.
        let result = panel
            .report("acme", at, used("traffic", "79228162514264337593543950335", "2027-03-01", "2027-03-02"))
            .await;
        assert_eq!(result.outcome(), pb::HookOutcome::Parked, "{result:?}");
        assert_alive(&billet).await;
    })
    .await;
}

#[tokio::test]
async fn bytes_that_are_no_message_break_nothing() {
    on_both(async |billet| {
        let panel = Panel::parking(&billet, "whm1").await;
        let refused = async |body: Vec<u8>, what: &str| {
            let status = panel.caller.raw("HookService/Report", body).await.expect_err(what);
            let fine = [Code::InvalidArgument, Code::OutOfRange, Code::ResourceExhausted];
            assert!(fine.contains(&status.code()), "{what}: {status:?}");
        };
        refused(vec![0xff; 64], "no protobuf").await;
        refused(vec![0x0a, 0x7f, 0x01], "cut off").await;
        // A field `external_ref` (3) in an event (1) with bytes that are not UTF-8.
        refused(vec![0x0a, 0x04, 0x1a, 0x02, 0xc3, 0x28], "not UTF-8").await;
        // Ten megabytes in the source.
        let large = event("e1", "acme", "2027-03-01T08:00:00Z", created("starter"));
        let large = pb::ReportRequest { event: Some(pb::HookEvent { source: "x".repeat(10 << 20), ..large }) };
        refused(large.encode_to_vec(), "ten megabytes").await;
        let mut wrong = Vec::new();
        for access in METHODS {
            for body in [vec![0xff; 16], vec![0x0a, 0x7f], vec![0x0a, 0x02, 0xc3, 0x28]] {
                if let Err(status) = billet.owner.raw(access.method, body).await
                    && matches!(status.code(), Code::Internal | Code::Unknown | Code::Unavailable)
                {
                    wrong.push(format!("{}: {status:?}", access.method));
                }
            }
        }
        assert!(wrong.is_empty(), "{} of them:\n{}", wrong.len(), wrong[..wrong.len().min(3)].join("\n"));
        assert_alive(&billet).await;
    })
    .await;
}

#[tokio::test]
async fn the_clock_is_not_moved_back() {
    on_both(async |billet| {
        let request = pb::AdvanceClockRequest { to: crate::harness::instant("2027-02-28T08:00:00Z") };
        let status = billet.owner.admin().advance_clock(request).await.expect_err("back");
        assert!(matches!(status.code(), Code::InvalidArgument | Code::FailedPrecondition), "{status:?}");
        let far = pb::AdvanceClockRequest { to: Some(prost_types::Timestamp { seconds: i64::MAX, nanos: 0 }) };
        assert_invalid(billet.owner.admin().advance_clock(far).await, "to");
        assert_invalid(billet.owner.admin().advance_clock(pb::AdvanceClockRequest { to: None }).await, "to");
        assert_alive(&billet).await;
    })
    .await;
}
