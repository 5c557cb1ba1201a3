//! Differences between panels and the books, between protocol and use cases.

use std::collections::BTreeSet;

use billet_domain::drift::{DriftKind, Here, There};
use billet_domain::id::DriftId;

use super::{cycle_optional, date_optional, parse, parse_optional, to_date, to_instant};
use crate::billing::BillingError;
use crate::billing::adopt::{ADOPTIONS_MAX, Adopted, Adoption, Refusal};
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

/// The accounts that are to be adopted.
///
/// # Errors
/// [`BillingError::Invalid`] with the field.
pub fn from_adoptions(accounts: &[pb::Adoption]) -> Result<Vec<Adoption>, BillingError> {
    if accounts.is_empty() || accounts.len() > ADOPTIONS_MAX {
        return Err(BillingError::invalid("accounts", format!("1 to {ADOPTIONS_MAX}")));
    }
    let mut named = BTreeSet::new();
    accounts
        .iter()
        .enumerate()
        .map(|(index, one)| {
            let at = |field: &str| format!("accounts[{index}].{field}");
            let drift_id: DriftId = parse(&at("drift_id"), &one.drift_id)?;
            if !named.insert(drift_id) {
                return Err(BillingError::invalid(at("drift_id"), "is named twice"));
            }
            Ok(Adoption {
                drift_id,
                customer_id: parse_optional(&at("customer_id"), &one.customer_id)?,
                plan_id: parse_optional(&at("plan_id"), &one.plan_id)?,
                cycle: cycle_optional(&at("cycle"), one.cycle)?,
                currency: parse_optional(&at("currency_code"), &one.currency_code)?,
                bill_from: date_optional(&at("bill_from"), one.bill_from)?,
            })
        })
        .collect()
}

/// What became of adoptions, for the protocol.
#[must_use]
pub fn to_adoption_results(
    adoptions: &[Adoption],
    outcomes: Vec<Result<Adopted, Refusal>>,
) -> pb::AdoptAccountsResponse {
    let results = adoptions.iter().zip(outcomes).map(|(one, outcome)| {
        let drift_id = one.drift_id.to_string();
        match outcome {
            Ok(adopted) => pb::AdoptionResult {
                drift_id,
                subscription_id: adopted.subscription_id.to_string(),
                customer_id: adopted.customer_id.to_string(),
                customer_created: adopted.customer_is_new,
                plan_id: adopted.plan_id.to_string(),
                bill_from: Some(to_date(adopted.bill_from)),
                ..pb::AdoptionResult::default()
            },
            Err(why) => pb::AdoptionResult {
                drift_id,
                problem: why.reason,
                detail: why.detail,
                ..pb::AdoptionResult::default()
            },
        }
    });
    pb::AdoptAccountsResponse { results: results.collect() }
}
