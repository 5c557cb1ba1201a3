//! The end of the demonstration: what there is now, where it lies, and how to talk to the daemon.

use std::path::Path;

use rust_decimal::Decimal;

use super::api::ask;
use super::customers::{IVY, PEOPLE, Person};
use super::error::{DemoError, expect};
use super::figures::{amount, two_places};
use super::stage::{Stage, documents, is_back, signed};
use crate::cli::say;
use crate::proto::billet::v1 as pb;

/// The last table.
///
/// # Errors
/// [`DemoError`].
pub async fn table(stage: &mut Stage) -> Result<(), DemoError> {
    stage.say.chapter("What there is now");
    let mut rows = Vec::new();
    let (mut invoiced, mut open) = (Decimal::ZERO, Decimal::ZERO);
    let sellers = [(stage.owner.clone(), PEOPLE.iter().collect::<Vec<_>>()), (stage.grove.clone(), vec![&IVY])];
    for (api, people) in sellers {
        let all = documents(&api).await?;
        let request = pb::ListSubscriptionsRequest { page_size: 1000, ..Default::default() };
        let subscriptions =
            ask("ListSubscriptions", api.subscriptions().list_subscriptions(request)).await?.subscriptions;
        for person in people {
            let id = stage.ids.customer(person.key);
            let own: Vec<&pb::Invoice> = all.iter().filter(|one| one.customer_id == id).collect();
            invoiced += own.iter().map(|one| signed(one)).sum::<Decimal>();
            open += own.iter().map(|one| open_of(one)).sum::<Decimal>();
            let lines = subscriptions.iter().filter(|one| one.customer_id == id).map(|one| in_words(stage, one));
            person_rows(&mut rows, person, &lines.collect::<Vec<_>>(), &own);
        }
    }
    rows.push(["sum", "", "", &two_places(invoiced), "", &two_places(open)].map(str::to_owned).to_vec());
    stage.say.table(&["customer", "subscriptions", "documents", "EUR", "state", "open"], &rows, &[3, 5]);
    expect(
        "the sum of all documents and what is open",
        ("388.67", "200.29"),
        (two_places(invoiced).as_str(), two_places(open).as_str()),
    )
}

/// A customer's rows: subscriptions and documents side by side.
fn person_rows(rows: &mut Vec<Vec<String>>, person: &Person, subscriptions: &[String], own: &[&pb::Invoice]) {
    for index in 0..subscriptions.len().max(own.len()) {
        let name = if index == 0 { person.name } else { "" };
        let subscription = subscriptions.get(index).cloned().unwrap_or_default();
        let document = match own.get(index) {
            Some(one) => [one.number.clone(), two_places(signed(one)), state(one).to_owned(), two_places(open_of(one))],
            None => Default::default(),
        };
        rows.push([name.to_owned(), subscription].into_iter().chain(document).collect());
    }
}

/// What is open on a document; what a credit note still has to give counts against it.
fn open_of(document: &pb::Invoice) -> Decimal {
    let open = amount(document.open_amount.as_ref());
    if is_back(document) { -open } else { open }
}

fn in_words(stage: &Stage, subscription: &pb::Subscription) -> String {
    let plan = stage.ids.plans.iter().find(|(_, id)| **id == subscription.plan_id).map_or("", |(code, _)| code);
    let state = match subscription.state() {
        pb::SubscriptionState::Pending => "pending",
        pb::SubscriptionState::Active => "active",
        pb::SubscriptionState::Paused => "paused",
        pb::SubscriptionState::Ended => "ended",
        pb::SubscriptionState::Unspecified => "",
    };
    format!("{plan}, {state}")
}

fn state(document: &pb::Invoice) -> &'static str {
    match document.state() {
        pb::InvoiceState::Draft => "draft",
        pb::InvoiceState::Issued => "issued",
        pb::InvoiceState::PartlyPaid => "partly paid",
        // A credit note is not paid: what it gives has settled something.
        pb::InvoiceState::Paid if is_back(document) => "used up",
        pb::InvoiceState::Paid => "paid",
        pb::InvoiceState::Credited => "credited",
        pb::InvoiceState::Cancelled => "cancelled",
        pb::InvoiceState::WrittenOff => "written off",
        pb::InvoiceState::Unspecified => "",
    }
}

/// Where everything is while the daemon still runs, and how to talk to it.
pub fn how_to_go_on(stage: &mut Stage) {
    let address = stage.daemon.url.trim_start_matches("http://").to_owned();
    let header = format!("-H 'authorization: Bearer {}'", stage.owner.secret());
    stage.say.line("");
    stage.say.step(
        "billet",
        &format!("the daemon goes on at {}; its files are in {}", stage.daemon.url, stage.place.folder.display()),
    );
    stage.say.note("Its API has reflection on, so any gRPC tool can talk to it:");
    // Not into the transcript: the token in it is a secret, if a short-lived one.
    say!("\n  grpcurl -plaintext {header} {address} list");
    say!("  grpcurl -plaintext {header} {address} billet.v1.InvoiceService/ListInvoices");
    say!(
        "  grpcurl -plaintext {header} -d '{{\"to\": \"2026-05-01T08:00:00Z\"}}' {address} billet.v1.AdminService/AdvanceClock\n"
    );
    say!("  Ctrl-C ends it.");
}

/// Where what was kept lies, and how to go on without the demonstration.
pub fn where_it_lies(stage_folder: &Path, out: Option<&Path>) -> Vec<String> {
    let mut lines = Vec::new();
    match out {
        Some(out) => {
            let documents = if cfg!(feature = "pdf") { "documents/ (PDF)" } else { "no PDF (built without)" };
            lines.push(format!("Written to {}:", out.display()));
            lines.push(format!("  billet.db, {documents}, events.jsonl, demo.txt, {}", super::keepsake::TOKEN));
            let out = out.display();
            lines.push(format!("Start a daemon on it:      billet serve --data-dir {out}"));
            lines.push(format!("Verify its journal:        billet check --journal --data-dir {out}"));
        }
        None => {
            let folder = stage_folder.display();
            lines.push(format!("Everything was in {folder}, which is removed again. `--out DIR` keeps it."));
        }
    }
    lines.push(
        "Talk to the daemon:        billet demo --keep    (leaves it running, with a ready grpcurl line)".to_owned(),
    );
    lines.push("Begin with your own data:  billet init --help, billet serve --help, billet hook --help".to_owned());
    lines
}
