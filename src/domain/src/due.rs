//! What is left to be charged: `due = owed - billed`, interval by interval. The second half of the one idea.
//!
//! A day is settled when it was billed with the same component, quantity and price, even if the cycle around it has
//! moved since. A day billed otherwise, or not owed any more, is credited at what was charged for it. Whatever is left
//! is due; when nothing is left, running again bills nothing.
//!
//! No cent is lost or charged twice by cutting: a part of a line costs the difference of two cumulative amounts of that
//! line's own cycle, so parts, whether charged, credited or left out because they round to nothing, add up to the whole.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::id::LineId;
use crate::money::{Currency, MoneyError};
use crate::owed::{ChargeKind, ComponentKey, Owed, Rating, Statement};
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

/// What is due, and how far this settles the subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// In order of date. When there are none, everything owed is billed and everything billed is owed.
    pub charges: Vec<Charge>,
    /// When the charges are billed: the day that may be the next window's [`after`](crate::owed::Window::after). None
    /// while lines reach beyond what is owed, because an anchor or the cut-off date moved: then the next pass has to
    /// compare everything again, or it would charge those days twice.
    pub settled_until: Option<NaiveDate>,
}

/// What is due. Nothing in the answer means that everything owed is billed and everything billed is owed.
///
/// What is owed [ahead](Statement::ahead) of the window is not charged; if it is billed already, it stays so.
/// Amounts that round to nothing are left out: they are part of the rounded sum of a later part of the same cycle.
///
/// A statement of everything is compared with all that [`remaining`] left of the lines. A statement of a window whose
/// `after` is settled needs no lines: nothing of it is billed, so all of it is due.
///
/// # Errors
/// [`MoneyError::Overflow`].
pub fn due(statement: &Statement, billed: &[Billed], currency: Currency) -> Result<Due, MoneyError> {
    // A cut-off date before what is settled unsettles nothing.
    let settled_until = statement.window.after.max(Some(statement.window.until));
    if billed.is_empty() {
        let owed = statement.owed.iter();
        let charges = owed.filter_map(|owed| charge(owed, owed.period, currency).transpose());
        return Ok(Due { charges: charges.collect::<Result<_, _>>()?, settled_until });
    }
    let mut by_key: BTreeMap<&ComponentKey, Sides<'_>> = BTreeMap::new();
    for owed in &statement.owed {
        by_key.entry(&owed.key).or_default().owed.push(owed);
    }
    for owed in &statement.ahead {
        by_key.entry(&owed.key).or_default().ahead.push(owed);
    }
    for billed in billed {
        by_key.entry(&billed.key).or_default().billed.push(billed);
    }
    let mut charges = Vec::new();
    let mut billed_ahead = false;
    for (key, sides) in by_key {
        billed_ahead |= match key.kind {
            ChargeKind::Recurring => sides.subtract_days(currency, &mut charges)?,
            ChargeKind::Setup => sides.subtract_whole(|_, _| true, currency, &mut charges)?,
            ChargeKind::Usage => {
                sides.subtract_whole(|owed, billed| owed.period == billed.period, currency, &mut charges)?
            }
        };
    }
    charges.sort_by(|a, b| {
        (a.period, a.amount_minor > 0, &a.key, a.credits).cmp(&(b.period, b.amount_minor > 0, &b.key, b.credits))
    });
    Ok(Due { charges, settled_until: settled_until.filter(|_| !billed_ahead) })
}

/// The two sides of the subtraction for one component. Either way of subtracting says whether something stays billed
/// that is only owed ahead.
#[derive(Default)]
struct Sides<'a> {
    owed: Vec<&'a Owed>,
    /// Owed too, but not to be charged yet.
    ahead: Vec<&'a Owed>,
    billed: Vec<&'a Billed>,
}

impl Sides<'_> {
    /// Days: cut both sides at every boundary and compare piece by piece.
    fn subtract_days(mut self, currency: Currency, due: &mut Vec<Charge>) -> Result<bool, MoneyError> {
        self.billed.sort_by_key(|line| (line.period, line.line_id));
        let now = self.owed.iter().map(|owed| (*owed, true));
        let mut expected: Vec<(&Owed, bool)> = now.chain(self.ahead.iter().map(|owed| (*owed, false))).collect();
        expected.sort_by_key(|(owed, _)| owed.period);
        let mut charged = vec![Vec::new(); expected.len()];
        let mut credited = vec![Vec::new(); self.billed.len()];

        let mut billed_ahead = false;
        let mut owing = 0;
        let mut next_line = 0;
        let mut covering: Vec<usize> = Vec::new();
        for piece in pieces(expected.iter().map(|(owed, _)| owed.period), self.billed.iter().map(|line| line.period)) {
            while expected.get(owing).is_some_and(|(owed, _)| owed.period.to <= piece.from) {
                owing += 1;
            }
            while self.billed.get(next_line).is_some_and(|line| line.period.from <= piece.from) {
                covering.push(next_line);
                next_line += 1;
            }
            covering.retain(|line| self.billed[*line].period.to > piece.from);
            let owed = expected.get(owing).filter(|(owed, _)| owed.period.contains(piece.from));
            let settling = owed.and_then(|(owed, _)| {
                covering.iter().copied().find(|line| self.billed[*line].rating.settles(&owed.rating))
            });
            for line in covering.iter().filter(|line| Some(**line) != settling) {
                extend(&mut credited[*line], piece);
            }
            match (settling, owed) {
                (Some(_), Some((_, false))) => billed_ahead = true,
                (None, Some((_, true))) => extend(&mut charged[owing], piece),
                _ => {}
            }
        }
        for (line, pieces) in self.billed.iter().zip(credited) {
            for piece in pieces {
                due.extend(credit(line, piece, currency)?);
            }
        }
        for ((owed, _), pieces) in expected.iter().zip(charged) {
            for piece in pieces {
                due.extend(charge(owed, piece, currency)?);
            }
        }
        Ok(billed_ahead)
    }

    /// Charges that are not spread over days are settled as a whole or taken back as a whole.
    fn subtract_whole(
        self,
        same_slot: impl Fn(&Owed, &Billed) -> bool,
        currency: Currency,
        due: &mut Vec<Charge>,
    ) -> Result<bool, MoneyError> {
        let mut open = self.billed;
        let mut settle = |owed: &Owed| {
            let settling = |line: &&Billed| same_slot(owed, line) && line.rating.settles(&owed.rating);
            open.iter().position(settling).map(|index| open.remove(index)).is_some()
        };
        for owed in self.owed {
            if !settle(owed) {
                due.extend(charge(owed, owed.period, currency)?);
            }
        }
        let mut billed_ahead = false;
        for owed in self.ahead {
            billed_ahead |= settle(owed);
        }
        for line in open {
            due.extend(credit(line, line.period, currency)?);
        }
        Ok(billed_ahead)
    }
}

/// The stretches of days between all beginnings and ends, in order.
fn pieces(owed: impl Iterator<Item = Period>, billed: impl Iterator<Item = Period>) -> Vec<Period> {
    let mut cuts: Vec<NaiveDate> = owed.chain(billed).flat_map(|period| [period.from, period.to]).collect();
    cuts.sort_unstable();
    cuts.dedup();
    cuts.windows(2).map(|pair| Period::new(pair[0], pair[1])).collect()
}

/// Adds a piece, joined to the last one if it follows it.
fn extend(pieces: &mut Vec<Period>, piece: Period) {
    match pieces.last_mut().filter(|last| last.to == piece.from) {
        Some(last) => last.to = piece.to,
        None => pieces.push(piece),
    }
}

fn charge(owed: &Owed, piece: Period, currency: Currency) -> Result<Option<Charge>, MoneyError> {
    let amount_minor = owed.rating.basis.part(piece, currency)?;
    let charge =
        Charge { key: owed.key.clone(), period: piece, rating: owed.rating.clone(), credits: None, amount_minor };
    Ok((amount_minor != 0).then_some(charge))
}

fn credit(billed: &Billed, piece: Period, currency: Currency) -> Result<Option<Charge>, MoneyError> {
    let amount_minor = billed.rating.basis.part(piece, currency)?.checked_neg().ok_or(MoneyError::Overflow)?;
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
