//! How a line was reckoned, in the words of the document's language: days, price, discounts.

use rust_decimal::Decimal;

use crate::owed::{ChargeKind, Rating};
use crate::period::{Cycle, CycleUnit, Period};

struct Words {
    days: fn(i64, i64) -> String,
    per: fn(Cycle) -> String,
    once: &'static str,
    used: &'static str,
    less: &'static str,
    promotion: &'static str,
}

fn english(cycle: Cycle) -> String {
    let unit = match cycle.unit {
        CycleUnit::Day => "day",
        CycleUnit::Week => "week",
        CycleUnit::Month => "month",
        CycleUnit::Year => "year",
    };
    if cycle.count == 1 { format!("per {unit}") } else { format!("per {} {unit}s", cycle.count) }
}

fn german(cycle: Cycle) -> String {
    let (one, many) = match cycle.unit {
        CycleUnit::Day => ("Tag", "Tage"),
        CycleUnit::Week => ("Woche", "Wochen"),
        CycleUnit::Month => ("Monat", "Monate"),
        CycleUnit::Year => ("Jahr", "Jahre"),
    };
    if cycle.count == 1 { format!("pro {one}") } else { format!("für {} {many}", cycle.count) }
}

fn polish(cycle: Cycle) -> String {
    let (one, few, many) = match cycle.unit {
        CycleUnit::Day => ("dzień", "dni", "dni"),
        CycleUnit::Week => ("tydzień", "tygodnie", "tygodni"),
        CycleUnit::Month => ("miesiąc", "miesiące", "miesięcy"),
        CycleUnit::Year => ("rok", "lata", "lat"),
    };
    // CLDR plural rules for Polish: few for 2-4 but not 12-14.
    let unit = match (cycle.count, cycle.count % 10, cycle.count % 100) {
        (1, ..) => return format!("za {one}"),
        (_, 2..=4, rest) if !(12..=14).contains(&rest) => few,
        _ => many,
    };
    format!("za {} {unit}", cycle.count)
}

fn words(language: &str) -> Words {
    match language.split('-').next().unwrap_or_default() {
        "de" => Words {
            days: |days, of| format!("{days} von {of} Tagen"),
            per: german,
            once: "einmalig",
            used: "Verbrauch",
            less: "abzüglich",
            promotion: "Aktion",
        },
        "pl" => Words {
            days: |days, of| format!("{days} z {of} dni"),
            per: polish,
            once: "jednorazowo",
            used: "zużycie",
            less: "minus",
            promotion: "promocja",
        },
        _ => Words {
            days: |days, of| format!("{days} of {of} days"),
            per: english,
            once: "once",
            used: "usage",
            less: "less",
            promotion: "promotion",
        },
    }
}

/// How the line came about: `12 of 31 days · 2 × 5.00 per month · less 10 % · promotion SPRING`.
#[must_use]
pub fn explain(kind: ChargeKind, rating: &Rating, period: Period, language: &str) -> String {
    let words = words(language);
    let mut parts = Vec::with_capacity(4);
    let (days, of) = (period.days(), rating.basis.cycle.days());
    if kind == ChargeKind::Recurring && days != of {
        parts.push((words.days)(days, of));
    }
    let price = number(rating.unit_price, language);
    let price = if rating.quantity == Decimal::ONE {
        price
    } else {
        format!("{} × {price}", number(rating.quantity, language))
    };
    parts.push(match kind {
        ChargeKind::Recurring => format!("{price} {}", (words.per)(rating.cycle)),
        ChargeKind::Setup => format!("{price} {}", words.once),
        ChargeKind::Usage => format!("{}: {price}", words.used),
    });
    if !rating.discount_percent.is_zero() {
        parts.push(format!("{} {} %", words.less, number(rating.discount_percent, language)));
    }
    if !rating.promotion.is_empty() {
        parts.push(format!("{} {}", words.promotion, rating.promotion));
    }
    parts.join(" · ")
}

fn number(number: Decimal, language: &str) -> String {
    let text = number.normalize().to_string();
    if language.starts_with("de") || language.starts_with("pl") { text.replace('.', ",") } else { text }
}
