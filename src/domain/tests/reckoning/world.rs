//! Random catalogues, timelines, usage and passes for the properties.

use billet_domain::id::{PlanId, PlanVersionId, PromotionId};
use billet_domain::money::Currency;
use billet_domain::owed::Usage;
use billet_domain::period::{Cycle, CycleUnit};
use billet_domain::plan::{Charging, Component, PlanPolicy, Terms, TermsBook};
use billet_domain::timeline::{AnchorPolicy, Ending, Fact, FactKind, Reduction, Timing};
use chrono::{Duration, NaiveDate};
use proptest::prelude::*;
use rust_decimal::Decimal;

/// How many days after the first a fact can happen; a leap day and two turns of the year are among them.
const DAYS: i64 = 500;
const PASSES: usize = 6;
const CODES: [&str; 5] = ["base", "mailbox", "backup", "setup", "traffic"];

/// What happens, and when the daemon hears of it and bills.
#[derive(Debug, Clone)]
pub struct World {
    pub book: TermsBook,
    pub currency: Currency,
    /// Each with the pass before which it is heard of.
    pub facts: Vec<(usize, Fact)>,
    /// Metric `traffic`: pass, day, quantity.
    pub used: Vec<(usize, NaiveDate, Decimal)>,
    /// The cut-off date of each pass; the last is the latest, and by then everything is heard of.
    pub cut_offs: Vec<NaiveDate>,
}

impl World {
    /// The facts heard of before a pass has ended.
    pub fn facts_by(&self, pass: usize) -> Vec<Fact> {
        self.facts.iter().filter(|(heard, _)| *heard <= pass).map(|(_, fact)| fact.clone()).collect()
    }

    pub fn usage_by(&self, pass: usize) -> Usage {
        let mut usage = Usage::default();
        for (_, day, quantity) in self.used.iter().filter(|(heard, ..)| *heard <= pass) {
            usage.add("traffic", *day, *quantity);
        }
        usage
    }

    /// Whether anything is heard of between a pass and the one before.
    pub fn news_before(&self, pass: usize) -> bool {
        self.facts.iter().any(|(heard, _)| *heard == pass) || self.used.iter().any(|(heard, ..)| *heard == pass)
    }
}

/// Whether cycles can move: by anchors, or by changes between cycles of different lengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Boundaries {
    Fixed,
    Moving,
}

pub fn world(boundaries: Boundaries) -> impl Strategy<Value = World> {
    let cycles = prop::sample::subsequence(
        vec![
            Cycle::MONTHLY,
            Cycle { unit: CycleUnit::Month, count: 3 },
            Cycle::YEARLY,
            Cycle { unit: CycleUnit::Day, count: 10 },
            Cycle { unit: CycleUnit::Week, count: 2 },
        ],
        if boundaries == Boundaries::Fixed { 1..=1 } else { 1..=3 },
    );
    (cycles, 2_i64..=4).prop_flat_map(move |(cycles, plans)| {
        let terms: Vec<_> = versions(plans).flat_map(|of| cycles.iter().map(move |cycle| terms(of, *cycle))).collect();
        let facts = prop::collection::vec((0..PASSES, fact(plans, cycles.clone(), boundaries)), 0..16);
        let used = prop::collection::vec((0..PASSES, 0..DAYS, amount()), 0..12);
        let cut_offs = prop::collection::vec(prop_oneof![0..DAYS + 60, 20_i64..250], 1..PASSES + 2);
        let currency = prop::sample::select(vec!["EUR", "EUR", "JPY", "KWD"]);
        let start = (prop_oneof![9 => Just(0), 1 => 0..PASSES], started(plans, cycles.clone()));
        (terms, start, facts, used, cut_offs, currency).prop_map(
            move |(terms, start, facts, used, cut_offs, currency)| {
                let last = cut_offs.len() - 1;
                let policed = |mut terms: Terms| {
                    if boundaries == Boundaries::Fixed {
                        terms.policy.change_anchor = AnchorPolicy::Keep;
                    }
                    ((terms.version_id, terms.cycle), terms)
                };
                let heard = |pass: usize| pass.min(last);
                let key = |number: usize| format!("fact {number:03}");
                let (pass, kind) = start;
                let mut all = vec![(heard(pass), Fact { on: day(20), at_us: 0, key: key(0), kind })];
                for (number, (pass, (on, at_us, kind))) in facts.into_iter().enumerate() {
                    all.push((heard(pass), Fact { on: day(on), at_us, key: key(number + 1), kind }));
                }
                let mut cut_offs: Vec<NaiveDate> = cut_offs.into_iter().map(day).collect();
                // They can go back, but the last shows everything.
                let latest = cut_offs.iter().copied().max().expect("one at least");
                cut_offs[last] = latest;
                World {
                    book: terms.into_iter().map(policed).collect(),
                    currency: currency.parse().expect("a currency"),
                    facts: all,
                    used: used.into_iter().map(|(pass, on, quantity)| (heard(pass), day(on), quantity)).collect(),
                    cut_offs,
                }
            },
        )
    })
}

fn day(offset: i64) -> NaiveDate {
    NaiveDate::from_ymd_opt(2023, 12, 15).expect("a date") + Duration::days(offset)
}

/// The first plan has two versions.
fn versions(plans: i64) -> impl Iterator<Item = (PlanId, PlanVersionId)> + Clone {
    [(PlanId(1), PlanVersionId(10))]
        .into_iter()
        .chain((1..=plans).map(|plan| (PlanId(plan), PlanVersionId(10 * plan + 1))))
}

/// From nothing, over parts of a cent, to thousands (what is used of it at such a price is still an amount that can be
/// billed); often one of a few, so that prices agree.
fn amount() -> impl Strategy<Value = Decimal> {
    prop_oneof![
        prop::sample::select(vec![(0, 0), (1, 2), (5, 3), (999, 2), (10, 0), (1234567, 4)]),
        (0_i64..1_000_000, 2_u32..=5),
    ]
    .prop_map(|(digits, scale)| Decimal::new(digits, scale))
}

fn small_quantity() -> impl Strategy<Value = Decimal> {
    prop::sample::select(vec![Decimal::ONE, Decimal::ONE, Decimal::ZERO, Decimal::TWO, Decimal::new(25, 1)])
}

fn percent() -> impl Strategy<Value = Decimal> {
    prop::sample::select(vec![0, 100, 1_000, 3_333, 5_000, 10_000]).prop_map(|hundredths| Decimal::new(hundredths, 2))
}

fn terms((plan_id, version_id): (PlanId, PlanVersionId), cycle: Cycle) -> impl Strategy<Value = Terms> {
    let component = |code: &'static str| {
        let included = amount();
        (amount(), small_quantity(), included).prop_map(move |(unit_price, default_quantity, included)| Component {
            code: code.to_owned(),
            name: code.to_owned(),
            charging: match code {
                "setup" => Charging::Setup,
                "traffic" => Charging::Usage { metric: "traffic".to_owned(), included },
                _ => Charging::Recurring,
            },
            unit_price,
            default_quantity,
            tax_class: "standard".to_owned(),
        })
    };
    let components = Vec::from(CODES.map(component));
    let policy = (timing(), anchor(), ending(), any::<bool>()).prop_map(
        |(change_timing, change_anchor, ending, suspension_pauses_billing)| PlanPolicy {
            change_timing,
            change_anchor,
            ending,
            suspension_pauses_billing,
        },
    );
    (components, prop::sample::subsequence(CODES.to_vec(), 1..=CODES.len()), policy).prop_map(
        move |(components, kept, policy)| Terms {
            plan_id,
            version_id,
            name: plan_id.to_string(),
            cycle,
            components: components.into_iter().filter(|known| kept.contains(&known.code.as_str())).collect(),
            policy,
        },
    )
}

fn timing() -> impl Strategy<Value = Timing> {
    prop_oneof![3 => Just(Timing::AtOnce), 1 => Just(Timing::AtOnceUnprorated), 1 => Just(Timing::PeriodEnd)]
}

fn anchor() -> impl Strategy<Value = AnchorPolicy> {
    prop::sample::select(vec![AnchorPolicy::Keep, AnchorPolicy::Reset])
}

fn ending() -> impl Strategy<Value = Ending> {
    prop::sample::select(vec![Ending::PeriodEnd, Ending::AtOnceRefund, Ending::AtOnceNoRefund])
}

fn code() -> impl Strategy<Value = String> {
    prop::sample::select(CODES.to_vec()).prop_map(str::to_owned)
}

fn quantities() -> impl Strategy<Value = std::collections::BTreeMap<String, Decimal>> {
    prop::collection::btree_map(code(), small_quantity(), 0..3)
}

fn version(plans: i64) -> impl Strategy<Value = PlanVersionId> {
    prop::sample::select(versions(plans).map(|(_, version_id)| version_id).collect::<Vec<_>>())
}

fn started(plans: i64, cycles: Vec<Cycle>) -> impl Strategy<Value = FactKind> {
    let anchor_day = prop::option::of(1_u32..=31);
    let trial = prop::option::weighted(0.2, 20_i64..60);
    let package = prop::option::of(Just("small".to_owned()));
    (version(plans), prop::sample::select(cycles), anchor_day, trial, quantities(), package).prop_map(
        |(version_id, cycle, anchor_day, trial, quantities, package)| FactKind::Started {
            version_id,
            cycle,
            anchor_day,
            trial_until: trial.map(day),
            quantities,
            package,
        },
    )
}

/// A fact of any kind but a start, with its day and instant. Ends are rare, or little would come after them.
fn fact(plans: i64, cycles: Vec<Cycle>, boundaries: Boundaries) -> impl Strategy<Value = (i64, i64, FactKind)> {
    let fixed = boundaries == Boundaries::Fixed;
    let reported_cycles = cycles.clone();
    // Days that meet the boundaries of cycles, and each other, are more frequent than chance would have it.
    let on =
        prop_oneof![10..DAYS, 20_i64..80, prop::sample::select(vec![20_i64, 21, 30, 48, 51, 60, 79, 111, 120, 365])];
    let anchors = move || anchor().prop_map(move |anchor| if fixed { AnchorPolicy::Keep } else { anchor });
    let change = (version(plans), prop::sample::select(cycles), timing(), anchors(), any::<[bool; 2]>(), quantities())
        .prop_map(move |(version_id, cycle, timing, anchor, [says_when, says_anchor], quantities)| {
            FactKind::PlanChanged {
                version_id,
                cycle,
                timing: says_when.then_some(timing),
                anchor: (says_anchor || fixed).then_some(anchor),
                quantities,
            }
        });
    let packages = prop::sample::select(vec!["small", "large"]);
    let reported = (packages, version(plans), prop::sample::select(reported_cycles), quantities()).prop_map(
        |(package, version_id, cycle, quantities)| FactKind::PackageReported {
            package: package.to_owned(),
            version_id,
            cycle,
            quantities,
        },
    );
    let quantity = (code(), small_quantity(), prop::option::of(timing()))
        .prop_map(|(component, quantity, timing)| FactKind::QuantityChanged { component, quantity, timing });
    let price = (code(), prop::option::of(amount()))
        .prop_map(|(component, unit_price)| FactKind::PriceSet { component, unit_price });
    let discount = (code(), percent()).prop_map(|(component, percent)| FactKind::LineDiscounted { component, percent });
    let reduction = prop_oneof![percent().prop_map(Reduction::Percent), amount().prop_map(Reduction::Amount)];
    let promotion = (reduction, prop::option::of(0_u32..5)).prop_map(|(reduction, cycles)| FactKind::Promoted {
        promotion_id: PromotionId(1),
        code: "PROMO".to_owned(),
        reduction,
        cycles,
    });
    let moved = (1_u32..=31).prop_map(
        move |anchor_day| {
            if fixed { FactKind::Unsuspended } else { FactKind::AnchorMoved { anchor_day } }
        },
    );
    let state =
        prop::sample::select(vec![FactKind::Paused, FactKind::Resumed, FactKind::Suspended, FactKind::Unsuspended]);
    let cancelled = prop::option::of(ending()).prop_map(|ending| FactKind::Cancelled { ending });
    let kind = prop_oneof![
        8 => change,
        3 => reported,
        4 => quantity,
        2 => price,
        2 => discount,
        2 => promotion,
        5 => moved,
        4 => state,
        1 => cancelled,
        1 => Just(FactKind::Withdrawn),
    ];
    (on, 0_i64..3, kind)
}
