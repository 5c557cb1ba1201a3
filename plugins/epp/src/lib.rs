//! Billet's plugin for domain registries and registrars that speak EPP: RFC 5730 to 5734, with grace periods (RFC 3915),
//! DNSSEC (RFC 5910) and prices (RFC 8748).
//!
//! [`session`] is one connection, [`pool`] keeps as many as the registry permits, [`client`] asks and changes over them; each
//! group of calls is a file of its own. What decides most of it: a change whose answer did not come is looked up, and what is
//! found is only taken for ours when it cannot be anybody else's. `docs/plugins/epp.md` is the page for operators.

mod availability;
mod client;
mod command;
mod confidential;
mod contact;
mod deadline;
mod deletion;
mod dnssec;
mod failure;
mod frame;
mod host;
mod info;
mod instant;
mod lookup;
mod message;
mod namespace;
mod pool;
mod price;
#[cfg(test)]
mod recorded;
mod registration;
mod registry;
mod renewal;
mod response;
mod restore;
mod session;
mod settings;
mod transfer;
mod update;
mod xml;

use std::sync::Arc;

use billet_plugin::v1::{DescribeResponse, PluginKind};
use billet_plugin::{Configured, Failure, Plugin};

/// How many calls one instance takes side by side, unless the operator says otherwise. More than there are sessions, as
/// calls wait for one.
const CONCURRENCY_MAX: u32 = 4;

/// The plugin.
pub const PLUGIN: Plugin = Plugin { describe, configure };

fn describe() -> DescribeResponse {
    DescribeResponse {
        name: "epp".to_owned(),
        title: "EPP registry".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        kind: PluginKind::Registrar.into(),
        capabilities: registry::CAPABILITIES.iter().map(|&name| name.to_owned()).collect(),
        settings_schema: settings::SCHEMA.to_owned(),
        concurrency_max: CONCURRENCY_MAX,
        ..DescribeResponse::default()
    }
}

fn configure(settings: &billet_plugin::Settings) -> Result<Configured, Failure> {
    let settings: settings::Settings = settings.read()?;
    Ok(Configured::Registrar(Arc::new(registry::Registry(client::Client::new(settings)?))))
}
