//! What was billed, kept as a daemon would keep it: lines, and credits that name a line and its days.

use std::collections::BTreeMap;

use billet_domain::due::{Billed, Charge, remaining};
use billet_domain::id::LineId;
use billet_domain::owed::ComponentKey;
use billet_domain::period::Period;

#[derive(Default)]
pub struct Books {
    lines: Vec<(Billed, i64)>,
    credits: Vec<(LineId, Period, i64)>,
}

impl Books {
    pub fn post(&mut self, charges: &[Charge]) {
        for charge in charges {
            match charge.credits {
                Some(line_id) => self.credits.push((line_id, charge.period, charge.amount_minor)),
                None => {
                    let line_id = LineId(self.lines.len().try_into().expect("few lines"));
                    let (key, rating) = (charge.key.clone(), charge.rating.clone());
                    self.lines.push((Billed { line_id, key, period: charge.period, rating }, charge.amount_minor));
                }
            }
        }
    }

    pub fn remaining(&self) -> Vec<Billed> {
        let lines = self.lines.iter().map(|(line, _)| line.clone()).collect();
        let credits: Vec<_> = self.credits.iter().map(|(line_id, period, _)| (*line_id, *period)).collect();
        remaining(lines, &credits)
    }

    /// Charges less credits, by what they are for; nothing is left out when they cancel out.
    pub fn totals(&self) -> BTreeMap<ComponentKey, i64> {
        let mut totals = BTreeMap::new();
        for (line, amount) in &self.lines {
            *totals.entry(line.key.clone()).or_default() += amount;
        }
        for (line_id, _, amount) in &self.credits {
            let (line, _) = &self.lines[usize::try_from(line_id.0).expect("an index")];
            *totals.entry(line.key.clone()).or_default() += amount;
        }
        totals
    }

    pub fn total(&self) -> i64 {
        self.totals().values().sum()
    }

    /// A credit takes back days of its line that no other credit has taken back, and never more money than it cost.
    pub fn check_credits(&self) {
        let mut taken: BTreeMap<LineId, (i64, Vec<Period>)> = BTreeMap::new();
        for (line_id, period, amount) in &self.credits {
            let (line, _) = &self.lines[usize::try_from(line_id.0).expect("an index")];
            assert_eq!(line.period.intersect(*period), *period, "days that are not the line's");
            let (sum, periods) = taken.entry(*line_id).or_default();
            assert!(periods.iter().all(|known| known.intersect(*period).is_empty()), "a day credited twice: {line:?}");
            periods.push(*period);
            *sum += amount;
            assert!(*amount < 0, "a credit that takes nothing back");
        }
        for (line, amount) in &self.lines {
            let credited = taken.get(&line.line_id).map_or(0, |(sum, _)| *sum);
            assert!(*amount > 0 && credited + amount >= 0, "{credited} of {amount} credited: {line:?}");
        }
    }
}
