//! Billet's plugin for HestiaCP, over its REST API. An account is a user of the panel with its web domains.

mod account;
mod change;
mod client;
mod create;
mod failure;
mod listing;
mod naming;
mod package;
mod panel;
mod settings;
mod suspension;
mod terminate;
mod usage;

use std::sync::Arc;

use billet_plugin::v1::{AccountNaming, DescribeResponse, PluginKind};
use billet_plugin::{Configured, Failure, Plugin, Settings};

/// The plugin.
pub const PLUGIN: Plugin = Plugin { describe, configure };

/// The methods that it has.
const CAPABILITIES: [&str; 15] = [
    "TestConnection",
    "CheckUsername",
    "ListAccounts",
    "GetAccount",
    "ListPackages",
    "GetUsage",
    "GetCapacity",
    "CreateAccount",
    "SuspendAccount",
    "UnsuspendAccount",
    "TerminateAccount",
    "ChangePackage",
    "ChangePassword",
    "UpdateAccount",
    "CreatePackage",
];

fn describe() -> DescribeResponse {
    DescribeResponse {
        name: "hestia".to_owned(),
        title: "HestiaCP".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        kind: PluginKind::Panel.into(),
        capabilities: CAPABILITIES.map(str::to_owned).into(),
        settings_schema: settings::SCHEMA.to_owned(),
        // Two users made side by side get in each other's way (measured): one call at a time.
        concurrency_max: 1,
        username_rules: Some(naming::rules()),
        account_naming: AccountNaming::Username.into(),
    }
}

fn configure(settings: &Settings) -> Result<Configured, Failure> {
    let (access, manner) = settings::read(settings)?;
    Ok(Configured::Panel(Arc::new(panel::Hestia { client: client::Client::new(access, &manner)?, manner })))
}
