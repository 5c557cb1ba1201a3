//! The plugin's commands are those that a running registry took when they were recorded, but for their ids.

use billet_plugin::v1::{
    CheckAvailabilityRequest, DecideTransferRequest, DeleteDomainRequest, RegisterDomainRequest, RenewDomainRequest,
    RestoreDomainRequest, TransferDecision, TransferDomainRequest, UpdateDomainRequest,
};
use billet_simulator::EppOptions;
use chrono::{DateTime, Utc};

use crate::messages::read;
use crate::world::*;

/// A frame without its declaration and its id.
fn bare(frame: &str) -> String {
    let body = frame.split_once("?>").map_or(frame, |(_, body)| body).trim();
    match (body.split_once("<clTRID>"), body.split_once("</clTRID>")) {
        (Some((before, _)), Some((_, after))) => format!("{before}{after}"),
        _ => body.to_owned(),
    }
}

#[tokio::test]
async fn commands_are_those_that_were_recorded() {
    let options = EppOptions { zones: vec!["test".to_owned()], fees: false, ..EppOptions::default() };
    let registry = registry_with(options).await;
    let start: DateTime<Utc> = "2026-11-24T12:57:06Z".parse().expect("an instant");
    registry.set_now(start);
    let (first, second) = (registrar(&registry, FIRST), registrar(&registry, SECOND));
    let names = vec!["alpha.test".to_owned(), "beta.test".to_owned()];
    first.check_availability(CheckAvailabilityRequest { names }).await.expect("answered");
    for name in ["alpha.test", "signed.test", "feeok.test"] {
        let request = RegisterDomainRequest { name_servers: Vec::new(), ..registration(name) };
        first.register_domain(request).await.expect("free");
    }
    for locked in [true, false] {
        let request = UpdateDomainRequest {
            operation: operation(),
            name: "alpha.test".to_owned(),
            transfer_locked: Some(locked),
            ..UpdateDomainRequest::default()
        };
        first.update_domain(request).await.expect("ours");
    }
    let renew = RenewDomainRequest {
        operation: operation(),
        name: "alpha.test".to_owned(),
        years: 1,
        expires_on: expiry(&first, "alpha.test").await,
        price_max: None,
    };
    first.renew_domain(renew).await.expect("ours");
    let transfer = TransferDomainRequest {
        operation: operation(),
        name: "alpha.test".to_owned(),
        auth_code: auth_code(&first, "alpha.test").await,
        years: 1,
        ..TransferDomainRequest::default()
    };
    second.transfer_domain(transfer).await.expect("asked");
    read(&first).await.expect("told");
    let decision = TransferDecision::Approve.into();
    let approve = DecideTransferRequest { operation: operation(), name: "alpha.test".to_owned(), decision };
    first.decide_transfer(approve).await.expect("ours");
    registry.set_now(start + days(30));
    for name in ["signed.test", "feeok.test"] {
        let request = DeleteDomainRequest { operation: operation(), name: name.to_owned() };
        first.delete_domain(request).await.expect("ours");
    }
    let restore = RestoreDomainRequest { operation: operation(), name: "feeok.test".to_owned(), ..Default::default() };
    first.restore_domain(restore).await.expect("restored");

    let sent: Vec<String> = registry.frames().iter().map(|frame| bare(frame)).collect();
    for (name, recorded) in [
        ("check", include_str!("../../fixtures/07-domain-check.request.xml")),
        ("info", include_str!("../../fixtures/23-domain-info.request.xml")),
        ("lock", include_str!("../../fixtures/30-domain-update-lock.request.xml")),
        ("unlock", include_str!("../../fixtures/31-domain-update-unlock.request.xml")),
        ("renew", include_str!("../../fixtures/33-domain-renew-ok.request.xml")),
        ("poll", include_str!("../../fixtures/36-poll-empty.request.xml")),
        ("approve", include_str!("../../fixtures/47-gaining-approve-not-allowed.request.xml")),
        ("delete", include_str!("../../fixtures/52-domain-delete-ok.request.xml")),
        ("restore", include_str!("../../fixtures/56-rgp-restore-request.request.xml")),
    ] {
        assert!(sent.contains(&bare(recorded)), "{name}: {}", bare(recorded));
    }
}
