//! Everything that the story plays with: the daemon and its callers, the panels, the clock, and what was seen so far.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, Days, NaiveDate, Utc};
use rust_decimal::Decimal;
use tokio::time::{Instant, sleep};

use super::api::{Api, ask, have};
use super::daemon::{Daemon, Place};
use super::error::{DemoError, expect};
use super::figures::{ZONE, amount, instant, short_date, shown, to_date, to_timestamp, two_places};
use super::narration::Narration;
use super::panels::Panels;
use crate::proto::billet::v1 as pb;

/// When the nightly run is certainly due: it starts at 02:00.
const AFTER_THE_RUN: &str = "03:00";
/// How long a nightly run may take to be planned and worked off.
const RUN_WITHIN: Duration = Duration::from_secs(60);
/// How often the list of runs is looked at until a run is there.
const LOOK_EVERY: Duration = Duration::from_millis(15);
/// More documents and runs than the demonstration makes.
const PAGE_MAX: i32 = 1000;

/// What is played with.
pub struct Stage {
    /// What is said.
    pub say: Narration,
    /// Where the files are.
    pub place: Place,
    /// The daemon.
    pub daemon: Daemon,
    /// The panels.
    pub panels: Panels,
    /// The operator's owner.
    pub owner: Api,
    /// The reseller's owner.
    pub grove: Api,
    /// The token of the WHM server.
    pub whm1: Api,
    /// The token of the Plesk server.
    pub plesk1: Api,
    /// Identifiers by the story's own names.
    pub ids: Ids,
    /// Where the clocks stand.
    pub now: DateTime<Utc>,
    /// Documents that were told of.
    pub told: BTreeSet<String>,
}

/// Identifiers by the story's own names.
#[derive(Debug, Default)]
pub struct Ids {
    /// Of customers.
    pub customers: BTreeMap<&'static str, String>,
    /// Of plans.
    pub plans: BTreeMap<&'static str, String>,
    /// Of instances.
    pub instances: BTreeMap<&'static str, String>,
}

impl Ids {
    /// A customer's.
    pub fn customer(&self, key: &str) -> String {
        self.customers.get(key).cloned().unwrap_or_default()
    }

    /// A plan's.
    pub fn plan(&self, code: &str) -> String {
        self.plans.get(code).cloned().unwrap_or_default()
    }

    /// An instance's.
    pub fn instance(&self, name: &str) -> String {
        self.instances.get(name).cloned().unwrap_or_default()
    }
}

impl Stage {
    /// The day on which the clocks stand.
    pub fn today(&self) -> NaiveDate {
        self.now.with_timezone(&ZONE).date_naive()
    }

    /// Lets the nights pass until a day, and the clocks stand at a time of it.
    ///
    /// # Errors
    /// [`DemoError`].
    pub async fn go_to(&mut self, date: NaiveDate, time: &str) -> Result<(), DemoError> {
        let nights = u64::try_from((date - self.today()).num_days()).unwrap_or_default();
        let bar = Narration::progress("nights", nights);
        while self.today() < date {
            let next = self.today() + Days::new(1);
            bar.set_message(format!("the night to {}", next.format("%-d %B")));
            self.advance(instant(next, AFTER_THE_RUN)?).await?;
            finished_run(&self.owner, next).await?;
            finished_run(&self.grove, next).await?;
            bar.inc(1);
        }
        bar.finish_and_clear();
        self.advance(instant(date, time)?).await?;
        self.say.day(date);
        Ok(())
    }

    async fn advance(&mut self, to: DateTime<Utc>) -> Result<(), DemoError> {
        if to > self.now {
            let request = pb::AdvanceClockRequest { to: Some(to_timestamp(to)) };
            ask("AdvanceClock", self.owner.admin().advance_clock(request)).await?;
            self.now = to;
        }
        self.panels.set_now(self.now);
        Ok(())
    }

    /// Tells of the documents of the operator that are new, and holds them to what they should be: number and gross
    /// amount (negative for what gives money back), oldest first.
    ///
    /// # Errors
    /// [`DemoError::Unexpected`] if they are others.
    pub async fn expect_documents(&mut self, expected: &[(&str, &str)]) -> Result<Vec<pb::Invoice>, DemoError> {
        let owner = self.owner.clone();
        let fresh = self.fresh_documents(&owner).await?;
        for document in &fresh {
            self.tell_document(document);
        }
        let found: Vec<(String, String)> =
            fresh.iter().map(|one| (one.number.clone(), two_places(signed(one)))).collect();
        let found: Vec<(&str, &str)> = found.iter().map(|(number, gross)| (number.as_str(), gross.as_str())).collect();
        expect("the new documents", expected, found.as_slice())?;
        Ok(fresh)
    }

    /// A seller's documents that were not told of yet, oldest first, with their lines.
    ///
    /// # Errors
    /// [`DemoError`].
    pub async fn fresh_documents(&mut self, api: &Api) -> Result<Vec<pb::Invoice>, DemoError> {
        let mut fresh = Vec::new();
        for listed in documents(api).await? {
            if self.told.insert(listed.id.clone()) {
                let request = pb::GetInvoiceRequest { id: listed.id };
                let answer = ask("GetInvoice", api.invoices().get_invoice(request)).await?;
                fresh.push(have("the document", answer.invoice)?);
            }
        }
        Ok(fresh)
    }

    /// Tells of a document with its lines.
    pub fn tell_document(&mut self, document: &pb::Invoice) {
        use owo_colors::OwoColorize as _;
        let customer = self.ids.customers.iter().find(|(_, id)| **id == document.customer_id);
        let customer = customer.map_or("", |(key, _)| super::customers::name_of(key));
        let kind = kind_of(document);
        let total = format!("{:.2} {}", signed(document), document.currency_code);
        self.say.came(&format!(
            "{} {}  {customer}  {}",
            kind,
            document.number.bold(),
            total.bold().green()
        ));
        for line in &document.lines {
            let period = line.period.as_ref().filter(|_| line.kind != "setup");
            let days = period.map_or_else(String::new, |period| {
                format!("{} to {}", short_date(period.from.as_ref()), short_date(period.to.as_ref()))
            });
            let amount = amount(line.net_amount.as_ref());
            let amount = two_places(if is_back(document) { -amount } else { amount });
            // The name ends in what the customer calls the subscription, which has just been said.
            let name = line.name.rsplit_once(" · ").map_or(line.name.as_str(), |(name, _)| name);
            self.say.note(&format!("{name:<30} {days:<17} {amount:>7}   {}", line.explanation));
        }
        let (net, tax) = (shown(document.net_amount.as_ref()), shown(document.tax_amount.as_ref()));
        self.say.note(&format!("net {net}, VAT {tax}, gross {}", shown(document.gross_amount.as_ref())));
    }

    /// Reports an event as a panel would; what it did.
    ///
    /// # Errors
    /// [`DemoError`].
    pub async fn report(&self, panel: &Api, event: pb::HookEvent) -> Result<pb::HookResult, DemoError> {
        let request = pb::ReportRequest { event: Some(event) };
        have("the result", ask("Report", panel.hooks().report(request)).await?.result)
    }
}

/// All documents of a seller, invoices first, by number, without lines.
///
/// # Errors
/// [`DemoError`].
pub async fn documents(api: &Api) -> Result<Vec<pb::Invoice>, DemoError> {
    let request = pb::ListInvoicesRequest { page_size: PAGE_MAX, ..Default::default() };
    let mut found = ask("ListInvoices", api.invoices().list_invoices(request)).await?.invoices;
    // Numbers tell the order in which documents were issued; the simulated clock stands still meanwhile.
    found.sort_by(|a, b| (is_back(a), &a.number).cmp(&(is_back(b), &b.number)));
    Ok(found)
}

/// Waits until the nightly run of a day is finished; answers it.
///
/// # Errors
/// [`DemoError::Unexpected`] when it does not come, or could not bill everything.
pub async fn finished_run(api: &Api, night: NaiveDate) -> Result<pb::Run, DemoError> {
    let until = Instant::now() + RUN_WITHIN;
    let run = loop {
        let request = pb::ListRunsRequest { page_size: PAGE_MAX, ..Default::default() };
        let runs = ask("ListRuns", api.runs().list_runs(request)).await?.runs;
        if let Some(run) = runs.into_iter().find(|run| run.scheduled && run.cutoff_date == Some(to_date(night))) {
            break run;
        }
        if Instant::now() > until {
            return Err(DemoError::unexpected(format!("the nightly run of {night}"), "none was planned"));
        }
        sleep(LOOK_EVERY).await;
    };
    let run = watch(api, run, |_| {}).await?;
    expect(&format!("the state of the nightly run of {night}"), pb::RunState::Finished, run.state())?;
    Ok(run)
}

/// Follows a run to its end.
///
/// # Errors
/// [`DemoError`].
pub async fn watch(api: &Api, mut run: pb::Run, mut each: impl FnMut(&pb::Run)) -> Result<pb::Run, DemoError> {
    if matches!(run.state(), pb::RunState::Planned | pb::RunState::Running) {
        let request = pb::WatchRunRequest { id: run.id.clone() };
        let mut looks = ask("WatchRun", api.runs().watch_run(request)).await?;
        loop {
            let next = looks.message().await;
            let next = next.map_err(|status| DemoError::Refused { method: "WatchRun", status: Box::new(status) })?;
            let Some(look) = next else { break };
            run = have("the run", look.run)?;
            each(&run);
        }
    }
    Ok(run)
}

/// What a document is, in a word.
pub fn kind_of(document: &pb::Invoice) -> &'static str {
    match document.kind() {
        pb::InvoiceKind::CreditNote => "credit note",
        pb::InvoiceKind::Cancellation => "cancellation",
        pb::InvoiceKind::Invoice | pb::InvoiceKind::Unspecified => "invoice",
    }
}

/// Whether a document gives money back.
pub fn is_back(document: &pb::Invoice) -> bool {
    matches!(document.kind(), pb::InvoiceKind::CreditNote | pb::InvoiceKind::Cancellation)
}

/// A document's gross amount, negative when it gives money back.
pub fn signed(document: &pb::Invoice) -> Decimal {
    let gross = amount(document.gross_amount.as_ref());
    if is_back(document) { -gross } else { gross }
}
