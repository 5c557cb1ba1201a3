//! `billet instance add`.

use std::process::ExitCode;

use clap::Args;

use super::super::client::ClientError;
use super::values::Values;
use super::{Client, configure, fresh_id, show};
use crate::cli::say;
use crate::proto::billet::v1 as pb;

/// What is added.
#[derive(Debug, Args)]
pub struct AddArgs {
    /// The plugin's name, such as `cpanel`
    plugin: String,
    /// What it shall be called
    #[arg(long)]
    name: String,
    /// Instances of one group share package mappings, and new accounts
    #[arg(long, default_value = "")]
    group: String,
    /// Where it is
    #[arg(long)]
    url: Option<String>,
    /// A customer is made for an account that nobody is known for; else its report waits in the inbox
    #[arg(long)]
    create_customers: bool,
    /// Adds it although it cannot be reached
    #[arg(long)]
    no_test: bool,
    #[command(flatten)]
    values: Values,
}

/// Adds it. What was added stays when the test fails, so that it can be mended with `set`.
pub async fn add(client: &mut Client, args: AddArgs, json: bool) -> Result<ExitCode, ClientError> {
    // Before anything is made: whether there is such a plugin, and whether the secrets can be read.
    let plugins = client.list_plugins(pb::ListPluginsRequest {}).await?.into_inner().plugins;
    if !plugins.iter().any(|plugin| plugin.name == args.plugin) {
        let names: Vec<&str> = plugins.iter().map(|plugin| plugin.name.as_str()).collect();
        return Err(ClientError::Usage(format!(
            "the daemon has no plugin `{}`: it has {}",
            args.plugin,
            names.join(", ")
        )));
    }
    args.values.secrets()?;
    let policy =
        if args.create_customers { pb::UnknownCustomerPolicy::Create } else { pb::UnknownCustomerPolicy::Park };
    let instance = pb::Instance {
        plugin: args.plugin,
        name: args.name.clone(),
        group: args.group,
        url: args.url.clone().unwrap_or_default(),
        unknown_customer: policy.into(),
        enabled: true,
        ..pb::Instance::default()
    };
    let request = pb::CreateInstanceRequest { request_id: fresh_id(), instance: Some(instance) };
    let id = client.create_instance(request).await?.into_inner().instance.unwrap_or_default().id;
    say!("{} is {id}.", args.name);
    let configured = configure(client, id.clone(), &args.values, args.url.as_deref()).await;
    if let Err(error) = configured {
        return Err(ClientError::Refused(format!(
            "{error}\n{} was added but is not set up: mend it with `billet instance set {}`",
            args.name, args.name
        )));
    }
    if args.no_test { Ok(ExitCode::SUCCESS) } else { show::test(client, &id, json).await }
}
