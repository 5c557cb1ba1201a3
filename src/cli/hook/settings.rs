//! Settings of `billet hook`: flags before environment before the settings file before defaults.
//!
//! A mistake in them must not lose an event. Where to spool to is therefore always known, and whatever else is wrong is
//! a reason not to deliver yet.

use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use billet_domain::id::InstanceId;
use clap::Args;
use serde::Deserialize;

/// Where the settings file is looked for.
pub const CONFIG: &str = "/etc/billet/hook.toml";
/// Where events wait.
const SPOOL: &str = "/var/spool/billet";
/// Where the daemon listens.
const URL: &str = "http://127.0.0.1:4410";
/// How long a call of a panel may take, in milliseconds.
const DEADLINE_MS: u64 = 2000;
/// The longest that may be set, in milliseconds.
const DEADLINE_MS_MAX: u64 = 60_000;
/// The largest settings, token or certificate file, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Flags that all of `billet hook` understands.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Settings")]
pub struct SettingsArgs {
    /// Settings file (TOML with the settings below, and `plesk` and `plan_command`) [default: /etc/billet/hook.toml]
    #[arg(long, global = true, value_name = "FILE", env = "BILLET_HOOK_CONFIG")]
    pub config: Option<PathBuf>,
    /// Where the daemon listens [default: http://127.0.0.1:4410]
    #[arg(long, global = true, value_name = "URL", env = "BILLET_HOOK_URL")]
    pub url: Option<String>,
    /// File with the token that the daemon gave out for this server
    #[arg(long, global = true, value_name = "FILE", env = "BILLET_HOOK_TOKEN_FILE")]
    pub token_file: Option<PathBuf>,
    /// Which instance this server is (`ins_12`); not needed when the token is bound to one
    #[arg(long, global = true, value_name = "ID", env = "BILLET_HOOK_INSTANCE")]
    pub instance: Option<String>,
    /// Directory where events wait until they are delivered [default: /var/spool/billet]
    #[arg(long, global = true, value_name = "DIR", env = "BILLET_HOOK_SPOOL")]
    pub spool: Option<PathBuf>,
    /// How long a call of the panel may take, in milliseconds [default: 2000]
    // A text, so that nonsense in the environment does not end the program before the event is captured.
    #[arg(long, global = true, value_name = "MS", env = "BILLET_HOOK_DEADLINE_MS")]
    pub deadline_ms: Option<String>,
    /// Certificate authority of the daemon (PEM), if it is not one that the system trusts
    #[arg(long, global = true, value_name = "FILE", env = "BILLET_HOOK_CA_FILE")]
    pub ca_file: Option<PathBuf>,
}

impl SettingsArgs {
    /// What was given, by flag or by environment, as flags; files by their whole path.
    fn flags(&self) -> Vec<String> {
        let absolute =
            |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone()).display().to_string();
        let given = [
            ("--config", self.config.as_ref().map(absolute)),
            ("--url", self.url.clone()),
            ("--token-file", self.token_file.as_ref().map(absolute)),
            ("--instance", self.instance.clone()),
            ("--spool", self.spool.as_ref().map(absolute)),
            ("--deadline-ms", self.deadline_ms.clone()),
            ("--ca-file", self.ca_file.as_ref().map(absolute)),
        ];
        given.into_iter().filter_map(|(flag, value)| Some([flag.to_owned(), value?])).flatten().collect()
    }
}

/// The settings file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfigFile {
    url: Option<String>,
    token_file: Option<PathBuf>,
    instance: Option<String>,
    spool: Option<PathBuf>,
    deadline_ms: Option<u64>,
    ca_file: Option<PathBuf>,
    plesk: Option<PathBuf>,
    plan_command: Option<Vec<String>>,
}

/// What a panel's call goes by.
#[derive(Debug)]
pub struct Settings {
    /// Where events wait.
    pub spool: PathBuf,
    /// How long a panel's call may take.
    pub deadline: Duration,
    /// How Plesk is asked.
    pub plesk: Plesk,
    /// Where to deliver to, unless the settings are wrong.
    pub target: Result<Target, SettingsError>,
    /// What should be mended but does not hinder.
    pub warnings: Vec<String>,
    /// The flags that differ from the usual: what is registered has to name them, for panels hand no environment to hooks.
    pub flags: Vec<String>,
}

/// How Plesk is asked for what its events do not say.
#[derive(Debug, Clone)]
pub struct Plesk {
    /// Plesk's command line.
    pub program: PathBuf,
    /// A command that prints the plan of the subscription that it is given as its last argument; Plesk's database is
    /// asked when empty.
    pub plan_command: Vec<String>,
}

/// Where to deliver to.
#[derive(Debug, Clone)]
pub struct Target {
    /// Where the daemon listens.
    pub url: String,
    /// The token, if there is one.
    pub token: Option<Token>,
    /// The instance, if it is set.
    pub instance: Option<InstanceId>,
    /// The certificate authority's PEM, if it is set.
    pub ca_pem: Option<Vec<u8>>,
}

/// What the daemon knows this server by.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// The secret itself, to be sent.
    pub fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// Settings that nothing can be delivered with.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A file that cannot be read.
    #[error("cannot read the {what} {}: {source}", path.display())]
    File {
        /// What it is for.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A settings file that is no TOML or has other settings in it.
    #[error("in {}: {reason}", path.display())]
    Config {
        /// Where.
        path: PathBuf,
        /// Where in it, and why.
        reason: String,
    },
    /// A setting that cannot be.
    #[error("the setting {setting} is wrong: {reason}")]
    Setting {
        /// Which.
        setting: &'static str,
        /// Why.
        reason: String,
    },
}

impl Settings {
    /// Puts flags, environment, file and defaults together.
    pub fn load(args: SettingsArgs) -> Self {
        let mut warnings = Vec::new();
        let flags = args.flags();
        let path = args.config.clone().unwrap_or_else(|| CONFIG.into());
        let (file, broken) = match read_config(&path, args.config.is_some()) {
            Ok(file) => (file, None),
            // Even a file with mistakes may say where to spool to.
            Err((spool, error)) => (ConfigFile { spool, ..ConfigFile::default() }, Some(error)),
        };
        let deadline_ms = match args.deadline_ms.as_deref().map(str::parse::<u64>) {
            Some(Err(_)) => {
                warnings.push(format!("the deadline is no number of milliseconds: taking {DEADLINE_MS}"));
                DEADLINE_MS
            }
            Some(Ok(given)) => given,
            None => file.deadline_ms.unwrap_or(DEADLINE_MS),
        };
        if deadline_ms > DEADLINE_MS_MAX {
            warnings.push(format!("the deadline is too long: taking {DEADLINE_MS_MAX} milliseconds"));
        }
        let spool = args.spool.or(file.spool).unwrap_or_else(|| SPOOL.into());
        let plesk = Plesk {
            program: file.plesk.unwrap_or_else(|| "plesk".into()),
            plan_command: file.plan_command.unwrap_or_default(),
        };
        let target = match broken {
            Some(error) => Err(error),
            None => target(
                args.url.or(file.url).unwrap_or_else(|| URL.into()),
                args.token_file.or(file.token_file),
                args.instance.or(file.instance).as_deref(),
                args.ca_file.or(file.ca_file),
                &mut warnings,
            ),
        };
        let deadline = Duration::from_millis(deadline_ms.min(DEADLINE_MS_MAX));
        Self { spool, deadline, plesk, target, warnings, flags }
    }
}

fn read_config(path: &Path, is_named: bool) -> Result<ConfigFile, (Option<PathBuf>, SettingsError)> {
    let text = match read_file("settings file", path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(SettingsError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound && !is_named => {
            return Ok(ConfigFile::default());
        }
        Err(error) => return Err((None, error)),
    };
    toml::from_str(&text).map_err(|error| {
        let spool = text.parse::<toml::Table>().ok().and_then(|table| table.get("spool")?.as_str().map(PathBuf::from));
        // Not the whole error: it quotes the line, and somebody may have written the token into it.
        let line =
            error.span().map_or(1, |span| text.bytes().take(span.start).filter(|byte| *byte == b'\n').count() + 1);
        (spool, SettingsError::Config { path: path.to_owned(), reason: format!("line {line}: {}", error.message()) })
    })
}

fn target(
    url: String,
    token_file: Option<PathBuf>,
    instance: Option<&str>,
    ca_file: Option<PathBuf>,
    warnings: &mut Vec<String>,
) -> Result<Target, SettingsError> {
    let token = token_file.map(|path| read_token(&path, warnings)).transpose()?;
    let instance = match instance.map(str::trim) {
        None | Some("") => None,
        Some(given) => Some(given.parse().map_err(|error: billet_domain::id::IdError| SettingsError::Setting {
            setting: "instance",
            reason: error.to_string(),
        })?),
    };
    let ca_pem = ca_file.map(|path| read_file("certificate authority", &path)).transpose()?;
    if let Some(host) = url.strip_prefix("http://")
        && token.is_some()
        && !["127.", "localhost", "[::1]"].iter().any(|local| host.starts_with(local))
    {
        warnings.push(format!("the token travels to {url} unencrypted: use https"));
    }
    Ok(Target { url, token, instance, ca_pem })
}

fn read_token(path: &Path, warnings: &mut Vec<String>) -> Result<Token, SettingsError> {
    let wrong = |reason: &str| SettingsError::Setting { setting: "token_file", reason: reason.to_owned() };
    let bytes = read_file("token file", path)?;
    let token = String::from_utf8(bytes).map_err(|_| wrong("the token is not text"))?.trim().to_owned();
    if token.is_empty() {
        return Err(wrong("the file is empty"));
    }
    if !token.chars().all(|c| c.is_ascii_graphic()) {
        return Err(wrong("a token is one word of letters, digits and signs"));
    }
    if fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o004 != 0) {
        warnings.push(format!("every user of this server can read the token: chmod 600 {}", path.display()));
    }
    Ok(Token(token))
}

fn read_file(what: &'static str, path: &Path) -> Result<Vec<u8>, SettingsError> {
    let mut bytes = Vec::new();
    fs::File::open(path)
        .and_then(|file| file.take(FILE_BYTES_MAX).read_to_end(&mut bytes))
        .map_err(|source| SettingsError::File { what, path: path.to_owned(), source })?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
