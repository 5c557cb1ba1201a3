//! Plans, which are the packages.

use billet_plugin::v1::{
    CreatePackageRequest, CreatePackageResponse, Limits, ListPackagesResponse, Package, ProblemKind,
};
use billet_plugin::{Answer, Done, Failure, Work};

use crate::failure::refused;
use crate::naming;
use crate::panel::Virtualmin;
use crate::row::{Row, as_blocks};

/// What `extra` may hold: parameters of create-plan.
const EXTRA: [&str; 4] = ["admin-quota", "max-alias", "max-aliasdoms", "max-realdoms"];

impl Virtualmin {
    pub(crate) async fn packages(&self) -> Answer<ListPackagesResponse> {
        let mut packages = self.plans(&Work::question()).await?;
        packages.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(Done::new(ListPackagesResponse { outcome: None, packages }))
    }

    async fn plans(&self, work: &Work) -> Result<Vec<Package>, Failure> {
        let time = work.look(self.manner.time_max)?;
        let rows = self.client.list("list-plans", &vec![("multiline", "")], time).await?;
        Ok(Row::real(rows, "name").iter().map(package).collect())
    }

    pub(crate) async fn add_package(&self, request: &CreatePackageRequest) -> Answer<CreatePackageResponse> {
        let work = Work::of(request.operation.as_ref());
        let wanted = request.package.clone().unwrap_or_default();
        naming::value("name", &wanted.name)?;
        let response = CreatePackageResponse::default();
        let is_there = |plans: &[Package]| plans.iter().any(|plan| plan.name.eq_ignore_ascii_case(&wanted.name));
        if is_there(&self.plans(&work).await?) {
            return Ok(Done::already(response));
        }
        let limits = wanted.limits.unwrap_or_default();
        let mut values: Vec<(&str, String)> = vec![("name", wanted.name.clone())];
        values.extend(limits.disk_bytes.map(|bytes| ("quota", as_blocks(bytes).to_string())));
        let numbers = [
            ("max-bw", limits.bandwidth_bytes),
            ("max-doms", limits.addon_domains),
            ("max-mailbox", limits.mailboxes),
            ("max-dbs", limits.databases),
        ];
        values.extend(numbers.into_iter().filter_map(|(name, limit)| Some((name, limit?.max(0).to_string()))));
        if !wanted.owner.is_empty() {
            values.push(("owner", wanted.owner.clone()));
        }
        for (name, value) in &wanted.extra {
            if !EXTRA.contains(&name.as_str()) {
                let words = format!("extra `{name}`: this plugin takes {}", EXTRA.join(", "));
                return Err(refused(ProblemKind::Invalid, words));
            }
            values.push((name, naming::value(name, value)?.to_owned()));
        }
        let parameters = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let time = work.change(self.manner.time_max)?;
        match self.client.change("create-plan", &parameters, &[], time).await {
            Ok(warnings) => Ok(Done::new(response).with_warnings(warnings)),
            Err(failure) if failure.is_refused(ProblemKind::Conflict) => Ok(Done::already(response)),
            Err(failure @ Failure::Unknown(_)) => {
                let made = self.plans(&work).await.is_ok_and(|plans| is_there(&plans));
                if made { Ok(Done::new(response)) } else { Err(failure) }
            }
            Err(failure) => Err(failure),
        }
    }
}

fn package(row: &Row) -> Package {
    let limits = Limits {
        disk_bytes: row.blocks("server_block_quota"),
        bandwidth_bytes: row.number("maximum_bw"),
        addon_domains: row.number("maximum_doms"),
        mailboxes: row.number("maximum_mailbox"),
        databases: row.number("maximum_dbs"),
        ..Limits::default()
    };
    let owner = row.text("resellers");
    let extra = [("max-alias", "maximum_alias"), ("features", "allowed_features")];
    let extra = extra.into_iter().map(|(name, key)| (name.to_owned(), row.text(key).to_owned()));
    Package {
        name: row.text("name").to_owned(),
        limits: Some(limits),
        owner: if owner == "All" { String::new() } else { owner.to_owned() },
        panel_id: row.name().to_owned(),
        extra: extra.filter(|(_, value)| !value.is_empty()).collect(),
    }
}
