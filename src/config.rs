//! Settings of the daemon. From a TOML file, each of them also from a flag or an environment variable, which count more.
//! What is misspelt is refused with its line; nothing is guessed.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde::Deserialize;

use crate::grpc::server::{Limits, Tls};
use crate::jobs::LEASE;

/// Read when no other file is named, if it is there.
pub const FILE_DEFAULT: &str = "/etc/billet/billet.toml";

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file, or one that it names, cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The file is not what is expected; the message has the line.
    #[error("{}: {error}", path.display())]
    Content {
        /// Which.
        path: PathBuf,
        /// Where and why.
        error: Box<toml::de::Error>,
    },
    /// A value is out of its bounds, or two do not fit together.
    #[error("{0}")]
    Value(String),
}

/// How the log is written, to standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// The file as written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    database: Option<String>,
    data_dir: Option<PathBuf>,
    listen: Option<SocketAddr>,
    metrics_listen: Option<SocketAddr>,
    tls: Option<TlsFiles>,
    insecure_plaintext: Option<bool>,
    workers: Option<usize>,
    #[serde(default)]
    log: LogSection,
    #[serde(default)]
    limits: LimitsSection,
    secret_key_file: Option<PathBuf>,
    #[serde(default)]
    plugins: BTreeMap<String, PluginSection>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PluginSection {
    command: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct LogSection {
    format: Option<LogFormat>,
    filter: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitsSection {
    max_message_bytes: Option<usize>,
    concurrency: Option<usize>,
    call_timeout_s: Option<u64>,
    run_batch: Option<i64>,
    job_lease_s: Option<u64>,
}

/// Where the TLS files are.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsFiles {
    /// The certificate with its chain, PEM.
    pub cert: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
    /// Who signs the certificates that clients have to show, PEM.
    pub client_ca: Option<PathBuf>,
}

impl TlsFiles {
    /// Reads them.
    ///
    /// # Errors
    /// [`ConfigError::Read`] with the file's name.
    pub fn read(&self) -> Result<Tls, ConfigError> {
        let client_ca = self.client_ca.as_deref().map(read).transpose()?;
        Ok(Tls { certificate: read(&self.cert)?, key: read(&self.key)?, client_ca })
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|error| ConfigError::Read { path: path.to_owned(), error })
}

/// Where the settings come from. Flags count more than the environment, that more than the file, that more than defaults.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Settings")]
pub struct Source {
    /// The settings file (TOML); without it /etc/billet/billet.toml if it is there
    #[arg(long, env = "BILLET_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// `sqlite:FILE` (relative to the data directory) or `postgres://USER@HOST/NAME` [default: sqlite:billet.db]
    // A password may be in it.
    #[arg(long, env = "BILLET_DATABASE", value_name = "URL", hide_env_values = true)]
    pub database: Option<String>,
    /// Where the daemon keeps its files [default: $STATE_DIRECTORY as systemd sets it, else the current directory]
    #[arg(long, env = "BILLET_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// The address to listen on; port 0 takes a free one [default: 127.0.0.1:4410]
    #[arg(long, env = "BILLET_LISTEN", value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
    /// The address for GET /metrics (Prometheus) and GET /healthz, without TLS and tokens [default: none, they are off]
    #[arg(long, env = "BILLET_METRICS_LISTEN", value_name = "ADDRESS")]
    pub metrics_listen: Option<SocketAddr>,
    /// The TLS certificate with its chain (PEM)
    #[arg(long, env = "BILLET_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The key of the TLS certificate (PEM)
    #[arg(long, env = "BILLET_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Who signs the certificates that clients have to show (PEM); without it they need none
    #[arg(long, env = "BILLET_TLS_CLIENT_CA", value_name = "FILE")]
    pub tls_client_ca: Option<PathBuf>,
    /// Allow an address that others can reach without TLS: tokens and invoices are readable on the way
    #[arg(long, env = "BILLET_INSECURE_PLAINTEXT", value_parser = clap::builder::BoolishValueParser::new())]
    pub insecure_plaintext: bool,
    /// How the log is written [default: text]
    #[arg(long, env = "BILLET_LOG_FORMAT", value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
    /// What is logged, as `info` or `info,billet=debug` [default: info]
    #[arg(long, env = "BILLET_LOG", value_name = "FILTER")]
    pub log: Option<String>,
    /// How many jobs run at once, 1 to 256 [default: the number of processors, at least 2]
    #[arg(long, env = "BILLET_WORKERS", value_name = "COUNT")]
    pub workers: Option<usize>,
    /// The largest message that is read, in bytes [default: 4194304]
    #[arg(long, env = "BILLET_MAX_MESSAGE_BYTES", value_name = "BYTES")]
    pub max_message_bytes: Option<usize>,
    /// How many calls are at work at once; more wait for a few seconds [default: 512]
    #[arg(long, env = "BILLET_CONCURRENCY", value_name = "COUNT")]
    pub concurrency: Option<usize>,
    /// The file with the keys that secrets of instances are sealed with (`billet instance new-key` makes one)
    #[arg(long, env = "BILLET_SECRET_KEY_FILE", value_name = "FILE")]
    pub secret_key_file: Option<PathBuf>,
    /// How long a call may take, in seconds [default: 60]
    #[arg(long, env = "BILLET_CALL_TIMEOUT_S", value_name = "SECONDS")]
    pub call_timeout_s: Option<u64>,
    /// How many subscriptions a transaction of a billing run bills, 1 to 4000; fewer let hooks in between sooner [default: 1000]
    #[arg(long, env = "BILLET_RUN_BATCH", value_name = "COUNT")]
    pub run_batch: Option<i64>,
    /// How long a job of a daemon that died waits until another takes it, in seconds, 2 to 600 [default: 60]
    #[arg(long, env = "BILLET_JOB_LEASE_S", value_name = "SECONDS")]
    pub job_lease_s: Option<u64>,
}

/// Settings that fit together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The file they came from, if there was one.
    pub file: Option<PathBuf>,
    /// The database's URL, complete. It may hold a password: never print it, see [`Config::database_in_words`].
    pub database: String,
    /// Where the daemon keeps its files.
    pub data_dir: PathBuf,
    /// The address to listen on.
    pub listen: SocketAddr,
    /// The address for metrics and health; none for neither.
    pub metrics_listen: Option<SocketAddr>,
    /// TLS.
    pub tls: Option<TlsFiles>,
    /// How the log is written.
    pub log_format: LogFormat,
    /// What is logged.
    pub log_filter: String,
    /// How many jobs run at once.
    pub workers: usize,
    /// Bounds of calls.
    pub limits: Limits,
    /// How many subscriptions a transaction of a billing run bills.
    pub run_batch: i64,
    /// How long jobs are held without a sign of life.
    pub job_lease: Duration,
    /// The keys that secrets are sealed with; without it none can be kept.
    pub secret_key_file: Option<PathBuf>,
    /// Programs that serve plugins, by the plugin's name.
    pub plugins: BTreeMap<String, Vec<String>>,
}

impl Config {
    /// Reads and checks settings.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn load(source: &Source) -> Result<Self, ConfigError> {
        let default = Path::new(FILE_DEFAULT);
        let path = source.config.as_deref().or_else(|| default.exists().then_some(default));
        let file = match path {
            Some(path) => toml::from_str(&read(path)?)
                .map_err(|error| ConfigError::Content { path: path.to_owned(), error: Box::new(error) })?,
            None => File::default(),
        };
        let mut config = Self::combine(source.clone(), file)?;
        config.file = path.map(Path::to_owned);
        Ok(config)
    }

    fn combine(source: Source, file: File) -> Result<Self, ConfigError> {
        let state_dir = || std::env::var_os("STATE_DIRECTORY").map(PathBuf::from);
        let data_dir = source.data_dir.or(file.data_dir).or_else(state_dir).unwrap_or_else(|| PathBuf::from("."));
        let database = source.database.or(file.database).unwrap_or_else(|| "sqlite:billet.db".to_owned());
        let listen = source.listen.or(file.listen).unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 4410)));
        let tls = match (source.tls_cert, source.tls_key) {
            (Some(cert), Some(key)) => Some(TlsFiles { cert, key, client_ca: None }),
            _ => file.tls,
        };
        let tls = match (tls, source.tls_client_ca) {
            (Some(tls), Some(client_ca)) => Some(TlsFiles { client_ca: Some(client_ca), ..tls }),
            (None, Some(_)) => {
                return Err(ConfigError::Value("client certificates need TLS: set tls.cert and tls.key".to_owned()));
            }
            (tls, None) => tls,
        };
        let plaintext = source.insecure_plaintext || file.insecure_plaintext.unwrap_or_default();
        if tls.is_none() && !listen.ip().is_loopback() && !plaintext {
            return Err(ConfigError::Value(format!(
                "{listen} can be reached by others and there is no TLS: tokens and invoices would be readable on the way. \
                 Set tls.cert and tls.key, listen on 127.0.0.1 behind a proxy, or allow it with --insecure-plaintext"
            )));
        }
        let metrics_listen = source.metrics_listen.or(file.metrics_listen);
        if let Some(address) = metrics_listen {
            // TLS of the API protects nothing here.
            if !address.ip().is_loopback() && !plaintext {
                return Err(ConfigError::Value(format!(
                    "metrics_listen: {address} can be reached by others, and metrics are served without TLS and tokens. \
                     Listen on 127.0.0.1 behind a proxy, or allow it with --insecure-plaintext"
                )));
            }
            if address == listen && address.port() != 0 {
                return Err(ConfigError::Value(format!(
                    "metrics_listen and listen are both {address}: metrics need a port of their own"
                )));
            }
        }
        let processors = || std::thread::available_parallelism().map_or(2, |count| count.get().max(2));
        Ok(Self {
            file: None,
            database: place(&database, &data_dir),
            data_dir,
            listen,
            metrics_listen,
            tls,
            log_format: source.log_format.or(file.log.format).unwrap_or_default(),
            log_filter: source.log.or(file.log.filter).unwrap_or_else(|| "info".to_owned()),
            secret_key_file: source.secret_key_file.or(file.secret_key_file),
            plugins: programs(file.plugins)?,
            workers: within("workers", source.workers.or(file.workers).unwrap_or_else(processors), 1, 256)?,
            run_batch: within(
                "limits.run_batch",
                source.run_batch.or(file.limits.run_batch).unwrap_or(1_000),
                1,
                4_000,
            )?,
            job_lease: Duration::from_secs(within(
                "limits.job_lease_s",
                source.job_lease_s.or(file.limits.job_lease_s).unwrap_or(LEASE.as_secs()),
                2,
                600,
            )?),
            limits: Limits {
                max_message_bytes: within(
                    "limits.max_message_bytes",
                    source.max_message_bytes.or(file.limits.max_message_bytes).unwrap_or(4 << 20),
                    64 << 10,
                    256 << 20,
                )?,
                concurrency: within(
                    "limits.concurrency",
                    source.concurrency.or(file.limits.concurrency).unwrap_or(512),
                    1,
                    100_000,
                )?,
                call_timeout: Duration::from_secs(within(
                    "limits.call_timeout_s",
                    source.call_timeout_s.or(file.limits.call_timeout_s).unwrap_or(60),
                    1,
                    3_600,
                )?),
            },
        })
    }

    /// The file of an SQLite database.
    #[must_use]
    pub fn sqlite_file(&self) -> Option<&Path> {
        self.database.strip_prefix("sqlite:").map(Path::new)
    }

    /// The database without user and password.
    #[must_use]
    pub fn database_in_words(&self) -> String {
        match self.database.split_once("://") {
            Some((scheme, rest)) => {
                let rest = rest.split('?').next().unwrap_or_default();
                format!("{scheme}://{}", rest.rsplit_once('@').map_or(rest, |(_, place)| place))
            }
            None => self.database.clone(),
        }
    }
}

fn programs(sections: BTreeMap<String, PluginSection>) -> Result<BTreeMap<String, Vec<String>>, ConfigError> {
    sections
        .into_iter()
        .map(|(name, section)| {
            if section.command.first().is_some_and(|program| !program.is_empty()) {
                Ok((name, section.command))
            } else {
                Err(ConfigError::Value(format!("plugins.{name}.command names no program")))
            }
        })
        .collect()
}

/// A relative SQLite file is one of the data directory.
fn place(database: &str, data_dir: &Path) -> String {
    match database.strip_prefix("sqlite:") {
        Some(file) => format!("sqlite:{}", data_dir.join(file.trim_start_matches("//")).display()),
        None => database.to_owned(),
    }
}

fn within<T: Copy + PartialOrd + std::fmt::Display>(name: &str, value: T, min: T, max: T) -> Result<T, ConfigError> {
    if (min..=max).contains(&value) {
        Ok(value)
    } else {
        Err(ConfigError::Value(format!("{name} is {value}; {min} to {max} is possible")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str, source: Source) -> Result<Config, String> {
        let file = toml::from_str(text).map_err(|error| error.to_string())?;
        Config::combine(source, file).map_err(|error| error.to_string())
    }

    #[test]
    fn defaults_keep_to_this_machine() {
        let config = config("data_dir = '/srv/billet'", Source::default()).expect("valid");
        assert_eq!(config.database, "sqlite:/srv/billet/billet.db");
        assert_eq!(config.listen.to_string(), "127.0.0.1:4410");
        assert_eq!(config.limits.max_message_bytes, 4 * 1024 * 1024);
        assert_eq!(config.tls, None);
    }

    #[test]
    fn what_is_misspelt_is_refused_with_its_line() {
        let error = config("data_dir = '.'\nlisten_on = '127.0.0.1:1'\n", Source::default()).expect_err("unknown key");
        assert!(error.contains("line 2") && error.contains("listen_on") && error.contains("listen"), "{error}");
        let error = config("[limits]\n\nconcurrency = 'many'\n", Source::default()).expect_err("no number");
        assert!(error.contains("line 3"), "{error}");
        let error = config("workers = 0", Source::default()).expect_err("too few");
        assert_eq!(error, "workers is 0; 1 to 256 is possible");
    }

    #[test]
    fn an_open_address_needs_tls_or_a_word() {
        let open = "listen = '0.0.0.0:4410'";
        let error = config(open, Source::default()).expect_err("plaintext");
        assert!(error.contains("--insecure-plaintext") && error.contains("tls.cert"), "{error}");
        config(open, Source { insecure_plaintext: true, ..Source::default() }).expect("allowed");
        config(&format!("{open}\ninsecure_plaintext = true"), Source::default()).expect("allowed");
        config(&format!("{open}\n[tls]\ncert = 'a'\nkey = 'b'"), Source::default()).expect("with TLS");
        config("listen = '[::1]:4410'", Source::default()).expect("loopback");
        let alone = Source { tls_client_ca: Some("ca.pem".into()), ..Source::default() };
        assert!(config("", alone).expect_err("no TLS").contains("client certificates need TLS"));
    }

    #[test]
    fn metrics_keep_to_this_machine_even_beside_tls() {
        assert_eq!(config("", Source::default()).expect("valid").metrics_listen, None);
        let here = config("metrics_listen = '127.0.0.1:9464'", Source::default()).expect("loopback");
        assert_eq!(here.metrics_listen.map(|address| address.port()), Some(9464));
        let open = "metrics_listen = '0.0.0.0:9464'\n[tls]\ncert = 'a'\nkey = 'b'";
        let error = config(open, Source::default()).expect_err("the TLS is not for metrics");
        assert!(error.starts_with("metrics_listen: 0.0.0.0:9464") && error.contains("--insecure-plaintext"), "{error}");
        config(open, Source { insecure_plaintext: true, ..Source::default() }).expect("allowed");
        let error = config("metrics_listen = '127.0.0.1:4410'", Source::default()).expect_err("taken by the API");
        assert!(error.contains("a port of their own"), "{error}");
        config("listen = '127.0.0.1:0'\nmetrics_listen = '127.0.0.1:0'", Source::default()).expect("two free ones");
    }

    #[test]
    fn flags_count_more_than_the_file() {
        let source = Source {
            database: Some("postgres://app:secret@db.example/billet?sslmode=require".to_owned()),
            workers: Some(7),
            ..Source::default()
        };
        let config =
            config("database = 'sqlite:other.db'\nworkers = 3\n[log]\nformat = 'json'", source).expect("valid");
        assert_eq!((config.workers, config.log_format), (7, LogFormat::Json));
        assert_eq!(config.job_lease, LEASE);
        assert_eq!(config.database_in_words(), "postgres://db.example/billet");
        assert_eq!(config.sqlite_file(), None);
    }
}
