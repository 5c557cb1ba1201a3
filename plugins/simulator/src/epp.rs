//! A domain registry that speaks EPP over TLS: RFC 5730 to 5734, with grace periods (RFC 3915), DNSSEC (RFC 5910) and prices
//! (RFC 8748). Every frame is held against the schemas. Two registrars have accounts; names that begin with `premium` are
//! dear, and names that begin with `review` wait for [`EppRegistry::decide`].

mod answer;
mod contact;
mod domain;
mod fee;
mod host;
mod registry;
mod schema;
mod server;
mod tls;
mod transfer;
mod xml;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::error::SimulatorError;
use crate::secret::Secret;
use answer::{DOMAIN, object, written};
use registry::{Account, Registry};
use tls::Papers;
use xml::Element;

/// How many connections are served at once.
const CONNECTIONS_MAX: usize = 64;
/// Frames that are remembered.
const FRAMES_MAX: usize = 10_000;
/// How long a handshake may take.
const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(10);

/// A registrar with an account.
#[derive(Debug, Clone)]
pub struct EppRegistrar {
    /// Its name (clID), 3 to 16 characters.
    pub client_id: String,
    /// Its password, 6 to 16 characters.
    pub password: Secret,
    /// Its credit in EUR.
    pub credit: Decimal,
}

/// How a registry is set up.
#[derive(Debug, Clone)]
pub struct EppOptions {
    /// The port on 127.0.0.1; 0 takes any free one.
    pub port: u16,
    /// Who has accounts.
    pub registrars: Vec<EppRegistrar>,
    /// What is registered here: `example`.
    pub zones: Vec<String>,
    /// How many sessions a registrar may have.
    pub sessions_max: u32,
    /// After so long without a frame a connection is closed.
    pub idle_time_max: Duration,
    /// Name servers are objects (RFC 5732), else attributes.
    pub host_objects: bool,
    /// Prices are told (RFC 8748).
    pub fees: bool,
    /// Registrars need the certificate that the registry signed for them.
    pub client_certificates: bool,
    /// The server's certificate is out of date.
    pub certificate_expired: bool,
    /// So long after its expiry a domain that was not renewed is deleted; never when absent.
    pub delete_expired_after: Option<TimeDelta>,
}

impl Default for EppOptions {
    fn default() -> Self {
        let registrar = |client_id: &str, password: &str| EppRegistrar {
            client_id: client_id.to_owned(),
            password: Secret::new(password),
            credit: Decimal::from(1_000),
        };
        Self {
            port: 0,
            registrars: vec![registrar("first-reg", "First-pw-1"), registrar("second-reg", "Second-pw-2")],
            zones: vec!["example".to_owned(), "co.example".to_owned()],
            sessions_max: 4,
            idle_time_max: Duration::from_secs(120),
            host_objects: true,
            fees: true,
            client_certificates: false,
            certificate_expired: false,
            delete_expired_after: None,
        }
    }
}

/// What goes wrong with a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EppFault {
    /// Everything is done, after this long (60 seconds at most).
    Delay(Duration),
    /// Nothing is done, and the connection closes.
    DropBefore,
    /// Everything is done, and the connection closes without an answer.
    DoThenDrop,
    /// Everything is done, and half of the answer comes.
    Truncate,
    /// Everything is done, and the answer is a page of HTML.
    Garbage,
    /// Nothing is done, and this code is answered.
    Refuse(u16),
}

#[derive(Debug, Default)]
struct Faults(Mutex<HashMap<String, VecDeque<EppFault>>>);

impl Faults {
    fn take(&self, command: &str) -> Option<EppFault> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_mut(command)?.pop_front()
    }
}

struct Shared {
    registry: Mutex<Registry>,
    clock: Clock,
    faults: Faults,
    sessions: Mutex<BTreeMap<String, u32>>,
    sessions_max: u32,
    idle_time_max: Duration,
    host_objects: bool,
    fees: bool,
    logins: AtomicU32,
    number: AtomicU64,
    frames: Mutex<VecDeque<String>>,
}

impl Shared {
    fn record(&self, frame: &str) {
        let mut frames = self.frames.lock().unwrap_or_else(PoisonError::into_inner);
        if frames.len() >= FRAMES_MAX {
            frames.pop_front();
        }
        frames.push_back(frame.to_owned());
    }

    fn server_trid(&self) -> String {
        format!("SIM-{}", self.number.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

/// A running registry. It stops when it is dropped.
pub struct EppRegistry {
    address: SocketAddr,
    shared: Arc<Shared>,
    papers: Papers,
    stop: CancellationToken,
}

impl EppRegistry {
    /// Listens on 127.0.0.1.
    ///
    /// # Errors
    /// [`SimulatorError::Listen`], [`SimulatorError::SetUp`].
    pub async fn start(options: EppOptions) -> Result<Self, SimulatorError> {
        schema::prepare().map_err(SimulatorError::SetUp)?;
        let (config, papers) =
            tls::server(options.certificate_expired, options.client_certificates).map_err(SimulatorError::SetUp)?;
        let port = options.port;
        let failed = |cause| SimulatorError::Listen { port, cause };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let accounts = options.registrars.into_iter().map(|one| {
            (one.client_id, Account { password: one.password, credit: one.credit, messages: VecDeque::new() })
        });
        let registry = Registry {
            zones: options.zones,
            host_objects: options.host_objects,
            delete_expired_after: options.delete_expired_after,
            accounts: accounts.collect(),
            ..Registry::default()
        };
        let shared = Arc::new(Shared {
            registry: Mutex::new(registry),
            clock: Clock::default(),
            faults: Faults::default(),
            sessions: Mutex::default(),
            sessions_max: options.sessions_max,
            idle_time_max: options.idle_time_max,
            host_objects: options.host_objects,
            fees: options.fees,
            logins: AtomicU32::new(0),
            number: AtomicU64::new(0),
            frames: Mutex::default(),
        });
        let stop = CancellationToken::new();
        tokio::spawn(accept(listener, TlsAcceptor::from(config), Arc::clone(&shared), stop.clone()));
        Ok(Self { address, shared, papers, stop })
    }

    /// `epps://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("epps://{}", self.address)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The certificate of the authority that signed the server's, in PEM.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.papers.ca_pem
    }

    /// The server's certificate, in DER.
    #[must_use]
    pub fn certificate(&self) -> &[u8] {
        &self.papers.server_certificate
    }

    /// A client's certificate and its key, in PEM.
    #[must_use]
    pub fn client_certificate(&self) -> (&str, &str) {
        (&self.papers.client_certificate_pem, &self.papers.client_key_pem)
    }

    /// From here on the registry believes it is `now`.
    pub fn set_now(&self, now: DateTime<Utc>) {
        self.shared.clock.set(now);
    }

    /// Lets the next `command` (`domain:create`, `poll`, `login`, `hello`) meet a fault.
    pub fn fault(&self, command: &str, fault: EppFault) {
        let mut faults = self.shared.faults.0.lock().unwrap_or_else(PoisonError::into_inner);
        faults.entry(command.to_owned()).or_default().push_back(fault);
    }

    /// A registrar's credit in EUR; zero for one that has no account.
    #[must_use]
    pub fn credit(&self, client: &str) -> Decimal {
        let registry = self.shared.registry.lock().unwrap_or_else(PoisonError::into_inner);
        registry.accounts.get(client).map_or(Decimal::ZERO, |account| account.credit)
    }

    /// How often somebody logged in, or tried to.
    #[must_use]
    pub fn logins(&self) -> u32 {
        self.shared.logins.load(Ordering::Relaxed)
    }

    /// How many sessions of a registrar are open.
    #[must_use]
    pub fn sessions(&self, client: &str) -> u32 {
        self.shared.sessions.lock().unwrap_or_else(PoisonError::into_inner).get(client).copied().unwrap_or(0)
    }

    /// The frames that came and went, oldest first.
    #[must_use]
    pub fn frames(&self) -> Vec<String> {
        self.shared.frames.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Decides a create that waits, and tells the registrar (RFC 5731 section 3.3). False when none waits.
    pub fn decide(&self, name: &str, approved: bool) -> bool {
        let now = self.shared.clock.now();
        let mut registry = self.shared.registry.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(domain) = registry.domains.get_mut(name) else { return false };
        let Some((client_trid, server_trid)) = domain.pending.take() else { return false };
        let (sponsor, paid) = (domain.sponsor.clone(), domain.paid);
        if !approved {
            registry.domains.remove(name);
            if let Some(account) = registry.accounts.get_mut(&sponsor) {
                account.credit += paid;
            }
        }
        let result = if approved { "1" } else { "0" };
        let trid = Element::new("domain:paTRID")
            .with(Element::leaf("clTRID", client_trid).attr("xmlns", answer::EPP))
            .with(Element::leaf("svTRID", server_trid).attr("xmlns", answer::EPP));
        let data = object("domain", DOMAIN, "panData")
            .with(Element::leaf("domain:name", name).attr("paResult", result))
            .with(trid)
            .with(Element::leaf("domain:paDate", written(now)));
        registry.tell(&sponsor, now, "Pending action completed.", Some(data));
        true
    }

    /// Puts a message with these words into a registrar's queue.
    pub fn tell(&self, client: &str, words: &str) {
        let now = self.shared.clock.now();
        self.shared.registry.lock().unwrap_or_else(PoisonError::into_inner).tell(client, now, words, None);
    }
}

impl Drop for EppRegistry {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn accept(listener: TcpListener, tls: TlsAcceptor, shared: Arc<Shared>, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else { continue };
        // A frame is short and somebody waits for it.
        let _ = stream.set_nodelay(true);
        let (tls, shared, stop) = (tls.clone(), Arc::clone(&shared), stop.clone());
        tokio::spawn(async move {
            let _place = place;
            let serve = async {
                if let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE_TIME_MAX, tls.accept(stream)).await {
                    server::Connection::new(stream, shared).serve().await;
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = serve => {}
            }
        });
    }
}
