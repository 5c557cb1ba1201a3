//! TerminateAccount.

use billet_plugin::v1::{AccountRef, ProblemKind, TerminateAccountRequest};
use billet_simulator::Fault;
use serde_json::json;

use crate::bench::{Bench, CUSTOMER, attempt, first, later, reference, refused, unknown, wanted};

fn end(reference: AccountRef) -> TerminateAccountRequest {
    TerminateAccountRequest { operation: first(), r#ref: Some(reference), keep_dns: false }
}

#[tokio::test]
async fn an_account_goes_once_and_its_customer_stays() {
    let bench = Bench::with_account().await;
    let reference = bench.whole_reference().await;
    let request = TerminateAccountRequest { keep_dns: true, ..end(reference.clone()) };
    let done = bench.panel.terminate_account(request).await.expect("removed");
    assert!(!done.already && done.warnings[0].contains("zones"), "{:?}", done.warnings);
    assert!(bench.plesk.subscription("acme.example").is_none() && bench.plesk.customer(CUSTOMER).is_some());
    assert!(bench.panel.terminate_account(end(reference)).await.expect("again").already);
}

#[tokio::test]
async fn our_empty_customer_goes_where_that_is_wanted() {
    let bench = Bench::with(json!({ "remove_empty_customers": true })).await;
    bench.panel.create_account(wanted()).await.expect("created");
    bench.panel.terminate_account(end(reference())).await.expect("removed");
    assert!(bench.plesk.customer(CUSTOMER).is_none());
    bench.plesk.client().create_account("other", "other.example", "Basic", "").await.expect("created");
    let other = AccountRef { username: "other".to_owned(), ..AccountRef::default() };
    bench.panel.terminate_account(end(other)).await.expect("removed");
    assert!(bench.plesk.customer("other").is_some(), "Billet did not make it");
}

#[tokio::test]
async fn another_account_of_the_same_name_is_not_removed() {
    let bench = Bench::with_account().await;
    let reference = bench.whole_reference().await;
    let guid = "00000000-0000-4000-8000-000000000000".to_owned();
    let strangers = [
        AccountRef { panel_id: guid.clone(), ..reference.clone() },
        AccountRef { panel_id: guid, domain: "gone.example".to_owned(), ..reference.clone() },
        AccountRef { domain: "other.example".to_owned(), ..reference.clone() },
        AccountRef { username: "other".to_owned(), ..reference.clone() },
        AccountRef { username: "other".to_owned(), panel_id: String::new(), ..reference.clone() },
        AccountRef { domain: "gone.example".to_owned(), panel_id: String::new(), ..reference },
    ];
    for stranger in strangers {
        refused(bench.panel.terminate_account(end(stranger)).await, ProblemKind::Conflict);
    }
    assert!(bench.plesk.subscription("acme.example").is_some());
    refused(bench.panel.terminate_account(end(AccountRef::default())).await, ProblemKind::Invalid);
}

#[tokio::test]
async fn lost_answers_are_looked_up() {
    let bench = Bench::with_account().await;
    bench.plesk.fail_next("webspace.del", Fault::HttpError(500));
    unknown(bench.panel.terminate_account(end(reference())).await);
    assert!(bench.plesk.subscription("acme.example").is_some());
    bench.plesk.fail_next("webspace.del", Fault::Refuse("Unable to remove the system user.".to_owned()));
    assert_eq!(later(bench.panel.terminate_account(end(reference())).await).0, ProblemKind::Unavailable);
    bench.plesk.fail_next("webspace.del", Fault::DoThenDrop);
    let done = bench.panel.terminate_account(end(reference())).await.expect("looked up");
    assert!(!done.already);
    let repeated = TerminateAccountRequest { operation: attempt(2), ..end(reference()) };
    assert!(bench.panel.terminate_account(repeated).await.expect("again").already);
}
