//! A connection to the registry: greeting, login, one command after the other, and what goes wrong with them on demand.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use chrono::Utc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;

use super::answer::{Answer, CONTACT, DOMAIN, EPP, FEE, HOST, Outcome, RGP, SECDNS, refusal, written};
use super::registry::Call;
use super::xml::Element;
use super::{EppFault, Shared, schema};

/// The largest frame that is taken.
const FRAME_BYTES_MAX: usize = 256 * 1024;
/// After so many wrong passwords the connection closes.
const LOGIN_FAILURES_MAX: u32 = 3;
/// A delay is never longer.
const DELAY_MAX: Duration = Duration::from_secs(60);

/// What the connection does after a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Go,
    Close,
}

pub(super) struct Connection {
    stream: TlsStream<TcpStream>,
    shared: Arc<Shared>,
    client: Option<String>,
    /// The namespaces that the login announced.
    announced: Vec<String>,
    login_failures: u32,
}

impl Connection {
    pub(super) fn new(stream: TlsStream<TcpStream>, shared: Arc<Shared>) -> Self {
        Self { stream, shared, client: None, announced: Vec::new(), login_failures: 0 }
    }

    /// Serves until either side closes.
    pub(super) async fn serve(mut self) {
        let greeting = self.greeting();
        if self.write(&greeting).await.is_err() {
            return;
        }
        while let Ok(Some(frame)) = timeout(self.shared.idle_time_max, read(&mut self.stream)).await {
            self.shared.record(&frame);
            if self.one(&frame).await == Next::Close {
                break;
            }
        }
        if let Some(client) = self.client.take() {
            self.shared.leave(&client);
        }
        let _ = self.stream.shutdown().await;
    }

    async fn one(&mut self, frame: &str) -> Next {
        if let Some(complaint) = schema::complaint(frame) {
            let answer = Answer::from(refusal(2001, &complaint)).frame("", &self.shared.server_trid());
            return self.write(&answer).await.map_or(Next::Close, |()| Next::Go);
        }
        let Ok(root) = Element::parse(frame) else { return Next::Close };
        if root.get("hello").is_some() {
            match self.shared.faults.take("hello") {
                None => {}
                Some(EppFault::Delay(time)) => tokio::time::sleep(time.min(DELAY_MAX)).await,
                Some(_) => return Next::Close,
            }
            let greeting = self.greeting();
            return self.write(&greeting).await.map_or(Next::Close, |()| Next::Go);
        }
        let Some(command) = root.get("command") else { return Next::Close };
        let Some(verb) = command.children.first() else { return Next::Close };
        let name = match verb.children.first() {
            Some(object) if !matches!(verb.local(), "login" | "poll") => {
                format!("{}:{}", kind(&object.namespace), verb.local())
            }
            _ => verb.local().to_owned(),
        };
        let fault = self.shared.faults.take(&name);
        match &fault {
            Some(EppFault::DropBefore) => return Next::Close,
            Some(EppFault::Delay(time)) => tokio::time::sleep((*time).min(DELAY_MAX)).await,
            _ => {}
        }
        let server_trid = self.shared.server_trid();
        let trid = command.text_of("clTRID").to_owned();
        let outcome = match &fault {
            Some(EppFault::Refuse(code)) => Err(refusal(*code, "as the simulator was told")),
            _ => match self.run(command, verb, &trid, &server_trid) {
                Some(outcome) => outcome,
                // Registries are known that hang up on an id that they saw before.
                None => return Next::Close,
            },
        };
        let answer = outcome.unwrap_or_else(Answer::from);
        let text = answer.frame(&trid, &server_trid);
        let sent = match fault {
            Some(EppFault::DoThenDrop) => return Next::Close,
            Some(EppFault::Truncate) => {
                let _ = self.write_part(&text).await;
                return Next::Close;
            }
            Some(EppFault::Garbage) => self.write("<html><body>Maintenance</body></html>").await,
            _ => self.write(&text).await,
        };
        match answer.code {
            1500 | 2500..=2502 => Next::Close,
            _ => sent.map_or(Next::Close, |()| Next::Go),
        }
    }

    /// `None` when the id of the command was used before.
    fn run(&mut self, command: &Element, verb: &Element, trid: &str, server_trid: &str) -> Option<Outcome> {
        let extensions: &[Element] = command.get("extension").map_or(&[], |extension| &extension.children);
        if verb.local() == "login" {
            return Some(self.login(verb));
        }
        let Some(client) = self.client.clone() else { return Some(Err(refusal(2002, "log in first"))) };
        let mut registry = self.shared.registry.lock().unwrap_or_else(PoisonError::into_inner);
        if !registry.is_new(&client, trid) {
            return None;
        }
        let now = self.shared.clock.now();
        registry.go_on(now);
        let call = Call { client: &client, now, client_trid: trid, server_trid, extensions };
        if extensions.iter().any(|extension| !self.announced.contains(&extension.namespace)) {
            return Some(Err(refusal(2103, "the extension was not announced at the login")));
        }
        let object = match verb.local() {
            "logout" => return Some(Ok(Answer { code: 1500, ..Answer::default() })),
            "poll" => return Some(registry.poll(&call, verb)),
            _ => match verb.children.first() {
                Some(object) => object,
                None => return Some(Err(refusal(2003, ""))),
            },
        };
        if !self.announced.contains(&object.namespace) {
            return Some(Err(refusal(2307, "the object was not announced at the login")));
        }
        Some(match (object.namespace.as_str(), verb.local()) {
            (DOMAIN, "transfer") => registry.transfer(&call, verb.attribute("op"), object),
            (DOMAIN, name) => registry.domain(&call, name, object),
            (CONTACT, name) => registry.contact(&call, name, object),
            (HOST, name) => registry.host(&call, name, object),
            _ => Err(refusal(2307, "")),
        })
    }

    fn login(&mut self, login: &Element) -> Outcome {
        if self.client.is_some() {
            return Err(refusal(2002, "logged in already"));
        }
        let client = login.text_of("clID").to_owned();
        let right = {
            let registry = self.shared.registry.lock().unwrap_or_else(PoisonError::into_inner);
            registry.accounts.get(&client).is_some_and(|account| account.password.reveal() == login.text_of("pw"))
        };
        self.shared.logins.fetch_add(1, Ordering::Relaxed);
        if !right {
            self.login_failures += 1;
            return Err(refusal(if self.login_failures < LOGIN_FAILURES_MAX { 2200 } else { 2501 }, ""));
        }
        let services = login.get("svcs").cloned().unwrap_or_default();
        let extensions = services.get("svcExtension").cloned().unwrap_or_default();
        let announced: Vec<String> =
            services.all("objURI").chain(extensions.all("extURI")).map(|one| one.text.clone()).collect();
        let offered = self.shared.offered();
        if announced.iter().any(|one| !offered.contains(&one.as_str())) {
            return Err(refusal(2307, "the greeting does not offer that"));
        }
        if !self.shared.enter(&client) {
            return Err(refusal(2502, "too many sessions"));
        }
        self.announced = announced;
        self.client = Some(client);
        Ok(Answer::ok(None))
    }

    fn greeting(&self) -> String {
        let offered = self.shared.offered();
        let of = |objects: bool| {
            let is_object = |one: &&&str| matches!(**one, DOMAIN | CONTACT | HOST) == objects;
            let name = if objects { "objURI" } else { "extURI" };
            offered.iter().filter(is_object).map(|one| Element::leaf(name, *one)).collect::<Vec<_>>()
        };
        let menu = Element::new("svcMenu")
            .with(Element::leaf("version", "1.0"))
            .with(Element::leaf("lang", "en"))
            .with_all(of(true))
            .with(Element::new("svcExtension").with_all(of(false)));
        let statement = Element::new("statement")
            .with(Element::new("purpose").with(Element::new("prov")))
            .with(Element::new("recipient").with(Element::new("ours")))
            .with(Element::new("retention").with(Element::new("stated")));
        let policy = Element::new("dcp").with(Element::new("access").with(Element::new("all"))).with(statement);
        let greeting = Element::new("greeting")
            .with(Element::leaf("svID", "Billet simulator registry"))
            .with(Element::leaf("svDate", written(Utc::now())))
            .with(menu)
            .with(policy);
        Element::new("epp").attr("xmlns", EPP).with(greeting).document()
    }

    async fn write(&mut self, frame: &str) -> std::io::Result<()> {
        self.shared.record(frame);
        let mut octets = header(frame).to_vec();
        octets.extend_from_slice(frame.as_bytes());
        self.stream.write_all(&octets).await?;
        self.stream.flush().await
    }

    /// The length of the whole and half of it.
    async fn write_part(&mut self, frame: &str) -> std::io::Result<()> {
        self.stream.write_all(&header(frame)).await?;
        self.stream.write_all(&frame.as_bytes()[..frame.len() / 2]).await?;
        self.stream.flush().await
    }
}

fn header(frame: &str) -> [u8; 4] {
    u32::try_from(frame.len() + 4).unwrap_or(u32::MAX).to_be_bytes()
}

/// `None` when the client has gone, or sent what cannot be a frame.
async fn read(stream: &mut TlsStream<TcpStream>) -> Option<String> {
    let length = stream.read_u32().await.ok()? as usize;
    if !(5..=FRAME_BYTES_MAX).contains(&length) {
        return None;
    }
    let mut octets = vec![0; length - 4];
    stream.read_exact(&mut octets).await.ok()?;
    String::from_utf8(octets).ok()
}

fn kind(namespace: &str) -> &'static str {
    match namespace {
        DOMAIN => "domain",
        HOST => "host",
        CONTACT => "contact",
        _ => "unknown",
    }
}

impl Shared {
    /// What the greeting offers.
    fn offered(&self) -> Vec<&'static str> {
        let mut offered = vec![DOMAIN, CONTACT];
        if self.host_objects {
            offered.push(HOST);
        }
        offered.extend([SECDNS, RGP]);
        if self.fees {
            offered.push(FEE);
        }
        offered
    }

    /// Counts a session in; false when the registrar has as many as it may.
    fn enter(&self, client: &str) -> bool {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let count = sessions.entry(client.to_owned()).or_insert(0);
        if *count >= self.sessions_max {
            return false;
        }
        *count += 1;
        true
    }

    fn leave(&self, client: &str) {
        let mut sessions: std::sync::MutexGuard<'_, BTreeMap<String, u32>> =
            self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = sessions.get_mut(client) {
            *count = count.saturating_sub(1);
        }
    }
}
