//! Billet's plugin for DirectAdmin, over its legacy API (`CMD_API_*`). An account is a user.

mod account;
mod change;
mod client;
mod create;
mod failure;
mod listing;
mod naming;
mod package;
mod panel;
mod reseller;
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
const CAPABILITIES: [&str; 18] = [
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
];

fn describe() -> DescribeResponse {
    DescribeResponse {
        name: "directadmin".to_owned(),
        title: "DirectAdmin".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        kind: PluginKind::Panel.into(),
        capabilities: CAPABILITIES.map(str::to_owned).into(),
        settings_schema: settings::SCHEMA.to_owned(),
        // Panels do not serialise the making of users; one at a time is the safe way.
        concurrency_max: 1,
        username_rules: Some(naming::rules()),
        account_naming: AccountNaming::Username.into(),
    }
}

fn configure(settings: &Settings) -> Result<Configured, Failure> {
    let (access, manner) = settings::read(settings)?;
    Ok(Configured::Panel(Arc::new(panel::DirectAdmin { client: client::Client::new(access, &manner)?, manner })))
}
