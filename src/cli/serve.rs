//! `billet serve`: opens the database, serves, works, and stops in order.

mod systemd;

use std::io::Write as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use billet_domain::nightly::next_nightly;
use chrono::{DateTime, Utc};
use clap::Args;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::billing::hook::desk::HookDesk;
use crate::billing::{Billing, Clock, run};
use crate::config::{Config, ConfigError, LogFormat, Source};
use crate::grpc::auth::Authenticator;
use crate::grpc::server::{self, ServerError, Serving, Tls};
use crate::jobs::handlers::{asker, worker};
use crate::jobs::{Plan, Provisioner, Registrars, Scheduler, take_over, take_over_steps};
use crate::plugins::seal::{Keys, SealError};
use crate::plugins::{Host, Program};
use crate::store::lock::{Lock, LockError};
use crate::store::{Store, StoreError};
use crate::web::server::Watched;
use crate::{metrics, web};

/// For `--help`.
pub const ABOUT: &str = "\
Runs the daemon: the API for panels and people, the jobs, the nightly runs.

The database is made and brought up to date by itself. When the daemon is ready it prints one line to
standard output, `listening on http://127.0.0.1:4410`, and where metrics are served, if they are; the log goes to standard error. SIGTERM and SIGINT
let running calls and jobs end, for 30 seconds at most; a second signal does not wait.

  billet serve --data-dir /var/lib/billet
  billet serve --config /etc/billet/billet.toml
  billet serve --database postgres://billet@db.example/billet --listen 0.0.0.0:4410 \\
      --tls-cert chain.pem --tls-key key.pem";

/// How many panels and registrars are asked for messages and lists at once.
const ASKED_AT_ONCE: usize = 8;
/// How long calls and jobs have to end when the daemon stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the database has to close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Its arguments.
#[derive(Debug, Args)]
pub struct ServeArgs {
    #[command(flatten)]
    source: Source,
    /// Runs on a clock that stands at this instant until AdvanceClock moves it: for tests and demonstrations
    #[arg(long, value_name = "RFC3339", hide = true)]
    simulated_clock: Option<DateTime<Utc>>,
}

/// Why the daemon does not run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The settings.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Another daemon has the database.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The database.
    #[error("{database}: {error}")]
    Store {
        /// Which, without password.
        database: String,
        /// Why.
        error: StoreError,
    },
    /// What a daemon before this one was at cannot be taken up.
    #[error("{database}: {error}")]
    Provisioning {
        /// Which, without password.
        database: String,
        /// Why.
        error: crate::billing::BillingError,
    },
    /// The keys of secrets.
    #[error("secret_key_file: {0}")]
    Keys(#[from] SealError),
    /// The server.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The server of metrics.
    #[error(transparent)]
    Web(#[from] web::server::BindError),
    /// The metrics.
    #[error("metrics: {0}")]
    Metrics(String),
    /// The log's filter.
    #[error("the log filter `{0}` cannot be read: {1}")]
    Filter(String, String),
    /// The system refused something.
    #[error("{what}: {error}")]
    System {
        /// What was asked of it.
        what: &'static str,
        /// Why it did not.
        error: std::io::Error,
    },
}

/// Runs the command.
pub fn run(args: ServeArgs) -> ExitCode {
    super::block_on(serve(args))
}

async fn serve(args: ServeArgs) -> Result<ExitCode, ServeError> {
    let config = Config::load(&args.source)?;
    start_log(&config)?;
    // The pair is read before anything is touched: what is wrong with it is said at once.
    let tls = config.tls.as_ref().map(crate::config::TlsFiles::read).transpose()?;
    // Before anything that is measured is made.
    let metrics = config.metrics_listen.map(|_| metrics::start()).transpose();
    let metrics = metrics.map_err(|error| ServeError::Metrics(error.to_string()))?;
    let (store, lock) = open(&config).await?;
    hint(&store).await.map_err(|error| ServeError::Store { database: config.database_in_words(), error })?;
    let clock = args.simulated_clock.map_or(Clock::System, Clock::simulated);
    let mut billing = Billing::new(store.clone(), clock).with_plugins(host(&config), keys(&config)?);
    billing.run_batch = config.run_batch;
    if lock.is_some() {
        // Nobody else has this file: whoever held jobs is dead, and its leases need not be waited for.
        let count = take_over(&billing)
            .await
            .map_err(|error| ServeError::Store { database: config.database_in_words(), error })?;
        if count > 0 {
            tracing::info!(count, "jobs of a daemon that died are taken up again");
        }
        take_over_steps(&billing)
            .await
            .map_err(|error| ServeError::Provisioning { database: config.database_in_words(), error })?;
    }
    let outcome = work(&config, billing, tls, metrics).await;
    if tokio::time::timeout(CLOSE_TIMEOUT, store.engine().close()).await.is_err() {
        tracing::warn!("the database did not close in time");
    }
    drop(lock);
    outcome.map(|()| ExitCode::SUCCESS)
}

/// Opens the database of the settings and brings its schema up to date; an SQLite file is locked before anything is done
/// to it.
///
/// # Errors
/// [`ServeError`].
pub async fn open(config: &Config) -> Result<(Store, Option<Lock>), ServeError> {
    // For its owner alone, where it is made now.
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&config.data_dir)
        .map_err(|error| ServeError::System { what: "the data directory cannot be made", error })?;
    let lock = config.sqlite_file().map(Lock::take).transpose()?;
    let store = Store::open(&config.database)
        .await
        .map_err(|error| ServeError::Store { database: config.database_in_words(), error })?;
    Ok((store, lock))
}

/// The plugins of the settings.
fn host(config: &Config) -> Host {
    let programs = config.plugins.iter();
    Host::new(programs.map(|(name, command)| Program { name: name.clone(), command: command.clone() }))
}

/// The keys that secrets are sealed with.
fn keys(config: &Config) -> Result<Keys, ServeError> {
    Ok(config.secret_key_file.as_deref().map(Keys::read).transpose()?.unwrap_or_default())
}
/// What plans the nightly runs.
fn scheduler(billing: &Billing) -> Scheduler {
    let plan: Plan = Arc::new(|_, unit, due_at| Box::pin(run::plan_nightly(unit, due_at)));
    Scheduler::new(billing.clone(), next_nightly, plan)
}

async fn work(
    config: &Config,
    billing: Billing,
    tls: Option<Tls>,
    metrics: Option<PrometheusHandle>,
) -> Result<(), ServeError> {
    let system = |what| move |error| ServeError::System { what, error };
    let mut terminate = signal(SignalKind::terminate()).map_err(system("SIGTERM cannot be awaited"))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(system("SIGINT cannot be awaited"))?;
    let listener = server::bind(config.listen).await?;
    let metrics_listener = match config.metrics_listen {
        Some(address) => Some(web::server::bind(address).await?),
        None => None,
    };
    let stopping = CancellationToken::new();
    let (desk, desk_task) = HookDesk::open(&billing);
    let web = match (metrics, metrics_listener) {
        (Some(metrics), Some(listener)) => {
            let address = announced(&listener, false).map_err(system("the address of the metrics cannot be read"))?;
            let watched = Watched::new(metrics, billing.store.clone(), desk.queued(), stopping.clone());
            Some((address, tokio::spawn(web::server::serve(listener, watched))))
        }
        _ => None,
    };
    let serving = Serving {
        desk,
        authenticator: Authenticator::new(billing.clone()),
        limits: config.limits.clone(),
        stopping: stopping.clone(),
        billing: billing.clone(),
    };
    let routes = server::routes(&serving);
    let address = announced(&listener, tls.is_some()).map_err(system("the address cannot be read"))?;
    let running = worker(billing.clone(), config.workers).with_lease(config.job_lease).start();
    let asking = asker(billing.clone(), ASKED_AT_ONCE).with_lease(config.job_lease).start();
    let provisioning = Provisioner::new(billing.clone()).with_lease(config.job_lease).start();
    let nights = tokio::spawn(scheduler(&billing).run(stopping.clone()));
    let registrars = tokio::spawn(Registrars::new(billing.clone()).run(stopping.clone()));
    let mut server = tokio::spawn(async move { server::serve(listener, &serving, routes, tls.as_ref()).await });

    // Whoever started the daemon waits for this line.
    let _ = writeln!(std::io::stdout(), "listening on {address}");
    if let Some((address, _)) = &web {
        // Who waited for the first line may have closed the pipe.
        let _ = writeln!(std::io::stdout(), "metrics on {address}/metrics");
        tracing::info!(%address, "metrics and health");
    }
    tracing::info!(%address, database = config.database_in_words(), "ready");
    let watchdog = systemd::ready();

    let ended = tokio::select! {
        _ = terminate.recv() => None,
        _ = interrupt.recv() => None,
        ended = &mut server => Some(ended),
    };
    systemd::stopping();
    tracing::info!("stopping");
    stopping.cancel();
    let drain = async {
        let server = async {
            match ended {
                Some(ended) => Some(ended),
                None => tokio::time::timeout(DRAIN_TIMEOUT, &mut server).await.ok(),
            }
        };
        let web = async {
            if let Some((_, task)) = web {
                let _ = tokio::time::timeout(DRAIN_TIMEOUT, task).await;
            }
        };
        let outcome = tokio::join!(
            server,
            running.stop(DRAIN_TIMEOUT),
            asking.stop(DRAIN_TIMEOUT),
            provisioning.stop(DRAIN_TIMEOUT),
            nights,
            registrars,
            web
        )
        .0;
        // With the services gone nobody reports any more: what was taken is applied to its end.
        let _ = tokio::time::timeout(DRAIN_TIMEOUT, desk_task).await;
        outcome
    };
    let outcome = tokio::select! {
        outcome = drain => outcome,
        _ = terminate.recv() => None,
        _ = interrupt.recv() => None,
    };
    server.abort();
    watchdog.abort();
    match outcome {
        Some(Ok(outcome)) => outcome?,
        Some(Err(error)) => return Err(ServerError::Transport(format!("the server broke down: {error}")).into()),
        None => tracing::warn!("not everything ended in time; what was not finished is taken up again"),
    }
    tracing::info!("stopped");
    Ok(())
}

fn announced(listener: &TcpListener, tls: bool) -> std::io::Result<String> {
    let scheme = if tls { "https" } else { "http" };
    Ok(format!("{scheme}://{}", listener.local_addr()?))
}

fn start_log(config: &Config) -> Result<(), ServeError> {
    let filter = EnvFilter::try_new(&config.log_filter)
        .map_err(|error| ServeError::Filter(config.log_filter.clone(), error.to_string()))?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match config.log_format {
        LogFormat::Text => log.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
    Ok(())
}

/// A daemon without a seller refuses every call: say what to do.
async fn hint(store: &Store) -> Result<(), StoreError> {
    let mut tx = store.snapshot().await?;
    if crate::store::event::sellers(&mut tx, billet_domain::id::SellerId(0), 1).await?.is_empty() {
        tracing::warn!("there is no seller yet: stop the daemon and make the first with `billet init`");
    }
    Ok(())
}
