//! What the daemon stands on: files, address, database.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use tonic::transport::Server;

use super::{Findings, Mark};
use crate::config::Config;
use crate::grpc::server::with_tls;
use crate::plugins::seal::Keys;
use crate::store::lock::{Lock, LockError};
use crate::store::{Engine, StoreError, schema};

/// How long the database has to answer. The daemon itself is more patient: it may be started before its database.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// Whether files can be made in the data directory.
pub fn data_dir(config: &Config, findings: &mut Findings) {
    let folder = &config.data_dir;
    if !folder.exists() {
        findings.add("data", Mark::Note, format!("{} is not there yet; `billet serve` makes it", folder.display()));
        return;
    }
    let probe = folder.join(format!(".billet-check-{}", std::process::id()));
    let outcome = std::fs::File::create_new(&probe).and_then(|_| std::fs::remove_file(&probe));
    match outcome {
        Ok(()) => findings.add("data", Mark::Ok, format!("{} is writable", folder.display())),
        Err(error) => findings.add("data", Mark::Problem, format!("{} is not writable: {error}", folder.display())),
    }
}

/// Whether certificate and key can be read and belong together.
pub fn tls(config: &Config, findings: &mut Findings) {
    let Some(files) = &config.tls else {
        let (mark, words) = if config.listen.ip().is_loopback() {
            (Mark::Ok, "none; only this machine can reach the daemon")
        } else {
            (Mark::Note, "none, as allowed: tokens and invoices are readable on the way")
        };
        findings.add("tls", mark, words);
        return;
    };
    let Some(pair) = findings.take("tls", files.read()) else { return };
    if findings.take("tls", with_tls(Server::builder(), &pair)).is_some() {
        let clients = if pair.client_ca.is_some() { "; clients need certificates" } else { "" };
        findings.add("tls", Mark::Ok, format!("{} and its key belong together{clients}", files.cert.display()));
    }
}

/// Whether the keys of secrets can be read, and plugins' programs are there.
pub fn plugins(config: &Config, findings: &mut Findings) {
    match &config.secret_key_file {
        None => findings.add("secrets", Mark::Ok, "no key file; none can be kept for panels and registrars"),
        Some(file) => {
            if findings.take("secrets", Keys::read(file)).is_some() {
                findings.add("secrets", Mark::Ok, format!("{} can be read by its owner alone", file.display()));
            }
        }
    }
    for (name, command) in &config.plugins {
        let Some(program) = command.first() else { continue };
        let there = program.contains('/').then(|| std::path::Path::new(program).is_file());
        match there {
            Some(false) => findings.add("plugins", Mark::Problem, format!("{name}: {program} is not there")),
            _ => findings.add("plugins", Mark::Ok, format!("{name}: {program}")),
        }
    }
}

/// Whether a daemon has the SQLite file; `None` on PostgreSQL, where several may.
pub fn lock(config: &Config, findings: &mut Findings) -> Option<bool> {
    let file = config.sqlite_file()?;
    if !file.exists() {
        return Some(false);
    }
    match Lock::take(file) {
        Ok(_) => Some(false),
        Err(LockError::Taken { holder, .. }) => {
            findings.add("daemon", Mark::Ok, format!("is running{holder}"));
            Some(true)
        }
        Err(error) => {
            findings.add("daemon", Mark::Problem, error.to_string());
            Some(false)
        }
    }
}

/// Whether an address is free, or taken by the running daemon.
pub fn address(check: &'static str, address: SocketAddr, running: Option<bool>, findings: &mut Findings) {
    match TcpListener::bind(address) {
        Ok(_) => findings.add(check, Mark::Ok, format!("{address} is free")),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => match running {
            Some(true) => findings.add(check, Mark::Ok, format!("{address} is taken while the daemon is running")),
            Some(false) => {
                findings.add(check, Mark::Problem, format!("{address} is taken, and not by a daemon of this database"));
            }
            None => findings.add(check, Mark::Note, format!("{address} is taken; in order if a daemon is running")),
        },
        Err(error) => findings.add(check, Mark::Problem, format!("cannot listen on {address}: {error}")),
    }
}

/// Opens the database, without making one.
pub async fn database(config: &Config, findings: &mut Findings) -> Option<Engine> {
    let name = config.database_in_words();
    if config.sqlite_file().is_some_and(|file| !file.exists()) {
        findings.add("database", Mark::Note, format!("{name} is not there yet; `billet serve` makes it"));
        return None;
    }
    let outcome = Engine::open_within(&config.database, Duration::ZERO, ANSWER_TIMEOUT).await;
    let outcome = outcome.map_err(|error| format!("{name}: {error}"));
    let engine = findings.take("database", outcome)?;
    findings.add("database", Mark::Ok, format!("{name} answers"));
    Some(engine)
}

/// Whether the schema is the one that this program knows.
pub async fn schema(engine: &Engine, findings: &mut Findings) -> bool {
    let known = schema::known_version();
    let Some(found) = findings.take("schema", schema::found_version(engine).await) else { return false };
    match found {
        Some(found) if found == known => {
            findings.add("schema", Mark::Ok, format!("version {found}"));
            return true;
        }
        Some(found) if found > known => {
            findings.add("schema", Mark::Problem, StoreError::NewerSchema { found, known }.to_string());
        }
        Some(found) => {
            let words = format!("version {found}; `billet serve` brings it to version {known}");
            findings.add("schema", Mark::Note, words);
        }
        None => findings.add("schema", Mark::Note, "the database is empty; `billet serve` makes the tables"),
    }
    false
}
