//! How many subscriptions a second `owed` reckons on one core: the next period of a monthly subscription, by age and by
//! number of facts; and, to compare, everything since the start against everything billed.
//!
//! `cargo run --release -p billet-domain --example owed_speed`

use std::hint::black_box;
use std::time::{Duration, Instant};

use billet_domain::due::{Billed, due};
use billet_domain::id::{LineId, PlanId, PlanVersionId};
use billet_domain::money::Currency;
use billet_domain::owed::{Usage, Window, owed};
use billet_domain::period::Cycle;
use billet_domain::plan::{Charging, Component, PlanPolicy, Terms, TermsBook};
use billet_domain::timeline::{Fact, FactKind, Timeline};
use chrono::{Months, NaiveDate};
use rust_decimal::Decimal;

const START: NaiveDate = NaiveDate::from_ymd_opt(2006, 1, 15).expect("a date");
const EACH: Duration = Duration::from_millis(500);

fn main() {
    let book = book();
    println!("{:>8} {:>6} {:>22} {:>26}", "months", "facts", "next period, per second", "everything, per second");
    for facts in [1, 20] {
        for months in [1, 12, 60, 240] {
            let timeline = timeline(facts, months);
            let until = START + Months::new(months);
            let next = Window { after: until.pred_opt(), until };
            let next_rate = rate(|| {
                let statement = owed(&timeline, &book, &Usage::default(), next).expect("small numbers");
                assert_eq!(statement.owed.len(), 1);
                due(&statement, &[], Currency::EUR).expect("small numbers").charges.len()
            });
            let billed = billed(&timeline, &book, START + Months::new(months - 1));
            let whole_rate = rate(|| {
                let statement = owed(&timeline, &book, &Usage::default(), Window::until(until)).expect("small numbers");
                due(&statement, &billed, Currency::EUR).expect("small numbers").charges.len()
            });
            println!("{months:>8} {facts:>6} {next_rate:>22} {whole_rate:>26}");
        }
    }
}

/// Runs for half a second and says how often in one.
fn rate(work: impl Fn() -> usize) -> u64 {
    let begin = Instant::now();
    let mut rounds = 0_u32;
    while begin.elapsed() < EACH {
        for _ in 0..100 {
            assert_eq!(black_box(work()), 1);
        }
        rounds += 100;
    }
    u64::from(rounds) * 1_000 / u64::try_from(begin.elapsed().as_millis()).expect("short")
}

fn book() -> TermsBook {
    let component = |code: &str, charging, default_quantity| Component {
        code: code.to_owned(),
        name: code.to_owned(),
        charging,
        unit_price: Decimal::new(999, 2),
        default_quantity,
        tax_class: "standard".to_owned(),
    };
    let terms = Terms {
        plan_id: PlanId(1),
        version_id: PlanVersionId(1),
        name: "Web hosting".to_owned(),
        cycle: Cycle::MONTHLY,
        components: vec![
            component("base", Charging::Recurring, Decimal::ONE),
            component("mailbox", Charging::Recurring, Decimal::ZERO),
            component("setup", Charging::Setup, Decimal::ONE),
        ],
        policy: PlanPolicy::default(),
    };
    [((PlanVersionId(1), Cycle::MONTHLY), terms)].into()
}

/// A start and changes of the mailboxes spread over the months; none are left at the end.
fn timeline(facts: u32, months: u32) -> Timeline {
    let start = FactKind::Started {
        version_id: PlanVersionId(1),
        cycle: Cycle::MONTHLY,
        anchor_day: None,
        trial_until: None,
        quantities: [].into(),
        package: None,
    };
    let fact = |number: u32, kind| Fact {
        on: START + chrono::Days::new(u64::from(number * months * 27 / facts)),
        at_us: 0,
        key: number.to_string(),
        kind,
    };
    let change = |number: u32| FactKind::QuantityChanged {
        component: "mailbox".to_owned(),
        quantity: if number + 1 == facts { Decimal::ZERO } else { Decimal::from(number) },
        timing: None,
    };
    Timeline::new(
        (0..facts).map(|number| fact(number, if number == 0 { start.clone() } else { change(number) })).collect(),
    )
}

fn billed(timeline: &Timeline, book: &TermsBook, until: NaiveDate) -> Vec<Billed> {
    let statement = owed(timeline, book, &Usage::default(), Window::until(until)).expect("small numbers");
    let charges = due(&statement, &[], Currency::EUR).expect("small numbers").charges;
    let numbered = (1..).zip(charges);
    numbered
        .map(|(number, charge)| Billed {
            line_id: LineId(number),
            key: charge.key,
            period: charge.period,
            rating: charge.rating,
        })
        .collect()
}
