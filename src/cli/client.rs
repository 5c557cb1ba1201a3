//! Commands that talk to a daemon: where it is, and who asks.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Request, Status};
use tonic_types::StatusExt as _;

/// How long connecting may take.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);
/// The largest file of a token, a secret or a certificate.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Where the daemon is, and who asks.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "The daemon")]
pub struct ClientArgs {
    /// Where it listens
    #[arg(long, global = true, value_name = "URL", env = "BILLET_SERVER", default_value = "http://127.0.0.1:4410")]
    server: String,
    /// The file with your own token; else the token itself in the environment variable BILLET_TOKEN
    #[arg(long, global = true, value_name = "FILE", env = "BILLET_LOGIN_FILE")]
    login_file: Option<PathBuf>,
    /// Who signed the daemon's certificate (PEM), if the system does not know them
    #[arg(long, global = true, value_name = "FILE", env = "BILLET_CA_FILE")]
    server_ca_file: Option<PathBuf>,
}

/// Why a command did not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// What was given cannot be used.
    #[error("{0}")]
    Usage(String),
    /// The daemon cannot be reached.
    #[error("cannot reach {url}: {why}")]
    Unreachable {
        /// Where.
        url: String,
        /// Why.
        why: String,
    },
    /// It refused.
    #[error("{0}")]
    Refused(String),
}

impl From<Status> for ClientError {
    fn from(status: Status) -> Self {
        let details = status.get_error_details();
        let mut words = match details.error_info() {
            Some(info) => format!("{} ({})", status.message(), info.reason),
            None => format!("{:?}: {}", status.code(), status.message()),
        };
        for violation in details.bad_request().into_iter().flat_map(|bad| &bad.field_violations) {
            words.push_str(&format!("\n  {}: {}", violation.field, violation.description));
        }
        Self::Refused(words)
    }
}

/// Puts the token on each call.
#[derive(Clone)]
pub struct Login(MetadataValue<Ascii>);

impl Interceptor for Login {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

/// A connection that carries the token.
pub type Connection = InterceptedService<Channel, Login>;

impl ClientArgs {
    /// Connects.
    ///
    /// # Errors
    /// [`ClientError::Usage`] without a token or with a wrong address, [`ClientError::Unreachable`].
    pub async fn connect(&self) -> Result<Connection, ClientError> {
        let login = self.login()?;
        let unreachable = |error: tonic::transport::Error| {
            let mut innermost: &dyn std::error::Error = &error;
            while let Some(source) = innermost.source() {
                innermost = source;
            }
            ClientError::Unreachable { url: self.server.clone(), why: innermost.to_string() }
        };
        let mut endpoint =
            Endpoint::from_shared(self.server.clone()).map_err(unreachable)?.connect_timeout(CONNECT_TIME_MAX);
        if self.server.starts_with("https:") {
            let tls = match &self.server_ca_file {
                Some(file) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read(file)?)),
                None => ClientTlsConfig::new().with_native_roots(),
            };
            endpoint = endpoint.tls_config(tls).map_err(unreachable)?;
        }
        let channel = endpoint.connect().await.map_err(unreachable)?;
        Ok(InterceptedService::new(channel, login))
    }

    fn login(&self) -> Result<Login, ClientError> {
        let token = match &self.login_file {
            Some(file) => read(file)?,
            None => std::env::var("BILLET_TOKEN").map_err(|_| {
                let words = "who are you? Name the file with your token (--login-file), or set BILLET_TOKEN";
                ClientError::Usage(words.to_owned())
            })?,
        };
        let mut value: MetadataValue<Ascii> = format!("Bearer {}", token.trim())
            .parse()
            .map_err(|_| ClientError::Usage("the token has characters that no token has".to_owned()))?;
        value.set_sensitive(true);
        Ok(Login(value))
    }
}

/// Reads a small file; `-` is standard input.
///
/// # Errors
/// [`ClientError::Usage`] with its name.
pub fn read(file: &Path) -> Result<String, ClientError> {
    use std::io::Read as _;
    let fail = |why: String| ClientError::Usage(format!("cannot read {}: {why}", file.display()));
    let mut text = String::new();
    let read = if file == Path::new("-") {
        std::io::stdin().take(FILE_BYTES_MAX).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|open| open.take(FILE_BYTES_MAX).read_to_string(&mut text))
    };
    match read {
        Ok(count) if u64::try_from(count).is_ok_and(|count| count < FILE_BYTES_MAX) => Ok(text),
        Ok(_) => Err(fail("it is too large".to_owned())),
        Err(error) => Err(fail(error.to_string())),
    }
}
