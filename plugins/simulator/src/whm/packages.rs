//! addpkg and listpkgs.

use serde_json::{Map, Value, json};

use super::call::{Call, Done, Outcome, Refusal};
use super::limits::Limits;
use super::state::{Package, State};
use super::{Panel, ROOT};

/// More hosting plans than anybody offers.
const PACKAGES_MAX: usize = 1_000;

/// Creates a package. A reseller's is named `RESELLER_name`.
pub(super) fn addpkg(panel: &Panel, call: &Call) -> Outcome {
    let name = call.required("name")?;
    let prefix = format!("{}_", call.caller);
    let name = if call.caller == ROOT || name.starts_with(&prefix) { name.to_owned() } else { prefix + name };
    let mut limits = Limits::default();
    limits.overlay_creation(call)?;
    let feature_list = call.get("featurelist").unwrap_or("default").to_owned();
    panel.with(|state| add(state, &name, Package { limits, feature_list }))?;
    Ok(Done::with_data(json!({"pkg": name})))
}

fn add(state: &mut State, name: &str, package: Package) -> Result<(), Refusal> {
    let usable = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.'));
    if name == "extensions" || !usable {
        return Err(Refusal::exception(format!("“{name}” is not a valid package name.")));
    }
    if state.packages.contains_key(name) {
        return Err(Refusal::exception(format!("A package named “{name}” already exists.")));
    }
    if state.packages.len() >= PACKAGES_MAX {
        return Err(Refusal::exception("The server has too many packages."));
    }
    state.packages.insert(name.to_owned(), package);
    Ok(())
}

/// Lists the packages; a reseller sees its own and those that belong to nobody.
pub(super) fn listpkgs(panel: &Panel, call: &Call) -> Outcome {
    let packages = panel.with(|state| {
        let resellers: Vec<&String> = state.tokens.keys().filter(|user| **user != call.caller).collect();
        let foreign = |name: &str| resellers.iter().any(|user| name.starts_with(&format!("{user}_")));
        let seen = state.packages.iter().filter(|(name, _)| call.caller == ROOT || !foreign(name));
        Ok(seen.map(|(name, package)| row(name, package)).collect::<Vec<_>>())
    })?;
    Ok(Done::with_data(json!({"pkg": packages})))
}

fn row(name: &str, package: &Package) -> Map<String, Value> {
    let mut members = package.limits.package_members();
    let more = [
        ("name", json!(name)),
        ("FEATURELIST", json!(package.feature_list)),
        ("CPMOD", json!("jupiter")),
        ("HASSHELL", json!("n")),
        ("CGI", json!("y")),
        ("IP", json!("n")),
        ("LANG", json!("en")),
        ("_PACKAGE_EXTENSIONS", json!("")),
    ];
    members.extend(more.map(|(name, value)| (name.to_owned(), value)));
    members
}
