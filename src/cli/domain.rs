//! `billet domain`: price lists of domains, and the domains themselves, from the command line.

mod prices;

use std::path::PathBuf;
use std::process::ExitCode;

use chrono::{Datelike as _, NaiveDate};
use clap::{Args, Subcommand, ValueEnum};
use comfy_table::{ContentArrangement, Table, TableStyle};

use super::client::{ClientArgs, ClientError, Connection, read};
use crate::cli::say;
use crate::proto::billet::v1 as pb;
use crate::proto::billet::v1::domain_service_client::DomainServiceClient;
use crate::proto::google::r#type as gt;

/// For `--help`.
pub const ABOUT: &str = "\
Domains: what they cost, and which there are.

  billet domain costs ins_7 org net > costs.csv     what the registrar asks of you
  billet domain import-prices prices.csv --group registrars --dry-run
  billet domain import-prices prices.csv --group registrars
  billet domain list --expires-before 2027-06-01

A price list is a CSV file with the heading `tld,years,register,renew,transfer,restore`, one line for each
number of years; what is empty has no price. A `register` that is lower than `renew` is a promotional first
year. Domains that are there keep the prices that they were ordered under.";

/// How many are asked for at once.
const PAGE: i32 = 500;
/// The most pages that are shown.
const PAGES_MAX: usize = 10_000;

/// Its arguments.
#[derive(Debug, Args)]
pub struct DomainArgs {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    client: ClientArgs,
}

/// When something is bought at the registrar.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum BuyWhen {
    /// As soon as it is invoiced
    Invoiced,
    /// When it is paid
    Paid,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Sets what is sold under top-level domains, from a CSV file
    ImportPrices(Box<ImportArgs>),
    /// Prints what a registrar asks, as a CSV file to begin a price list with
    Costs {
        /// The registrar's instance
        instance: String,
        /// `org`, `co.uk`; all that it tells about when none is named
        tlds: Vec<String>,
    },
    /// Lists the domains
    List {
        /// Only those that expire before that day, by expiry
        #[arg(long, value_name = "DATE")]
        expires_before: Option<NaiveDate>,
    },
}

/// How a price list is imported.
#[derive(Debug, Args)]
struct ImportArgs {
    /// The file; `-` is standard input
    file: PathBuf,
    /// The group of registrars at which these domains are ordered
    #[arg(long)]
    group: String,
    /// ISO 4217; the seller's when not given
    #[arg(long, default_value = "")]
    currency: String,
    /// The prices include tax
    #[arg(long)]
    tax_inclusive: bool,
    /// When a domain is registered and renewed
    #[arg(long, value_enum, default_value = "invoiced")]
    buy: BuyWhen,
    /// How many days before its expiry a renewal is invoiced
    #[arg(long, value_name = "DAYS", default_value_t = 30)]
    invoice_before: u32,
    /// How many days before its expiry the registrar wants a renewal
    #[arg(long, value_name = "DAYS", default_value_t = 1)]
    renew_before: u32,
    /// How many years a transfer adds: 0 or 1
    #[arg(long, value_name = "YEARS", default_value_t = 1)]
    transfer_years: u32,
    /// A name server of new domains; several times, in order
    #[arg(long = "name-server", value_name = "HOST")]
    name_servers: Vec<String>,
    /// Say what would be set, and set nothing
    #[arg(long)]
    dry_run: bool,
}

type Client = DomainServiceClient<Connection>;

/// Does what is asked.
#[must_use]
pub fn run(args: DomainArgs) -> ExitCode {
    super::block_on(work(args))
}

async fn work(args: DomainArgs) -> Result<ExitCode, ClientError> {
    match args.command {
        Command::ImportPrices(import) => {
            let lists = lists(&import)?;
            if import.dry_run {
                show(&lists);
                return Ok(ExitCode::SUCCESS);
            }
            let mut client = Client::new(args.client.connect().await?);
            let mut set = Vec::with_capacity(lists.len());
            for tld in lists {
                let request_id = uuid::Uuid::now_v7().to_string();
                let answer = client.set_tld(pb::SetTldRequest { request_id, tld: Some(tld) }).await?.into_inner();
                set.extend(answer.tld);
            }
            show(&set);
        }
        Command::Costs { instance, tlds } => {
            let mut client = Client::new(args.client.connect().await?);
            let asked = pb::GetTldCostsRequest { instance_id: instance, tlds };
            print!("{}", prices::write(&client.get_tld_costs(asked).await?.into_inner().costs));
        }
        Command::List { expires_before } => {
            list(&mut Client::new(args.client.connect().await?), expires_before).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The lists of a file.
fn lists(import: &ImportArgs) -> Result<Vec<pb::Tld>, ClientError> {
    let text = read(&import.file)?;
    let found =
        prices::parse(&text).map_err(|problem| ClientError::Usage(format!("{}: {problem}", import.file.display())))?;
    let create_when = match import.buy {
        BuyWhen::Invoiced => pb::CreateWhen::Accepted,
        BuyWhen::Paid => pb::CreateWhen::Paid,
    };
    let list = |(tld, prices)| pb::Tld {
        tld,
        prices,
        currency_code: import.currency.clone(),
        tax_inclusive: import.tax_inclusive,
        instance_group: import.group.clone(),
        create_when: create_when.into(),
        transfer_years: import.transfer_years,
        invoice_before_days: import.invoice_before,
        renew_before_days: import.renew_before,
        name_servers: import.name_servers.clone(),
        ..pb::Tld::default()
    };
    Ok(found.into_iter().map(list).collect())
}

fn table(heading: &[&str]) -> Table {
    let mut table = Table::new();
    table.set_content_arrangement(ContentArrangement::Dynamic).load_style(TableStyle::new()).set_header(heading);
    table
}

fn show(lists: &[pb::Tld]) {
    let mut rows = table(&["under", "years", "first", "further", "transfer", "restore"]);
    for list in lists {
        for (years, row) in prices::by_years(&list.prices) {
            let [register, renew, transfer, restore] = row.map(Option::unwrap_or_default);
            rows.add_row([format!(".{}", list.tld), years.to_string(), register, renew, transfer, restore]);
        }
    }
    say!("{rows}");
}

async fn list(client: &mut Client, before: Option<NaiveDate>) -> Result<(), ClientError> {
    let mut rows = table(&["domain", "expires", "stands", "renews", "subscription", "problem"]);
    let mut page_token = String::new();
    for _ in 0..PAGES_MAX {
        let expires_before = before.map(|day| gt::Date {
            year: day.year(),
            month: day.month().cast_signed(),
            day: day.day().cast_signed(),
        });
        let asked = pb::ListDomainsRequest { expires_before, page_size: PAGE, page_token };
        let page = client.list_domains(asked).await?.into_inner();
        for one in page.domains {
            let expires = one.expires_on.as_ref();
            let expires =
                expires.map(|day| format!("{:04}-{:02}-{:02}", day.year, day.month, day.day)).unwrap_or_default();
            let standing = one.standing().as_str_name().trim_start_matches("DOMAIN_STANDING_").to_lowercase();
            let renews = if one.auto_renew { "yes" } else { "no" }.to_owned();
            rows.add_row([one.name, expires, standing, renews, one.subscription_id, one.problem]);
        }
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    say!("{rows}");
    Ok(())
}
