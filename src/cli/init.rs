//! `billet init`: the first seller, its owner and the owner's token.

mod seller;

use std::process::ExitCode;

use chrono::{DateTime, Utc};
use clap::Args;

use self::seller::SellerArgs;
use super::serve::{ServeError, open};
use crate::billing::seller::{NewSeller, found_operator};
use crate::billing::{Billing, BillingError, Clock};
use crate::cli::say;
use crate::config::{Config, ConfigError, Source};

/// For `--help`.
pub const ABOUT: &str = "\
Makes the first seller of a new database (the operator), its owner and the owner's token.

The token is printed once and cannot be shown again; only its hash is stored. Everything else can be changed
later with ResellerService.UpdateSeller. On SQLite the daemon must not be running meanwhile.

  billet init --name \"Example Hosting GmbH\" --country DE --address-line \"Am Beispiel 1\" \\
      --post-code 10115 --city Berlin --vat-id DE999999999 --email billing@hosting.example \\
      --currency EUR --time-zone Europe/Berlin --language de --vat-rate 19 --reduced-vat-rate 7

A small business without VAT says why instead of a rate:

  billet init ... --vat-exemption \"Kein Ausweis von Umsatzsteuer nach \u{a7} 19 UStG\"";

/// Its arguments.
#[derive(Debug, Args)]
pub struct InitArgs {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    seller: SellerArgs,
    /// How the owner's token is called
    #[arg(long, value_name = "NAME", default_value = "owner")]
    owner: String,
    /// Print identifiers and token as JSON
    #[arg(long)]
    json: bool,
    /// As if it were this instant: for a daemon that runs on such a clock
    #[arg(long, value_name = "RFC3339", hide = true)]
    simulated_clock: Option<DateTime<Utc>>,
}

/// What was made.
#[derive(Debug, serde::Serialize)]
struct Founded {
    seller_id: String,
    token_id: String,
    /// What callers send as `authorization: Bearer ...`.
    secret: String,
}

/// Why it was not.
#[derive(Debug, thiserror::Error)]
enum InitError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Open(#[from] ServeError),
    #[error("{0}")]
    Arguments(String),
    #[error(transparent)]
    Billing(#[from] BillingError),
}

/// Runs the command.
pub fn run(args: InitArgs) -> ExitCode {
    super::block_on(init(args))
}

async fn init(args: InitArgs) -> Result<ExitCode, InitError> {
    let config = Config::load(&args.source)?;
    // What is wrong with the arguments is said before a database is made.
    let seller = args.seller.read().map_err(InitError::Arguments)?;
    let (store, lock) = open(&config).await?;
    let clock = args.simulated_clock.map_or(Clock::System, Clock::simulated);
    let billing = Billing::new(store.clone(), clock);
    let founded = found(&billing, seller, &args.owner).await;
    store.engine().close().await;
    drop(lock);
    let founded = founded?;
    if args.json {
        say!("{}", serde_json::json!(founded));
    } else {
        say!("seller {}", founded.seller_id);
        say!("token  {}  (id {}, shown only now)", founded.secret, founded.token_id);
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes the operator.
async fn found(billing: &Billing, seller: NewSeller, owner: &str) -> Result<Founded, BillingError> {
    let (seller, owner) = found_operator(billing, seller, owner).await?;
    Ok(Founded { seller_id: seller.id.to_string(), token_id: owner.token.id.to_string(), secret: owner.secret })
}
