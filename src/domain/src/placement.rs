//! Where a new account goes: which instance of a group takes it.

use serde::{Deserialize, Serialize};

/// How a group of instances is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Placement {
    /// The first by name until it is full, then the next.
    Fill,
    /// The one with the smallest share of its capacity in use; those without a capacity by their number of accounts.
    #[default]
    LeastUsed,
    /// By weight: the one that lags furthest behind its share of all accounts.
    Weighted,
}

/// An instance that may take accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate<T> {
    /// Which.
    pub instance: T,
    /// By what a group is filled.
    pub name: String,
    /// How many accounts it has, those that are being made included.
    pub accounts: i64,
    /// How many it may have; no limit when absent.
    pub accounts_max: Option<i64>,
    /// Its share, where groups are filled by weight; with 0 it takes none.
    pub weight: i64,
}

impl<T> Candidate<T> {
    fn has_room(&self) -> bool {
        self.accounts_max.is_none_or(|max| self.accounts < max)
    }
}

/// The instance that takes the next account: an index into `candidates`, `None` when all are full.
#[must_use]
pub fn place<T>(policy: Placement, candidates: &[Candidate<T>]) -> Option<usize> {
    let open = candidates.iter().enumerate().filter(|(_, one)| one.has_room());
    let best = match policy {
        Placement::Fill => open.min_by(|(_, a), (_, b)| a.name.cmp(&b.name)),
        Placement::LeastUsed => open.min_by(|(_, a), (_, b)| by_share(a, b).then_with(|| a.name.cmp(&b.name))),
        Placement::Weighted => open.filter(|(_, one)| one.weight > 0).min_by(|(_, a), (_, b)| {
            // (accounts + 1) / weight, compared without dividing: as the highest averages of D'Hondt.
            let (left, right) = (share(a.accounts + 1, b.weight), share(b.accounts + 1, a.weight));
            left.cmp(&right).then_with(|| a.name.cmp(&b.name))
        }),
    };
    best.map(|(index, _)| index)
}

fn by_share<T>(a: &Candidate<T>, b: &Candidate<T>) -> std::cmp::Ordering {
    match (a.accounts_max, b.accounts_max) {
        (Some(a_max), Some(b_max)) => share(a.accounts, b_max).cmp(&share(b.accounts, a_max)),
        _ => a.accounts.cmp(&b.accounts),
    }
}

fn share(count: i64, other: i64) -> i128 {
    i128::from(count) * i128::from(other)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one(name: &str, accounts: i64, accounts_max: Option<i64>, weight: i64) -> Candidate<&'static str> {
        Candidate { instance: "", name: name.to_owned(), accounts, accounts_max, weight }
    }

    fn filled(policy: Placement, mut candidates: Vec<Candidate<&'static str>>, count: usize) -> Vec<i64> {
        for _ in 0..count {
            let Some(index) = place(policy, &candidates) else { break };
            candidates[index].accounts += 1;
        }
        candidates.iter().map(|one| one.accounts).collect()
    }

    #[test]
    fn a_group_is_filled_as_its_policy_says() {
        let group = || vec![one("b", 0, Some(10), 1), one("a", 0, Some(4), 3), one("c", 0, None, 0)];
        assert_eq!(filled(Placement::Fill, group(), 6), [2, 4, 0]);
        assert_eq!(filled(Placement::Weighted, group(), 4), [1, 3, 0]);
        assert_eq!(filled(Placement::Weighted, group(), 100), [10, 4, 0], "weight 0 takes none");
        let halves = vec![one("a", 5, Some(10), 1), one("b", 30, Some(100), 1)];
        assert_eq!(filled(Placement::LeastUsed, halves, 20), [5, 50], "b is at 30 %, a at 50 %");
        assert_eq!(place(Placement::LeastUsed, &[one("a", 1, Some(1), 1)]), None);
        assert_eq!(place::<()>(Placement::Fill, &[]), None);
    }

    proptest! {
        #[test]
        fn nobody_is_overfilled_and_room_is_found(
            limits in prop::collection::vec((0_i64..20, prop::option::of(0_i64..20), 1_i64..5), 1..8),
            policy in prop::sample::select(vec![Placement::Fill, Placement::LeastUsed, Placement::Weighted]),
        ) {
            let candidates: Vec<_> =
                limits.iter().enumerate().map(|(i, (n, max, w))| one(&format!("s{i}"), *n, *max, *w)).collect();
            let room = candidates.iter().any(|c| c.accounts_max.is_none_or(|max| c.accounts < max));
            match place(policy, &candidates) {
                Some(index) => prop_assert!(candidates[index].accounts_max.is_none_or(|m| candidates[index].accounts < m)),
                None => prop_assert!(!room),
            }
        }
    }
}
