//! Billet's plugin for Virtualmin, over its remote API. An account is a top-level virtual server with its Unix user.

mod account;
mod change;
mod client;
mod create;
mod failure;
mod listing;
mod naming;
mod panel;
mod plan;
mod reseller;
mod row;
mod settings;
mod sign_on;
mod suspension;
mod terminate;
mod usage;

use std::sync::Arc;

use billet_plugin::v1::{AccountNaming, DescribeResponse, PluginKind};
use billet_plugin::{Configured, Failure, Plugin, Settings};

/// The plugin.
pub const PLUGIN: Plugin = Plugin { describe, configure };

/// The methods that it has.
const CAPABILITIES: [&str; 19] = [
    "TestConnection",
    "CheckUsername",
    "ListAccounts",
    "GetAccount",
    "ListPackages",
    "GetUsage",
    "GetCapacity",
    "ListResellers",
    "SingleSignOn",
    "CreateAccount",
    "SuspendAccount",
    "UnsuspendAccount",
    "TerminateAccount",
    "ChangePackage",
    "ChangePassword",
    "UpdateAccount",
    "CreatePackage",
    "CreateReseller",
    "SetResellerLimits",
];

fn describe() -> DescribeResponse {
    DescribeResponse {
        name: "virtualmin".to_owned(),
        title: "Virtualmin".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        kind: PluginKind::Panel.into(),
        capabilities: CAPABILITIES.map(str::to_owned).into(),
        settings_schema: settings::SCHEMA.to_owned(),
        // Two servers made side by side with one user name were both reported as made (measured): one call at a time.
        concurrency_max: 1,
        username_rules: Some(naming::rules()),
        account_naming: AccountNaming::Username.into(),
    }
}

fn configure(settings: &Settings) -> Result<Configured, Failure> {
    let (access, manner) = settings::read(settings)?;
    Ok(Configured::Panel(Arc::new(panel::Virtualmin { client: client::Client::new(access, &manner)?, manner })))
}
