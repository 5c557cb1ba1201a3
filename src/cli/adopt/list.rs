//! The list of accounts to be adopted, a CSV file.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::NaiveDate;
use serde::Deserialize;

use crate::proto::billet::v1 as pb;

/// The most accounts of a list.
const ACCOUNTS_MAX: usize = 200_000;

/// What the list says of an account.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Chosen {
    /// In which line it stands.
    pub line: u64,
    /// An id; empty when it does not say.
    pub customer: String,
    /// A code or an id; empty when it does not say.
    pub plan: String,
    /// Billed how often.
    pub cycle: Option<pb::Cycle>,
    /// From which day on.
    pub bill_from: Option<NaiveDate>,
    /// An ISO 4217 code; empty when it does not say.
    pub currency: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    account: String,
    #[serde(default)]
    customer: String,
    #[serde(default)]
    plan: String,
    #[serde(default)]
    cycle: String,
    #[serde(default)]
    bill_from: String,
    #[serde(default)]
    currency: String,
}

/// Reads a list, by account.
///
/// # Errors
/// In words, with the file and the line.
pub fn read(file: &Path) -> Result<BTreeMap<String, Chosen>, String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    parse(&text).map_err(|why| format!("{}: {why}", file.display()))
}

fn parse(text: &str) -> Result<BTreeMap<String, Chosen>, String> {
    let text = text.trim_start_matches('\u{feff}');
    let heading = text.lines().next().unwrap_or_default();
    let delimiter = if heading.contains(';') { b';' } else { b',' };
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .comment(Some(b'#'))
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let mut chosen: BTreeMap<String, Chosen> = BTreeMap::new();
    let heading = reader.headers().map_err(|error| error.to_string())?.clone();
    let mut record = csv::StringRecord::new();
    // Where a record ends; the reader's own lines do not count comments.
    let (mut end, mut newlines) = (0, 0);
    while reader.read_record(&mut record).map_err(|error| error.to_string())? {
        let begin = std::mem::replace(&mut end, usize::try_from(reader.position().byte()).unwrap_or(text.len()));
        newlines += text.get(begin..end).unwrap_or_default().matches('\n').count();
        let is_whole = text.get(..end).is_some_and(|read| read.ends_with('\n'));
        let line = u64::try_from(if is_whole { newlines } else { newlines + 1 }).unwrap_or_default();
        let one: Record = record.deserialize(Some(&heading)).map_err(|error| format!("line {line}: {error}"))?;
        if one.account.is_empty() {
            return Err(format!("line {line}: the account is not named"));
        }
        if chosen.len() >= ACCOUNTS_MAX {
            return Err(format!("line {line}: more than {ACCOUNTS_MAX} accounts"));
        }
        let bill_from = match one.bill_from.as_str() {
            "" => None,
            day => Some(day.parse().map_err(|_| format!("line {line}: `{day}` is no date such as 2027-03-15"))?),
        };
        let account = Chosen {
            line,
            customer: one.customer,
            plan: one.plan,
            cycle: cycle(&one.cycle).map_err(|why| format!("line {line}: {why}"))?,
            bill_from,
            currency: one.currency,
        };
        if let Some(other) = chosen.insert(one.account.clone(), account) {
            return Err(format!("line {line}: `{}` stands in line {} already", one.account, other.line));
        }
    }
    if chosen.is_empty() { Err("there are no accounts in it".to_owned()) } else { Ok(chosen) }
}

/// `1 month`, `3 months`, `year`.
fn cycle(given: &str) -> Result<Option<pb::Cycle>, String> {
    if given.is_empty() {
        return Ok(None);
    }
    let wrong = || format!("`{given}` is no cycle such as `1 month` or `1 year`");
    let (count, unit) = given.split_once(' ').unwrap_or(("1", given));
    let count: u32 = count.parse().map_err(|_| wrong())?;
    let unit = match unit.trim().trim_end_matches('s') {
        "day" => pb::CycleUnit::Day,
        "week" => pb::CycleUnit::Week,
        "month" => pb::CycleUnit::Month,
        "year" => pb::CycleUnit::Year,
        _ => return Err(wrong()),
    };
    Ok(Some(pb::Cycle { unit: unit.into(), count }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_says_what_the_panel_does_not_know() {
        let text =
            "\u{feff}account;customer;bill_from;cycle\n# a comment\nacme;cus_7;2027-03-15;1 month\n\"shop\";;;year\n";
        let chosen = parse(text).expect("a list");
        let acme = &chosen["acme"];
        assert_eq!((acme.customer.as_str(), acme.line), ("cus_7", 3));
        assert_eq!(acme.bill_from, NaiveDate::from_ymd_opt(2027, 3, 15));
        let yearly = Some(pb::Cycle { unit: pb::CycleUnit::Year.into(), count: 1 });
        assert_eq!((chosen["shop"].cycle, chosen["shop"].bill_from), (yearly, None));
        assert_eq!(parse("account\nacme\n").expect("names alone do").len(), 1);
    }

    #[test]
    fn what_cannot_be_read_is_named_by_its_line() {
        for (text, words) in [
            ("account\n", "there are no accounts"),
            ("account,bill_from\nacme,15.3.2027\n", "line 2: `15.3.2027` is no date"),
            ("account,cycle\nacme,monthly\n", "line 2: `monthly` is no cycle"),
            ("account\nacme\nacme\n", "line 3: `acme` stands in line 2"),
            ("account,price\nacme,5\n", "price"),
            ("account,plan\n,starter\n", "line 2: the account is not named"),
        ] {
            let why = parse(text).expect_err(text);
            assert!(why.contains(words), "{text:?}: {why}");
        }
    }
}
