//! A folder with a database, and daemons in it.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use billet::store::Store;
use billet::store::token::{self, Token};
use billet_domain::id::{SellerId, TokenId};
use billet_domain::journal::{GENESIS, sha256_hex};
use billet_domain::role::Role;
use tonic::transport::{Channel, Endpoint};

/// What the owner's token of [`Ground::seller`] says.
pub const SECRET: &str = "secret-of-the-owner";

/// A folder that goes when it is dropped.
pub struct Ground {
    folder: tempfile::TempDir,
}

/// A running daemon; killed when dropped.
pub struct Daemon {
    child: Child,
    /// As it announced itself.
    pub address: String,
}

impl Ground {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// `billet ...` in this folder, without any setting from outside.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_billet"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("BILLET_") || name == "NOTIFY_SOCKET") {
            command.env_remove(name);
        }
        command.current_dir(self.path()).args(args).stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("the binary runs")
    }

    /// Starts a daemon on a free port and waits until it is ready.
    pub fn serve(&self, more: &[&str]) -> Daemon {
        self.start(self.command(&["serve", "--listen", "127.0.0.1:0"]).args(more))
    }

    pub fn start(&self, command: &mut Command) -> Daemon {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary runs");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("readable");
        let Some(address) = line.trim().strip_prefix("listening on ").map(str::to_owned) else {
            let mut words = String::new();
            child.stderr.take().expect("piped").read_to_string(&mut words).expect("readable");
            panic!("the daemon did not start: {line}{words}");
        };
        Daemon { child, address }
    }

    /// A seller with an owner whose token is [`SECRET`], in the database that daemons of this folder use.
    pub async fn seller(&self) {
        let store =
            Store::open(&format!("sqlite:{}", self.path().join("billet.db").display())).await.expect("a database");
        let now = chrono::Utc::now();
        let mut unit = store.begin(SellerId(1), "system", now).await.expect("a unit");
        unit.execute(
            "INSERT INTO sellers (id, party, time_zone, currency, language, payment_term_days, credit_policy, tax_rules, iban, \
             bic, nightly_run_at, bill_changes_at_once, created_at) \
             VALUES (1, '{}', 'Europe/Berlin', 'EUR', 'en', 14, 'credit_note', '[]', '', '', '02:00', 1, 0)",
            &[],
        )
        .await
        .expect("a seller");
        unit.execute("INSERT INTO journal_heads (seller_id, sequence, hash) VALUES (1, 0, $1)", &[GENESIS.into()])
            .await
            .expect("its journal");
        let token = Token {
            seller_id: SellerId(1),
            id: TokenId(1),
            name: "owner".to_owned(),
            roles: vec![Role::Owner],
            instance_id: None,
            customer_id: None,
            expires_at: None,
            revoked_at: None,
            created_at: now,
        };
        token::insert(&mut unit, &token, &sha256_hex(SECRET.as_bytes())).await.expect("a token");
        unit.event("seller.created", "sel_1", serde_json::json!({}));
        unit.commit().await.expect("a commit");
        store.engine().close().await;
    }
}

impl Daemon {
    pub async fn channel(&self) -> Channel {
        let endpoint = Endpoint::from_shared(self.address.clone()).expect("an address");
        endpoint.connect().await.expect("it listens")
    }

    /// Sends a signal: `TERM`, `INT`, `KILL`.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(status.expect("kill runs").success());
    }

    /// Waits for the end; answers the exit code and what was logged.
    pub async fn ended(mut self) -> (Option<i32>, String) {
        let mut stderr = self.child.stderr.take().expect("piped");
        let log = tokio::task::spawn_blocking(move || {
            let mut log = String::new();
            stderr.read_to_string(&mut log).map(|_| log)
        });
        let log = tokio::time::timeout(std::time::Duration::from_secs(60), log).await.expect("it ends in time");
        let status = self.child.wait().expect("it ended");
        (status.code(), log.expect("no panic").expect("readable"))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
