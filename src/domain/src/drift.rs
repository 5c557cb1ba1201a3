//! What a panel has against what Billet thinks that it has. Tells; decides nothing and changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::id::SubscriptionId;

/// Panels' clocks and ours may be this far apart.
const CLOCKS_APART_MAX_US: i64 = 15 * 60 * 1_000_000;

/// In what an account differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DriftKind {
    /// Billet thinks that it is there, and it is not; or another one of its name is.
    Missing,
    /// It is there, and Billet knows nothing of it.
    Extra,
    /// It has another package.
    Package,
    /// It is suspended on one side only.
    Suspension,
    /// It has another main domain.
    Domain,
    /// It has another name.
    Renamed,
}

impl DriftKind {
    /// As stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Extra => "extra",
            Self::Package => "package",
            Self::Suspension => "suspension",
            Self::Domain => "domain",
            Self::Renamed => "renamed",
        }
    }
}

/// An account as Billet has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Here {
    /// Whose it is.
    pub subscription_id: SubscriptionId,
    /// What Billet calls it: its user name, or its main domain where the panel reports accounts by it.
    pub name: String,
    /// Its main domain; empty if unknown.
    #[serde(default)]
    pub domain: String,
    /// The panel's own id; empty if unknown or where there is none.
    #[serde(default)]
    pub panel_id: String,
    /// The package that it should have; absent when nothing says.
    #[serde(default)]
    pub package: Option<String>,
    /// Whether Billet gives it that package; else the panel decides, and this is what it told.
    #[serde(default)]
    pub keeps_package: bool,
    /// Whether it should be suspended, or is known to be by others.
    pub suspended: bool,
    /// When the panel made it, microseconds UTC, as far as known.
    #[serde(default)]
    pub created_at_us: Option<i64>,
}

/// An account as the panel lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct There {
    /// Its user name.
    pub name: String,
    /// Its main domain; empty where there is none.
    #[serde(default)]
    pub domain: String,
    /// The panel's own id; empty where there is none.
    #[serde(default)]
    pub panel_id: String,
    /// Its package; absent when the panel does not say.
    #[serde(default)]
    pub package: Option<String>,
    /// Whether it is suspended.
    pub suspended: bool,
    /// When it was made, microseconds UTC; absent when the panel does not say.
    #[serde(default)]
    pub created_at_us: Option<i64>,
    /// Who it belongs to at the panel.
    #[serde(default)]
    pub owner: String,
    /// The contact address.
    #[serde(default)]
    pub email: String,
    /// The subscription whose id it carries; absent where it carries none of ours.
    #[serde(default)]
    pub carries: Option<SubscriptionId>,
}

/// A difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// In what.
    pub kind: DriftKind,
    /// Billet's side; absent for what is extra.
    pub here: Option<Here>,
    /// The panel's side; absent for what is missing.
    pub there: Option<There>,
}

impl Drift {
    /// What the account is called: by Billet, or by the panel if Billet knows nothing of it.
    #[must_use]
    pub fn name(&self) -> &str {
        let there = || self.there.as_ref().map(|there| there.name.as_str());
        self.here.as_ref().map(|here| here.name.as_str()).or_else(there).unwrap_or_default()
    }

    /// Its main domain, by which one that was moved to another panel is found there.
    #[must_use]
    pub fn domain(&self) -> &str {
        let there = self.there.as_ref().map(|there| there.domain.as_str()).filter(|domain| !domain.is_empty());
        there.or_else(|| self.here.as_ref().map(|here| here.domain.as_str())).unwrap_or_default()
    }
}

/// Compares. `passed_over` are names of accounts, on either side, about which nothing is said this time, because something
/// is being done to them.
#[must_use]
pub fn compare(here: &[Here], there: &[There], passed_over: &BTreeSet<String>) -> Vec<Drift> {
    let lists = Lists::of(there);
    let mut claimed: BTreeSet<usize> = BTreeSet::new();
    let mut drifts = Vec::new();
    // Those that are there under their own name come first: nobody else's new name is taken for theirs.
    let mut lost = Vec::new();
    for one in here {
        match lists.named(one).filter(|index| !is_another(one, &there[*index])) {
            Some(index) => {
                claimed.insert(index);
                differences(one, &there[index], false, &mut drifts);
            }
            None => lost.push(one),
        }
    }
    for one in lost {
        match lists.elsewhere(one).filter(|index| !claimed.contains(index) && !is_another(one, &there[*index])) {
            Some(index) => {
                claimed.insert(index);
                differences(one, &there[index], true, &mut drifts);
            }
            None => drifts.push(Drift { kind: DriftKind::Missing, here: Some(one.clone()), there: None }),
        }
    }
    let is_passed_over = |one: &There| [&one.name, &one.domain].iter().any(|name| passed_over.contains(name.as_str()));
    let extra = there.iter().enumerate().filter(|(index, one)| !claimed.contains(index) && !is_passed_over(one));
    drifts.extend(extra.map(|(_, one)| Drift { kind: DriftKind::Extra, here: None, there: Some(one.clone()) }));
    drifts
}

/// The panel's accounts by what they may be found by.
struct Lists<'a> {
    by_name: BTreeMap<&'a str, usize>,
    by_domain: BTreeMap<String, usize>,
    by_panel_id: BTreeMap<&'a str, usize>,
    by_subscription: BTreeMap<SubscriptionId, usize>,
}

impl<'a> Lists<'a> {
    fn of(there: &'a [There]) -> Self {
        let all = || there.iter().enumerate();
        let filled = |text: &&str| !text.is_empty();
        Self {
            by_name: all().map(|(index, one)| (one.name.as_str(), index)).filter(|(name, _)| filled(name)).collect(),
            by_domain: all()
                .map(|(index, one)| (one.domain.to_lowercase(), index))
                .filter(|(domain, _)| !domain.is_empty())
                .collect(),
            by_panel_id: all()
                .map(|(index, one)| (one.panel_id.as_str(), index))
                .filter(|(id, _)| filled(id))
                .collect(),
            by_subscription: all().filter_map(|(index, one)| Some((one.carries?, index))).collect(),
        }
    }

    /// The account of its name; a name may be a domain.
    fn named(&self, here: &Here) -> Option<usize> {
        let by_domain = || here.name.contains('.').then(|| self.by_domain.get(&here.name.to_lowercase())).flatten();
        self.by_name.get(here.name.as_str()).or_else(by_domain).copied()
    }

    /// The account that it is, by anything but its name.
    fn elsewhere(&self, here: &Here) -> Option<usize> {
        let by_id = (!here.panel_id.is_empty()).then(|| self.by_panel_id.get(here.panel_id.as_str())).flatten();
        let by_carried = || self.by_subscription.get(&here.subscription_id);
        // Where the panel has ids that last, a domain on another id is another account.
        let by_domain = || {
            (here.panel_id.is_empty() && !here.domain.is_empty())
                .then(|| self.by_domain.get(&here.domain.to_lowercase()))
                .flatten()
        };
        by_id.or_else(by_carried).or_else(by_domain).copied()
    }
}

/// Whether what has the name is another account than the one that was known: it was removed, and somebody made a new one.
fn is_another(here: &Here, there: &There) -> bool {
    if there.carries.is_some() {
        return there.carries != Some(here.subscription_id);
    }
    let other_id = !here.panel_id.is_empty() && !there.panel_id.is_empty() && here.panel_id != there.panel_id;
    let younger = here
        .created_at_us
        .zip(there.created_at_us)
        .is_some_and(|(known, seen)| seen > known.saturating_add(CLOCKS_APART_MAX_US));
    other_id || younger
}

fn differences(here: &Here, there: &There, renamed: bool, drifts: &mut Vec<Drift>) {
    let mut found = |kind| drifts.push(Drift { kind, here: Some(here.clone()), there: Some(there.clone()) });
    if renamed {
        found(DriftKind::Renamed);
    }
    // A name that is a domain has been renamed then.
    if !renamed
        && !here.domain.is_empty()
        && !there.domain.is_empty()
        && !here.domain.eq_ignore_ascii_case(&there.domain)
    {
        found(DriftKind::Domain);
    }
    if here.package.is_some() && there.package.is_some() && here.package != there.package {
        found(DriftKind::Package);
    }
    if here.suspended != there.suspended {
        found(DriftKind::Suspension);
    }
}

#[cfg(test)]
mod tests;
