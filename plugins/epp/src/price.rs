//! What things cost (RFC 8748), and the promise that nothing dearer than permitted is bought.

use billet_plugin::Failure;
use billet_plugin::google::r#type::Money;
use billet_plugin::v1::{DomainAction, DomainPrice, ProblemKind};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::client::Client;
use crate::command::{Command, Object};
use crate::deadline::Deadline;
use crate::namespace;
use crate::response::Response;
use crate::xml::Element;

/// What is asked a price for.
pub const ACTIONS: [(DomainAction, &str); 4] = [
    (DomainAction::Register, "create"),
    (DomainAction::Renew, "renew"),
    (DomainAction::Transfer, "transfer"),
    (DomainAction::Restore, "restore"),
];
/// Money has so many digits after the point in the protocol.
const NANOS: u32 = 9;

/// What a registry asks for something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// For what.
    pub action: DomainAction,
    /// For how many years.
    pub years: u32,
    /// All fees and credits together.
    pub total: Decimal,
    /// ISO 4217.
    pub currency: String,
    /// It is not the price that other names cost.
    pub premium: bool,
}

impl Quote {
    /// As the protocol says it; `None` for an amount that does not fit.
    #[must_use]
    pub fn price(&self) -> Option<DomainPrice> {
        let price = Some(money(self.total, &self.currency)?);
        Some(DomainPrice { action: self.action.into(), years: self.years, price })
    }
}

/// A price that is agreed on: the registry is told it, and refuses if its own is higher by then.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Agreed {
    quote: Option<Quote>,
    /// What the caller should know.
    pub warnings: Vec<String>,
}

impl Agreed {
    /// The extension of a command; `verb` is `create`, `renew`, `transfer` or `update`.
    #[must_use]
    pub fn extension(&self, verb: &str) -> Option<Element> {
        let quote = self.quote.as_ref()?;
        let mut element = root(verb);
        if !quote.currency.is_empty() {
            element = element.with(Element::leaf("fee:currency", quote.currency.clone()));
        }
        Some(element.with(Element::leaf("fee:fee", quote.total.to_string())))
    }
}

/// The extension of a check: `asked` are commands and years. `currency` may be empty.
#[must_use]
pub fn check(asked: &[(DomainAction, u32)], currency: &str) -> Element {
    let mut element = root("check");
    if !currency.is_empty() {
        element = element.with(Element::leaf("fee:currency", currency));
    }
    element.with_all(asked.iter().map(|(action, years)| {
        let command = Element::new("fee:command").attr("name", word(*action));
        // A restore is for no time (RFC 8748 section 5.1.1 has it without a period).
        if *action == DomainAction::Restore || *years == 0 {
            return command;
        }
        command.with(Element::leaf("fee:period", years.to_string()).attr("unit", "y"))
    }))
}

/// The prices of one name in an answer to a check; none when the registry tells none.
#[must_use]
pub fn read(response: &Response, name: &str) -> Vec<Quote> {
    let Some(data) = response.extension.of(namespace::FEE, "chkData") else { return Vec::new() };
    let currency = data.text_of("currency");
    let Some(of_name) = data.all("cd").find(|one| one.text_of("objID").eq_ignore_ascii_case(name)) else {
        return Vec::new();
    };
    let class = of_name.text_of("class");
    of_name
        .all("command")
        .filter_map(|command| {
            let (action, _) = ACTIONS.iter().find(|(_, word)| *word == command.attribute("name"))?;
            let standard = matches!(command.attribute("standard"), "1" | "true");
            Some(Quote {
                action: *action,
                years: command.get("period").map_or(Some(1), |period| period.text.parse().ok())?,
                total: total(command)?,
                currency: currency.to_owned(),
                premium: !standard && !class.is_empty() && !class.eq_ignore_ascii_case("standard"),
            })
        })
        .collect()
}

/// What a change cost, by the registry's answer.
#[must_use]
pub fn charged(response: &Response) -> Option<Money> {
    let data = ["creData", "renData", "trnData", "updData", "delData"]
        .iter()
        .find_map(|name| response.extension.of(namespace::FEE, name))?;
    money(total(data)?, data.text_of("currency"))
}

/// Finds out what `name` costs and holds it against `price_max`: absent, any standard price is taken and no premium one.
///
/// # Errors
/// [`ProblemKind::Invalid`] when it is dearer, [`ProblemKind::Unsupported`] when the registry does not tell prices, and those
/// of a question.
pub async fn agree(
    client: &Client,
    name: &str,
    (action, years): (DomainAction, u32),
    price_max: Option<&Money>,
    until: Deadline,
) -> Result<Agreed, Failure> {
    if !client.greeting(until).await?.offers(namespace::FEE) {
        return unpriced(client, price_max, "the registry has no fee extension (RFC 8748)");
    }
    let currency = price_max.map_or(client.settings.currency.as_str(), |max| max.currency_code.as_str());
    let command = Command::about("check", Object::Domain, [Element::leaf("domain:name", name)])
        .extended(Some(check(&[(action, years)], currency)));
    let response = client.ask(&command, until).await?;
    let quotes = read(&response, name);
    let Some(quote) = quotes.into_iter().find(|quote| quote.action == action) else {
        return unpriced(client, price_max, "the registry told no price for it");
    };
    let said = format!("{name} costs {} {}", quote.total, quote.currency);
    let Some(max) = price_max else {
        if quote.premium {
            let words = format!("{said}: a premium price, which is only paid when price_max permits it");
            return Err(Failure::refused(ProblemKind::Invalid, "price", words));
        }
        return Ok(Agreed::default());
    };
    let Some(limit) = amount(max) else {
        return Err(Failure::refused(ProblemKind::Invalid, "price", "price_max is no amount"));
    };
    if max.currency_code != quote.currency {
        let words = format!("{said}, and price_max is in {}", max.currency_code);
        return Err(Failure::refused(ProblemKind::Invalid, "price", words));
    }
    if quote.total > limit {
        let words = format!("{said}, more than price_max permits: {limit} {}", max.currency_code);
        return Err(Failure::refused(ProblemKind::Invalid, "price", words));
    }
    Ok(Agreed { quote: Some(quote), warnings: Vec::new() })
}

fn unpriced(client: &Client, price_max: Option<&Money>, why: &str) -> Result<Agreed, Failure> {
    if price_max.is_none() {
        return Ok(Agreed::default());
    }
    if client.settings.unpriced_allowed {
        return Ok(Agreed { quote: None, warnings: vec![format!("price_max could not be checked: {why}")] });
    }
    let words = format!("price_max cannot be held: {why}; leave it out, or set unpriced_allowed");
    Err(Failure::refused(ProblemKind::Unsupported, "price", words))
}

/// Fees are positive and credits negative (RFC 8748 section 3.4); `None` when there is neither.
fn total(element: &Element) -> Option<Decimal> {
    let mut sum: Option<Decimal> = None;
    for part in element.children.iter().filter(|child| matches!(child.local(), "fee" | "credit")) {
        let value: Decimal = part.text.parse().ok()?;
        sum = Some(sum.unwrap_or_default().checked_add(value)?);
    }
    sum
}

fn root(verb: &str) -> Element {
    Element::new(&format!("fee:{verb}")).attr("xmlns:fee", namespace::FEE)
}

fn word(action: DomainAction) -> &'static str {
    ACTIONS.iter().find(|(one, _)| *one == action).map_or("create", |(_, word)| word)
}

/// An amount as the protocol says it; `None` when it does not fit.
#[must_use]
pub fn money(amount: Decimal, currency: &str) -> Option<Money> {
    let units = amount.trunc().to_i64()?;
    let nanos = (amount.fract() * Decimal::from(10_u64.pow(NANOS))).trunc().to_i32()?;
    Some(Money { currency_code: currency.to_owned(), units, nanos })
}

/// An amount as Rust has it; `None` when it cannot be.
#[must_use]
pub fn amount(money: &Money) -> Option<Decimal> {
    Decimal::from(money.units).checked_add(Decimal::new(money.nanos.into(), NANOS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_goes_there_and_back() {
        for text in ["10.00", "0.05", "-3.5", "1000000.123456789"] {
            let value: Decimal = text.parse().expect(text);
            let money = money(value, "EUR").expect("fits");
            assert_eq!(amount(&money), Some(value), "{text}");
        }
    }
}
