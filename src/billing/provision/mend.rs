//! Mends what differs between a panel and the books, as a person decides it. Nothing is removed at a panel by it.

use std::collections::BTreeMap;

use billet_domain::drift::{Drift, DriftKind};
use billet_domain::hook::{Change, Hook};
use billet_domain::id::{DriftId, InstanceId, SubscriptionId};
use billet_domain::provision::{Known, Wanted};
use serde_json::json;

use super::super::BillingError;
use super::super::hook::{self, Report};
use super::rename::{relocate, rename};
use super::{by_hand, plan};
use crate::store::drift::{self, StoredDrift};
use crate::store::hook::HookState;
use crate::store::seller::Seller;
use crate::store::{Unit, instance_settings, subscription};

/// How many are mended in one call: each may lead to documents.
pub const MENDS_MAX: usize = 64;

/// How a difference is mended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mend {
    /// What is extra becomes a customer's.
    Adopt,
    /// The panel is made as Billet has it.
    FixAtPanel,
    /// Billet follows the panel.
    FixHere,
    /// It is left so.
    Ignore,
}

impl Mend {
    /// As the journal has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Adopt => "adopt",
            Self::FixAtPanel => "fix_at_panel",
            Self::FixHere => "fix_here",
            Self::Ignore => "ignore",
        }
    }
}

/// Why one was not mended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hindrance {
    /// For programs.
    pub reason: String,
    /// For people.
    pub detail: String,
}

impl Hindrance {
    fn cannot(detail: &str) -> Self {
        Self { reason: "CANNOT_BE_MENDED_SO".to_owned(), detail: detail.to_owned() }
    }
}

impl From<BillingError> for Hindrance {
    fn from(error: BillingError) -> Self {
        Self { reason: error.reason().to_owned(), detail: error.to_string() }
    }
}

/// What would be the thing to do, as far as a program can tell: what Billet keeps up is put right at the panel, what the panel
/// decides is followed.
#[must_use]
pub fn proposal(drift: &Drift) -> Mend {
    let keeps_package = drift.here.as_ref().is_some_and(|here| here.keeps_package);
    let should_be_suspended = drift.here.as_ref().is_some_and(|here| here.suspended);
    match drift.kind {
        DriftKind::Extra => Mend::Adopt,
        DriftKind::Missing | DriftKind::Package if keeps_package => Mend::FixAtPanel,
        DriftKind::Suspension if should_be_suspended => Mend::FixAtPanel,
        _ => Mend::FixHere,
    }
}

/// The other side of moves: for what is missing here where it is extra, and the other way round. What is extra at several
/// places is told for none.
///
/// # Errors
/// [`BillingError`].
pub async fn moves(
    tx: &mut crate::store::Tx,
    seller_id: billet_domain::id::SellerId,
    drifts: impl IntoIterator<Item = &StoredDrift>,
) -> Result<BTreeMap<DriftId, StoredDrift>, BillingError> {
    let asked: Vec<&StoredDrift> = drifts
        .into_iter()
        .filter(|one| matches!(one.drift.kind, DriftKind::Missing | DriftKind::Extra) && !one.drift.domain().is_empty())
        .collect();
    if asked.is_empty() {
        return Ok(BTreeMap::new());
    }
    let found = drift::of_domains(tx, seller_id, asked.iter().map(|one| one.drift.domain())).await?;
    let mut moves = BTreeMap::new();
    for one in asked {
        let mut others = found.iter().filter(|other| {
            other.instance_id != one.instance_id
                && other.drift.kind != one.drift.kind
                && other.drift.domain().eq_ignore_ascii_case(one.drift.domain())
        });
        if let (Some(other), None) = (others.next(), others.next()) {
            moves.insert(one.id, other.clone());
        }
    }
    Ok(moves)
}

/// Mends differences of the unit's seller. Answers in the order of the ids; what cannot be mended so says why and stays.
///
/// # Errors
/// [`BillingError`]; then nothing was mended.
pub async fn mend(
    unit: &mut Unit,
    seller: &Seller,
    ids: &[DriftId],
    mend: Mend,
    reason: &str,
) -> Result<Vec<(DriftId, Result<(), Hindrance>)>, BillingError> {
    let known = drift::by_ids(unit, seller.id, ids.iter().copied()).await?;
    let missing = |id: DriftId| Hindrance::from(BillingError::not_found("drift", id));
    let mut results: BTreeMap<DriftId, Result<(), Hindrance>> =
        ids.iter().filter(|id| !known.contains_key(id)).map(|id| (*id, Err(missing(*id)))).collect();
    match mend {
        Mend::Ignore => {
            let ignored: Vec<StoredDrift> =
                known.values().map(|one| StoredDrift { ignored: true, ..one.clone() }).collect();
            if !ignored.is_empty() {
                drift::update(unit, &ignored).await?;
            }
            results.extend(known.keys().map(|id| (*id, Ok(()))));
        }
        Mend::Adopt => {
            let why = "AdoptAccounts does it: it asks whose the account is and what it costs";
            results.extend(known.keys().map(|id| (*id, Err(Hindrance::cannot(why)))));
        }
        Mend::FixAtPanel => {
            for one in known.values() {
                results.insert(one.id, at_panel(unit, &one.drift).await);
            }
        }
        Mend::FixHere => here(unit, seller, &known, reason, &mut results).await?,
    }
    let mended: Vec<&StoredDrift> = known.values().filter(|one| results.get(&one.id) == Some(&Ok(()))).collect();
    for one in &mended {
        let data = json!({
            "instance": one.instance_id, "kind": one.drift.kind.as_str(), "name": one.drift.name(), "mend": mend.as_str(),
            "here": one.drift.here.as_ref().map(|here| json!({ "package": here.package, "suspended": here.suspended })),
            "there": one.drift.there.as_ref().map(|there| json!({ "package": there.package, "suspended": there.suspended })),
        });
        match one.drift.here.as_ref() {
            Some(here) => unit.event_because("drift.mended", here.subscription_id, reason, data),
            None => unit.event_because("drift.mended", one.instance_id, reason, data),
        }
    }
    if mend != Mend::Ignore && !mended.is_empty() {
        drift::delete(unit, mended.iter().map(|one| one.id)).await?;
    }
    Ok(ids.iter().map(|id| (*id, results.get(id).cloned().unwrap_or(Ok(())))).collect())
}

/// Whose it is.
fn subscription_of(drift: &Drift) -> Result<SubscriptionId, Hindrance> {
    let ours = drift.here.as_ref().map(|here| here.subscription_id);
    ours.ok_or_else(|| Hindrance::cannot("Billet knows nothing of the account: it is adopted, or left as it is"))
}

/// The panel is made as Billet has it: it is looked at, and what differs then is done.
async fn at_panel(unit: &mut Unit, drift: &Drift) -> Result<(), Hindrance> {
    let id = subscription_of(drift)?;
    if matches!(drift.kind, DriftKind::Domain | DriftKind::Renamed) {
        return Err(Hindrance::cannot("Billet changes no names at panels: it follows them"));
    }
    let mut service = by_hand::idle(unit, id).await?;
    let Wanted::Account(wanted) = &service.wanted else {
        return Err(Hindrance::cannot("it is no account"));
    };
    if wanted.package.is_none() && matches!(drift.kind, DriftKind::Missing | DriftKind::Package) {
        return Err(Hindrance::cannot("nothing says which package its plan stands for: SetPlanService does"));
    }
    service.known = match drift.kind {
        DriftKind::Missing => service.known.made_anew(),
        _ => service.known.doubted(),
    };
    service.attempt_count = 0;
    plan(&mut service, unit.now);
    by_hand::keep(unit, service).await?;
    Ok(())
}

/// Billet follows the panels.
async fn here(
    unit: &mut Unit,
    seller: &Seller,
    known: &BTreeMap<DriftId, StoredDrift>,
    reason: &str,
    results: &mut BTreeMap<DriftId, Result<(), Hindrance>>,
) -> Result<(), BillingError> {
    let moves = moves(unit, seller.id, known.values()).await?;
    let ours: BTreeMap<DriftId, SubscriptionId> =
        known.values().filter_map(|one| Some((one.id, one.drift.here.as_ref()?.subscription_id))).collect();
    let subscriptions = subscription::by_ids(unit, seller.id, ours.values().copied()).await?;
    let refs: BTreeMap<SubscriptionId, (InstanceId, String)> =
        subscriptions.into_iter().filter_map(|one| Some((one.id, one.instance_id.zip(one.external_ref)?))).collect();
    // What a panel would have reported is told together, as its hooks are.
    let mut told: Vec<(DriftId, Report)> = Vec::new();
    for one in known.values() {
        if let (DriftKind::Extra, Some(missing)) = (one.drift.kind, moves.get(&one.id)) {
            // The same move from its other side; when both are given it is made once.
            let result = match results.get(&missing.id) {
                Some(done) => done.clone(),
                None => follow(unit, missing, Some(one), reason).await,
            };
            results.insert(one.id, result.clone());
            results.insert(missing.id, result);
            continue;
        }
        if results.contains_key(&one.id) {
            continue;
        }
        let id = match subscription_of(&one.drift) {
            Ok(id) => id,
            Err(why) => {
                results.insert(one.id, Err(why));
                continue;
            }
        };
        let change = if moves.contains_key(&one.id) { None } else { as_reported(&one.drift, reason) };
        match (change, refs.get(&id)) {
            (Some(change), Some((instance_id, external_ref))) => {
                let hook = Hook {
                    // Not the difference's alone: what was refused may be tried again.
                    event_id: format!("drift:{}:{}", one.id, unit.id()?),
                    happened_at: unit.now,
                    external_ref: external_ref.clone(),
                    change,
                    source: "comparison with the panel".to_owned(),
                };
                told.push((one.id, Report { instance_id: *instance_id, hook, is_dated: true }));
            }
            (Some(_), None) => {
                results.insert(one.id, Err(Hindrance::cannot("its subscription has no account any more")));
            }
            (None, _) => {
                results.insert(one.id, follow(unit, one, moves.get(&one.id), reason).await);
            }
        }
    }
    let reports: Vec<Report> = told.iter().map(|(_, report)| report.clone()).collect();
    let fates = hook::tell(unit, seller, &reports).await?;
    for ((id, _), fate) in told.into_iter().zip(fates) {
        let result = if fate.state == HookState::Parked {
            // It is said here why; it does not wait in the inbox too.
            hook::dismiss(unit, fate.id, "its mend was refused").await?;
            Err(Hindrance { reason: fate.reason, detail: fate.detail })
        } else {
            look_again(unit, ours.get(&id).copied()).await
        };
        results.insert(id, result);
    }
    Ok(())
}

/// What a panel would have reported of it; absent for what no hook tells.
fn as_reported(drift: &Drift, reason: &str) -> Option<Change> {
    let there = drift.there.as_ref();
    match drift.kind {
        DriftKind::Missing => Some(Change::AccountTerminated),
        DriftKind::Package => {
            let to_package = there.and_then(|there| there.package.clone()).unwrap_or_default();
            Some(Change::PackageChanged { from_package: String::new(), to_package })
        }
        DriftKind::Suspension if there.is_some_and(|there| there.suspended) => {
            Some(Change::AccountSuspended { reason: reason.to_owned() })
        }
        DriftKind::Suspension => Some(Change::AccountUnsuspended),
        DriftKind::Extra | DriftKind::Domain | DriftKind::Renamed => None,
    }
}

/// Follows an account that moved, or has another name or domain.
async fn follow(
    unit: &mut Unit,
    stored: &StoredDrift,
    moved: Option<&StoredDrift>,
    reason: &str,
) -> Result<(), Hindrance> {
    let id = subscription_of(&stored.drift)?;
    if let Some(moved) = moved {
        let there = moved.drift.there.as_ref().ok_or_else(|| Hindrance::cannot("nobody knows where it is"))?;
        relocate(unit, id, moved.instance_id, there, reason).await?;
        drift::delete(unit, [moved.id]).await.map_err(BillingError::from)?;
        return Ok(());
    }
    let there = stored.drift.there.as_ref().ok_or_else(|| Hindrance::cannot("it is not there"))?;
    let seller_id = unit.seller_id;
    let by_domain = instance_settings::is_named_by_domain(unit, seller_id, stored.instance_id).await;
    if by_domain.map_err(BillingError::from)? {
        rename(unit, id, &there.domain, Some(&there.name), reason).await?;
    } else if stored.drift.kind == DriftKind::Renamed {
        rename(unit, id, &there.name, None, reason).await?;
    } else {
        let mut service = by_hand::idle(unit, id).await?;
        if let (Wanted::Account(wanted), Known::Account(known)) = (&mut service.wanted, &mut service.known) {
            wanted.domain.clone_from(&there.domain);
            known.domain.clone_from(&there.domain);
        }
        by_hand::keep(unit, service).await?;
    }
    Ok(())
}

/// What Billet knew of the account is looked up again.
async fn look_again(unit: &mut Unit, id: Option<SubscriptionId>) -> Result<(), Hindrance> {
    let Some(id) = id else { return Ok(()) };
    let mut service = by_hand::idle(unit, id).await?;
    service.known = service.known.doubted();
    plan(&mut service, unit.now);
    by_hand::keep(unit, service).await?;
    Ok(())
}
