//! How a line was reckoned, in the words of the document's language: days, price, discounts.

use rust_decimal::Decimal;

use crate::money::Currency;
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
pub fn explain(kind: ChargeKind, rating: &Rating, period: Period, currency: Currency, language: &str) -> String {
    let words = words(language);
    let mut parts = Vec::with_capacity(4);
    let (days, of) = (period.days(), rating.basis.cycle.days());
    if kind == ChargeKind::Recurring && days != of {
        parts.push((words.days)(days, of));
    }
    let price = price(rating.unit_price, currency, language);
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

/// A price has at least the decimals of its currency.
fn price(price: Decimal, currency: Currency, language: &str) -> String {
    let mut price = price.normalize();
    if price.scale() < currency.minor_digits() {
        price.rescale(currency.minor_digits());
    }
    localized(price.to_string(), language)
}

fn number(number: Decimal, language: &str) -> String {
    localized(number.normalize().to_string(), language)
}

fn localized(text: String, language: &str) -> String {
    if language.starts_with("de") || language.starts_with("pl") { text.replace('.', ",") } else { text }
}

#[cfg(test)]
mod tests {
    use rust_decimal_macros::dec;

    use super::*;
    use crate::id::PlanVersionId;
    use crate::period::Basis;

    fn rating() -> Rating {
        let day = |text: &str| text.parse().expect("a date");
        Rating {
            version_id: PlanVersionId(1),
            cycle: Cycle::MONTHLY,
            name: String::new(),
            tax_class: String::new(),
            quantity: dec!(2),
            unit_price: dec!(5),
            discount_percent: dec!(10),
            promotion: "SPRING".to_owned(),
            basis: Basis { cycle: Period::new(day("2027-03-01"), day("2027-04-01")), amount: dec!(9) },
        }
    }

    #[test]
    fn a_line_says_in_each_language_how_it_came_about() {
        let cycle = rating().basis.cycle;
        let part = Period::new(cycle.from + chrono::Days::new(19), cycle.to);
        let told = |language| explain(ChargeKind::Recurring, &rating(), part, Currency::EUR, language);
        assert_eq!(told("en"), "12 of 31 days · 2 × 5.00 per month · less 10 % · promotion SPRING");
        assert_eq!(told("de-AT"), "12 von 31 Tagen · 2 × 5,00 pro Monat · abzüglich 10 % · Aktion SPRING");
        assert_eq!(told("pl"), "12 z 31 dni · 2 × 5,00 za miesiąc · minus 10 % · promocja SPRING");
        let whole = Rating { promotion: String::new(), discount_percent: dec!(0), ..rating() };
        let yen = "JPY".parse().expect("a currency");
        assert_eq!(explain(ChargeKind::Recurring, &whole, cycle, yen, "en"), "2 × 5 per month");
        assert_eq!(explain(ChargeKind::Setup, &whole, cycle, Currency::EUR, "de"), "2 × 5,00 einmalig");
    }

    #[test]
    fn polish_counts_in_three_ways() {
        let months = |count| polish(Cycle { unit: CycleUnit::Month, count });
        assert_eq!([months(1), months(3), months(5)], ["za miesiąc", "za 3 miesiące", "za 5 miesięcy"]);
        assert_eq!([months(12), months(22)], ["za 12 miesięcy", "za 22 miesiące"]);
    }
}
