//! A client for panels that speak HTTP, with what all of them need: a private CA or a pinned certificate, bounds on time and
//! size, and the one distinction that matters afterwards: was the request sent or not.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderMap;
use rustls::client::WantsClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::{ClientConfig, ConfigBuilder, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use sha2::{Digest, Sha256};

use crate::outcome::Failure;
use crate::v1::ProblemKind;

/// The largest answer that is read.
pub const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How long a connection may take.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);

/// Whom to trust.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trust {
    /// A private CA, or the server's own certificate, in PEM; the system's roots when empty.
    pub ca_pem: String,
    /// The SHA-256 of the server's certificate, hexadecimal, colons allowed: then nothing else counts, neither name nor
    /// date. Empty for none.
    pub pin_sha256: String,
}

/// An address from the settings: `https`, or `http` on this machine (a tunnel, a test). Nobody sends a password over the
/// network in the clear.
///
/// # Errors
/// [`ProblemKind::Invalid`].
pub fn base_url(text: &str) -> Result<reqwest::Url, Failure> {
    let invalid = |words: String| Failure::refused(ProblemKind::Invalid, "", words);
    let url = reqwest::Url::parse(text).map_err(|error| invalid(format!("url `{text}`: {error}")))?;
    let host = url.host_str().unwrap_or_default();
    let here = host == "localhost"
        || host.trim_matches(['[', ']']).parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback());
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid("url: credentials do not belong in the address".to_owned()));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if here => Ok(url),
        "http" => Err(invalid(format!("url `{text}`: plain http is only taken for this machine; use https"))),
        other => Err(invalid(format!("url `{text}`: `{other}` is not https"))),
    }
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// It was not sent: nothing was done.
    #[error("{0}")]
    NotSent(String),
    /// The certificate is not trusted, so it was not sent.
    #[error("{0}")]
    Untrusted(String),
    /// It was sent, and no whole answer came: it may have been done.
    #[error("{0}")]
    NoAnswer(String),
}

impl WireError {
    /// What it means for a question: nothing was changed in any case.
    #[must_use]
    pub fn asking(self) -> Failure {
        match self {
            Self::Untrusted(words) => Failure::refused(ProblemKind::Unavailable, "certificate", words),
            Self::NotSent(words) | Self::NoAnswer(words) => Failure::later(ProblemKind::Unavailable, "", words),
        }
    }

    /// What it means for a change: when no answer came, nobody knows.
    #[must_use]
    pub fn changing(self) -> Failure {
        match self {
            Self::NoAnswer(words) => Failure::unknown(words),
            other => other.asking(),
        }
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub struct HttpAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Vec<u8>,
}

impl HttpAnswer {
    /// The body as text, what is not UTF-8 replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A client; clones share its connections. Redirects are not followed, proxies of the environment are not used.
#[derive(Debug, Clone)]
pub struct HttpClient {
    client: reqwest::Client,
    time_max: Duration,
}

impl HttpClient {
    /// Makes one. `time_max` bounds a call that has no time of its own.
    ///
    /// # Errors
    /// [`ProblemKind::Invalid`]: a CA or pin that cannot be read.
    pub fn new(trust: &Trust, time_max: Duration) -> Result<Self, Failure> {
        let invalid = |words: String| Failure::refused(ProblemKind::Invalid, "", words);
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls(trust, &Identity::default()).map_err(invalid)?)
            .connect_timeout(CONNECT_TIME_MAX)
            .pool_idle_timeout(Duration::from_secs(30))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .user_agent(concat!("billet/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| invalid(format!("the HTTP client cannot be set up: {error}")))?;
        Ok(Self { client, time_max })
    }

    /// The underlying client, to begin a request with.
    #[must_use]
    pub fn inner(&self) -> &reqwest::Client {
        &self.client
    }

    /// Sends a request and reads the whole answer, within `time_left` or the client's own bound, whichever ends first.
    ///
    /// # Errors
    /// [`WireError`]. Its words never hold the address's query, which may be secret.
    pub async fn send(
        &self,
        request: reqwest::RequestBuilder,
        time_left: Option<Duration>,
    ) -> Result<HttpAnswer, WireError> {
        let time = time_left.map_or(self.time_max, |left| left.min(self.time_max));
        let exchange = async {
            let mut response = request.send().await.map_err(|error| wire_error(&error))?;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            let mut body = Vec::new();
            while let Some(chunk) = response.chunk().await.map_err(|error| WireError::NoAnswer(words(&error)))? {
                if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                    return Err(WireError::NoAnswer(format!("the answer is larger than {ANSWER_BYTES_MAX} bytes")));
                }
                body.extend_from_slice(&chunk);
            }
            Ok(HttpAnswer { status, headers, body })
        };
        tokio::time::timeout(time, exchange)
            .await
            .unwrap_or_else(|_| Err(WireError::NoAnswer(format!("no answer within {} s", time.as_secs_f32()))))
    }
}

fn wire_error(error: &reqwest::Error) -> WireError {
    let said = words(error);
    if let Some(why) = distrust(error) {
        return WireError::Untrusted(format!("the server's certificate is not trusted: {why}"));
    }
    if error.is_connect() || error.is_builder() { WireError::NotSent(said) } else { WireError::NoAnswer(said) }
}

/// Why a certificate is not trusted, if that is what an error is about.
fn distrust(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    if let Some(rustls::Error::InvalidCertificate(why)) = error.downcast_ref::<rustls::Error>() {
        return Some(why.to_string());
    }
    // An I/O error's source is that of the error in it, not that error itself.
    let inside = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    match inside {
        Some(inside) => distrust(inside),
        None => error.source().and_then(distrust),
    }
}

/// An error with its causes, without the address.
fn words(error: &reqwest::Error) -> String {
    let kind = if error.is_connect() {
        "cannot connect"
    } else if error.is_timeout() {
        "no answer in time"
    } else if error.is_body() || error.is_decode() {
        "the answer broke off"
    } else {
        "the request failed"
    };
    let mut said = kind.to_owned();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        said = format!("{said}: {cause}");
        source = cause.source();
    }
    said
}

/// A client's own certificate, for servers that ask for one. Its `Debug` shows nothing of the key.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// The certificate, and those between it and its CA, in PEM; empty for none.
    pub certificate_pem: String,
    /// Its private key in PEM.
    pub key_pem: String,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identity(..)")
    }
}

/// TLS as this client does it, for plugins whose panel speaks something else than HTTP.
///
/// # Errors
/// In words: a CA, pin, certificate or key that cannot be read. The words hold nothing of a key.
pub fn tls(trust: &Trust, identity: &Identity) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    if !trust.pin_sha256.is_empty() {
        let pin = Pin { sha256: hex(&trust.pin_sha256)?, provider };
        return identified(builder.dangerous().with_custom_certificate_verifier(Arc::new(pin)), identity);
    }
    let mut roots = RootCertStore::empty();
    if trust.ca_pem.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        for certificate in rustls_native_certs::load_native_certs().certs {
            // What the system has and rustls cannot read is of no use here.
            let _ = roots.add(certificate);
        }
    } else {
        for certificate in CertificateDer::pem_slice_iter(trust.ca_pem.as_bytes()) {
            let certificate = certificate.map_err(|error| format!("the CA is not PEM: {error}"))?;
            roots.add(certificate).map_err(|error| format!("the CA cannot be used: {error}"))?;
        }
        if roots.is_empty() {
            return Err("the CA holds no certificate in PEM".to_owned());
        }
    }
    identified(builder.with_root_certificates(roots), identity)
}

fn identified(
    builder: ConfigBuilder<ClientConfig, WantsClientCert>,
    identity: &Identity,
) -> Result<ClientConfig, String> {
    if identity.certificate_pem.is_empty() && identity.key_pem.is_empty() {
        return Ok(builder.with_no_client_auth());
    }
    let chain = CertificateDer::pem_slice_iter(identity.certificate_pem.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| format!("the client certificate is not PEM: {error}"))?;
    if chain.is_empty() {
        return Err("the client certificate holds no certificate in PEM".to_owned());
    }
    // The error of a broken key is not repeated: it might quote it.
    let key = PrivateKeyDer::from_pem_slice(identity.key_pem.as_bytes())
        .map_err(|_| "the client key is not a private key in PEM".to_owned())?;
    builder
        .with_client_auth_cert(chain, key)
        .map_err(|error| format!("the client certificate and its key cannot be used: {error}"))
}

fn hex(text: &str) -> Result<[u8; 32], String> {
    let digits: String = text.chars().filter(|c| *c != ':').collect();
    let bytes: Option<Vec<u8>> = (0..digits.len())
        .step_by(2)
        .map(|at| digits.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok()))
        .collect();
    bytes
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| "the pin must be a SHA-256: 64 hexadecimal digits".to_owned())
}

/// Trusts one certificate and no other.
#[derive(Debug)]
struct Pin {
    sha256: [u8; 32],
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pin {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if <[u8; 32]>::from(Sha256::digest(end_entity)) == self.sha256 {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(rustls::Error::InvalidCertificate(rustls::CertificateError::ApplicationVerificationFailure))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_do_not_travel_in_the_clear() {
        assert!(base_url("https://panel.example:2087").is_ok());
        assert!(base_url("http://127.0.0.1:2086").is_ok());
        assert!(base_url("http://[::1]:2086").is_ok());
        for bad in ["http://panel.example:2086", "ftp://panel.example", "panel.example", "https://root:x@panel.example"]
        {
            assert!(base_url(bad).is_err_and(|failure| failure.is_refused(ProblemKind::Invalid)), "{bad}");
        }
    }

    #[test]
    fn a_pin_is_a_sha_256() {
        assert!(hex(&"ab".repeat(32)).is_ok());
        assert!(hex(&["AB"; 32].join(":")).is_ok());
        assert!(hex("ab").is_err() && hex(&"zz".repeat(32)).is_err() && hex(&"a\u{e9}".repeat(22)).is_err());
    }
}
