//! Prices (RFC 8748): what everything costs here, and what a registrar says it is ready to pay.

use rust_decimal::Decimal;

use super::answer::{FEE, Refusal, object, refusal};
use super::registry::Call;
use super::xml::Element;

/// The only currency.
pub(super) const CURRENCY: &str = "EUR";
/// Names that begin so are dearer.
const PREMIUM: &str = "premium";

/// What a command costs; `None` for one without a price.
pub(super) fn price(name: &str, command: &str, years: i32) -> Option<Decimal> {
    let premium = is_premium(name);
    let cents = match command {
        "create" if premium => 50_000,
        "renew" | "transfer" if premium => 20_000,
        "create" | "renew" | "transfer" => 1_000,
        "restore" => return Some(Decimal::new(5_000, 2)),
        _ => return None,
    };
    Some(Decimal::new(cents * i64::from(years), 2))
}

fn is_premium(name: &str) -> bool {
    name.starts_with(PREMIUM)
}

/// Holds what the registrar would pay against the price. A premium price must be agreed to.
pub(super) fn agreed(call: &Call<'_>, verb: &str, name: &str, price: Decimal) -> Result<(), Refusal> {
    let Some(said) = call.extension(FEE, verb) else {
        return if is_premium(name) { Err(refusal(2003, "a premium name needs its fee")) } else { Ok(()) };
    };
    if !matches!(said.text_of("currency"), "" | CURRENCY) {
        return Err(refusal(2004, "the currency is EUR"));
    }
    let fees: Decimal = said.all("fee").filter_map(|fee| fee.text.parse::<Decimal>().ok()).sum();
    if fees < price {
        return Err(refusal(2004, "the fee is less than the registry's"));
    }
    Ok(())
}

/// What was paid, for those who said a fee.
pub(super) fn receipt(call: &Call<'_>, verb: &str, name: &str, price: Decimal, balance: Decimal) -> Option<Element> {
    call.extension(FEE, verb)?;
    let paid = object("fee", FEE, name)
        .with(Element::leaf("fee:currency", CURRENCY))
        .with(Element::leaf("fee:fee", price.to_string()).attr("refundable", "1").attr("grace-period", "P5D"));
    Some(paid.with(Element::leaf("fee:balance", balance.to_string())))
}

/// The answer to the prices that a check asks for.
pub(super) fn check(call: &Call<'_>, names: &[String]) -> Result<Option<Element>, Refusal> {
    let Some(asked) = call.extension(FEE, "check") else { return Ok(None) };
    if !matches!(asked.text_of("currency"), "" | CURRENCY) {
        return Err(refusal(2004, "the currency is EUR"));
    }
    let of_name = |name: &String| {
        let commands = asked.all("command").map(|command| {
            let word = command.attribute("name");
            let years = command.get("period").and_then(|period| period.text.parse().ok()).unwrap_or(1);
            let standard = if is_premium(name) { "0" } else { "1" };
            let answer = Element::new("fee:command").attr("name", word).attr("standard", standard);
            match price(name, word, years) {
                Some(price) => answer
                    .with(Element::leaf("fee:period", years.to_string()).attr("unit", "y"))
                    .with(Element::leaf("fee:fee", price.to_string())),
                None => answer.with(Element::leaf("fee:reason", "no price")),
            }
        });
        Element::new("fee:cd")
            .attr("avail", "1")
            .with(Element::leaf("fee:objID", name))
            .with(Element::leaf("fee:class", if is_premium(name) { "premium" } else { "standard" }))
            .with_all(commands)
    };
    let data = object("fee", FEE, "chkData").with(Element::leaf("fee:currency", CURRENCY));
    Ok(Some(data.with_all(names.iter().map(of_name))))
}
