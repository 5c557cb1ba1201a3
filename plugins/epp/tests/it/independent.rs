//! Another client, instant-epp, at the simulated registry: what it understands is not only our own reading of the RFCs.

use std::sync::Arc;
use std::time::Duration;

use instant_epp::client::Connector;
use instant_epp::domain::DomainCheck;
use instant_epp::login::Login;
use instant_epp::logout::Logout;
use instant_epp::{EppClient, Error};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

use crate::world::*;

struct Tls {
    address: std::net::SocketAddr,
    config: Arc<ClientConfig>,
}

#[async_trait::async_trait]
impl Connector for Tls {
    type Connection = TlsStream<TcpStream>;

    async fn connect(&self, _: Duration) -> Result<Self::Connection, Error> {
        let stream = TcpStream::connect(self.address).await?;
        let name = ServerName::from(self.address.ip());
        Ok(TlsConnector::from(Arc::clone(&self.config)).connect(name, stream).await?)
    }
}

#[tokio::test]
async fn another_client_understands_the_registry() {
    let registry = registry().await;
    register(&registrar(&registry, FIRST), "taken.example").await.expect("free");
    let mut roots = RootCertStore::empty();
    let ca = CertificateDer::from_pem_slice(registry.ca_pem().as_bytes()).expect("PEM");
    roots.add(ca).expect("a CA");
    let config = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = Tls { address: registry.address(), config: Arc::new(config) };
    let mut client =
        EppClient::new(connector, "simulator".to_owned(), Duration::from_secs(5)).await.expect("a greeting");
    assert_eq!(client.hello().await.expect("a greeting").service_id, "Billet simulator registry");
    let login = Login::new("second-reg", "Second-pw-2", None, None);
    client.transact(&login, "other-1").await.expect("right credentials");
    let check = DomainCheck { domains: &["taken.example", "free.example"] };
    let answer = client.transact(&check, "other-2").await.expect("answered");
    let said: Vec<_> =
        answer.res_data().expect("data").list.iter().map(|one| (one.name.value.as_str(), one.name.available)).collect();
    assert_eq!(said, [("taken.example", false), ("free.example", true)]);
    client.transact(&Logout, "other-3").await.expect("bye");
}
