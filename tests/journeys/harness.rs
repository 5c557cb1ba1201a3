//! A running daemon on a fresh database, a clock to move, and verbs that read like the story they are used in.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use billet::proto::billet::v1 as pb;
use billet::proto::billet::v1::admin_service_client::AdminServiceClient;
use billet::proto::billet::v1::billing_run_service_client::BillingRunServiceClient;
use billet::proto::billet::v1::catalog_service_client::CatalogServiceClient;
use billet::proto::billet::v1::customer_service_client::CustomerServiceClient;
use billet::proto::billet::v1::domain_service_client::DomainServiceClient;
use billet::proto::billet::v1::event_service_client::EventServiceClient;
use billet::proto::billet::v1::hook_service_client::HookServiceClient;
use billet::proto::billet::v1::instance_service_client::InstanceServiceClient;
use billet::proto::billet::v1::invoice_service_client::InvoiceServiceClient;
use billet::proto::billet::v1::payment_service_client::PaymentServiceClient;
use billet::proto::billet::v1::provisioning_service_client::ProvisioningServiceClient;
use billet::proto::billet::v1::report_service_client::ReportServiceClient;
use billet::proto::billet::v1::reseller_service_client::ResellerServiceClient;
use billet::proto::billet::v1::subscription_service_client::SubscriptionServiceClient;
use billet::proto::google::r#type as gt;
use billet::store::raw;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Request, Status};

/// Which database a journey runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// A file.
    Sqlite,
    /// A fresh database of the server that `BILLET_TEST_POSTGRES` names.
    Postgres,
}

impl Engine {
    /// The engines to test: PostgreSQL only where there is a server, which in CI there is.
    pub fn all() -> Vec<Self> {
        match std::env::var("BILLET_TEST_POSTGRES") {
            Ok(_) => vec![Self::Sqlite, Self::Postgres],
            Err(_) => {
                assert!(std::env::var("CI").is_err(), "in CI both engines are tested: BILLET_TEST_POSTGRES is not set");
                vec![Self::Sqlite]
            }
        }
    }
}

/// Runs a story on every engine, one after the other.
pub async fn on_both<F: AsyncFn(Billet)>(story: F) {
    for engine in Engine::all() {
        story(Billet::start(engine).await).await;
    }
}

/// Puts the token into every call.
#[derive(Clone)]
pub struct Bearer(MetadataValue<Ascii>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

/// A connection that sends the token.
pub type Authorized = InterceptedService<Channel, Bearer>;

/// Typed clients of somebody with a token.
#[derive(Clone)]
pub struct Caller {
    channel: Channel,
    bearer: Bearer,
}

macro_rules! clients {
    ($($name:ident, $client:ident;)*) => {$(
        pub fn $name(&self) -> $client<Authorized> {
            $client::with_interceptor(self.channel.clone(), self.bearer.clone())
        }
    )*};
}

#[allow(dead_code)]
impl Caller {
    /// The connection with the token, for calls without a typed client.
    pub fn authorized(&self) -> Authorized {
        InterceptedService::new(self.channel.clone(), self.bearer.clone())
    }

    clients! {
        admin, AdminServiceClient;
        runs, BillingRunServiceClient;
        catalog, CatalogServiceClient;
        customers, CustomerServiceClient;
        domains, DomainServiceClient;
        events, EventServiceClient;
        hooks, HookServiceClient;
        instances, InstanceServiceClient;
        provisioning, ProvisioningServiceClient;
        invoices, InvoiceServiceClient;
        payments, PaymentServiceClient;
        reports, ReportServiceClient;
        resellers, ResellerServiceClient;
        subscriptions, SubscriptionServiceClient;
    }
}

/// A daemon with its database.
pub struct Billet {
    engine: Engine,
    /// The first one always, and those that joined it.
    daemons: Vec<Daemon>,
    database: String,
    folder: tempfile::TempDir,
    clock: Option<String>,
    settings: &'static [&'static str],
    /// The owner of the first seller.
    pub owner: Caller,
    /// The owner's token.
    pub token: String,
    /// The first seller.
    pub seller_id: String,
    requests: AtomicU32,
}

/// A process that serves.
struct Daemon {
    child: Child,
    url: String,
    metrics_address: String,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Only on failure is it still running here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Billet {
    /// A story that ended well leaves nothing; after one that failed somebody may want to look at its database.
    fn drop(&mut self) {
        self.daemons.clear();
        if self.engine == Engine::Sqlite || std::thread::panicking() {
            return;
        }
        let Some((server, name)) = self.database.rsplit_once('/') else { return };
        // The story's own runtime cannot be waited for here.
        let dropped = std::thread::scope(|scope| {
            let dropping = scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
                runtime.block_on(raw::drop_database(server, name))
            });
            dropping.join()
        });
        if !matches!(dropped, Ok(Ok(()))) {
            eprintln!("{name} could not be dropped: {dropped:?}");
        }
    }
}

static DATABASES: AtomicU32 = AtomicU32::new(0);

/// Where the simulated clock of journeys starts.
pub const START: &str = "2027-03-01T08:00:00Z";

async fn fresh_database(engine: Engine, folder: &Path) -> String {
    match engine {
        Engine::Sqlite => format!("sqlite:{}", folder.join("billet.db").display()),
        Engine::Postgres => {
            let server = std::env::var("BILLET_TEST_POSTGRES").expect("a server");
            let name = format!("billet_journey_{}_{}", std::process::id(), DATABASES.fetch_add(1, Ordering::Relaxed));
            raw::create_database(&server, &name).await.expect("a fresh database");
            format!("{server}/{name}")
        }
    }
}

fn billet(folder: &Path, database: &str, command: &str) -> Command {
    let mut billet = Command::new(env!("CARGO_BIN_EXE_billet"));
    billet.arg(command).arg("--data-dir").arg(folder).args(["--database", database]);
    billet
}

/// The file with the key for secrets of instances.
fn secret_key(folder: &Path) -> std::path::PathBuf {
    use std::os::unix::fs::OpenOptionsExt as _;
    let path = folder.join("secret.keys");
    if !path.exists() {
        let file = std::fs::File::options().write(true).create_new(true).mode(0o600).open(&path);
        std::io::Write::write_all(&mut file.expect("a file"), "5a".repeat(32).as_bytes()).expect("written");
    }
    path
}

/// Starts a daemon.
fn spawn(folder: &Path, database: &str, clock: Option<&str>, settings: &[&str]) -> Daemon {
    let mut serve = billet(folder, database, "serve");
    serve.args(["--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"]).args(settings);
    serve.arg("--secret-key-file").arg(secret_key(folder));
    if let Some(clock) = clock {
        serve.args(["--simulated-clock", clock]);
    }
    let log = std::fs::File::options().create(true).append(true).open(folder.join("billet.log")).expect("a log file");
    let mut child = serve.stdout(Stdio::piped()).stderr(log).spawn().expect("billet starts");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let (Some(Ok(line)), Some(Ok(metrics))) = (lines.next(), lines.next()) else {
        panic!("the daemon did not start: {}", std::fs::read_to_string(folder.join("billet.log")).unwrap_or_default());
    };
    let url = line.strip_prefix("listening on ").expect("the line that says where").to_owned();
    let metrics = metrics.strip_prefix("metrics on http://").and_then(|line| line.strip_suffix("/metrics"));
    Daemon { child, url, metrics_address: metrics.expect("the line that says where").to_owned() }
}

#[allow(dead_code)]
impl Billet {
    /// A daemon on a fresh database with one seller (Berlin, euro, 19 % and 7 %), its clock standing at [`START`].
    pub async fn start(engine: Engine) -> Self {
        Self::start_at(engine, Some(START)).await
    }

    /// The same with settings of its own, as flags of `billet serve`.
    pub async fn start_with(engine: Engine, settings: &'static [&'static str]) -> Self {
        Self::found(engine, Some(START), settings).await
    }

    /// The same with another clock; `None` for the system's.
    pub async fn start_at(engine: Engine, clock: Option<&str>) -> Self {
        Self::found(engine, clock, &[]).await
    }

    async fn found(engine: Engine, clock: Option<&str>, settings: &'static [&'static str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let database = fresh_database(engine, folder.path()).await;
        let mut init = billet(folder.path(), &database, "init");
        init.args(["--json", "--name", "Beispiel Hosting GmbH", "--country", "DE", "--city", "Berlin"]);
        init.args(["--address-line", "Am Beispiel 1", "--post-code", "10115", "--vat-id", "DE999999999"]);
        init.args(["--email", "billing@hosting.example", "--currency", "EUR", "--time-zone", "Europe/Berlin"]);
        init.args(["--language", "de", "--vat-rate", "19", "--reduced-vat-rate", "7"]);
        if let Some(clock) = clock {
            init.args(["--simulated-clock", clock]);
        }
        let output = init.output().expect("billet init runs");
        assert!(output.status.success(), "billet init: {}", String::from_utf8_lossy(&output.stderr));
        let founded: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let token = founded["secret"].as_str().expect("a token").to_owned();
        let seller_id = founded["seller_id"].as_str().expect("a seller").to_owned();
        let daemons = vec![spawn(folder.path(), &database, clock, settings)];
        let owner = caller(&daemons[0].url, &token).await;
        let clock = clock.map(str::to_owned);
        let requests = AtomicU32::new(0);
        Self { engine, daemons, database, folder, clock, settings, owner, token, seller_id, requests }
    }

    /// Which engine it is on.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.daemons[0].url
    }

    /// Where it answers those who watch it, as `host:port`.
    pub fn metrics_address(&self) -> &str {
        &self.daemons[0].metrics_address
    }

    /// Its database's URL.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// Its folder, for files of the journey.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What `billet hook` says to a panel's report, given its token; and its exit code.
    pub fn hook(&self, token: &str, input: &[u8]) -> (String, i32) {
        let token_file = self.folder.path().join("hook.token");
        std::fs::write(&token_file, token).expect("written");
        let mut hook = Command::new(env!("CARGO_BIN_EXE_billet"));
        hook.args(["hook", "cpanel", "--url", self.url()]).arg("--token-file").arg(&token_file);
        hook.arg("--spool").arg(self.folder.path().join("spool"));
        let mut child =
            hook.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("billet runs");
        // It may stop reading what is too large.
        let _ = std::io::Write::write_all(&mut child.stdin.take().expect("a pipe"), input);
        let output = child.wait_with_output().expect("it ends");
        (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.code().unwrap_or(-1))
    }

    /// Its log so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("billet.log")).unwrap_or_default()
    }

    /// A request id that nobody used.
    pub fn request_id(&self) -> String {
        format!("journey-{}", self.requests.fetch_add(1, Ordering::Relaxed))
    }

    /// Clients of somebody else.
    pub async fn caller(&self, token: &str) -> Caller {
        caller(&self.daemons[0].url, token).await
    }

    /// Clients of somebody else, at one of the daemons.
    pub async fn caller_at(&self, daemon: usize, token: &str) -> Caller {
        caller(&self.daemons[daemon].url, token).await
    }

    /// Starts one more daemon on the same database, which only PostgreSQL allows; answers its place, from 1.
    pub fn join(&mut self) -> usize {
        assert_eq!(self.engine, Engine::Postgres, "one daemon at a time has the file");
        let daemon = spawn(self.folder.path(), &self.database, self.clock.as_deref(), self.settings);
        self.daemons.push(daemon);
        self.daemons.len() - 1
    }

    /// Kills the daemon as a power cut would.
    pub fn kill(&mut self) {
        self.kill_at(0);
    }

    /// Kills one of the daemons.
    pub fn kill_at(&mut self, daemon: usize) {
        let child = &mut self.daemons[daemon].child;
        child.kill().expect("it was running");
        child.wait().expect("it ends");
    }

    /// Starts the daemon again on the same database; a simulated clock stands where it was last moved to.
    pub async fn restart(&mut self) {
        self.restart_at_place(0).await;
    }

    /// The same with one of several daemons.
    pub async fn restart_at_place(&mut self, daemon: usize) {
        let _ = self.daemons[daemon].child.kill();
        let _ = self.daemons[daemon].child.wait();
        self.daemons[daemon] = spawn(self.folder.path(), &self.database, self.clock.as_deref(), self.settings);
        if daemon == 0 {
            self.owner = caller(&self.daemons[0].url, &self.token).await;
        }
    }

    /// The same with the clock at another instant.
    pub async fn restart_at(&mut self, clock: &str) {
        self.clock = Some(clock.to_owned());
        self.restart().await;
    }

    /// Ends the daemon as systemd would, and all that joined it; they must end well.
    pub async fn stop(&mut self) {
        for place in 0..self.daemons.len() {
            let child = &mut self.daemons[place].child;
            let pid = i32::try_from(child.id()).expect("a pid").to_string();
            let sent = Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs");
            assert!(sent.success());
            // The connections of this process have to hear of it, so nothing may block here.
            let status = loop {
                if let Some(status) = child.try_wait().expect("it can be waited for") {
                    break status;
                }
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            };
            assert!(status.success(), "it ended with {status}: {}", self.log());
        }
    }

    /// Moves the clock and waits until nothing is left to do.
    pub async fn advance_to(&mut self, instant: &str) {
        self.move_clock(instant).await;
        self.settle().await;
    }

    /// Only moves the clock.
    pub async fn move_clock(&mut self, instant: &str) {
        let to: chrono::DateTime<chrono::Utc> = instant.parse().expect("an instant");
        let to = prost_types::Timestamp { seconds: to.timestamp(), nanos: 0 };
        let request = pb::AdvanceClockRequest { to: Some(to) };
        self.owner.admin().advance_clock(request).await.expect("the clock moves");
        self.clock = Some(instant.to_owned());
    }

    /// Moves the clock through these instants, so that each night's run has its own day.
    pub async fn advance_through(&mut self, instants: &[&str]) {
        for instant in instants {
            self.advance_to(instant).await;
        }
    }

    /// Waits until the scheduler has looked at the nights up to now. Their jobs are in the database then.
    async fn nights_are_planned(&self) {
        let now = self.clock.as_ref().map_or_else(chrono::Utc::now, |clock| clock.parse().expect("an instant"));
        for _ in 0..6_000 {
            let looked_at_s = self.scrape().await.get("billet_schedules_looked_at_seconds").copied();
            if looked_at_s.is_some_and(|looked_at_s| looked_at_s >= now.timestamp() as f64) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("the scheduler does not look within a minute: {}", self.log());
    }

    /// Waits until the nights are planned, no job is ready or running, and none died.
    pub async fn settle(&self) {
        self.nights_are_planned().await;
        for _ in 0..1_200 {
            let request = pb::ListJobsRequest { page_size: 10, ..Default::default() };
            let jobs = self.owner.admin().list_jobs(request).await.expect("jobs are listed").into_inner().jobs;
            if let Some(dead) = jobs.iter().find(|job| job.state() == pb::JobState::Dead) {
                panic!("a job died: {dead:?}");
            }
            if jobs.is_empty() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("jobs are not done within a minute: {}", self.log());
    }

    /// All documents, oldest first, with lines.
    pub async fn documents(&self) -> Vec<pb::Invoice> {
        let mut found = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = pb::ListInvoicesRequest { page_size: 1_000, page_token, ..Default::default() };
            let page = self.owner.invoices().list_invoices(request).await.expect("documents are listed").into_inner();
            for invoice in page.invoices {
                let request = pb::GetInvoiceRequest { id: invoice.id };
                let whole = self.owner.invoices().get_invoice(request).await.expect("it is there").into_inner();
                found.push(whole.invoice.expect("a document"));
            }
            if page.next_page_token.is_empty() {
                break;
            }
            page_token = page.next_page_token;
        }
        // Ids come from blocks and need not follow time.
        found.sort_by_key(|one| (one.created_at.map(|at| (at.seconds, at.nanos)), one.number.clone(), one.id.clone()));
        found
    }

    /// The trial balance is zero in every currency.
    pub async fn assert_books_balance(&self) {
        let request = pb::GetTrialBalanceRequest { as_of: None };
        let balance = self.owner.reports().get_trial_balance(request).await.expect("a trial balance").into_inner();
        for difference in &balance.differences {
            assert_eq!((difference.units, difference.nanos), (0, 0), "the books do not balance: {balance:?}");
        }
    }

    /// `billet check --journal` finds everything in order; the daemon must be stopped on SQLite.
    pub fn assert_checks(&self) {
        let (is_in_order, said) = self.check();
        assert!(is_in_order, "billet check: {said}");
    }

    /// Whether `billet check --journal` finds everything in order, and what it says.
    pub fn check(&self) -> (bool, String) {
        let mut check = billet(self.folder.path(), &self.database, "check");
        // Any free address: whether somebody else has the usual one is not the story's.
        check.args(["--listen", "127.0.0.1:0"]);
        let output = check.arg("--journal").output().expect("billet check runs");
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&said).into_owned())
    }
}

async fn caller(url: &str, token: &str) -> Caller {
    let channel =
        Channel::from_shared(url.to_owned()).expect("an address").connect().await.expect("the daemon answers");
    Caller { channel, bearer: Bearer(format!("Bearer {token}").parse().expect("a token")) }
}

/// Euro, from cents.
pub fn euro(cents: i64) -> gt::Money {
    let nanos = i32::try_from(cents % 100).expect("small") * 10_000_000;
    gt::Money { currency_code: "EUR".to_owned(), units: cents / 100, nanos }
}

/// Cents of an amount of euro.
pub fn cents(money: Option<&gt::Money>) -> i64 {
    let money = money.expect("an amount");
    money.units * 100 + i64::from(money.nanos / 10_000_000)
}

/// A decimal number.
pub fn decimal(text: &str) -> Option<gt::Decimal> {
    Some(gt::Decimal { value: text.to_owned() })
}

/// A date.
pub fn date(text: &str) -> Option<gt::Date> {
    let date: chrono::NaiveDate = text.parse().expect("a date");
    use chrono::Datelike as _;
    Some(gt::Date { year: date.year(), month: date.month().cast_signed(), day: date.day().cast_signed() })
}

/// An instant.
pub fn instant(text: &str) -> Option<prost_types::Timestamp> {
    let instant: chrono::DateTime<chrono::Utc> = text.parse().expect("an instant");
    Some(prost_types::Timestamp { seconds: instant.timestamp(), nanos: instant.timestamp_subsec_nanos().cast_signed() })
}

/// A date as text.
pub fn day(date: Option<&gt::Date>) -> String {
    let date = date.expect("a date");
    format!("{:04}-{:02}-{:02}", date.year, date.month, date.day)
}
