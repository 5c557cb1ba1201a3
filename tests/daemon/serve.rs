//! Starting, answering, stopping.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use billet::proto::billet::v1 as pb;
use billet::proto::billet::v1::event_service_client::EventServiceClient;
use sqlx::Connection as _;
use tonic::codec::CompressionEncoding;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use crate::ground::{Ground, SECRET};

fn with_token<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {SECRET}").parse().expect("ASCII"));
    request
}

#[tokio::test]
async fn health_and_reflection_answer_and_a_signal_ends_it_in_order() {
    let ground = Ground::new();
    let daemon = ground.serve(&[]);
    assert!(daemon.address.starts_with("http://127.0.0.1:"), "{}", daemon.address);
    let mut health = HealthClient::new(daemon.channel().await);
    for service in ["", "billet.v1.EventService", "billet.v1.HookService"] {
        let answer = health.check(HealthCheckRequest { service: service.to_owned() }).await.expect("an answer");
        assert_eq!(answer.into_inner().status(), ServingStatus::Serving, "{service}");
    }
    let mut reflection = ServerReflectionClient::new(daemon.channel().await);
    let ask = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let answers = reflection.server_reflection_info(tokio_stream::iter([ask])).await.expect("a stream");
    let answer = answers.into_inner().message().await.expect("an answer").expect("one");
    let Some(MessageResponse::ListServicesResponse(services)) = answer.message_response else { panic!("{answer:?}") };
    let names: Vec<_> = services.service.into_iter().map(|service| service.name).collect();
    assert!(names.contains(&"billet.v1.EventService".to_owned()), "{names:?}");
    // What refusals carry can be decoded by those who know nothing but the address.
    for symbol in ["google.rpc.ErrorInfo", "google.rpc.BadRequest", "google.rpc.PreconditionFailure"] {
        let ask = ServerReflectionRequest {
            host: String::new(),
            message_request: Some(MessageRequest::FileContainingSymbol(symbol.to_owned())),
        };
        let answers = reflection.server_reflection_info(tokio_stream::iter([ask])).await.expect("a stream");
        let answer = answers.into_inner().message().await.expect("an answer").expect("one").message_response;
        assert!(matches!(answer, Some(MessageResponse::FileDescriptorResponse(_))), "{symbol}: {answer:?}");
    }

    let mut watch = health.watch(HealthCheckRequest::default()).await.expect("a stream").into_inner();
    assert_eq!(watch.message().await.expect("an answer").expect("one").status(), ServingStatus::Serving);
    daemon.signal("TERM");
    assert_eq!(watch.message().await.expect("an answer").expect("one").status(), ServingStatus::NotServing);
    let (code, log) = daemon.ended().await;
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("stopped"), "{log}");
    assert!(!ground.path().join("billet.db-wal").exists(), "the database was closed");
}

#[tokio::test]
async fn callers_are_asked_for_tokens_and_watch_the_journal_until_the_daemon_stops() {
    let ground = Ground::new();
    ground.seller().await;
    let daemon = ground.serve(&["--log", "debug,h2=info", "--log-format", "json"]);
    let mut events = EventServiceClient::new(daemon.channel().await).send_compressed(CompressionEncoding::Gzip);
    let refused = events.list_events(pb::ListEventsRequest::default()).await.expect_err("no token");
    assert_eq!(refused.code(), Code::Unauthenticated);
    let page = events.list_events(with_token(pb::ListEventsRequest::default())).await.expect("a page").into_inner();
    assert_eq!(page.events.len(), 1);
    let request = pb::WatchRequest { after_sequence: 0, kind_prefixes: vec!["seller.".to_owned()] };
    let mut watch = events.watch(with_token(request)).await.expect("a stream").into_inner();
    let event = watch.message().await.expect("an answer").expect("one").event.expect("an event");
    assert_eq!((event.sequence, event.kind.as_str()), (1, "seller.created"));
    daemon.signal("INT");
    let status = watch.message().await.expect_err("the end");
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    let (code, log) = daemon.ended().await;
    assert_eq!(code, Some(0), "{log}");
    assert!(log.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "{log}");
    assert!(log.contains("EventService/ListEvents") && !log.contains(SECRET), "{log}");
}

#[tokio::test]
async fn a_browser_is_answered_in_grpc_web() {
    let ground = Ground::new();
    let daemon = ground.serve(&[]);
    let host = daemon.address.strip_prefix("http://").expect("plaintext");
    let mut browser = TcpStream::connect(host).expect("it listens");
    // An empty message: one byte of flags and a length of zero.
    let request = format!(
        "POST /grpc.health.v1.Health/Check HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/grpc-web+proto\r\n\
         content-length: 5\r\nconnection: close\r\n\r\n\0\0\0\0\0"
    );
    browser.write_all(request.as_bytes()).expect("written");
    let mut answer = Vec::new();
    browser.read_to_end(&mut answer).expect("readable");
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("application/grpc-web+proto") && answer.contains("grpc-status:0"), "{answer}");
}

#[tokio::test]
async fn systemd_is_told_how_the_daemon_is() {
    let ground = Ground::new();
    let path = ground.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    socket.set_read_timeout(Some(Duration::from_secs(30))).expect("set");
    let hear = || {
        let mut bytes = [0; 256];
        let length = socket.recv(&mut bytes).expect("a word in time");
        String::from_utf8_lossy(&bytes[..length]).trim().to_owned()
    };
    let mut command = ground.command(&["serve", "--listen", "127.0.0.1:0"]);
    let daemon = ground.start(command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "200000"));
    assert_eq!(hear(), "READY=1");
    assert_eq!((hear().as_str(), hear().as_str()), ("WATCHDOG=1", "WATCHDOG=1"));
    daemon.signal("TERM");
    let words: Vec<String> = std::iter::repeat_with(hear).take_while(|word| word != "STOPPING=1").collect();
    assert!(words.iter().all(|word| word == "WATCHDOG=1"), "{words:?}");
    assert_eq!(daemon.ended().await.0, Some(0));
}

#[tokio::test]
async fn two_daemons_start_at_once_on_one_postgresql() {
    let Ok(server) = std::env::var("BILLET_TEST_POSTGRES") else {
        assert!(std::env::var("CI").is_err(), "in CI both engines are tested: BILLET_TEST_POSTGRES is not set");
        return;
    };
    let name = format!("billet_daemon_{}", std::process::id());
    let mut admin = sqlx::PgConnection::connect(&format!("{server}/postgres")).await.expect("the test server answers");
    sqlx::query(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut admin).await.expect("a database");
    let database = format!("{server}/{name}");
    let grounds = [Ground::new(), Ground::new()];
    let daemons = std::thread::scope(|scope| {
        let started = grounds.each_ref().map(|ground| scope.spawn(|| ground.serve(&["--database", &database])));
        started.map(|daemon| daemon.join().expect("it starts"))
    });
    for daemon in daemons {
        let mut health = HealthClient::new(daemon.channel().await);
        let answer = health.check(HealthCheckRequest::default()).await.expect("an answer");
        assert_eq!(answer.into_inner().status(), ServingStatus::Serving);
        daemon.signal("TERM");
        let (code, log) = daemon.ended().await;
        assert_eq!(code, Some(0), "{log}");
        assert!(log.contains("`billet init`"), "{log}");
    }
    let checked = grounds[0].run(&["check", "--listen", "127.0.0.1:0", "--database", &database]);
    let words = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert_eq!(checked.status.code(), Some(0), "{words}");
    assert!(words.contains("no seller yet"), "{words}");
}

#[tokio::test]
async fn a_message_that_is_too_large_is_refused() {
    let ground = Ground::new();
    ground.seller().await;
    let daemon = ground.serve(&["--max-message-bytes", "65536"]);
    let mut events = EventServiceClient::new(daemon.channel().await);
    let request = pb::ListEventsRequest { subject: "x".repeat(70_000), ..Default::default() };
    let refused = events.list_events(with_token(request)).await.expect_err("too large");
    assert_eq!(refused.code(), Code::OutOfRange, "{refused}");
}

#[tokio::test]
async fn one_daemon_per_sqlite_file_even_after_a_kill() {
    let ground = Ground::new();
    let first = ground.serve(&[]);
    let second = ground.run(&["serve", "--listen", "127.0.0.1:0"]);
    let words = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(1));
    assert!(words.contains("in use by another billet (process"), "{words}");
    first.signal("KILL");
    let (code, _) = first.ended().await;
    assert_eq!(code, None);
    let third = ground.serve(&["--simulated-clock", "2026-11-24T00:00:00Z"]);
    third.signal("TERM");
    assert_eq!(third.ended().await.0, Some(0));
}

#[tokio::test]
async fn what_is_misconfigured_is_said_before_anything_is_made() {
    let ground = Ground::new();
    let open = ground.run(&["serve", "--listen", "0.0.0.0:0"]);
    assert_eq!(open.status.code(), Some(1));
    let words = String::from_utf8_lossy(&open.stderr).into_owned();
    assert!(words.contains("--insecure-plaintext") && words.contains("no TLS"), "{words}");
    std::fs::write(ground.path().join("billet.toml"), "data_dir = '.'\nlisten = '127.0.0.1:0'\n\ndatabse = 'x'\n")
        .expect("written");
    let misspelt = ground.run(&["serve", "--config", "billet.toml"]);
    let words = String::from_utf8_lossy(&misspelt.stderr).into_owned();
    assert!(words.contains("line 4") && words.contains("databse"), "{words}");
    let missing = ground.run(&["serve", "--config", "nowhere.toml"]);
    assert!(String::from_utf8_lossy(&missing.stderr).contains("cannot read nowhere.toml"));
    let nonsense = ground.run(&["serve", "--database", "mysql://db.example/billet"]);
    assert!(String::from_utf8_lossy(&nonsense.stderr).contains("`mysql` is no database"), "{nonsense:?}");
    assert!(!ground.path().join("billet.db").exists());
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let ground = Ground::new();
    ground.seller().await;
    let store = billet::store::Store::open(&format!("sqlite:{}", ground.path().join("billet.db").display()))
        .await
        .expect("a database");
    let mut tx = store.engine().begin().await.expect("a transaction");
    tx.execute(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9999, 'newer', true, x'00', 0)",
        &[],
    )
    .await
    .expect("a migration");
    tx.commit().await.expect("a commit");
    store.engine().close().await;
    let refused = ground.run(&["serve", "--listen", "127.0.0.1:0"]);
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1));
    assert!(words.contains("schema version 9999") && words.contains("use a newer billet"), "{words}");
}

#[tokio::test]
async fn tls_keeps_out_who_does_not_speak_it_and_who_has_no_certificate() {
    let ground = Ground::new();
    let ca =
        rcgen::CertifiedIssuer::self_signed(authority(), rcgen::KeyPair::generate().expect("a key")).expect("a CA");
    let (certificate, key) = signed_by(&ca, "localhost");
    let file = |name: &str, content: &str| std::fs::write(ground.path().join(name), content).expect("written");
    file("ca.pem", &ca.pem());
    file("cert.pem", &certificate);
    file("key.pem", &key);
    let daemon = ground.serve(&["--tls-cert", "cert.pem", "--tls-key", "key.pem", "--tls-client-ca", "ca.pem"]);
    let port = daemon.address.strip_prefix("https://127.0.0.1:").expect("https").to_owned();
    let check = |tls: Option<ClientTlsConfig>| {
        let scheme = if tls.is_some() { "https" } else { "http" };
        let mut endpoint = Endpoint::from_shared(format!("{scheme}://localhost:{port}")).expect("an address");
        if let Some(tls) = tls {
            endpoint = endpoint.tls_config(tls).expect("TLS");
        }
        async move {
            let channel = endpoint.connect_timeout(Duration::from_secs(10)).connect_lazy();
            HealthClient::new(channel)
                .check(HealthCheckRequest::default())
                .await
                .map(|answer| answer.into_inner().status())
        }
    };
    let trusting = || ClientTlsConfig::new().ca_certificate(Certificate::from_pem(ca.pem()));
    let (certificate, key) = signed_by(&ca, "panel.example");
    let known = trusting().identity(tonic::transport::Identity::from_pem(certificate, key));
    assert_eq!(check(Some(known)).await.expect("an answer"), ServingStatus::Serving);
    check(Some(trusting())).await.expect_err("no certificate");
    check(None).await.expect_err("no TLS");
    daemon.signal("TERM");
    assert_eq!(daemon.ended().await.0, Some(0));

    file("key.pem", &signed_by(&ca, "localhost").1);
    let refused = ground.run(&["serve", "--tls-cert", "cert.pem", "--tls-key", "key.pem", "--listen", "127.0.0.1:0"]);
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1));
    assert!(words.contains("TLS"), "{words}");
}

fn authority() -> rcgen::CertificateParams {
    let mut params = rcgen::CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params
}

fn signed_by(ca: &rcgen::CertifiedIssuer<'_, rcgen::KeyPair>, name: &str) -> (String, String) {
    let key = rcgen::KeyPair::generate().expect("a key");
    let params = rcgen::CertificateParams::new([name.to_owned()]).expect("a name");
    let certificate = params.signed_by(&key, ca).expect("signed");
    (certificate.pem(), key.serialize_pem())
}
