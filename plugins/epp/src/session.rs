//! One session with a registry: TLS, the greeting, the login, then one command at a time.
//!
//! A session is owned by whoever uses it. When a call is given up half way, its session is dropped with it: an answer that
//! comes late can never be taken for the answer to something else.

use std::sync::Arc;
use std::time::{Duration, Instant};

use billet_plugin::Failure;
use billet_plugin::v1::ProblemKind;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout_at;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls;

use crate::command::{Command, Trid};
use crate::deadline::Deadline;
use crate::failure::{CallError, of_login};
use crate::frame;
use crate::namespace;
use crate::response::{Greeting, Incoming, Response};
use crate::xml::Element;

/// How long a connection may take to come about, greeting and login included.
const OPEN_TIME_MAX: Duration = Duration::from_secs(20);

/// How to reach a registry and who to be there.
pub struct Link {
    /// The registry's host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// TLS with what is trusted, and the client's certificate.
    pub tls: Arc<rustls::ClientConfig>,
    /// The registrar's name.
    pub client_id: String,
    /// The registrar's password.
    pub password: String,
}

/// A session that is logged in.
pub struct Session {
    stream: TlsStream<TcpStream>,
    greeting: Arc<Greeting>,
    used_at: Instant,
    opened_at: Instant,
}

impl Session {
    /// Connects, reads the greeting and logs in.
    ///
    /// # Errors
    /// Nothing was done in any case.
    pub async fn open(link: &Link, deadline: Deadline) -> Result<Self, Failure> {
        let until = deadline.at().min(tokio::time::Instant::now() + OPEN_TIME_MAX);
        let late = |step: &str| unavailable(format!("{}:{}: no {step} in time", link.host, link.port));
        let mut stream = timeout_at(until, connect(link)).await.map_err(|_| late("connection"))??;
        let greeting = timeout_at(until, incoming(&mut stream)).await.map_err(|_| late("greeting"))?;
        let greeting = match greeting {
            Ok(Incoming::Greeting(greeting)) => Arc::new(greeting),
            // 2502 comes in place of a greeting at registries that count sessions before the login.
            Ok(Incoming::Response(response)) => return Err(of_login(&response, &[&link.password])),
            Err(words) => return Err(unavailable(format!("no greeting came: {words}"))),
        };
        let now = Instant::now();
        let mut session = Self { stream, greeting, used_at: now, opened_at: now };
        let login = login(link, &session.greeting)?;
        let answer = timeout_at(until, session.exchange(&login, &Trid::new())).await.map_err(|_| late("login"))?;
        match answer {
            Ok(response) if response.is_success() => Ok(session),
            Ok(response) => Err(of_login(&response, &[&link.password])),
            Err(words) => Err(unavailable(format!("no answer to the login: {words}"))),
        }
    }

    /// What the registry said about itself.
    #[must_use]
    pub fn greeting(&self) -> &Arc<Greeting> {
        &self.greeting
    }

    /// How long nothing was sent.
    #[must_use]
    pub fn idle(&self) -> Duration {
        self.used_at.elapsed()
    }

    /// How long it is open.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.opened_at.elapsed()
    }

    /// Sends a command and reads its answer. The session must not be used after an error.
    ///
    /// # Errors
    /// [`CallError::NoAnswer`]: as soon as a frame is on its way, nobody knows what became of it.
    pub async fn command(&mut self, command: &Command, trid: &Trid, until: Deadline) -> Result<Response, CallError> {
        let exchange = timeout_at(until.at(), self.exchange(command, trid)).await;
        match exchange {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(words)) => Err(CallError::NoAnswer(words)),
            Err(_) => Err(CallError::NoAnswer("no answer came in time".to_owned())),
        }
    }

    /// Says hello, which keeps the session open and tells whether it is.
    ///
    /// # Errors
    /// In words, why the session cannot be used.
    pub async fn hello(&mut self, until: Deadline) -> Result<(), String> {
        let exchange = async {
            let hello = Element::new("epp").attr("xmlns", namespace::EPP).with(Element::new("hello"));
            frame::write(&mut self.stream, &hello.document()).await.map_err(|error| error.to_string())?;
            match incoming(&mut self.stream).await? {
                Incoming::Greeting(greeting) => {
                    self.greeting = Arc::new(greeting);
                    Ok(())
                }
                Incoming::Response(response) => Err(format!("a hello was answered with {}", response.code)),
            }
        };
        let done = timeout_at(until.at(), exchange).await.map_err(|_| "a hello was not answered in time".to_owned())?;
        self.used_at = Instant::now();
        done
    }

    /// Logs out; whether that works is of no interest any more.
    pub async fn close(mut self, until: Deadline) {
        let logout = Command::new(Element::new("logout"));
        let _ = self.command(&logout, &Trid::new(), until).await;
    }

    async fn exchange(&mut self, command: &Command, trid: &Trid) -> Result<Response, String> {
        frame::write(&mut self.stream, &command.frame(trid)).await.map_err(|error| error.to_string())?;
        self.used_at = Instant::now();
        let response = match incoming(&mut self.stream).await? {
            Incoming::Response(response) => *response,
            Incoming::Greeting(_) => return Err("a greeting came instead of an answer".to_owned()),
        };
        self.used_at = Instant::now();
        // A registry that could not read the frame may not know the id; any other id belongs to something else.
        if response.client_trid != trid.as_str() && response.is_success() {
            return Err("an answer to another command came".to_owned());
        }
        tracing::debug!(clTRID = trid.as_str(), svTRID = response.server_trid, code = response.code, "epp");
        Ok(response)
    }
}

async fn connect(link: &Link) -> Result<TlsStream<TcpStream>, Failure> {
    let place = format!("{}:{}", link.host, link.port);
    let stream = TcpStream::connect((link.host.as_str(), link.port))
        .await
        .map_err(|error| unavailable(format!("cannot connect to {place}: {error}")))?;
    // A frame is one write; waiting for more only costs time.
    let _ = stream.set_nodelay(true);
    let name = ServerName::try_from(link.host.clone())
        .map_err(|_| Failure::refused(ProblemKind::Invalid, "", format!("`{}` is no host name", link.host)))?;
    TlsConnector::from(Arc::clone(&link.tls)).connect(name, stream).await.map_err(|error| untrusted(&place, &error))
}

fn untrusted(place: &str, error: &std::io::Error) -> Failure {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(why)) => Failure::refused(
            ProblemKind::Unavailable,
            "certificate",
            format!("the certificate of {place} is not trusted: {why}"),
        ),
        _ => unavailable(format!("no TLS with {place}: {error}")),
    }
}

async fn incoming(stream: &mut TlsStream<TcpStream>) -> Result<Incoming, String> {
    let frame = frame::read(stream).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => format!("the connection was closed ({error})"),
        _ => error.to_string(),
    })?;
    Incoming::parse(frame).map_err(|error| error.to_string())
}

fn login(link: &Link, greeting: &Greeting) -> Result<Command, Failure> {
    if !greeting.offers(namespace::DOMAIN) {
        let words = "the server does not offer domain-1.0: it is not a domain registry, or not this version of EPP";
        return Err(Failure::refused(ProblemKind::Unsupported, "", words));
    }
    let language = if greeting.languages.iter().any(|language| language == "en") {
        "en"
    } else {
        greeting.languages.first().map_or("en", String::as_str)
    };
    let offered = |wanted: &'static [&'static str]| wanted.iter().filter(|one| greeting.offers(one));
    let mut services =
        Element::new("svcs").with_all(offered(&namespace::OBJECTS).map(|one| Element::leaf("objURI", *one)));
    let extensions: Vec<Element> = offered(&namespace::EXTENSIONS).map(|one| Element::leaf("extURI", *one)).collect();
    if !extensions.is_empty() {
        services = services.with(Element::new("svcExtension").with_all(extensions));
    }
    Ok(Command::new(
        Element::new("login")
            .with(Element::leaf("clID", &link.client_id))
            .with(Element::leaf("pw", &link.password))
            .with(Element::new("options").with(Element::leaf("version", "1.0")).with(Element::leaf("lang", language)))
            .with(services),
    ))
}

fn unavailable(words: String) -> Failure {
    Failure::later(ProblemKind::Unavailable, "", words)
}
