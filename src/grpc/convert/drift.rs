//! Differences between panels and the books, between protocol and use cases.

use billet_domain::drift::{DriftKind, Here, There};
use billet_domain::id::DriftId;

use super::to_instant;
use crate::billing::BillingError;
use crate::billing::provision::mend::{Hindrance, Mend, proposal};
use crate::proto::billet::v1 as pb;
use crate::store::drift::{Reconciliation, StoredDrift};

/// A comparison for the protocol.
#[must_use]
pub fn to_reconciliation(one: Reconciliation) -> pb::Reconciliation {
    pb::Reconciliation {
        instance_id: one.instance_id.to_string(),
        asked_at: Some(to_instant(one.asked_at)),
        finished_at: one.finished_at.map(to_instant),
        pending: one.finished_count < one.asked_count,
        account_count: one.account_count,
        drift_count: one.drift_count,
        problem: one.problem,
        detail: one.detail,
    }
}

fn kind(kind: DriftKind) -> pb::DriftKind {
    match kind {
        DriftKind::Missing => pb::DriftKind::Missing,
        DriftKind::Extra => pb::DriftKind::Extra,
        DriftKind::Package => pb::DriftKind::Package,
        DriftKind::Suspension => pb::DriftKind::Suspension,
        DriftKind::Domain => pb::DriftKind::Domain,
        DriftKind::Renamed => pb::DriftKind::Renamed,
    }
}

/// The kind that is asked for; `None` for all.
///
/// # Errors
/// [`BillingError::Invalid`].
pub fn from_drift_kind(given: i32) -> Result<Option<DriftKind>, BillingError> {
    match pb::DriftKind::try_from(given) {
        Ok(pb::DriftKind::Unspecified) => Ok(None),
        Ok(pb::DriftKind::Missing) => Ok(Some(DriftKind::Missing)),
        Ok(pb::DriftKind::Extra) => Ok(Some(DriftKind::Extra)),
        Ok(pb::DriftKind::Package) => Ok(Some(DriftKind::Package)),
        Ok(pb::DriftKind::Suspension) => Ok(Some(DriftKind::Suspension)),
        Ok(pb::DriftKind::Domain) => Ok(Some(DriftKind::Domain)),
        Ok(pb::DriftKind::Renamed) => Ok(Some(DriftKind::Renamed)),
        Err(_) => Err(BillingError::invalid("kind", "is unknown")),
    }
}

/// The mend that is asked for.
///
/// # Errors
/// [`BillingError::Invalid`].
pub fn from_mend(given: i32) -> Result<Mend, BillingError> {
    match pb::Mend::try_from(given) {
        Ok(pb::Mend::Adopt) => Ok(Mend::Adopt),
        Ok(pb::Mend::FixAtPanel) => Ok(Mend::FixAtPanel),
        Ok(pb::Mend::FixHere) => Ok(Mend::FixHere),
        Ok(pb::Mend::Ignore) => Ok(Mend::Ignore),
        Ok(pb::Mend::Unspecified) | Err(_) => Err(BillingError::invalid("mend", "is required")),
    }
}

fn to_mend(mend: Mend) -> pb::Mend {
    match mend {
        Mend::Adopt => pb::Mend::Adopt,
        Mend::FixAtPanel => pb::Mend::FixAtPanel,
        Mend::FixHere => pb::Mend::FixHere,
        Mend::Ignore => pb::Mend::Ignore,
    }
}

fn here_side(here: &Here) -> pb::DriftSide {
    pb::DriftSide {
        name: here.name.clone(),
        domain: here.domain.clone(),
        panel_id: here.panel_id.clone(),
        package: here.package.clone().unwrap_or_default(),
        suspended: here.suspended,
        ..pb::DriftSide::default()
    }
}

fn there_side(there: &There) -> pb::DriftSide {
    pb::DriftSide {
        name: there.name.clone(),
        domain: there.domain.clone(),
        panel_id: there.panel_id.clone(),
        package: there.package.clone().unwrap_or_default(),
        suspended: there.suspended,
        owner: there.owner.clone(),
        email: there.email.clone(),
    }
}

/// A difference for the protocol; `moved` is its other side.
#[must_use]
pub fn to_drift(stored: &StoredDrift, moved: Option<&StoredDrift>) -> pb::Drift {
    let drift = &stored.drift;
    // What was moved is followed, from whichever side it is looked at.
    let proposal = if moved.is_some() { Mend::FixHere } else { proposal(drift) };
    pb::Drift {
        id: stored.id.to_string(),
        instance_id: stored.instance_id.to_string(),
        kind: kind(drift.kind).into(),
        subscription_id: drift.here.as_ref().map(|here| here.subscription_id.to_string()).unwrap_or_default(),
        here: drift.here.as_ref().map(here_side),
        there: drift.there.as_ref().map(there_side),
        proposal: to_mend(proposal).into(),
        moved_instance_id: moved.map(|moved| moved.instance_id.to_string()).unwrap_or_default(),
        moved_name: moved.map(|moved| moved.drift.name().to_owned()).unwrap_or_default(),
        ignored: stored.ignored,
        first_seen_at: Some(to_instant(stored.first_seen_at)),
    }
}

/// What became of a mend, for the protocol.
#[must_use]
pub fn to_mend_result(id: DriftId, result: Result<(), Hindrance>) -> pb::MendResult {
    let (problem, detail) = result.err().map(|why| (why.reason, why.detail)).unwrap_or_default();
    pb::MendResult { id: id.to_string(), mended: problem.is_empty(), problem, detail }
}
