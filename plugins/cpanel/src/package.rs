//! ListPackages and CreatePackage: listpkgs and addpkg.

use std::collections::{BTreeMap, BTreeSet};

use billet_plugin::v1::{
    CreatePackageRequest, CreatePackageResponse, Limits, ListPackagesResponse, Package, ProblemKind,
};
use billet_plugin::{Answer, Done, Failure};
use serde_json::Value;

use crate::account::{FOUND_BY_LOOKING, looked, rows};
use crate::budget::Budget;
use crate::client::Call;
use crate::{Cpanel, figures, listing};

/// What addpkg takes besides the limits, in its own spelling, and whether it wants 1/0 where listpkgs shows y/n.
const EXTRA: [(&str, bool); 14] = [
    ("cgi", true),
    ("cpmod", false),
    ("digestauth", true),
    ("featurelist", false),
    ("hasshell", true),
    ("ip", false),
    ("language", false),
    ("MAX_DEFER_FAIL_PERCENTAGE", false),
    ("MAX_EMAIL_PER_HOUR", false),
    ("max_emailacct_quota", false),
    ("max_team_users", false),
    ("maxlst", false),
    ("maxpark", false),
    ("_PACKAGE_EXTENSIONS", false),
];
/// What has a place in [`Limits`] or is the name.
const TOLD_OTHERWISE: [&str; 8] = ["name", "QUOTA", "BWLIMIT", "MAXADDON", "MAXSUB", "MAXPOP", "MAXSQL", "MAXFTP"];

/// ListPackages.
pub(crate) async fn list(panel: &Cpanel) -> Answer<ListPackagesResponse> {
    let budget = Budget::of(None, panel.manner.time_max);
    let mut packages = all(panel, budget).await?;
    // Whose a package is shows in its name only: RESELLER_name.
    let mut owners = BTreeSet::from([panel.manner.user.clone()]);
    if let Ok(resellers) = listing::resellers(panel, budget).await {
        owners.extend(resellers);
    }
    for package in &mut packages {
        let prefix = package.name.split_once('_').map(|(prefix, _)| prefix);
        package.owner = prefix.filter(|prefix| owners.contains(*prefix)).unwrap_or_default().to_owned();
    }
    Ok(Done::new(ListPackagesResponse { packages, ..ListPackagesResponse::default() }))
}

/// CreatePackage.
pub(crate) async fn create(panel: &Cpanel, request: &CreatePackageRequest) -> Answer<CreatePackageResponse> {
    let package = request.package.clone().unwrap_or_default();
    if package.name.is_empty() {
        return Err(Failure::refused(ProblemKind::Invalid, "", "the name of the package is missing"));
    }
    let budget = Budget::of(request.operation.as_ref(), panel.manner.time_max);
    if exists(panel, &package.name, budget).await? {
        return Ok(Done::already(CreatePackageResponse::default()));
    }
    let call = addition(&package)?;
    let time = budget.change(panel.manner.time_max)?;
    match panel.client.call(call, time).await {
        Ok(reply) => {
            let mut warnings = reply.warnings;
            let name = figures::text(&reply.data["pkg"]);
            if !name.is_empty() && name != package.name {
                warnings.push(format!("the panel named it `{name}`"));
            }
            Ok(Done::new(CreatePackageResponse::default()).with_warnings(warnings))
        }
        Err(trouble) => {
            let failure = trouble.changing();
            if failure.is_refused(ProblemKind::Conflict) {
                return Ok(Done::already(CreatePackageResponse::default()));
            }
            let look = async { Ok(exists(panel, &package.name, budget).await?.then_some(())) };
            looked(failure, look).await?;
            Ok(Done::new(CreatePackageResponse::default()).with_warnings(vec![FOUND_BY_LOOKING.to_owned()]))
        }
    }
}

async fn all(panel: &Cpanel, budget: Budget) -> Result<Vec<Package>, Failure> {
    let time = budget.question(panel.manner.time_max)?;
    let reply = panel.client.call(Call::to("listpkgs"), time).await.map_err(crate::failure::Trouble::asking)?;
    let mut packages: Vec<Package> = rows(&reply.data, "pkg")?.iter().filter_map(read).collect();
    packages.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(packages)
}

/// Whether there is such a package, also under the name that a reseller's package gets.
async fn exists(panel: &Cpanel, name: &str, budget: Budget) -> Result<bool, Failure> {
    let long = format!("{}_{name}", panel.manner.user);
    Ok(all(panel, budget).await?.iter().any(|package| package.name == name || package.name == long))
}

fn read(row: &Value) -> Option<Package> {
    let name = figures::text(&row["name"]);
    if name.is_empty() {
        return None;
    }
    let limits = Limits {
        disk_bytes: figures::mib_limit(&row["QUOTA"]),
        bandwidth_bytes: figures::mib_limit(&row["BWLIMIT"]),
        addon_domains: figures::limit(&row["MAXADDON"]),
        subdomains: figures::limit(&row["MAXSUB"]),
        mailboxes: figures::limit(&row["MAXPOP"]),
        databases: figures::limit(&row["MAXSQL"]),
        ftp_users: figures::limit(&row["MAXFTP"]),
        accounts: None,
    };
    let members = row.as_object().into_iter().flatten();
    let extra: BTreeMap<String, String> = members
        .filter(|(member, _)| !TOLD_OTHERWISE.contains(&member.as_str()))
        .map(|(member, value)| (member.to_ascii_lowercase(), figures::text(value)))
        .filter(|(_, value)| !value.is_empty())
        .collect();
    Some(Package { name, limits: Some(limits), extra, ..Package::default() })
}

/// What is not limited is said so: WHM's own defaults (10 GiB, no add-on domains) are not what was asked for.
fn addition(package: &Package) -> Result<Call, Failure> {
    let limits = package.limits.unwrap_or_default();
    let invalid = |words: String| Failure::refused(ProblemKind::Invalid, "", words);
    let mut call = Call::to("addpkg").with("name", &package.name);
    for (name, bytes) in [("quota", limits.disk_bytes), ("bwlimit", limits.bandwidth_bytes)] {
        call = match bytes {
            None => call.with(name, "unlimited"),
            Some(bytes) if bytes > 0 => call.with(name, figures::to_mib(bytes).to_string()),
            Some(_) => return Err(invalid(format!("{name}: WHM takes 0 for no limit; leave it out for that"))),
        };
    }
    let counted = [
        ("maxaddon", limits.addon_domains),
        ("maxsub", limits.subdomains),
        ("maxpop", limits.mailboxes),
        ("maxsql", limits.databases),
        ("maxftp", limits.ftp_users),
    ];
    for (name, limit) in counted {
        call = match limit {
            None => call.with(name, "unlimited"),
            Some(limit) if limit >= 0 => call.with(name, limit.to_string()),
            Some(_) => return Err(invalid(format!("{name}: a limit cannot be negative"))),
        };
    }
    for (member, value) in &package.extra {
        // As listpkgs has it; addpkg calls it otherwise.
        let member = if member.eq_ignore_ascii_case("lang") { "language" } else { member.as_str() };
        let Some((name, is_flag)) = EXTRA.iter().find(|(name, _)| name.eq_ignore_ascii_case(member)) else {
            let names = EXTRA.map(|(name, _)| name.to_ascii_lowercase()).join(", ");
            return Err(invalid(format!("extra: `{member}` is not taken; there are {names}")));
        };
        let value = match (is_flag, value.as_str()) {
            (true, "y") => "1",
            (true, "n") => "0",
            (_, other) => other,
        };
        call = call.with(*name, value);
    }
    Ok(call)
}
