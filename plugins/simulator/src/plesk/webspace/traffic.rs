//! `get_traffic` of the operator `webspace`: what was transferred day by day.

use chrono::NaiveDate;

use super::super::events::Occurrence;
use super::super::filter::{added, results};
use super::super::panel::Panel;
use super::super::refusal::Refusal;
use super::super::state::State;
use super::super::xml::Element;
use super::{WHAT, selected};

/// Shows the days between two dates, both included. All of it went out over HTTP.
pub(in super::super) fn get_traffic(
    _: &Panel,
    state: &mut State,
    body: &Element,
    _: &mut Vec<Occurrence>,
) -> Vec<Element> {
    let dates = date(body, "since_date").and_then(|since| Ok((since, date(body, "to_date")?)));
    let (since, to) = match dates {
        Ok((since, to)) => (since.unwrap_or(NaiveDate::MIN), to.unwrap_or(NaiveDate::MAX)),
        Err(refusal) => return added(Err(refusal)),
    };
    results(selected(state, body), |found| {
        let shown = state.subscriptions.get(&found.id).ok_or_else(|| Refusal::not_found(WHAT));
        found.result(shown.map(|subscription| {
            let days = subscription.traffic_days.iter().filter(|(day, _)| (since..=to).contains(day));
            days.map(|(day, bytes)| traffic(*day, *bytes)).collect()
        }))
    })
}

fn traffic(day: NaiveDate, bytes: u64) -> Element {
    let empty = ["ftp_in", "ftp_out", "smtp_in", "smtp_out", "pop3_imap_in", "pop3_imap_out"];
    Element::new("traffic")
        .with(Element::leaf("date", day.to_string()))
        .with(Element::leaf("http_in", "0"))
        .with(Element::leaf("http_out", bytes.to_string()))
        .with_all(empty.map(|name| Element::leaf(name, "0")))
}

fn date(body: &Element, name: &str) -> Result<Option<NaiveDate>, Refusal> {
    let Some(text) = body.text_of(name) else { return Ok(None) };
    let date = text.parse().map_err(|_| Refusal::parse(format!("webspace.get_traffic: '{name}' is not a date")))?;
    Ok(Some(date))
}
