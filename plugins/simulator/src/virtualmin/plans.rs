//! list-plans, create-plan.

use chrono::{DateTime, Utc};
use serde_json::{Map, json};

use super::programs::{Exit, Parameters, Printed, refused, required};
use super::state::{Plan, State};

/// Limits: the parameter, and the name in a listing.
const LIMITS: [(&str, &str); 6] = [
    ("quota", "server_block_quota"),
    ("max-bw", "maximum_bw"),
    ("max-doms", "maximum_doms"),
    ("max-mailbox", "maximum_mailbox"),
    ("max-dbs", "maximum_dbs"),
    ("max-alias", "maximum_alias"),
];

pub(super) fn list(state: &State) -> Exit {
    let rows = state.plans.iter().map(|(name, plan)| {
        let mut values = Map::from_iter([("name".to_owned(), json!([name]))]);
        for (limit, listed) in LIMITS {
            let value = plan.limits.get(limit).map_or_else(|| "Unlimited".to_owned(), u64::to_string);
            values.insert(listed.to_owned(), json!([value]));
        }
        values.insert("resellers".to_owned(), json!([plan.owner.clone().unwrap_or_else(|| "All".to_owned())]));
        json!({"name": plan.id, "values": values})
    });
    Ok(Printed::Rows(rows.collect()))
}

pub(super) fn create(state: &mut State, parameters: &Parameters, now: DateTime<Utc>) -> Exit {
    let name = required(parameters, "name", "No plan name specified")?;
    if state.plan(name).is_some() {
        return Err(refused(format!("A plan name {name} already exists")));
    }
    let mut plan = Plan { id: state.next_id(now), owner: parameters.get("owner").cloned(), ..Plan::default() };
    for (limit, _) in LIMITS {
        if let Some(value) = parameters.get(limit) {
            let value = value.parse().map_err(|_| refused(format!("--{limit} must be followed by a number")))?;
            plan.limits.insert(limit.to_owned(), value);
        }
    }
    let output = format!("Created plan {name} with ID {}\n", plan.id);
    state.plans.insert(name.to_owned(), plan);
    Ok(Printed::Text(output))
}
