//! User packages.

use billet_plugin::v1::{
    CreatePackageRequest, CreatePackageResponse, Limits, ListPackagesResponse, Package, ProblemKind,
};
use billet_plugin::{Answer, Done, Failure, Work};

use crate::client::Values;
use crate::failure::refused;
use crate::panel::DirectAdmin;

/// The panel's megabyte.
const MEGABYTE: i64 = 1_048_576;
/// More packages are not asked one by one.
const PACKAGES_MAX: usize = 500;
/// Limits that Billet has no word for: unlimited in a new package.
const OTHERS: [&str; 3] = ["nemailf", "nemailml", "nemailr"];
/// What `extra` may hold: switches of a package.
const EXTRA: [&str; 7] = ["cgi", "php", "ssl", "cron", "spam", "dnscontrol", "suspend_at_limit"];

impl DirectAdmin {
    pub(crate) async fn packages(&self) -> Answer<ListPackagesResponse> {
        let work = Work::question();
        let mut response = ListPackagesResponse::default();
        for name in self.package_names(&work).await?.into_iter().take(PACKAGES_MAX) {
            let time = work.look(self.manner.time_max)?;
            let limits = self.client.ask("CMD_API_PACKAGES_USER", &vec![("package", name.as_str())], time).await?;
            response.packages.push(package(name, &limits));
        }
        Ok(Done::new(response))
    }

    async fn package_names(&self, work: &Work) -> Result<Vec<String>, Failure> {
        let time = work.look(self.manner.time_max)?;
        let mut names = self.client.ask("CMD_API_PACKAGES_USER", &Vec::new(), time).await?.list();
        names.sort();
        Ok(names)
    }

    pub(crate) async fn add_package(&self, request: &CreatePackageRequest) -> Answer<CreatePackageResponse> {
        let work = Work::of(request.operation.as_ref());
        let wanted = request.package.clone().unwrap_or_default();
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        if wanted.name.is_empty() || !wanted.name.chars().all(plain) {
            let words = format!("package `{}`: expected letters, digits, `-`, `_`", wanted.name);
            return Err(refused(ProblemKind::Invalid, words));
        }
        if !wanted.owner.is_empty() {
            return Err(refused(ProblemKind::Unsupported, "this plugin makes packages of its own user only"));
        }
        let values = written(&wanted)?;
        let response = CreatePackageResponse::default();
        // Saving one that is there would change it.
        if self.package_names(&work).await?.contains(&wanted.name) {
            return Ok(Done::already(response));
        }
        let parameters = values.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let time = work.change(self.manner.time_max)?;
        let made = self.client.change("", "CMD_API_MANAGE_USER_PACKAGES", &parameters, &[], time).await;
        match (made, self.package_names(&work).await.map(|names| names.contains(&wanted.name))) {
            (_, Ok(true)) => Ok(Done::new(response)),
            (Ok(()), _) => Err(Failure::unknown("DirectAdmin reported success, but does not list the package")),
            (Err(failure), _) => Err(failure),
        }
    }
}

fn package(name: String, limits: &Values) -> Package {
    let extra = limits.all().map(|(name, value)| (name.to_owned(), value.to_owned()));
    let known = Limits {
        disk_bytes: limits.megabytes("quota"),
        bandwidth_bytes: limits.megabytes("bandwidth"),
        accounts: None,
        // The main domain is one of the virtual domains.
        addon_domains: limits.number("vdomains").map(|count| (count - 1).max(0)),
        subdomains: limits.number("nsubdomains"),
        mailboxes: limits.number("nemails"),
        databases: limits.number("mysql"),
        ftp_users: limits.number("ftp"),
    };
    Package { name, limits: Some(known), extra: extra.collect(), ..Package::default() }
}

/// The form of a package. What is not limited is told by the limit's name with `u` before it.
fn written(wanted: &Package) -> Result<Vec<(String, String)>, Failure> {
    let limits = wanted.limits.unwrap_or_default();
    let megabytes = |bytes: Option<i64>| bytes.map(|bytes| bytes.max(0) / MEGABYTE);
    let numbers = [
        ("quota", megabytes(limits.disk_bytes)),
        ("bandwidth", megabytes(limits.bandwidth_bytes)),
        ("vdomains", limits.addon_domains.map(|count| count.max(0).saturating_add(1))),
        ("nsubdomains", limits.subdomains),
        ("nemails", limits.mailboxes),
        ("mysql", limits.databases),
        ("ftp", limits.ftp_users),
    ];
    let mut values = vec![("add".to_owned(), "Save".to_owned()), ("packagename".to_owned(), wanted.name.clone())];
    for (name, limit) in numbers.into_iter().chain(OTHERS.map(|name| (name, None))) {
        values.push(match limit {
            Some(limit) => (name.to_owned(), limit.max(0).to_string()),
            None => (format!("u{name}"), "ON".to_owned()),
        });
    }
    for (name, value) in &wanted.extra {
        if !EXTRA.contains(&name.as_str()) {
            let words = format!("extra `{name}`: this plugin takes {}", EXTRA.join(", "));
            return Err(refused(ProblemKind::Invalid, words));
        }
        // A switch that is off is left out.
        if value == "ON" {
            values.push((name.clone(), value.clone()));
        }
    }
    Ok(values)
}
