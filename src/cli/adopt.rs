//! `billet adopt`: a panel that was there before Billet is taken over.

mod list;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use chrono::NaiveDate;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use self::list::Chosen;
use super::client::{ClientArgs, ClientError, Connection};
use super::instance::drift::compare;
use super::instance::show::table;
use super::instance::{by_name, fresh_id};
use super::say;
use crate::proto::billet::v1 as pb;
use crate::proto::billet::v1::catalog_service_client::CatalogServiceClient;
use crate::proto::billet::v1::instance_service_client::InstanceServiceClient;
use crate::proto::billet::v1::provisioning_service_client::ProvisioningServiceClient;
use crate::proto::google::r#type as gt;

/// For `--help`.
pub const ABOUT: &str = "\
Takes over a panel that was there before Billet: the accounts that Billet knows nothing of become customers'
contracts. Nothing is billed twice: Billet bills from the day on which the next invoice would have been due, and
cycles begin there. Set-up fees are not charged. Nothing is changed at the panel.

  1. billet instance add cpanel --name srv1 ...            how the panel is reached
  2. a plan for each package: CatalogService.CreatePlan, SetPackageMapping
  3. billet adopt cpanel --instance srv1 --dry-run         what would become of each account
  4. billet adopt cpanel --instance srv1 --from list.csv --create-customers --dry-run
  5. the same without --dry-run; what was adopted is passed over when it is done again

The list names accounts and says what the panel does not know. All columns but the first may be left out:

  account,customer,plan,cycle,bill_from,currency
  acme,cus_1042,starter,1 month,2027-03-15,EUR
  shop,,,1 year,2027-11-02,

`account` is the user name at the panel, `customer` an id (otherwise whoever is linked to the account, its owner or its
contact address), `plan` a code or an id (otherwise that of its package), `cycle` as `1 month` or `1 year` (otherwise
that of the package's mapping), `bill_from` the day on which the next invoice would be due.";

/// How many accounts are adopted by one call.
const BATCH: usize = 200;
/// How many are listed by one call.
const PAGE: i32 = 500;
/// The most pages that are read.
const PAGES_MAX: usize = 1_000;

/// Its arguments.
#[derive(Debug, Args)]
pub struct AdoptArgs {
    /// The panel: `cpanel`, `plesk`, ...
    plugin: String,
    /// The instance's name or id
    #[arg(long, value_name = "NAME")]
    instance: String,
    /// Only the accounts of this list (CSV); all that Billet knows nothing of without it
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// From which day Billet bills, where the list does not say; today without it
    #[arg(long, value_name = "DATE")]
    bill_from: Option<NaiveDate>,
    /// Make customers where nobody is linked, one for each contact address; they are billed once they have an address
    #[arg(long)]
    create_customers: bool,
    /// Show what would become of each account, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// How long to wait for the panel's list, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 1_800)]
    wait_s: u64,
    #[command(flatten)]
    client: ClientArgs,
}

/// Does what is asked.
#[must_use]
pub fn run(args: AdoptArgs) -> ExitCode {
    super::block_on(adopt(args))
}

async fn adopt(args: AdoptArgs) -> Result<ExitCode, ClientError> {
    let chosen = args.from.as_deref().map(list::read).transpose().map_err(ClientError::Usage)?;
    let connection = args.client.connect().await?;
    let instance_id = instance(&connection, &args).await?;
    let mut client = ProvisioningServiceClient::new(connection.clone());
    compare(&mut client, &instance_id, Duration::from_secs(args.wait_s)).await?;
    let strangers = strangers(&mut client, &instance_id).await?;
    let plans = match &chosen {
        Some(chosen) if chosen.values().any(|one| !one.plan.is_empty() && !one.plan.starts_with("pln_")) => {
            plans_by_code(&connection).await?
        }
        _ => BTreeMap::new(),
    };
    let mut not_there: Vec<&str> = Vec::new();
    if let Some(chosen) = &chosen {
        let names: BTreeSet<&str> = strangers.iter().map(name).collect();
        not_there.extend(chosen.keys().map(String::as_str).filter(|account| !names.contains(account)));
    }
    let mut accounts = Vec::new();
    for one in &strangers {
        match &chosen {
            None => accounts.push((one, adoption(one, None, &args, &plans)?)),
            Some(chosen) => {
                if let Some(found) = chosen.get(name(one)) {
                    accounts.push((one, adoption(one, Some(found), &args, &plans)?));
                }
            }
        }
    }
    let results =
        adopt_all(&mut client, &args, accounts.iter().map(|(_, adoption)| adoption.clone()).collect()).await?;
    let by_id: BTreeMap<&str, &pb::Drift> = strangers.iter().map(|one| (one.id.as_str(), one)).collect();
    show(&by_id, &results, &not_there, args.dry_run);
    let failed = results.iter().any(|one| !one.problem.is_empty());
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The instance's id, if it is one of this plugin.
async fn instance(connection: &Connection, args: &AdoptArgs) -> Result<String, ClientError> {
    let mut client = InstanceServiceClient::new(connection.clone());
    let asked = pb::GetInstanceSettingsRequest { instance_id: by_name(&args.instance) };
    let settings = client.get_instance_settings(asked).await?.into_inner().settings.unwrap_or_default();
    let mut page_token = String::new();
    for _ in 0..PAGES_MAX {
        let page = client.list_instances(pb::ListInstancesRequest { page_size: PAGE, page_token }).await?.into_inner();
        if let Some(found) = page.instances.iter().find(|one| one.id == settings.instance_id) {
            if found.plugin != args.plugin {
                let words = format!("`{}` is an instance of `{}`, not of `{}`", found.name, found.plugin, args.plugin);
                return Err(ClientError::Usage(words));
            }
            return Ok(settings.instance_id);
        }
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    Err(ClientError::Usage(format!("there is no instance `{}`", args.instance)))
}

async fn strangers(
    client: &mut ProvisioningServiceClient<Connection>,
    instance_id: &str,
) -> Result<Vec<pb::Drift>, ClientError> {
    let (mut all, mut page_token) = (Vec::new(), String::new());
    for _ in 0..PAGES_MAX {
        let request = pb::ListDriftRequest {
            instance_id: instance_id.to_owned(),
            kind: pb::DriftKind::Extra.into(),
            include_ignored: false,
            page_size: PAGE,
            page_token,
        };
        let page = client.list_drift(request).await?.into_inner();
        all.extend(page.drifts);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    Ok(all)
}

async fn plans_by_code(connection: &Connection) -> Result<BTreeMap<String, String>, ClientError> {
    let mut client = CatalogServiceClient::new(connection.clone());
    let (mut all, mut page_token) = (BTreeMap::new(), String::new());
    for _ in 0..PAGES_MAX {
        let page = client.list_plans(pb::ListPlansRequest { page_size: PAGE, page_token }).await?.into_inner();
        all.extend(page.plans.into_iter().map(|plan| (plan.code, plan.id)));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    Ok(all)
}

fn name(drift: &pb::Drift) -> &str {
    drift.there.as_ref().map(|side| side.name.as_str()).unwrap_or_default()
}

fn adoption(
    drift: &pb::Drift,
    chosen: Option<&Chosen>,
    args: &AdoptArgs,
    plans: &BTreeMap<String, String>,
) -> Result<pb::Adoption, ClientError> {
    let chosen = chosen.cloned().unwrap_or_default();
    let plan_id = match chosen.plan.as_str() {
        "" => String::new(),
        id if id.starts_with("pln_") => id.to_owned(),
        code => {
            let found = plans.get(code).cloned();
            found.ok_or_else(|| ClientError::Usage(format!("line {}: there is no plan `{code}`", chosen.line)))?
        }
    };
    let bill_from = chosen.bill_from.or(args.bill_from).map(|day| {
        use chrono::Datelike as _;
        gt::Date {
            year: day.year(),
            month: i32::try_from(day.month()).unwrap_or_default(),
            day: i32::try_from(day.day()).unwrap_or_default(),
        }
    });
    Ok(pb::Adoption {
        drift_id: drift.id.clone(),
        customer_id: chosen.customer,
        plan_id,
        cycle: chosen.cycle,
        currency_code: chosen.currency,
        bill_from,
    })
}

async fn adopt_all(
    client: &mut ProvisioningServiceClient<Connection>,
    args: &AdoptArgs,
    accounts: Vec<pb::Adoption>,
) -> Result<Vec<pb::AdoptionResult>, ClientError> {
    let bar = ProgressBar::new(accounts.len().try_into().unwrap_or(u64::MAX));
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos} of {len} accounts, {eta} left") {
        bar.set_style(style);
    }
    let mut results = Vec::with_capacity(accounts.len());
    for batch in accounts.chunks(BATCH) {
        let request = pb::AdoptAccountsRequest {
            request_id: fresh_id(),
            accounts: batch.to_vec(),
            create_customers: args.create_customers,
            dry_run: args.dry_run,
        };
        results.extend(client.adopt_accounts(request).await?.into_inner().results);
        bar.inc(batch.len().try_into().unwrap_or_default());
    }
    bar.finish_and_clear();
    Ok(results)
}

fn show(accounts: &BTreeMap<&str, &pb::Drift>, results: &[pb::AdoptionResult], not_there: &[&str], dry_run: bool) {
    let mut rows = table(&["account", "domain", "package", "customer", "billed from", "", "why not"]);
    let mut unknown: BTreeMap<String, usize> = BTreeMap::new();
    for one in results {
        let side = accounts.get(one.drift_id.as_str()).and_then(|drift| drift.there.clone()).unwrap_or_default();
        let day = one.bill_from.as_ref().map(|day| format!("{:04}-{:02}-{:02}", day.year, day.month, day.day));
        let customer = match (one.customer_created, dry_run) {
            (true, true) => "(new)".to_owned(),
            (true, false) => format!("{} (new)", one.customer_id),
            (false, _) => one.customer_id.clone(),
        };
        let made = if one.problem.is_empty() && !dry_run { one.subscription_id.as_str() } else { "" };
        if one.problem == "UNKNOWN_PACKAGE" {
            *unknown.entry(side.package.clone()).or_default() += 1;
        }
        rows.add_row([
            &side.name,
            &side.domain,
            &side.package,
            &customer,
            &day.unwrap_or_default(),
            made,
            &one.problem,
        ]);
    }
    if !results.is_empty() {
        say!("{rows}");
    }
    let mut told: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for one in results.iter().filter(|one| !one.problem.is_empty() && one.problem != "UNKNOWN_PACKAGE") {
        *told.entry((one.problem.as_str(), one.detail.as_str())).or_default() += 1;
    }
    for ((problem, detail), count) in told.iter().take(20) {
        say!("{problem}: {detail}{}", if *count > 1 { format!(" ({count} accounts)") } else { String::new() });
    }
    for (package, count) in &unknown {
        say!("no plan for the package `{package}` ({count} accounts): CatalogService.SetPackageMapping sets it");
    }
    for account in not_there {
        say!("`{account}` is in the list, and is no account that Billet knows nothing of");
    }
    let failed = results.iter().filter(|one| !one.problem.is_empty()).count();
    let done = results.len() - failed;
    match (results.is_empty(), dry_run) {
        (true, _) => say!("There is nothing to adopt."),
        (false, true) => say!("{done} accounts would be adopted, {failed} not. Nothing was changed."),
        (false, false) => say!("{done} accounts were adopted, {failed} not. The next run bills what is due."),
    }
}
