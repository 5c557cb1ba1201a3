//! No password and no secret of a transfer stands in the log, in words or in messages.

use std::io::Write;
use std::sync::{Arc, Mutex};

use billet_plugin::v1::{TransferDomainRequest, UpdateDomainRequest};
use billet_simulator::EppFault;

use crate::messages::read;
use crate::world::*;

/// A log in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn nothing_that_is_said_holds_a_secret() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let registry = registry().await;
    let (first, second) = (registrar(&registry, FIRST), registrar(&registry, SECOND));
    let mut said = String::new();
    said += &format!("{:?}", register(&first, "quiet.example").await);
    let code = auth_code(&first, "quiet.example").await;
    registry.tell("first-reg", &format!("The password is {}.", FIRST.1));
    said += &format!("{:?}", read(&first).await.expect("a message"));
    for (fault, auth_code) in [
        (EppFault::Refuse(2400), "Guessed-code-1"),
        (EppFault::DropBefore, "Guessed-code-1"),
        (EppFault::Delay(std::time::Duration::ZERO), "Guessed-code-1"),
        (EppFault::Truncate, code.as_str()),
    ] {
        registry.fault("domain:transfer", fault);
        let request = TransferDomainRequest {
            operation: operation(),
            name: "quiet.example".to_owned(),
            auth_code: auth_code.to_owned(),
            ..TransferDomainRequest::default()
        };
        said += &format!("{:?}", second.transfer_domain(request).await);
    }
    registry.fault("domain:update", EppFault::Garbage);
    let update = UpdateDomainRequest {
        operation: operation(),
        name: "quiet.example".to_owned(),
        auth_code: Some("Fresh-code-22".to_owned()),
        ..UpdateDomainRequest::default()
    };
    said += &format!("{:?}", first.update_domain(update).await);
    let log = String::from_utf8(log.0.lock().expect("no panic").clone()).expect("text");
    assert!(log.contains("a change at the registry") && log.contains("clTRID"), "{log}");
    for secret in [FIRST.1, SECOND.1, &code, "Guessed-code-1", "Fresh-code-22", "ann@person.example"] {
        assert!(!log.contains(secret), "{secret} in the log");
        assert!(!said.contains(secret), "{secret} in what was said");
    }
}
