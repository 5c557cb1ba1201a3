//! `billet instance`: panels and registrars, from the command line.

mod add;
pub(super) mod drift;
pub(super) mod show;
mod values;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use prost_types::FieldMask;

use self::values::Values;
use super::client::{ClientArgs, ClientError, Connection};
use crate::cli::say;
use crate::plugins::seal;
use crate::proto::billet::v1 as pb;
use crate::proto::billet::v1::instance_service_client::InstanceServiceClient;

/// For `--help`.
pub const ABOUT: &str = "\
Panels and registrars: adds them, tests them, shows what is there. Each is an instance of a plugin.

  billet instance plugins                        what can be added
  billet instance plugins cpanel                 the settings that it takes
  billet instance add cpanel --name srv1 --url https://srv1.example:2087 \\
      --set user=root --token-file token.txt
  billet instance test srv1                      can it be reached, are the credentials right
  billet instance accounts srv1                  what is there now
  billet instance drift srv1 --compare           what differs from the books
  billet instance rotate-secret srv1 token --file new-token.txt

Secrets are read from files (`-` is standard input), sealed by the daemon under its `secret_key_file`, and
never shown again. `billet instance new-key FILE` makes such a key file; to change the key, put a new line
first in it, restart the daemon and run `billet instance reseal`.";

/// Its arguments.
#[derive(Debug, Args)]
pub struct InstanceArgs {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    client: ClientArgs,
    /// Print JSON instead of a table
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Lists the plugins, or shows the settings of one
    Plugins {
        /// Its name
        name: Option<String>,
    },
    /// Adds an instance, sets how it is reached, and tests it
    Add(Box<add::AddArgs>),
    /// Changes how an instance is reached or filled
    Set {
        /// Its name or id
        instance: String,
        #[command(flatten)]
        values: Values,
    },
    /// Lists the instances
    List,
    /// Shows how an instance is reached; secrets by name only
    Show {
        /// Its name or id
        instance: String,
    },
    /// Asks the panel or registrar whether it can be reached with these credentials
    Test {
        /// Its name or id
        instance: String,
    },
    /// Lists the accounts that are at a panel
    Accounts {
        /// Its name or id
        instance: String,
        /// Only those of this reseller of the panel
        #[arg(long, value_name = "NAME", default_value = "")]
        owner: String,
    },
    /// Shows what differs between a panel and the books, and mends it
    Drift(Box<drift::DriftArgs>),
    /// Sets a secret anew and tests it
    RotateSecret {
        /// The instance's name or id
        instance: String,
        /// The secret's name, such as `token`
        secret: String,
        /// The file with the new secret; `-` is standard input
        #[arg(long)]
        file: PathBuf,
    },
    /// Seals all secrets again under the first key of the key file
    Reseal,
    /// Makes a key file for `secret_key_file`
    NewKey {
        /// Where; a file that is there is left alone
        file: PathBuf,
    },
}

type Client = InstanceServiceClient<Connection>;

/// Does what is asked.
#[must_use]
pub fn run(args: InstanceArgs) -> ExitCode {
    if let Command::NewKey { file } = &args.command {
        return match seal::new_key_file(file) {
            Ok(()) => {
                say!("{} is for the setting `secret_key_file`. Keep a copy apart from the database.", file.display());
                ExitCode::SUCCESS
            }
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        };
    }
    super::block_on(work(args))
}

async fn work(args: InstanceArgs) -> Result<ExitCode, ClientError> {
    let connection = args.client.connect().await?;
    let mut client = InstanceServiceClient::new(connection.clone());
    let json = args.json;
    match args.command {
        Command::Plugins { name } => show::plugins(&mut client, name.as_deref(), json).await,
        Command::Add(add) => add::add(&mut client, *add, json).await,
        Command::Set { instance, values } => {
            let settings = configure(&mut client, by_name(&instance), &values, None).await?;
            show::settings(&settings, json);
            Ok(ExitCode::SUCCESS)
        }
        Command::List => show::instances(&mut client, json).await,
        Command::Show { instance } => {
            let asked = pb::GetInstanceSettingsRequest { instance_id: by_name(&instance) };
            let answer = client.get_instance_settings(asked).await?.into_inner();
            show::settings(&answer.settings.unwrap_or_default(), json);
            Ok(ExitCode::SUCCESS)
        }
        Command::Test { instance } => show::test(&mut client, &by_name(&instance), json).await,
        Command::Accounts { instance, owner } => show::accounts(&mut client, &by_name(&instance), &owner, json).await,
        Command::Drift(asked) => drift::drift(&mut client, connection, *asked, json).await,
        Command::RotateSecret { instance, secret, file } => {
            let values = Values::one_secret(&secret, &file)?;
            let instance = by_name(&instance);
            configure(&mut client, instance.clone(), &values, None).await?;
            say!("The secret `{secret}` is set.");
            show::test(&mut client, &instance, json).await
        }
        Command::Reseal => {
            let answer = client.reseal_secrets(pb::ResealSecretsRequest { request_id: fresh_id() }).await?.into_inner();
            say!("{} secrets were sealed again; the key is now {}.", answer.resealed_count, answer.key_id);
            Ok(ExitCode::SUCCESS)
        }
        Command::NewKey { .. } => Ok(ExitCode::SUCCESS),
    }
}

/// Sets how an instance is reached; what is not said stays.
async fn configure(
    client: &mut Client,
    instance_id: String,
    values: &Values,
    url: Option<&str>,
) -> Result<pb::InstanceSettings, ClientError> {
    let asked = pb::GetInstanceSettingsRequest { instance_id: instance_id.clone() };
    let before = client.get_instance_settings(asked).await?.into_inner().settings.unwrap_or_default();
    let (settings, paths) = values.over(before, url)?;
    let request = pb::ConfigureInstanceRequest {
        request_id: fresh_id(),
        settings: Some(settings),
        secrets: values.secrets()?,
        update_mask: Some(FieldMask { paths }),
    };
    Ok(client.configure_instance(request).await?.into_inner().settings.unwrap_or_default())
}

/// An id stays what it is; anything else is a name.
pub(super) fn by_name(instance: &str) -> String {
    if instance.starts_with("ins_") { instance.to_owned() } else { format!("name:{instance}") }
}

pub(super) fn fresh_id() -> String {
    uuid::Uuid::now_v7().to_string()
}
