//! Whom the plugin trusts: a simulated server behind TLS.

use std::net::SocketAddr;
use std::sync::Arc;

use billet_plugin::v1::*;
use billet_simulator::{Whm, WhmOptions};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use time::{Duration, OffsetDateTime};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::world::{later, named, panel, refused};

type Issuer = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Issuer {
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority")
}

/// A server's certificate for `name`, valid for so many days from a month ago.
fn certificate(authority: &Issuer, name: &str, days: i64) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(vec![name.to_owned()]).expect("parameters");
    params.not_before = OffsetDateTime::now_utc() - Duration::days(30);
    params.not_after = params.not_before + Duration::days(days);
    let certificate = params.signed_by(&key, authority).expect("a certificate");
    (certificate.der().clone(), PrivateKeyDer::try_from(key.serialize_der()).expect("a key"))
}

/// A simulated server behind TLS.
struct Secured {
    whm: Whm,
    url: String,
    pin: String,
}

impl Secured {
    async fn start((certificate, key): (CertificateDer<'static>, PrivateKeyDer<'static>)) -> Self {
        let whm = Whm::start(WhmOptions::default()).await.expect("the simulator starts");
        let behind: SocketAddr = whm.url().trim_start_matches("http://").parse().expect("an address");
        let pin = Sha256::digest(&certificate).iter().map(|byte| format!("{byte:02x}")).collect();
        let config =
            ServerConfig::builder_with_provider(Arc::new(tokio_rustls::rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .expect("versions")
                .with_no_client_auth()
                .with_single_cert(vec![certificate], key)
                .expect("a configuration");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("https://localhost:{}", listener.local_addr().expect("an address").port());
        let acceptor = TlsAcceptor::from(Arc::new(config));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    if let Ok(mut outside) = acceptor.accept(stream).await
                        && let Ok(mut inside) = TcpStream::connect(behind).await
                    {
                        let _ = tokio::io::copy_bidirectional(&mut outside, &mut inside).await;
                    }
                });
            }
        });
        Self { whm, url, pin }
    }

    async fn test(&self, trust: Value) -> billet_plugin::Answer<TestConnectionResponse> {
        let mut values = trust;
        values["url"] = json!(self.url);
        panel(values, self.whm.token()).test_connection(TestConnectionRequest {}).await
    }

    /// The words of a distrust, which is final and not an outage.
    async fn distrusted(&self, trust: Value) -> String {
        let answer = self.test(trust).await;
        let Err(failure) = &answer else { panic!("trusted: {answer:?}") };
        assert_eq!(failure.problem().code, "certificate", "{failure:?}");
        refused(answer, ProblemKind::Unavailable)
    }
}

#[tokio::test]
async fn a_private_authority_is_trusted_and_no_other() {
    let (ours, other) = (authority(), authority());
    let server = Secured::start(certificate(&ours, "localhost", 90)).await;
    server.test(json!({"ca_pem": ours.pem()})).await.expect("the right authority");
    server.test(json!({"ca_pem": format!("{}{}", other.pem(), ours.pem())})).await.expect("one of two");
    server.distrusted(json!({"ca_pem": other.pem()})).await;
    let words = server.distrusted(json!({})).await;
    assert!(words.contains("not trusted"), "{words}");
}

#[tokio::test]
async fn an_expired_or_foreign_certificate_is_not_trusted() {
    let ours = authority();
    let expired = Secured::start(certificate(&ours, "localhost", 10)).await;
    let words = expired.distrusted(json!({"ca_pem": ours.pem()})).await;
    assert!(words.to_lowercase().contains("expired"), "{words}");
    let foreign = Secured::start(certificate(&ours, "other.example", 90)).await;
    foreign.distrusted(json!({"ca_pem": ours.pem()})).await;
}

#[tokio::test]
async fn a_pinned_certificate_is_trusted_whatever_it_says_and_no_other() {
    let ours = authority();
    let server = Secured::start(certificate(&ours, "other.example", 10)).await;
    server.test(json!({"pin_sha256": server.pin})).await.expect("the pinned one");
    let colons = server.pin.as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair).to_uppercase());
    server.test(json!({"pin_sha256": colons.collect::<Vec<_>>().join(":")})).await.expect("as openssl prints it");
    server.distrusted(json!({"pin_sha256": "00".repeat(32)})).await;
    let other = Secured::start(certificate(&ours, "localhost", 90)).await;
    other.distrusted(json!({"pin_sha256": server.pin, "ca_pem": ours.pem()})).await;
}

#[tokio::test]
async fn a_change_to_an_untrusted_server_was_not_sent() {
    let ours = authority();
    let server = Secured::start(certificate(&ours, "localhost", 90)).await;
    let panel = panel(json!({"url": server.url}), server.whm.token());
    let request =
        ChangePasswordRequest { r#ref: named("acme"), password: "s3cret-w0rd".to_owned(), ..Default::default() };
    refused(panel.change_password(request).await, ProblemKind::Unavailable);
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_for_later() {
    let whm = Whm::start(WhmOptions::default()).await.expect("the simulator starts");
    let panel = panel(json!({"url": whm.url().replace("http:", "https:")}), whm.token());
    later(panel.test_connection(TestConnectionRequest {}).await);
}
