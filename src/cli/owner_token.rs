//! `billet owner-token`: another token for the operator's owner, for when the first was lost.

use std::process::ExitCode;

use billet_domain::role::Role;
use clap::Args;

use super::say;
use super::serve::{ServeError, open};
use crate::billing::token::{self, NewToken};
use crate::billing::{Billing, BillingError, Clock};
use crate::config::{Config, ConfigError, Source};
use crate::store;

/// For `--help`.
pub const ABOUT: &str = "\
Makes another token for the owner of the operator, for when the first was lost.

Whoever may read and write the database may do everything anyway, so nothing more is asked. The token is printed once; it is in
the journal that it was made. Tokens that were lost should be taken out of use: AdminService.ListTokens and RevokeToken. On
SQLite the daemon must not be running meanwhile.

  billet owner-token --config billet.toml --name \"owner, 2026\"";

/// Its arguments.
#[derive(Debug, Args)]
pub struct OwnerTokenArgs {
    #[command(flatten)]
    source: Source,
    /// How the token is called
    #[arg(long, value_name = "NAME", default_value = "owner")]
    name: String,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
enum OwnerTokenError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Open(#[from] ServeError),
    #[error("the database has no seller yet: `billet init` makes it, with the owner and a token")]
    NoSeller,
    #[error(transparent)]
    Billing(#[from] BillingError),
}

/// Runs the command.
pub fn run(args: OwnerTokenArgs) -> ExitCode {
    super::block_on(owner_token(args))
}

async fn owner_token(args: OwnerTokenArgs) -> Result<ExitCode, OwnerTokenError> {
    let config = Config::load(&args.source)?;
    let (store, lock) = open(&config).await?;
    let billing = Billing::new(store.clone(), Clock::System);
    let made = make(&billing, args.name).await;
    store.engine().close().await;
    drop(lock);
    let (id, secret) = made?;
    say!("token  {secret}  (id {id}, shown only now)");
    Ok(ExitCode::SUCCESS)
}

async fn make(billing: &Billing, name: String) -> Result<(String, String), OwnerTokenError> {
    let mut tx = billing.store.snapshot().await.map_err(BillingError::from)?;
    let operator = store::seller::operator(&mut tx).await.map_err(BillingError::from)?;
    drop(tx);
    let operator = operator.ok_or(OwnerTokenError::NoSeller)?;
    let mut unit = billing.begin(operator.id, "system").await?;
    let new = NewToken { name, roles: vec![Role::Owner], ..NewToken::default() };
    let (token, secret) = token::create(&mut unit, &[Role::Owner], None, new).await?;
    unit.commit().await.map_err(BillingError::from)?;
    Ok((token.id.to_string(), secret))
}
