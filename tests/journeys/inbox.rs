//! What cannot be applied waits with its reason, and is applied when it is mended.

use billet::proto::billet::v1 as pb;
use billet::proto::billet::v1::hook_event::Change;
use tokio_stream::StreamExt as _;
use tonic::Code;

use crate::harness::{Billet, cents, date, on_both};
use crate::panel::{Panel, changed, created, created_for, event, suspended, terminated};
use crate::refusal::{assert_refused, reason};

const AT: &str = "2027-03-01T08:00:00Z";

async fn parked(billet: &Billet) -> Vec<pb::ParkedHook> {
    billet.owner.hooks().list_parked(pb::ListParkedRequest::default()).await.expect("a list").into_inner().hooks
}

fn assert_parked(result: &pb::HookResult, why: &str) {
    assert_eq!((result.outcome(), result.reason.as_str()), (pb::HookOutcome::Parked, why), "{result:?}");
    assert!(!result.detail.is_empty(), "it says why in words: {result:?}");
}

#[tokio::test]
async fn unknown_things_wait_and_go_on_by_themselves_when_they_are_known() {
    on_both(async |billet| {
        let starter = billet.simple_plan("starter", "31.00").await;
        let acme = billet.customer("Acme").await;
        let panel = Panel::parking(&billet, "whm1").await;

        // No mapping, then no customer, then neither account.
        assert_parked(&panel.report("acme", AT, created("starter")).await, "UNKNOWN_PACKAGE");
        assert_parked(&panel.report("ghost", AT, suspended()).await, "UNKNOWN_ACCOUNT");
        let waiting = parked(&billet).await;
        let reasons: Vec<_> = waiting.iter().map(|hook| hook.reason.as_str()).collect();
        assert_eq!(reasons, ["UNKNOWN_PACKAGE", "UNKNOWN_ACCOUNT"]);
        let kept = waiting[0].event.as_ref().expect("the event is kept");
        assert_eq!((kept.external_ref.as_str(), kept.instance_id.as_str()), ("acme", panel.instance_id.as_str()));

        let only = pb::ListParkedRequest { reason: "UNKNOWN_ACCOUNT".to_owned(), ..Default::default() };
        assert_eq!(billet.owner.hooks().list_parked(only).await.expect("a list").into_inner().hooks.len(), 1);

        // The mapping mends the first half, the link the second.
        billet.map(&panel.instance_id, "starter", &starter).await;
        billet.settle().await;
        assert_eq!(parked(&billet).await[0].reason, "UNKNOWN_CUSTOMER");
        assert!(billet.documents().await.is_empty());
        billet.link(&acme, &panel.instance_id, "acme").await;
        billet.settle().await;
        assert_eq!(parked(&billet).await.len(), 1);
        let documents = billet.documents().await;
        assert_eq!(documents.len(), 1);
        assert_eq!(cents(documents[0].gross_amount.as_ref()), 36_89);
        // Reported again it is a duplicate of what was applied meanwhile.
        let again = panel.report("acme", AT, created("starter")).await;
        assert_eq!(again.outcome(), pb::HookOutcome::Duplicate);
        assert_eq!(again.invoices.len(), 1, "{again:?}");

        // An unknown package of a known account; an account that exists; one that ended.
        assert_parked(&panel.report("acme", AT, changed("gold")).await, "UNKNOWN_PACKAGE");
        assert_parked(&panel.report("acme", "2027-03-01T08:00:01Z", created("starter")).await, "ACCOUNT_EXISTS");
        panel.report("acme", "2027-03-01T09:00:00Z", terminated()).await;
        assert_parked(&panel.report("acme", "2027-03-01T10:00:00Z", suspended()).await, "ACCOUNT_ENDED");
        billet.assert_books_balance().await;
    })
    .await;
}

#[tokio::test]
async fn an_event_without_an_instant_is_the_same_when_it_comes_again() {
    on_both(async |mut billet| {
        let plan = billet.simple_plan("starter", "31.00").await;
        let acme = billet.customer("Acme").await;
        let panel = Panel::parking(&billet, "whm1").await;
        billet.map(&panel.instance_id, "starter", &plan).await;
        billet.link(&acme, &panel.instance_id, "acme").await;
        let undated = || pb::HookEvent { happened_at: None, ..event("e1", "acme", AT, created("starter")) };
        let first = panel.try_report(undated()).await.expect("it is taken");
        assert_eq!(first.outcome(), pb::HookOutcome::Applied, "{first:?}");
        billet.advance_to("2027-03-01T09:00:00Z").await;
        let again = panel.try_report(undated()).await.expect("it is known");
        assert_eq!(again.outcome(), pb::HookOutcome::Duplicate);
        assert_eq!((again.hook_id, again.invoices), (first.hook_id, first.invoices));
        // An instant, or another content, is another event.
        for other in
            [event("e1", "acme", AT, created("starter")), pb::HookEvent { change: Some(suspended()), ..undated() }]
        {
            let status = panel.try_report(other).await.expect_err("another content");
            assert_eq!((status.code(), reason(&status).as_str()), (Code::AlreadyExists, "EVENT_ID_REUSED"));
        }
        assert_eq!(billet.documents().await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_person_replays_and_dismisses() {
    on_both(async |billet| {
        let panel = Panel::parking(&billet, "whm1").await;
        let result = panel.report("ghost", AT, suspended()).await;
        assert_parked(&result, "UNKNOWN_ACCOUNT");
        let replay = pb::ReplayParkedRequest {
            request_id: billet.request_id(),
            ids: vec![result.hook_id.clone()],
            ..Default::default()
        };
        let results = billet.owner.hooks().replay_parked(replay).await.expect("it is tried").into_inner().results;
        assert_eq!(results.len(), 1);
        assert_parked(&results[0], "UNKNOWN_ACCOUNT");
        assert_eq!(parked(&billet).await[0].attempt_count, 2);

        let dismiss = pb::DismissParkedRequest {
            request_id: billet.request_id(),
            id: result.hook_id.clone(),
            reason: "a test account".to_owned(),
        };
        let closed = billet.owner.hooks().dismiss_parked(dismiss.clone()).await.expect("it is closed").into_inner();
        assert_eq!(closed.result.expect("a result").outcome(), pb::HookOutcome::Dismissed);
        assert!(parked(&billet).await.is_empty());
        let again = pb::DismissParkedRequest { request_id: billet.request_id(), ..dismiss };
        assert_refused(billet.owner.hooks().dismiss_parked(again).await, Code::FailedPrecondition, "NOT_PARKED");
        // Reported again it stays dismissed: nobody is asked twice.
        assert_eq!(panel.report("ghost", AT, suspended()).await.outcome(), pb::HookOutcome::Duplicate);
        assert!(parked(&billet).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_disabled_instance_keeps_its_hooks_until_it_is_enabled() {
    on_both(async |billet| {
        let starter = billet.simple_plan("starter", "31.00").await;
        let acme = billet.customer("Acme").await;
        let panel = Panel::parking(&billet, "whm1").await;
        billet.map(&panel.instance_id, "starter", &starter).await;
        billet.link(&acme, &panel.instance_id, "acme").await;
        let switch = async |enabled| {
            let request = pb::UpdateInstanceRequest {
                request_id: billet.request_id(),
                instance: Some(pb::Instance { id: panel.instance_id.clone(), enabled, ..Default::default() }),
                update_mask: Some(prost_types::FieldMask { paths: vec!["enabled".to_owned()] }),
            };
            billet.owner.instances().update_instance(request).await.expect("it is changed");
        };
        switch(false).await;
        assert_parked(&panel.report("acme", AT, created("starter")).await, "INSTANCE_DISABLED");
        switch(true).await;
        billet.settle().await;
        if !parked(&billet).await.is_empty() {
            let replay = pb::ReplayParkedRequest { request_id: billet.request_id(), ..Default::default() };
            let done = billet.owner.hooks().replay_parked(replay).await.expect("it is tried").into_inner().results;
            assert_eq!(done[0].outcome(), pb::HookOutcome::Applied, "{done:?}");
        }
        assert_eq!(billet.documents().await.len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_than_one_call_can_try_again_is_tried_page_by_page() {
    on_both(async |billet| {
        let panel = Panel::parking(&billet, "whm1").await;
        let names: Vec<String> = (0..1_003).map(|number| format!("nobody{number}")).collect();
        let all = names.iter().map(|name| panel.report(name, AT, suspended()));
        futures::future::join_all(all).await.iter().for_each(|result| assert_parked(result, "UNKNOWN_ACCOUNT"));
        let (mut page_token, mut counts) = (String::new(), Vec::new());
        loop {
            let request_id = billet.request_id();
            let replay = pb::ReplayParkedRequest { request_id, page_token, ..Default::default() };
            let done = billet.owner.hooks().replay_parked(replay).await.expect("tried").into_inner();
            counts.push(done.results.len());
            page_token = done.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        assert_eq!(counts, [1_000, 3]);
    })
    .await;
}

#[tokio::test]
async fn an_event_id_names_one_event() {
    on_both(async |billet| {
        let panel = Panel::parking(&billet, "whm1").await;
        let first = panel.try_report(event("e1", "acme", AT, suspended())).await.expect("it is taken");
        assert_eq!(first.outcome(), pb::HookOutcome::Parked);
        let other = panel.try_report(event("e1", "acme", AT, terminated())).await.expect_err("another event");
        assert_eq!((other.code(), reason(&other).as_str()), (Code::AlreadyExists, "EVENT_ID_REUSED"));
        // The same id at another instance is another event.
        let second = Panel::parking(&billet, "whm2").await;
        let there = second.try_report(event("e1", "acme", AT, terminated())).await.expect("it is taken");
        assert_eq!(there.outcome(), pb::HookOutcome::Parked);
        // Without an id the content is the id.
        let first = panel.report("acme", AT, created("x")).await;
        let again = panel.report("acme", AT, created("x")).await;
        assert_eq!((again.outcome(), again.hook_id), (pb::HookOutcome::Duplicate, first.hook_id));
    })
    .await;
}

#[tokio::test]
async fn a_stream_is_answered_in_order() {
    on_both(async |billet| {
        let starter = billet.simple_plan("starter", "31.00").await;
        let acme = billet.customer("Acme").await;
        let panel = Panel::parking(&billet, "whm1").await;
        billet.map(&panel.instance_id, "starter", &starter).await;
        let mut requests = Vec::new();
        for index in 0..40 {
            let account = format!("acct{index}");
            billet.link(&acme, &panel.instance_id, &account).await;
            let mut one = event(&format!("e{index}"), &account, AT, created("starter"));
            one.instance_id.clone_from(&panel.instance_id);
            requests.push(pb::ReportStreamRequest { event: Some(one.clone()) });
            requests.push(pb::ReportStreamRequest { event: Some(one) });
        }
        let stream = tokio_stream::iter(requests);
        let mut answers = panel.caller.hooks().report_stream(stream).await.expect("a stream").into_inner();
        let mut ids = Vec::new();
        let mut applied = 0;
        while let Some(answer) = answers.next().await {
            let answer = answer.expect("an answer");
            let outcome = answer.result.expect("a result").outcome();
            applied += usize::from(outcome == pb::HookOutcome::Applied);
            assert!(matches!(outcome, pb::HookOutcome::Applied | pb::HookOutcome::Duplicate), "{outcome:?}");
            ids.push(answer.event_id);
        }
        let expected: Vec<_> = (0..40).flat_map(|index| [format!("e{index}"), format!("e{index}")]).collect();
        assert_eq!((ids, applied), (expected, 40));
        billet.assert_books_balance().await;
    })
    .await;
}

#[tokio::test]
async fn a_customer_that_the_panel_brings_is_billed_when_it_has_an_address() {
    on_both(async |mut billet| {
        let starter = billet.simple_plan("starter", "31.00").await;
        let panel = Panel::new(&billet, "whm1", pb::UnknownCustomerPolicy::Create).await;
        billet.map(&panel.instance_id, "starter", &starter).await;
        let result = panel.report("acme", AT, created_for("starter", "jo@acme.example")).await;
        assert_eq!(result.outcome(), pb::HookOutcome::Applied, "{result:?}");
        assert_eq!(result.reason, "CUSTOMER_WITHOUT_ADDRESS");
        assert!(result.invoices.is_empty());
        // A second account with the same contact address belongs to the same customer.
        let result = panel.report("acme2", AT, created_for("starter", "JO@acme.example")).await;
        assert_eq!(result.outcome(), pb::HookOutcome::Applied, "{result:?}");
        let list = billet.owner.customers().list_customers(pb::ListCustomersRequest::default()).await.expect("a list");
        let customers = list.into_inner().customers;
        assert_eq!(customers.len(), 1, "{customers:?}");

        // The night's run tries and says why not.
        billet.advance_to("2027-03-02T06:00:00Z").await;
        let runs =
            billet.owner.runs().list_runs(pb::ListRunsRequest::default()).await.expect("a list").into_inner().runs;
        assert_eq!(runs[0].state(), pb::RunState::FinishedWithFailures, "{runs:?}");
        let request = pb::ListRunFailuresRequest { run_id: runs[0].id.clone(), ..Default::default() };
        let failures = billet.owner.runs().list_run_failures(request).await.expect("a list").into_inner().failures;
        assert_eq!(failures.len(), 2);
        assert!(failures.iter().all(|failure| failure.reason == "CUSTOMER_WITHOUT_ADDRESS"), "{failures:?}");

        let party = pb::Party {
            name: "Acme Ltd".to_owned(),
            address_line: "Musterweg 7".to_owned(),
            post_code: "20095".to_owned(),
            city: "Hamburg".to_owned(),
            country_code: "DE".to_owned(),
            email: "jo@acme.example".to_owned(),
            ..Default::default()
        };
        let request = pb::UpdateCustomerRequest {
            request_id: billet.request_id(),
            customer: Some(pb::Customer { id: customers[0].id.clone(), party: Some(party), ..Default::default() }),
            update_mask: Some(prost_types::FieldMask { paths: vec!["party".to_owned()] }),
        };
        billet.owner.customers().update_customer(request).await.expect("it is changed");
        billet.advance_to("2027-03-03T06:00:00Z").await;
        let documents = billet.documents().await;
        // Both accounts from the first day on: 62.00 net, 73.78 gross.
        assert_eq!(documents.len(), 1);
        assert_eq!(cents(documents[0].gross_amount.as_ref()), 73_78);
        let from = documents[0].lines[0].period.as_ref().and_then(|period| period.from);
        assert_eq!(from, date("2027-03-01"));
        billet.assert_books_balance().await;
    })
    .await;
}

#[tokio::test]
async fn a_hook_for_somebody_elses_instance_is_not_found() {
    on_both(async |billet| {
        let first = Panel::parking(&billet, "whm1").await;
        let second = Panel::parking(&billet, "whm2").await;
        let mut foreign = event("e1", "acme", AT, Change::AccountTerminated(pb::AccountTerminated {}));
        foreign.instance_id.clone_from(&second.instance_id);
        let status = first.try_report(foreign).await.expect_err("not its instance");
        assert_eq!((status.code(), reason(&status).as_str()), (Code::NotFound, "NOT_FOUND"));
    })
    .await;
}

#[tokio::test]
async fn what_keeps_the_seller_from_invoicing_keeps_no_report_out() {
    on_both(async |mut billet| {
        let plan = billet.simple_plan("starter", "31.00").await;
        let acme = billet.customer("Acme").await;
        let (instance_id, token) = billet.panel("whm1", pb::UnknownCustomerPolicy::Park).await;
        let mut panel = Panel { instance_id, caller: billet.caller(&token).await, token: token.clone() };
        billet.map(&panel.instance_id, "starter", &plan).await;
        billet.link(&acme, &panel.instance_id, "acme").await;
        billet.link(&acme, &panel.instance_id, "late").await;
        assert_eq!(panel.applied("acme", AT, created("starter")).await, [36_89]);

        // The machine comes up with a clock before the last number of the series.
        billet.restart_at("2027-02-20T08:00:00Z").await;
        panel.caller = billet.caller(&token).await;
        let late = panel.report("late", "2027-02-20T08:00:00Z", created("starter")).await;
        assert_eq!((late.outcome(), late.reason.as_str()), (pb::HookOutcome::Applied, "CLOCK_WENT_BACK"), "{late:?}");
        assert!(late.invoices.is_empty() && !late.detail.is_empty(), "{late:?}");
        assert_eq!(billet.documents().await.len(), 1);
        // Who asks for a change by hand wants to know.
        let request = pb::CreateSubscriptionRequest {
            request_id: billet.request_id(),
            customer_id: acme.clone(),
            plan_id: plan.clone(),
            bill_now: true,
            ..Default::default()
        };
        let refused = billet.owner.subscriptions().create_subscription(request).await;
        assert_refused(refused, Code::FailedPrecondition, "CLOCK_WENT_BACK");

        // When it is right again the nightly run bills what was recorded.
        billet.restart_at("2027-03-01T23:30:00Z").await;
        billet.advance_to("2027-03-02T06:00:00Z").await;
        let documents = billet.documents().await;
        assert_eq!(documents.len(), 2, "{documents:?}");
        assert_eq!(documents[1].lines[0].subscription_id, late.subscription_id);
        billet.assert_books_balance().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_understood_waits_until_a_person_has_seen_it() {
    on_both(async |billet| {
        let starter = billet.simple_plan("starter", "31.00").await;
        let acme = billet.customer("Acme").await;
        let panel = Panel::parking(&billet, "whm1").await;
        billet.map(&panel.instance_id, "starter", &starter).await;
        billet.link(&acme, &panel.instance_id, "acme").await;
        let large = [br#"{"data":""#.as_slice(), &vec![b'x'; 10 << 20], br#""}"#].concat();
        let nameless = br#"{"context": {"category": "Whostmgr", "event": "Accounts::Remove", "stage": "post"},
            "data": {"pass": "MUST-BE-REDACTED"}, "hook": {"stage": "post"}}"#;
        for (input, exit) in [
            (b"{\"context\":".as_slice(), 65),
            (b"\xff\xfe\x00".as_slice(), 65),
            (b"[]".as_slice(), 65),
            (large.as_slice(), 65),
            (nameless.as_slice(), 0),
        ] {
            let (said, code) = billet.hook(&panel.token, input);
            assert_eq!(code, exit, "{said}");
            assert!(said.starts_with("1 billet: not understood: ") && said.contains("waits in the inbox"), "{said}");
        }
        let waiting = parked(&billet).await;
        assert!(waiting.iter().all(|hook| hook.reason == "UNCLEAR_REPORT"), "{waiting:?}");
        let codes: Vec<_> =
            waiting.iter().map(|hook| hook.detail.split(':').next().unwrap_or_default().to_owned()).collect();
        assert_eq!(codes, ["UNREADABLE", "UNREADABLE", "UNREADABLE", "TOO_LARGE", "UNNAMED"]);
        assert!(!format!("{waiting:?}").contains("MUST-BE-REDACTED"));

        // Others go on, and trying them again changes nothing.
        let made = panel.report("acme", AT, created("starter")).await;
        assert_eq!(made.outcome(), pb::HookOutcome::Applied, "{made:?}");
        let replay = pb::ReplayParkedRequest { request_id: billet.request_id(), ..Default::default() };
        billet.owner.hooks().replay_parked(replay).await.expect("tried again");
        billet.settle().await;
        assert_eq!(parked(&billet).await.len(), 5);

        // A person has seen it.
        for hook in &waiting {
            let request = pb::DismissParkedRequest {
                request_id: billet.request_id(),
                id: hook.id.clone(),
                reason: "looked at on the server: a test by hand".to_owned(),
            };
            billet.owner.hooks().dismiss_parked(request).await.expect("dismissed");
        }
        assert!(parked(&billet).await.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_was_wrong_bills_no_years_and_stops_nobody() {
    on_both(async |billet| {
        let starter = billet.simple_plan("starter", "31.00").await;
        let acme = billet.customer("Acme").await;
        let panel = Panel::parking(&billet, "whm1").await;
        billet.map(&panel.instance_id, "starter", &starter).await;
        billet.link(&acme, &panel.instance_id, "acme").await;
        // Before there were computers: refused with the field.
        for seconds in [-1, -62_000_000_000, -8_334_601_228_800] {
            let mut old = event("old", "acme", AT, created("starter"));
            old.happened_at = Some(prost_types::Timestamp { seconds, nanos: 0 });
            let refused = panel.try_report(old).await.expect_err("it is refused");
            assert_eq!(refused.code(), Code::InvalidArgument, "{refused:?}");
        }
        // Before there was Billet: it waits, and nothing is billed.
        for at in ["1970-01-01T00:00:10Z", "1999-12-31T23:59:59Z", "2026-01-01T00:00:00Z"] {
            assert_parked(&panel.report("acme", at, created("starter")).await, "LONG_AGO");
        }
        assert!(billet.documents().await.is_empty());
        let made = panel.report("acme", AT, created("starter")).await;
        assert_eq!(made.outcome(), pb::HookOutcome::Applied, "{made:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_life_within_the_hour_is_told_in_any_order() {
    on_both(async |billet| {
        let starter = billet.simple_plan("starter", "31.00").await;
        let acme = billet.customer("Acme").await;
        let panel = Panel::parking(&billet, "whm1").await;
        billet.map(&panel.instance_id, "starter", &starter).await;
        billet.link(&acme, &panel.instance_id, "acme").await;
        for (at, change) in [
            ("2027-03-01T05:00:00Z", created("starter")),
            ("2027-03-01T06:00:00Z", terminated()),
            ("2027-03-01T06:20:00Z", terminated()),
            ("2027-03-01T06:10:00Z", created("starter")),
        ] {
            panel.report("acme", at, change).await;
        }
        assert!(parked(&billet).await.is_empty());
        let request = pb::ListSubscriptionsRequest { page_size: 10, ..Default::default() };
        let all = billet.owner.subscriptions().list_subscriptions(request).await.expect("listed").into_inner();
        assert_eq!(all.subscriptions.len(), 2);
        assert!(all.subscriptions.iter().all(|one| one.ends_on.is_some()), "both have ended: {all:?}");
    })
    .await;
}
