//! Price lists as CSV files.

use std::collections::BTreeMap;

use crate::proto::billet::v1 as pb;
use crate::proto::google::r#type as gt;

/// The heading; the columns after the years are actions.
const HEADING: [&str; 6] = ["tld", "years", "register", "renew", "transfer", "restore"];
/// What the columns of prices are.
const ACTIONS: [pb::DomainAction; 4] =
    [pb::DomainAction::Register, pb::DomainAction::Renew, pb::DomainAction::Transfer, pb::DomainAction::Restore];
/// The most lines of a file.
const LINES_MAX: usize = 20_000;

/// The prices by top-level domain, each in the order of the file. Fields are parted by commas or semicolons; quotes around
/// them, empty lines and those that begin with `#` are passed over.
///
/// # Errors
/// In words, with the number of the line.
pub fn parse(text: &str) -> Result<BTreeMap<String, Vec<pb::DomainPrice>>, String> {
    let mut lists: BTreeMap<String, Vec<pb::DomainPrice>> = BTreeMap::new();
    let mut has_heading = false;
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        let line = line.trim_start_matches('\u{feff}').trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if number > LINES_MAX {
            return Err(format!("more than {LINES_MAX} lines"));
        }
        let separator = if line.contains(';') { ';' } else { ',' };
        let fields: Vec<&str> = line.split(separator).map(|field| field.trim().trim_matches('"').trim()).collect();
        if !has_heading {
            if !fields.iter().map(|field| field.to_lowercase()).eq(HEADING) {
                return Err(format!("line {number}: the heading `{}` is wanted", HEADING.join(",")));
            }
            has_heading = true;
            continue;
        }
        let [tld, years, prices @ ..] = fields.as_slice() else {
            return Err(format!("line {number}: {} fields are wanted", HEADING.len()));
        };
        if tld.is_empty() || prices.len() != ACTIONS.len() {
            return Err(format!("line {number}: {} fields are wanted, the first of them a name", HEADING.len()));
        }
        let years: u32 = years.parse().map_err(|_| format!("line {number}: `{years}` is no number of years"))?;
        let list = lists.entry(tld.trim_start_matches('.').to_ascii_lowercase()).or_default();
        for (action, price) in ACTIONS.into_iter().zip(prices).filter(|(_, price)| !price.is_empty()) {
            if rust_decimal::Decimal::from_str_exact(price).is_err() {
                return Err(format!("line {number}: `{price}` is no price such as 12.50"));
            }
            let price = Some(gt::Decimal { value: (*price).to_owned() });
            list.push(pb::DomainPrice { action: action.into(), years, price });
        }
    }
    if lists.is_empty() { Err("there are no prices in it".to_owned()) } else { Ok(lists) }
}

/// Prices by years, each row in the order of the columns.
pub fn by_years(prices: &[pb::DomainPrice]) -> BTreeMap<u32, [Option<String>; 4]> {
    let mut rows: BTreeMap<u32, [Option<String>; 4]> = BTreeMap::new();
    for price in prices {
        if let Some(column) = ACTIONS.iter().position(|action| *action == price.action()) {
            let row = rows.entry(price.years).or_default();
            row[column] = price.price.as_ref().map(|price| price.value.clone());
        }
    }
    rows
}

/// A registrar's costs as such a file. A cost that is said for no number of years is for one. The currency stands in a line
/// that is passed over when the file is read.
pub fn write(costs: &[pb::TldCosts]) -> String {
    let mut text = format!("{}\n", HEADING.join(","));
    for one in costs {
        let currency = one.costs.iter().find_map(|cost| cost.cost.as_ref()).map(|money| money.currency_code.as_str());
        if let Some(currency) = currency {
            text.push_str(&format!("# .{} costs you, in {currency}:\n", one.tld));
        }
        let prices: Vec<pb::DomainPrice> = one
            .costs
            .iter()
            .filter_map(|cost| {
                let money = cost.cost.as_ref()?;
                let value =
                    rust_decimal::Decimal::from(money.units) + rust_decimal::Decimal::new(money.nanos.into(), 9);
                let price = Some(gt::Decimal { value: value.normalize().to_string() });
                Some(pb::DomainPrice { action: cost.action, years: cost.years.max(1), price })
            })
            .collect();
        for (years, row) in by_years(&prices) {
            let row = row.map(Option::unwrap_or_default).join(",");
            text.push_str(&format!("{},{years},{row}\n", one.tld));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_by_top_level_domain() {
        let text = "\u{feff}tld,years,register,renew,transfer,restore\n# promotional first years\n.org,1,4.99,12.50,10,80\n\norg,2,17.49,25,,\n\"co.uk\",1,,7,0,\n";
        let lists = parse(text).expect("a list");
        assert_eq!(lists.keys().collect::<Vec<_>>(), ["co.uk", "org"]);
        let org = by_years(&lists["org"]);
        let row = |fields: [&str; 4]| fields.map(|field| Some(field.to_owned()).filter(|field| !field.is_empty()));
        assert_eq!(org[&1], row(["4.99", "12.50", "10", "80"]));
        assert_eq!(org[&2], row(["17.49", "25", "", ""]));
        assert_eq!(by_years(&lists["co.uk"])[&1], row(["", "7", "0", ""]));
        assert_eq!(parse(&text.replace(',', ";")).expect("as spreadsheets write it"), lists);
    }

    #[test]
    fn what_cannot_be_read_is_named_by_its_line() {
        let after = |line: &str| parse(&format!("tld,years,register,renew,transfer,restore\n{line}\n"));
        for (text, words) in [
            (parse("org,1,5,12,10,80\n"), "line 1: the heading"),
            (after("org,one,5,12,10,80"), "line 2: `one`"),
            (after("org,1,5,twelve,10,80"), "line 2: `twelve`"),
            (after("org,1,5"), "line 2: 6 fields"),
            (after(""), "no prices"),
        ] {
            let problem = text.expect_err("cannot be read");
            assert!(problem.contains(words), "{problem}");
        }
    }

    #[test]
    fn costs_come_out_as_a_list_to_begin_with() {
        let money = |units, nanos| Some(gt::Money { currency_code: "EUR".to_owned(), units, nanos });
        let cost = |action: pb::DomainAction, cost| pb::TldCost { action: action.into(), years: 1, cost };
        let costs = [pb::TldCosts {
            tld: "org".to_owned(),
            costs: vec![
                cost(pb::DomainAction::Register, money(7, 500_000_000)),
                cost(pb::DomainAction::Renew, money(9, 0)),
            ],
            renew_before_days: None,
        }];
        let text = write(&costs);
        assert!(text.ends_with("org,1,7.5,9,,\n"), "{text}");
        assert_eq!(parse(&text).expect("reads")["org"].len(), 2);
    }
}
