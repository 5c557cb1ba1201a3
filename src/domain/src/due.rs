//! What is left to be charged: `due = owed - billed`, interval by interval. The second half of the one idea.
//!
//! A day is settled when it was billed with the same component, quantity and price, even if the cycle around it has
//! moved since. A day billed otherwise, or not owed any more, is credited at what was charged for it. Whatever is left
//! is due; when nothing is left, running again bills nothing.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use crate::id::LineId;
use crate::money::{Currency, MoneyError};
use crate::owed::{ChargeKind, ComponentKey, Owed, Rating};
use crate::period::Period;

/// What an issued or drafted line still covers, after the credits to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Billed {
    /// The charging line.
    pub line_id: LineId,
    /// For what.
    pub key: ComponentKey,
    /// The days it still covers.
    pub period: Period,
    /// At what price it was charged.
    pub rating: Rating,
}

/// A charge (positive) or a credit (negative) to be put on a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// For what.
    pub key: ComponentKey,
    /// For which days.
    pub period: Period,
    /// How it came about.
    pub rating: Rating,
    /// The line that is credited; a charge has none.
    pub credits: Option<LineId>,
    /// In minor units, as agreed (gross when prices include tax); negative for a credit.
    pub amount_minor: i64,
}

/// Reduces charging lines by the credits to them. Lines credited in full do not come back.
///
/// `lines` are charges; `credits` name the line and the days they took back.
#[must_use]
pub fn remaining(lines: Vec<Billed>, credits: &[(LineId, Period)]) -> Vec<Billed> {
    let mut by_line: BTreeMap<LineId, Vec<Period>> = BTreeMap::new();
    for (line_id, period) in credits {
        by_line.entry(*line_id).or_default().push(*period);
    }
    let mut left = Vec::with_capacity(lines.len());
    for line in lines {
        let Some(taken) = by_line.get_mut(&line.line_id) else {
            left.push(line);
            continue;
        };
        taken.sort_unstable();
        let mut at = line.period.from;
        for period in taken.iter() {
            if period.from > at {
                left.push(Billed { period: Period::new(at, period.from), ..line.clone() });
            }
            at = at.max(period.to);
        }
        if at < line.period.to {
            left.push(Billed { period: Period::new(at, line.period.to), ..line });
        }
    }
    left
}

/// What is due. Nothing in the answer means that everything owed is billed and everything billed is owed.
///
/// Amounts that round to nothing are left out: they are part of the rounded sum of a later part of the same cycle.
///
/// # Errors
/// [`MoneyError::Overflow`].
pub fn due(owed: &[Owed], billed: &[Billed], currency: Currency) -> Result<Vec<Charge>, MoneyError> {
    if billed.is_empty() {
        return owed.iter().map(|owed| charge(owed, owed.period, currency)).filter_map(Result::transpose).collect();
    }
    let mut by_key: BTreeMap<&ComponentKey, (Vec<&Owed>, Vec<&Billed>)> = BTreeMap::new();
    for owed in owed {
        by_key.entry(&owed.key).or_default().0.push(owed);
    }
    for billed in billed {
        by_key.entry(&billed.key).or_default().1.push(billed);
    }
    let mut due = Vec::new();
    for (key, (owed, billed)) in by_key {
        match key.kind {
            ChargeKind::Recurring => subtract_days(&owed, &billed, currency, &mut due)?,
            ChargeKind::Setup => subtract_whole(&owed, &billed, |_, _| true, currency, &mut due)?,
            ChargeKind::Usage => {
                subtract_whole(&owed, &billed, |owed, billed| owed.period == billed.period, currency, &mut due)?;
            }
        }
    }
    due.sort_by(|a, b| {
        (a.period, a.amount_minor > 0, &a.key, a.credits).cmp(&(b.period, b.amount_minor > 0, &b.key, b.credits))
    });
    Ok(due)
}

/// Days: cut both sides at every boundary, compare piece by piece, and join neighbouring pieces of one source again.
fn subtract_days(
    owed: &[&Owed],
    billed: &[&Billed],
    currency: Currency,
    due: &mut Vec<Charge>,
) -> Result<(), MoneyError> {
    let mut cuts = BTreeSet::new();
    for period in owed.iter().map(|owed| owed.period).chain(billed.iter().map(|billed| billed.period)) {
        cuts.extend([period.from, period.to]);
    }
    let mut charges: Vec<(&Owed, Period)> = Vec::new();
    let mut credits: Vec<(&Billed, Period)> = Vec::new();
    let mut starts = cuts.iter().copied();
    let mut from = starts.next();
    for to in starts {
        let piece = Period::new(from.unwrap_or(to), to);
        from = Some(to);
        let owing = owed.iter().find(|owed| owed.period.contains(piece.from));
        let mut covered = false;
        for billing in billed.iter().filter(|billed| billed.period.contains(piece.from)) {
            match owing {
                Some(owing) if !covered && billing.rating.settles(&owing.rating) => covered = true,
                _ => join(&mut credits, billing, piece),
            }
        }
        if let Some(owing) = owing.filter(|_| !covered) {
            join(&mut charges, owing, piece);
        }
    }
    for (billed, piece) in credits {
        due.extend(credit(billed, piece, currency)?);
    }
    for (owed, piece) in charges {
        due.extend(charge(owed, piece, currency)?);
    }
    Ok(())
}

fn join<'a, T>(pieces: &mut Vec<(&'a T, Period)>, source: &'a T, piece: Period) {
    let last = pieces.iter_mut().rev().find(|(known, period)| std::ptr::eq(*known, source) && period.to == piece.from);
    match last {
        Some((_, period)) => period.to = piece.to,
        None => pieces.push((source, piece)),
    }
}

/// Charges that are not spread over days are settled as a whole or taken back as a whole.
fn subtract_whole(
    owed: &[&Owed],
    billed: &[&Billed],
    same_slot: impl Fn(&Owed, &Billed) -> bool,
    currency: Currency,
    due: &mut Vec<Charge>,
) -> Result<(), MoneyError> {
    let mut open: Vec<&Billed> = billed.to_vec();
    let mut missing = Vec::new();
    for owed in owed {
        match open.iter().position(|billed| same_slot(owed, billed) && billed.rating.settles(&owed.rating)) {
            Some(index) => {
                open.remove(index);
            }
            None => missing.push(*owed),
        }
    }
    for billed in open {
        due.extend(credit(billed, billed.period, currency)?);
    }
    for owed in missing {
        due.extend(charge(owed, owed.period, currency)?);
    }
    Ok(())
}

fn charge(owed: &Owed, piece: Period, currency: Currency) -> Result<Option<Charge>, MoneyError> {
    let amount_minor = owed.rating.basis.part(piece, currency)?;
    let charge =
        Charge { key: owed.key.clone(), period: piece, rating: owed.rating.clone(), credits: None, amount_minor };
    Ok((amount_minor != 0).then_some(charge))
}

fn credit(billed: &Billed, piece: Period, currency: Currency) -> Result<Option<Charge>, MoneyError> {
    let amount_minor = -billed.rating.basis.part(piece, currency)?;
    let charge = Charge {
        key: billed.key.clone(),
        period: piece,
        rating: billed.rating.clone(),
        credits: Some(billed.line_id),
        amount_minor,
    };
    Ok((amount_minor != 0).then_some(charge))
}

/// The days that a set of charges covers net, by key: for tests and audits.
#[must_use]
pub fn covered_days(billed: &[Billed], key: &ComponentKey) -> BTreeMap<NaiveDate, usize> {
    let mut days = BTreeMap::new();
    for billed in billed.iter().filter(|billed| billed.key == *key) {
        for day in billed.period.from.iter_days().take_while(|day| *day < billed.period.to) {
            *days.entry(day).or_default() += 1;
        }
    }
    days
}
