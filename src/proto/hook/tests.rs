use chrono::NaiveDate;
use proptest::prelude::*;
use rust_decimal::Decimal;

use super::*;
use crate::proto::google::r#type as google;

/// 24 November 2026, noon.
fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_521_600, 0).expect("a constant instant")
}

fn a_name() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9äß._ -]{0,40}"
}

fn a_ref() -> impl Strategy<Value = String> {
    "[a-z0-9][a-z0-9._ü-]{0,60}"
}

fn a_date() -> impl Strategy<Value = NaiveDate> {
    (1_i32..=9998, 1_u32..=366).prop_filter_map("no such day", |(year, day)| NaiveDate::from_yo_opt(year, day))
}

fn a_quantity() -> impl Strategy<Value = Decimal> {
    // All that a Decimal can hold: 96 bits, 28 places.
    (0_i128..1 << 96, 0_u32..=28).prop_map(|(mantissa, scale)| Decimal::from_i128_with_scale(mantissa, scale))
}

fn a_change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (a_name(), a_name(), a_name(), a_name()).prop_map(|(package, domain, contact_email, owner)| {
            Change::AccountCreated { package, domain, contact_email, owner }
        }),
        "[ -~\n\t]{0,80}".prop_map(|reason| Change::AccountSuspended { reason }),
        Just(Change::AccountUnsuspended),
        Just(Change::AccountTerminated),
        (a_name(), a_ref()).prop_map(|(from_package, to_package)| Change::PackageChanged { from_package, to_package }),
        (a_ref(), a_quantity()).prop_map(|(component, quantity)| Change::QuantityChanged { component, quantity }),
        (a_ref(), a_quantity(), a_date(), 1_i64..400).prop_filter_map(
            "past the calendar",
            |(metric, quantity, from, days)| {
                let to = from.checked_add_signed(chrono::TimeDelta::days(days)).filter(|to| *to < NaiveDate::MAX)?;
                Some(Change::UsageReported { metric, quantity, from, to })
            }
        ),
        (a_name(), a_name()).prop_map(|(package, contact_email)| Change::ResellerCreated { package, contact_email }),
        (1_u32..=10, a_name()).prop_map(|(years, contact_email)| Change::DomainRegistered { years, contact_email }),
        (1_u32..=10, proptest::option::of(a_date()))
            .prop_map(|(years, expires_on)| Change::DomainRenewed { years, expires_on }),
        (0_u32..=10, a_name()).prop_map(|(years, contact_email)| Change::DomainTransferredIn { years, contact_email }),
        Just(Change::DomainTransferredOut),
        Just(Change::DomainExpired),
        ("[A-Z_]{1,64}", ".{0,40}").prop_map(|(code, reason)| Change::Unclear {
            code,
            reason: reason.chars().filter(|c| !c.is_control()).collect(),
            facts: "{\"bytes\":12}".to_owned(),
        }),
    ]
}

fn a_hook() -> impl Strategy<Value = Hook> {
    // From 1970 to a day ahead of now, to the nanosecond.
    (a_name(), 0_i64..1_795_600_000, 0_u32..1_000_000_000, a_ref(), a_change(), "[ -~]{0,60}").prop_map(
        |(event_id, seconds, nanos, external_ref, change, source)| Hook {
            event_id,
            happened_at: DateTime::from_timestamp(seconds, nanos).expect("within the calendar"),
            external_ref,
            change,
            source,
        },
    )
}

proptest! {
    #[test]
    fn what_is_encoded_decodes_to_the_same(hook in a_hook(), instance in proptest::option::of(1_i64..)) {
        let instance_id = instance.map(InstanceId);
        let report = decode(encode(&hook, instance_id), now()).expect("it keeps to the rules");
        prop_assert_eq!(report, Report { instance_id, hook, is_dated: true });
    }

    #[test]
    fn nothing_that_is_decoded_panics(
        texts in proptest::array::uniform4(".{0,300}"),
        seconds in any::<i64>(),
        nanos in any::<i32>(),
        parts in any::<(i32, i32, i32)>(),
    ) {
        let [instance_id, event_id, external_ref, value] = texts;
        let date = google::Date { year: parts.0, month: parts.1, day: parts.2 };
        let change = ProtoChange::UsageReported(proto::UsageReported {
            metric: event_id.clone(),
            quantity: Some(google::Decimal { value }),
            from: Some(date),
            to: Some(date),
        });
        let happened_at = Some(Timestamp { seconds, nanos });
        // Whatever it answers: a report, or a field with a reason that can be shown.
        if let Err(error) = decode(
            proto::HookEvent { instance_id, event_id, external_ref, happened_at, source: String::new(), change: Some(change) },
            now(),
        ) {
            prop_assert!(!error.to_string().is_empty());
        }
    }
}

fn an_event() -> proto::HookEvent {
    proto::HookEvent {
        event_id: "e-1".into(),
        external_ref: "acmeone".into(),
        change: Some(ProtoChange::AccountTerminated(proto::AccountTerminated {})),
        ..Default::default()
    }
}

fn refusal(change: impl FnOnce(&mut proto::HookEvent)) -> (&'static str, FieldProblem) {
    let mut event = an_event();
    change(&mut event);
    let error = decode(event, now()).expect_err("it breaks a rule");
    (error.field, error.problem)
}

#[test]
fn each_rule_names_its_field() {
    use FieldProblem::*;
    assert_eq!(refusal(|it| it.instance_id = "cus_1".into()), ("instance_id", NotAnInstance));
    assert_eq!(refusal(|it| it.event_id = "a\u{7}".into()), ("event_id", ControlCharacters));
    assert_eq!(refusal(|it| it.event_id = "a".repeat(129)), ("event_id", TooLong { chars: 129, chars_max: 128 }));
    assert_eq!(refusal(|it| it.external_ref = "  ".into()), ("external_ref", Missing));
    // 254 characters, not bytes.
    assert_eq!(
        refusal(|it| it.external_ref = "ü".repeat(254)),
        ("external_ref", TooLong { chars: 254, chars_max: 253 })
    );
    assert_eq!(refusal(|it| it.change = None), ("change", Missing));
    assert_eq!(refusal(|it| it.source = "a\0b".into()), ("source", ControlCharacters));
    let at = |seconds, nanos| Some(Timestamp { seconds, nanos });
    assert_eq!(refusal(|it| it.happened_at = at(0, -1)), ("happened_at", NotAnInstant));
    assert_eq!(refusal(|it| it.happened_at = at(i64::MAX, 0)), ("happened_at", NotAnInstant));
    let last = 253_402_300_799;
    assert_eq!(refusal(|it| it.happened_at = at(last + 1, 0)), ("happened_at", NotAnInstant));
    assert_eq!(refusal(|it| it.happened_at = at(-1, 0)), ("happened_at", BeforeClocks));
    let mut at_the_limit = an_event();
    at_the_limit.happened_at = at(last, 0);
    decode(at_the_limit, now()).expect("an instant, if a strange one: the inbox asks a person");
}

#[test]
fn the_rules_of_changes_name_their_field() {
    use FieldProblem::*;
    let package = proto::PackageChanged { from_package: "starter".into(), to_package: String::new() };
    let package = |it: &mut proto::HookEvent| it.change = Some(ProtoChange::PackageChanged(package));
    assert_eq!(refusal(package), ("package_changed.to_package", Missing));
    let quantity = |value: &str| {
        let quantity = Some(google::Decimal { value: value.into() });
        let change = ProtoChange::QuantityChanged(proto::QuantityChanged { component: "mailbox".into(), quantity });
        move |it: &mut proto::HookEvent| it.change = Some(change)
    };
    assert_eq!(refusal(quantity("-0.5")), ("quantity_changed.quantity", Negative));
    assert_eq!(refusal(quantity("many")), ("quantity_changed.quantity", NotADecimal));
    assert_eq!(refusal(quantity("1e99")), ("quantity_changed.quantity", NotADecimal));
    let mut scientific = an_event();
    quantity("2.5e3")(&mut scientific);
    let read = decode(scientific, now()).expect("google.type.Decimal allows an exponent").hook.change;
    assert_eq!(read, Change::QuantityChanged { component: "mailbox".into(), quantity: Decimal::from(2500) });

    let usage = |from: (i32, i32, i32), to: (i32, i32, i32)| {
        let date = |(year, month, day)| Some(google::Date { year, month, day });
        let quantity = Some(google::Decimal { value: "1".into() });
        let usage = proto::UsageReported { metric: "traffic".into(), quantity, from: date(from), to: date(to) };
        move |it: &mut proto::HookEvent| it.change = Some(ProtoChange::UsageReported(usage))
    };
    assert_eq!(refusal(usage((2026, 2, 30), (2026, 3, 1))), ("usage_reported.from", NotADate));
    assert_eq!(refusal(usage((2026, 2, 0), (2026, 3, 1))), ("usage_reported.from", NotADate));
    assert_eq!(refusal(usage((2026, 3, 1), (2026, 3, 1))), ("usage_reported.to", NotAfterFrom));
    let renewed = |years| {
        move |it: &mut proto::HookEvent| {
            it.change = Some(ProtoChange::DomainRenewed(proto::DomainRenewed { years, expires_on: None }));
        }
    };
    let out_of_range = |years| YearsOutOfRange { years, years_min: 1, years_max: 10 };
    assert_eq!(refusal(renewed(0)), ("domain_renewed.years", out_of_range(0)));
    assert_eq!(refusal(renewed(11)), ("domain_renewed.years", out_of_range(11)));
}

#[test]
fn an_event_without_a_time_happened_now_if_it_has_an_id() {
    let report = decode(an_event(), now()).expect("the time is optional");
    assert_eq!((report.hook.happened_at, report.is_dated), (now(), false));
    assert_eq!(refusal(|it| it.event_id.clear()), ("happened_at", FieldProblem::MissingWithoutEventId));
}

#[test]
fn the_stand_in_id_tells_events_apart_and_not_where_they_were_seen() {
    let hook = decode(an_event(), now()).expect("a good event").hook;
    let id = content_event_id(InstanceId(7), &hook);
    assert_eq!(id.len(), 71, "{id}");
    assert!(id.starts_with("sha256:"));
    assert_eq!(content_event_id(InstanceId(7), &Hook { source: "elsewhere".into(), ..hook.clone() }), id);
    assert_ne!(content_event_id(InstanceId(8), &hook), id);
    assert_ne!(content_event_id(InstanceId(7), &Hook { external_ref: "acmetwo".into(), ..hook.clone() }), id);
    let later = hook.happened_at + chrono::TimeDelta::nanoseconds(1);
    assert_ne!(content_event_id(InstanceId(7), &Hook { happened_at: later, ..hook.clone() }), id);
    assert_ne!(content_event_id(InstanceId(7), &Hook { change: Change::DomainExpired, ..hook }), id);
}
