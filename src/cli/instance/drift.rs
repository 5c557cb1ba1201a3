//! What differs between a panel and the books, and its mending.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use serde_json::json;

use super::super::client::{ClientError, Connection};
use super::show::table;
use super::{Client, by_name, fresh_id};
use crate::cli::say;
use crate::proto::billet::v1 as pb;
use crate::proto::billet::v1::provisioning_service_client::ProvisioningServiceClient;

/// How many differences are asked for at once.
const PAGE: i32 = 500;
/// The most pages that are read.
const PAGES_MAX: usize = 1_000;
/// How many are mended by one call.
const MENDS: usize = 64;
/// How often it is asked whether the comparison is done.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Its arguments.
#[derive(Debug, Args)]
pub struct DriftArgs {
    /// The instance's name or id
    instance: String,
    /// Compare now, and wait for it; otherwise what was found last is shown (it is compared every night)
    #[arg(long)]
    compare: bool,
    /// How long to wait for the comparison, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 600, requires = "compare")]
    wait_s: u64,
    /// Only differences of this kind
    #[arg(long, value_enum)]
    kind: Option<Kind>,
    /// Show also what is to be left as it is
    #[arg(long)]
    include_ignored: bool,
    /// Mend these differences (`dri_...`), or `all` that are shown
    #[arg(long, value_name = "ID", num_args = 1.., requires = "how")]
    mend: Vec<String>,
    /// How they are mended
    #[arg(long, value_enum, requires = "mend", requires = "reason")]
    how: Option<How>,
    /// Why, for the journal
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Billet thinks that it is there, and it is not
    Missing,
    /// It is there, and Billet knows nothing of it
    Extra,
    /// It has another package
    Package,
    /// It is suspended on one side only
    Suspension,
    /// It has another main domain
    Domain,
    /// It has another name
    Renamed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum How {
    /// The panel is made as Billet has it; nothing is removed there
    FixAtPanel,
    /// Billet follows the panel, as if it had reported the change now
    FixHere,
    /// It is left as it is, and not shown any more until it changes
    Ignore,
}

impl Kind {
    fn of(self) -> pb::DriftKind {
        match self {
            Self::Missing => pb::DriftKind::Missing,
            Self::Extra => pb::DriftKind::Extra,
            Self::Package => pb::DriftKind::Package,
            Self::Suspension => pb::DriftKind::Suspension,
            Self::Domain => pb::DriftKind::Domain,
            Self::Renamed => pb::DriftKind::Renamed,
        }
    }
}

fn kind_in_words(kind: pb::DriftKind) -> &'static str {
    match kind {
        pb::DriftKind::Unspecified => "?",
        pb::DriftKind::Missing => "missing",
        pb::DriftKind::Extra => "extra",
        pb::DriftKind::Package => "package",
        pb::DriftKind::Suspension => "suspension",
        pb::DriftKind::Domain => "domain",
        pb::DriftKind::Renamed => "renamed",
    }
}

fn mend_in_words(mend: pb::Mend) -> &'static str {
    match mend {
        pb::Mend::Unspecified => "",
        pb::Mend::Adopt => "adopt",
        pb::Mend::FixAtPanel => "fix-at-panel",
        pb::Mend::FixHere => "fix-here",
        pb::Mend::Ignore => "ignore",
    }
}

type Provisioning = ProvisioningServiceClient<Connection>;

/// Shows what differs, or mends it. The exit status tells whether all was mended that was to be.
pub async fn drift(
    instances: &mut Client,
    connection: Connection,
    args: DriftArgs,
    json: bool,
) -> Result<ExitCode, ClientError> {
    let asked = pb::GetInstanceSettingsRequest { instance_id: by_name(&args.instance) };
    let settings = instances.get_instance_settings(asked).await?.into_inner().settings.unwrap_or_default();
    let mut client = ProvisioningServiceClient::new(connection);
    if args.compare {
        compare(&mut client, &settings.instance_id, Duration::from_secs(args.wait_s)).await?;
    }
    let drifts = all(&mut client, &settings.instance_id, &args).await?;
    let Some(how) = args.how else {
        let asked = pb::GetReconciliationRequest { instance_id: settings.instance_id.clone() };
        let last = match client.get_reconciliation(asked).await {
            Ok(answer) => answer.into_inner().reconciliation,
            Err(status) if status.code() == tonic::Code::NotFound => None,
            Err(status) => return Err(status.into()),
        };
        show(&drifts, last.as_ref(), json);
        return Ok(ExitCode::SUCCESS);
    };
    mend(&mut client, &drifts, &args, how, json).await
}

pub async fn compare(client: &mut Provisioning, instance_id: &str, patience: Duration) -> Result<(), ClientError> {
    let request = pb::ReconcileRequest { request_id: fresh_id(), instance_id: instance_id.to_owned() };
    client.reconcile(request).await?;
    let begun = Instant::now();
    let is_seen = std::io::stderr().is_terminal();
    loop {
        let asked = pb::GetReconciliationRequest { instance_id: instance_id.to_owned() };
        let last = client.get_reconciliation(asked).await?.into_inner().reconciliation.unwrap_or_default();
        if !last.pending {
            if is_seen {
                eprintln!();
            }
            return match last.problem.as_str() {
                "" => Ok(()),
                problem => Err(ClientError::Refused(format!("{problem}: {}", last.detail))),
            };
        }
        if begun.elapsed() > patience {
            return Err(ClientError::Refused(
                "it is not done yet; it goes on, and its result is shown later".to_owned(),
            ));
        }
        if is_seen {
            eprint!("\rcomparing ... {} s", begun.elapsed().as_secs());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn all(client: &mut Provisioning, instance_id: &str, args: &DriftArgs) -> Result<Vec<pb::Drift>, ClientError> {
    let (mut all, mut page_token) = (Vec::new(), String::new());
    for _ in 0..PAGES_MAX {
        let request = pb::ListDriftRequest {
            instance_id: instance_id.to_owned(),
            kind: args.kind.map_or(pb::DriftKind::Unspecified, Kind::of).into(),
            include_ignored: args.include_ignored,
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

fn name(drift: &pb::Drift) -> String {
    drift.here.as_ref().or(drift.there.as_ref()).map(|side| side.name.clone()).unwrap_or_default()
}

/// One side in words: what of it matters to the difference.
fn side(side: Option<&pb::DriftSide>, kind: pb::DriftKind) -> String {
    let Some(side) = side else { return "-".to_owned() };
    match kind {
        pb::DriftKind::Package => side.package.clone(),
        pb::DriftKind::Suspension => if side.suspended { "suspended" } else { "active" }.to_owned(),
        pb::DriftKind::Domain => side.domain.clone(),
        pb::DriftKind::Renamed => side.name.clone(),
        _ => [side.domain.as_str(), side.package.as_str()].join(" "),
    }
}

fn show(drifts: &[pb::Drift], last: Option<&pb::Reconciliation>, json: bool) {
    if json {
        let one = |drift: &pb::Drift| {
            json!({
                "id": drift.id, "kind": kind_in_words(drift.kind()), "name": name(drift), "subscription_id": drift.subscription_id,
                "here": side(drift.here.as_ref(), drift.kind()), "there": side(drift.there.as_ref(), drift.kind()),
                "proposal": mend_in_words(drift.proposal()), "moved_instance_id": drift.moved_instance_id,
                "moved_name": drift.moved_name, "ignored": drift.ignored,
            })
        };
        say!("{}", serde_json::Value::from(drifts.iter().map(one).collect::<Vec<_>>()));
        return;
    }
    match last {
        None => say!("It was never compared: --compare does it now, and it is done every night."),
        Some(last) if last.problem.is_empty() => say!("{} accounts at the panel.", last.account_count),
        Some(last) => say!("The last comparison failed ({}: {}); this is from before.", last.problem, last.detail),
    }
    if drifts.is_empty() {
        say!("Nothing differs.");
        return;
    }
    let mut rows = table(&["id", "account", "differs in", "Billet", "panel", "proposal"]);
    for one in drifts {
        let kind = one.kind();
        let moved = if one.moved_instance_id.is_empty() { "" } else { " (moved)" };
        let what = format!("{}{moved}{}", kind_in_words(kind), if one.ignored { " (left so)" } else { "" });
        let (here, there) = (side(one.here.as_ref(), kind), side(one.there.as_ref(), kind));
        rows.add_row([one.id.clone(), name(one), what, here, there, mend_in_words(one.proposal()).to_owned()]);
    }
    say!("{rows}");
    say!(
        "Mend with --mend ID... (or all) --how fix-at-panel|fix-here|ignore --reason TEXT; what is extra with `billet adopt`."
    );
}

async fn mend(
    client: &mut Provisioning,
    drifts: &[pb::Drift],
    args: &DriftArgs,
    how: How,
    json: bool,
) -> Result<ExitCode, ClientError> {
    let ids: Vec<String> = if args.mend.iter().any(|id| id == "all") {
        drifts.iter().map(|one| one.id.clone()).collect()
    } else {
        args.mend.clone()
    };
    let names: BTreeMap<&str, String> = drifts.iter().map(|one| (one.id.as_str(), name(one))).collect();
    let mend = match how {
        How::FixAtPanel => pb::Mend::FixAtPanel,
        How::FixHere => pb::Mend::FixHere,
        How::Ignore => pb::Mend::Ignore,
    };
    let mut results = Vec::with_capacity(ids.len());
    for ids in ids.chunks(MENDS) {
        let request = pb::MendDriftRequest {
            request_id: fresh_id(),
            ids: ids.to_vec(),
            mend: mend.into(),
            reason: args.reason.clone(),
        };
        results.extend(client.mend_drift(request).await?.into_inner().results);
    }
    let failed = results.iter().filter(|one| !one.mended).count();
    if json {
        let one = |one: &pb::MendResult| json!({ "id": one.id, "mended": one.mended, "problem": one.problem, "detail": one.detail });
        say!("{}", serde_json::Value::from(results.iter().map(one).collect::<Vec<_>>()));
    } else {
        for one in results.iter().filter(|one| !one.mended) {
            let name = names.get(one.id.as_str()).cloned().unwrap_or_default();
            say!("{} {name}: {} ({})", one.id, one.detail, one.problem);
        }
        say!("{} mended, {failed} not.", results.len() - failed);
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
