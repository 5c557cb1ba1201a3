//! A certification authority of the simulator's own, and what it signs.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, crypto};

/// What a registry hands out to those who should trust it, and to its registrars.
#[derive(Clone)]
pub(super) struct Papers {
    pub(super) ca_pem: String,
    pub(super) server_certificate: Vec<u8>,
    pub(super) client_certificate_pem: String,
    pub(super) client_key_pem: String,
}

/// The server's side of TLS. With `expired`, its certificate was valid in the past alone.
pub(super) fn server(expired: bool, clients: bool) -> Result<(Arc<ServerConfig>, Papers), String> {
    let text = |error: rcgen::Error| error.to_string();
    let mut ca = CertificateParams::new(Vec::new()).map_err(text)?;
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.distinguished_name.push(DnType::CommonName, "Billet simulator CA");
    let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate().map_err(text)?).map_err(text)?;
    let mut server = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).map_err(text)?;
    if expired {
        server.not_before = rcgen::date_time_ymd(2020, 1, 1);
        server.not_after = rcgen::date_time_ymd(2021, 1, 1);
    }
    let server_key = KeyPair::generate().map_err(text)?;
    let server = server.signed_by(&server_key, &ca).map_err(text)?;
    let client_key = KeyPair::generate().map_err(text)?;
    let client = CertificateParams::new(vec!["registrar.example".to_owned()]).map_err(text)?;
    let client = client.signed_by(&client_key, &ca).map_err(text)?;
    let papers = Papers {
        ca_pem: ca.pem(),
        server_certificate: server.der().to_vec(),
        client_certificate_pem: client.pem(),
        client_key_pem: client_key.serialize_pem(),
    };
    let provider = Arc::new(crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let builder = if clients {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(ca.der().to_vec())).map_err(|error| error.to_string())?;
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map_err(|error| error.to_string())?;
        builder.with_client_cert_verifier(verifier)
    } else {
        builder.with_no_client_auth()
    };
    let key = PrivateKeyDer::from_pem_slice(server_key.serialize_pem().as_bytes()).map_err(|e| e.to_string())?;
    let chain = vec![CertificateDer::from(papers.server_certificate.clone())];
    let config = builder.with_single_cert(chain, key).map_err(|error| error.to_string())?;
    Ok((Arc::new(config), papers))
}
