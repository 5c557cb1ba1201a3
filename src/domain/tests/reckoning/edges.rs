//! Nonsense, and numbers at the edge of what can be written: refused or reckoned, never a panic or an endless loop.

use billet_domain::due::due;
use billet_domain::id::{PlanId, PlanVersionId, PromotionId};
use billet_domain::money::Currency;
use billet_domain::owed::{Usage, Window, ends_on, owed, state_on};
use billet_domain::period::{Cycle, CycleUnit};
use billet_domain::plan::{Charging, Component, PlanPolicy, Terms, TermsBook};
use billet_domain::timeline::{Fact, FactKind, Reduction, Timeline};
use chrono::{Days, NaiveDate};
use proptest::prelude::*;
use rust_decimal::Decimal;

fn any_date() -> impl Strategy<Value = NaiveDate> {
    prop_oneof![
        prop::sample::select(vec![NaiveDate::MIN, NaiveDate::MAX]),
        (0_u64..800).prop_map(|days| NaiveDate::MIN + Days::new(days)),
        (0_u64..800).prop_map(|days| NaiveDate::MAX - Days::new(days)),
        (0_u64..4_000_000).prop_map(|days| NaiveDate::from_ymd_opt(1850, 1, 1).expect("a date") + Days::new(days)),
        (0_u64..300).prop_map(|days| NaiveDate::from_ymd_opt(2026, 1, 1).expect("a date") + Days::new(days)),
    ]
}

fn any_number() -> impl Strategy<Value = Decimal> {
    prop_oneof![
        prop::sample::select(vec![Decimal::MAX, Decimal::MIN, Decimal::ZERO, Decimal::NEGATIVE_ONE, Decimal::ONE]),
        (any::<i64>(), 0_u32..=28).prop_map(|(digits, scale)| Decimal::new(digits, scale)),
    ]
}

fn any_cycle() -> impl Strategy<Value = Cycle> {
    let unit = prop::sample::select(vec![CycleUnit::Day, CycleUnit::Week, CycleUnit::Month, CycleUnit::Year]);
    (unit, prop::sample::select(vec![0, 1, 3, 999, u32::MAX])).prop_map(|(unit, count)| Cycle { unit, count })
}

fn any_kind(cycle: Cycle) -> impl Strategy<Value = FactKind> {
    let code = || prop::sample::select(vec!["base", "traffic", "setup", "unknown"]).prop_map(str::to_owned);
    let started = (any::<Option<u32>>(), prop::option::of(any_date()), any_number()).prop_map(
        move |(anchor_day, trial_until, quantity)| FactKind::Started {
            version_id: PlanVersionId(1),
            cycle,
            anchor_day,
            trial_until,
            quantities: [("base".to_owned(), quantity)].into(),
            package: None,
        },
    );
    prop_oneof![
        started,
        (1_i64..4).prop_map(move |version| FactKind::PlanChanged {
            version_id: PlanVersionId(version),
            cycle,
            timing: None,
            anchor: None,
            quantities: Default::default(),
        }),
        (code(), any_number()).prop_map(|(component, quantity)| FactKind::QuantityChanged {
            component,
            quantity,
            timing: None
        }),
        (code(), any_number()).prop_map(|(component, price)| FactKind::PriceSet { component, unit_price: Some(price) }),
        (code(), any_number()).prop_map(|(component, percent)| FactKind::LineDiscounted { component, percent }),
        (any_number(), any::<bool>(), any::<Option<u32>>()).prop_map(|(number, percent, cycles)| FactKind::Promoted {
            promotion_id: PromotionId(1),
            code: String::new(),
            reduction: if percent { Reduction::Percent(number) } else { Reduction::Amount(number) },
            cycles,
        }),
        any::<u32>().prop_map(|anchor_day| FactKind::AnchorMoved { anchor_day }),
        prop::sample::select(vec![
            FactKind::Paused,
            FactKind::Resumed,
            FactKind::Suspended,
            FactKind::Unsuspended,
            FactKind::Cancelled { ending: None },
            FactKind::Withdrawn,
        ]),
    ]
}

fn any_book(cycle: Cycle) -> impl Strategy<Value = TermsBook> {
    (any_number(), any_number(), any_number()).prop_map(move |(price, included, quantity)| {
        let component = |code: &str, charging| Component {
            code: code.to_owned(),
            name: code.to_owned(),
            charging,
            unit_price: price,
            default_quantity: quantity,
            tax_class: String::new(),
        };
        let terms = |version| Terms {
            plan_id: PlanId(1),
            version_id: PlanVersionId(version),
            name: String::new(),
            cycle,
            components: vec![
                component("base", Charging::Recurring),
                component("setup", Charging::Setup),
                component("traffic", Charging::Usage { metric: "traffic".to_owned(), included }),
            ],
            policy: PlanPolicy::default(),
        };
        [1, 2].map(|version| ((PlanVersionId(version), cycle), terms(version))).into()
    })
}

proptest! {
    #![proptest_config(crate::properties::config())]

    #[test]
    fn nothing_panics(
        (book, kinds, used) in any_cycle().prop_flat_map(|cycle| (
            any_book(cycle),
            prop::collection::vec((any_date(), any_kind(cycle)), 1..8),
            prop::collection::vec((any_date(), any_number()), 0..3),
        )),
        until in any_date(),
        after in prop::option::of(any_date()),
    ) {
        let mut admitted = Timeline::default();
        let mut facts = Vec::new();
        for (number, (on, kind)) in kinds.into_iter().enumerate() {
            let fact = Fact { on, at_us: 0, key: number.to_string(), kind };
            if admitted.admit(&fact, &book).is_ok() {
                admitted = admitted.with(fact.clone());
            }
            facts.push(fact);
        }
        let mut usage = Usage::default();
        for (on, quantity) in used {
            usage.add("traffic", on, quantity);
        }
        for timeline in [&admitted, &Timeline::new(facts)] {
            // An error is an answer: missing terms, amounts too large, more cycles than anybody has.
            let _ = (state_on(timeline, &book, until), ends_on(timeline, &book));
            if let Ok(statement) = owed(timeline, &book, &usage, Window { after, until }) {
                let _ = due(&statement, &[], Currency::EUR);
                prop_assert!(statement.next_point.is_none_or(|next| next > until));
            }
        }
        // What was admitted refers only to what the book knows.
        prop_assert!(admitted.started_on().is_none() || state_on(&admitted, &book, NaiveDate::MAX).is_ok());
    }
}
