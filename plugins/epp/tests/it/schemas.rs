//! Every frame that goes either way is held against the schemas of the RFCs, by the simulator's validator and by xmllint where it
//! is installed (Debian: libxml2-utils), and so are the recorded frames of another registry.

use std::path::Path;
use std::process::Command;

use billet_plugin::v1::{
    CheckAvailabilityRequest, ContactRole, DecideTransferRequest, DeleteDomainRequest, DnssecKey, DnssecKeys,
    RegisterDomainRequest, RenewDomainRequest, RestoreDomainRequest, SetGlueHostRequest, TransferDecision,
    TransferDomainRequest, UpdateDomainRequest,
};
use chrono::Utc;

use crate::messages::take;
use crate::world::*;

/// Says whether xmllint holds a frame for valid; `None` when it is not installed.
fn xmllint(files: &[&Path]) -> Option<Result<(), String>> {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/all.xsd");
    let output = Command::new("xmllint").arg("--noout").arg("--nonet").arg("--schema").arg(schema).args(files).output();
    let output = output.ok()?;
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    Some(if output.status.success() { Ok(()) } else { Err(words) })
}

/// One of each command, and the answers to them.
async fn frames() -> Vec<String> {
    let registry = registry().await;
    let (first, second) = (registrar(&registry, FIRST), registrar(&registry, SECOND));
    let names = vec!["a.example".to_owned(), "premium.example".to_owned()];
    first.check_availability(CheckAvailabilityRequest { names }).await.expect("answered");
    let key = DnssecKey { key_tag: 1, algorithm: 13, digest_type: 2, digest: "AB".repeat(32), ..DnssecKey::default() };
    let request = RegisterDomainRequest {
        price_max: euros(10),
        dnssec: vec![key.clone()],
        id_protected: true,
        ..registration("a.example")
    };
    first.register_domain(request).await.expect("free");
    register(&first, "review.example").await.expect("taken in");
    registry.decide("review.example", true);
    register(&first, "a.example").await.expect_err("taken");
    let key_data = DnssecKey { flags: 257, algorithm: 13, public_key: "AwEAAQ==".to_owned(), ..DnssecKey::default() };
    let glue = SetGlueHostRequest {
        operation: operation(),
        host: "ns.a.example".to_owned(),
        addresses: vec!["192.0.2.1".to_owned(), "2001:db8::1".to_owned()],
    };
    first.set_glue_host(glue.clone()).await.expect("ours");
    let addresses = vec!["192.0.2.2".to_owned()];
    first.set_glue_host(SetGlueHostRequest { addresses, ..glue.clone() }).await.expect("ours");
    let update = |keys| UpdateDomainRequest {
        operation: operation(),
        name: "a.example".to_owned(),
        dnssec: Some(DnssecKeys { keys }),
        ..UpdateDomainRequest::default()
    };
    first.update_domain(update(vec![key_data])).await.expect("ours");
    let update = UpdateDomainRequest {
        transfer_locked: Some(true),
        id_protected: Some(false),
        auth_code: Some("New-secret-1".to_owned()),
        contacts: vec![contact(ContactRole::Billing, person())],
        ..update(Vec::new())
    };
    first.update_domain(UpdateDomainRequest { transfer_locked: Some(false), ..update.clone() }).await.expect("ours");
    first.update_domain(update.clone()).await.expect("ours");
    first.update_domain(UpdateDomainRequest { transfer_locked: Some(false), ..update }).await.expect("ours");
    first.set_glue_host(SetGlueHostRequest { addresses: Vec::new(), ..glue }).await.expect("ours");
    let renew = RenewDomainRequest {
        operation: operation(),
        name: "a.example".to_owned(),
        years: 1,
        expires_on: expiry(&first, "a.example").await,
        price_max: euros(10),
    };
    first.renew_domain(renew).await.expect("renewed");
    let transfer = || TransferDomainRequest {
        operation: operation(),
        name: "a.example".to_owned(),
        auth_code: "New-secret-1".to_owned(),
        years: 1,
        price_max: euros(10),
        ..TransferDomainRequest::default()
    };
    for decision in [TransferDecision::Reject, TransferDecision::Cancel, TransferDecision::Approve] {
        let who = if decision == TransferDecision::Cancel { &second } else { &first };
        second.transfer_domain(transfer()).await.expect("asked");
        let decision = decision.into();
        let decide = DecideTransferRequest { operation: operation(), name: "a.example".to_owned(), decision };
        who.decide_transfer(decide).await.expect("decided");
    }
    while take(&first).await.is_some() {}
    while take(&second).await.is_some() {}
    registry.set_now(Utc::now() + days(30));
    let name = "a.example".to_owned();
    second.delete_domain(DeleteDomainRequest { operation: operation(), name: name.clone() }).await.expect("ours");
    let restore = RestoreDomainRequest { operation: operation(), name, price_max: euros(50), ..Default::default() };
    second.restore_domain(restore).await.expect("restored");
    registry.frames()
}

#[tokio::test]
async fn all_frames_are_as_the_schemas_have_them() {
    let frames = frames().await;
    assert!(frames.len() > 80, "{} frames", frames.len());
    assert!(!frames.iter().any(|frame| frame.contains("code=\"2001\"")), "the simulator's validator found something");
    let folder = tempfile::tempdir().expect("a folder");
    let mut files = Vec::new();
    for (number, frame) in frames.iter().enumerate() {
        let file = folder.path().join(format!("{number:03}.xml"));
        std::fs::write(&file, frame).expect("written");
        files.push(file);
    }
    let files: Vec<&Path> = files.iter().map(std::path::PathBuf::as_path).collect();
    match xmllint(&files) {
        Some(said) => said.expect("valid"),
        None => assert!(std::env::var_os("CI").is_none(), "xmllint is missing: install libxml2-utils"),
    }
    // None of the ids of our commands was used twice.
    let mut ids: Vec<&str> = frames
        .iter()
        .filter(|frame| frame.contains("<command>"))
        .filter_map(|frame| frame.split("<clTRID>").nth(1)?.split('<').next())
        .collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
}

#[test]
fn recorded_answers_are_as_the_schemas_have_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let files = std::fs::read_dir(folder).expect("fixtures").map(|entry| entry.expect("an entry").path());
    // The schemas of the extensions in `poll-*` are not here.
    let recorded = |path: &std::path::PathBuf| {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        name.ends_with(".xml") && !name.starts_with("poll-")
    };
    let files: Vec<_> = files.filter(recorded).collect();
    assert!(files.len() > 30);
    let files: Vec<&Path> = files.iter().map(std::path::PathBuf::as_path).collect();
    if let Some(said) = xmllint(&files) {
        said.expect("valid");
    }
}

#[test]
fn what_the_schemas_do_not_have_is_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("bad.xml");
    let bad = "<epp xmlns=\"urn:ietf:params:xml:ns:epp-1.0\"><command><logout/><clTRID>1</clTRID></command></epp>";
    std::fs::write(&file, bad).expect("written");
    if let Some(said) = xmllint(&[&file]) {
        assert!(said.is_err_and(|words| words.contains("clTRID")));
    }
}
