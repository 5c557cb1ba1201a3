//! Packages. A new one is a copy of `default` with other limits: templates and name servers are the server's own.

use std::collections::BTreeMap;

use billet_plugin::v1::{
    CreatePackageRequest, CreatePackageResponse, Limits, ListPackagesResponse, Package, ProblemKind,
};
use billet_plugin::{Answer, Done, Failure, Work};

use crate::account::Row;
use crate::failure::{is_taken, refused};
use crate::panel::Hestia;

/// The panel's megabyte.
const MEGABYTE: i64 = 1_048_576;
/// The package that others are copied from.
const MODEL: &str = "default";
/// What the panel writes itself.
const STAMPS: [&str; 2] = ["TIME", "DATE"];

impl Hestia {
    pub(crate) async fn packages(&self) -> Answer<ListPackagesResponse> {
        let listing = self.client.ask("v-list-user-packages", &["json"], self.manner.time_max).await?;
        let mut packages: Vec<Package> = Row::all(listing)?.iter().map(|(name, row)| package(name, row)).collect();
        packages.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(Done::new(ListPackagesResponse { outcome: None, packages }))
    }

    pub(crate) async fn add_package(&self, request: &CreatePackageRequest) -> Answer<CreatePackageResponse> {
        let work = Work::of(request.operation.as_ref());
        let wanted = request.package.clone().unwrap_or_default();
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if wanted.name.is_empty() || wanted.name.starts_with(['.', '-']) || !wanted.name.chars().all(plain) {
            let words = format!("package `{}`: expected letters, digits, `-`, `_`, `.`", wanted.name);
            return Err(refused(ProblemKind::Invalid, words));
        }
        if !wanted.owner.is_empty() {
            return Err(refused(ProblemKind::Unsupported, "HestiaCP has no resellers: a package has no owner"));
        }
        let response = CreatePackageResponse::default();
        let time = work.look(self.manner.time_max)?;
        let known = Row::all(self.client.ask("v-list-user-packages", &["json"], time).await?)?;
        if known.iter().any(|(name, _)| *name == wanted.name) {
            return Ok(Done::already(response));
        }
        let model = known.into_iter().find(|(name, _)| name == MODEL).ok_or_else(|| {
            refused(ProblemKind::State, format!("there is no package {MODEL} to take templates and name servers from"))
        })?;
        let text = written(&model.1, &wanted)?;
        let file = format!("billet-{}.pkg", wanted.name);
        let time = work.change(self.manner.time_max)?;
        self.client.change("v-make-tmp-file", &[&text, &file], &[], time).await.map_err(|failure| match failure {
            // A file in /tmp is nothing that was done.
            Failure::Unknown(problem) => Failure::RetryLater { problem, after: None },
            other => other,
        })?;
        let (path, time) = (format!("/tmp/{file}"), work.change(self.manner.time_max)?);
        match self.client.change("v-add-user-package", &[&path, &wanted.name], &[], time).await {
            Err(failure) if is_taken(&failure) => Ok(Done::already(response)),
            Err(failure @ Failure::Unknown(_)) => {
                let there = self
                    .packages()
                    .await
                    .is_ok_and(|listed| listed.value.packages.iter().any(|package| package.name == wanted.name));
                if there { Ok(Done::new(response)) } else { Err(failure) }
            }
            Err(failure) => Err(failure),
            Ok(()) => Ok(Done::new(response)),
        }
    }
}

fn package(name: &str, row: &Row) -> Package {
    let limits = Limits {
        disk_bytes: row.bytes("DISK_QUOTA"),
        bandwidth_bytes: row.bytes("BANDWIDTH"),
        accounts: None,
        // The main domain is one of the web domains.
        addon_domains: row.number("WEB_DOMAINS").map(|count| (count - 1).max(0)),
        subdomains: None,
        mailboxes: None,
        databases: row.number("DATABASES"),
        ftp_users: None,
    };
    let extra = row.texts().filter(|(name, _)| !STAMPS.contains(name));
    Package {
        name: name.to_owned(),
        limits: Some(limits),
        extra: extra.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        ..Package::default()
    }
}

/// The package as lines of `KEY='value'`.
fn written(model: &Row, wanted: &Package) -> Result<String, Failure> {
    let mut values: BTreeMap<&str, String> = model
        .texts()
        .filter(|(name, _)| !STAMPS.contains(name))
        .map(|(name, value)| (name, value.to_owned()))
        .collect();
    let limits = wanted.limits.unwrap_or_default();
    let megabytes = |bytes: i64| (bytes.max(0) / MEGABYTE).to_string();
    let limit = |value: Option<String>| value.unwrap_or_else(|| "unlimited".to_owned());
    values.insert("DISK_QUOTA", limit(limits.disk_bytes.map(megabytes)));
    values.insert("BANDWIDTH", limit(limits.bandwidth_bytes.map(megabytes)));
    values.insert("WEB_DOMAINS", limit(limits.addon_domains.map(|count| count.max(0).saturating_add(1).to_string())));
    values.insert("DATABASES", limit(limits.databases.map(|count| count.max(0).to_string())));
    for (name, value) in &wanted.extra {
        if !values.contains_key(name.as_str()) {
            let words = format!("extra `{name}`: HestiaCP's package has no such value");
            return Err(refused(ProblemKind::Invalid, words));
        }
        values.insert(name, value.clone());
    }
    if let Some((name, _)) = values.iter().find(|(_, value)| value.contains(['\'', '"', '\n', '\r', '`', '$', '\\'])) {
        return Err(refused(ProblemKind::Invalid, format!("`{name}`: a value of a package holds no quotes")));
    }
    Ok(values.into_iter().map(|(name, value)| format!("{name}='{value}'\n")).collect())
}
