//! What goes wrong at panels and on the way: reports that come in the wrong order, twice, or of a package that nobody
//! knows. Nothing is lost and nothing is billed twice.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::api::{Api, ask, have};
use super::catalogue::{TRAFFIC, map_package};
use super::customers::domain_of;
use super::error::{DemoError, expect};
use super::figures::{amount, day, decimal, to_date, two_places};
use super::month::{happened, subscription_of, whm_account};
use super::stage::Stage;
use crate::proto::billet::v1 as pb;
use crate::proto::billet::v1::hook_event::Change;

/// How long parked hooks may take to be tried again.
const REPLAYED_WITHIN: Duration = Duration::from_secs(60);
/// How often the inbox is looked at meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Plays it.
///
/// # Errors
/// [`DemoError`].
pub async fn play(stage: &mut Stage) -> Result<(), DemoError> {
    stage.say.chapter("Reports out of order, twice, and of an unknown package");
    stage.go_to(day(3, 16)?, "09:00").await?;
    out_of_order(stage).await?;
    stage.go_to(day(3, 18)?, "13:00").await?;
    unknown_package(stage).await
}

/// The reports of an account that was made on the 9th and changed on the 14th: whm1 was cut off from the daemon.
fn elm() -> Result<[pb::HookEvent; 2], DemoError> {
    let created = pb::AccountCreated {
        package: "starter".to_owned(),
        domain: domain_of("elm"),
        contact_email: "shop@elm.example".to_owned(),
        owner: "root".to_owned(),
    };
    let changed = pb::PackageChanged { from_package: "starter".to_owned(), to_package: "business".to_owned() };
    let event = |event_id: &str, happened_at, change| pb::HookEvent {
        event_id: event_id.to_owned(),
        external_ref: "elm".to_owned(),
        happened_at,
        source: "by hand, from whm1's log".to_owned(),
        change: Some(change),
        ..Default::default()
    };
    Ok([
        event("elm-created", happened(3, 9, "10:00")?, Change::AccountCreated(created)),
        event("elm-package", happened(3, 14, "15:00")?, Change::PackageChanged(changed)),
    ])
}

async fn out_of_order(stage: &mut Stage) -> Result<(), DemoError> {
    let [created, changed] = elm()?;
    let whm1 = stage.whm1.clone();
    let result = stage.report(&whm1, changed.clone()).await?;
    stage.say.step("whm1", "elm went from starter to business on 14 March: but no account elm is known");
    stage.say.came(&format!("parked: {} ({})", result.detail, result.reason));
    expect("the outcome", (pb::HookOutcome::Parked, "UNKNOWN_ACCOUNT"), (result.outcome(), result.reason.as_str()))?;
    expect("the inbox", 1, inbox(&stage.owner).await?.len())?;
    stage.expect_documents(&[]).await?;

    let result = stage.report(&whm1, created.clone()).await?;
    stage.say.step("whm1", "elm was made on 9 March: the older report comes after the newer one");
    expect("the outcome", pb::HookOutcome::Applied, result.outcome())?;
    stage.expect_documents(&[("RE-2026-00009", "31.54")]).await?;
    expect("the inbox", 0, inbox(&stage.owner).await?.len())?;
    let subscription = subscription_of(stage, "whm1", "elm").await?;
    expect("the plan of elm", stage.ids.plan("business"), subscription.plan_id)?;
    stage.say.right("both are applied, in the order in which they happened, and billed as if they had come in it:");
    stage.say.note("5 days of starter 1.00, 26 days of business 15.60, set-up 9.90");

    let again = [stage.report(&whm1, created).await?, stage.report(&whm1, changed).await?];
    stage.say.step("whm1", "reports both events again");
    expect("the outcomes", [pb::HookOutcome::Duplicate; 2], again.map(|result| result.outcome()))?;
    stage.expect_documents(&[]).await?;
    stage.say.right("DUPLICATE: the answer is the one of then, and nothing is billed");
    Ok(())
}

async fn unknown_package(stage: &mut Stage) -> Result<(), DemoError> {
    whm_account(stage, "fir", "wp_special").await?;
    stage.expect_documents(&[]).await?;
    let parked = inbox(&stage.owner).await?;
    expect("the inbox", vec!["UNKNOWN_PACKAGE"], parked.iter().map(|hook| hook.reason.as_str()).collect())?;
    for hook in &parked {
        let account = hook.event.as_ref().map_or("", |event| event.external_ref.as_str());
        stage.say.came(&format!("parked: {} ({})", hook.detail, hook.reason));
        stage.say.note(&format!("{} waits in the inbox (HookService.ListParked), account {account}", hook.id));
    }
    let replayed = map_package(&stage.owner, &stage.ids, ("whm1", "wp_special", "business")).await?;
    stage.say.step("owner", "says that wp_special is Web Business (CatalogService.SetPackageMapping)");
    expect("the number of hooks replayed", 1, replayed)?;
    emptied(&stage.owner).await?;
    stage.expect_documents(&[("RE-2026-00010", "45.82")]).await?;
    stage.say.right("the report that waited is applied, as of the instant at which it happened");
    Ok(())
}

/// What was used in the month is reported; one report comes twice.
///
/// # Errors
/// [`DemoError`].
pub async fn usage(stage: &mut Stage) -> Result<(), DemoError> {
    stage.say.chapter("Usage is reported");
    stage.go_to(day(3, 31)?, "23:00").await?;
    for (key, first, gib) in [("birch", day(3, 3)?, "540"), ("dogwood", day(3, 6)?, "130.5")] {
        let usage = pb::UsageReported {
            metric: TRAFFIC.to_owned(),
            quantity: Some(decimal(gib)),
            from: Some(to_date(first)),
            to: Some(to_date(day(4, 1)?)),
        };
        let event = pb::HookEvent {
            event_id: format!("traffic-2026-03-{key}"),
            external_ref: domain_of(key),
            source: "plesk1's monthly statistics".to_owned(),
            change: Some(Change::UsageReported(usage)),
            ..Default::default()
        };
        let plesk1 = stage.plesk1.clone();
        let first = stage.report(&plesk1, event.clone()).await?;
        let second = stage.report(&plesk1, event).await?;
        stage.say.step("plesk1", &format!("{} transferred {gib} GiB in March (usage_reported), told twice", domain_of(key)));
        let outcomes = (first.outcome(), second.outcome());
        expect("the outcomes", (pb::HookOutcome::Applied, pb::HookOutcome::Duplicate), outcomes)?;
    }
    stage.expect_documents(&[]).await?;
    stage.say.right("counted once each; what is beyond the included traffic is billed when the cycle has ended");
    let request = pb::PreviewInvoiceRequest { customer_id: stage.ids.customer("birch"), date: None };
    let preview = ask("PreviewInvoice", stage.owner.invoices().preview_invoice(request)).await?;
    let date = have("the date", preview.date)?;
    let gross = preview.invoices.iter().map(|one| amount(one.gross_amount.as_ref())).sum();
    stage.say.step("support", "what will the next invoice of Birch & Beech Studio be? (PreviewInvoice)");
    stage.say.came(&format!("{} EUR on {}", two_places(gross), super::figures::short_date(Some(&date))));
    expect("the preview", ("30.58", to_date(day(4, 3)?)), (two_places(gross).as_str(), date))?;
    Ok(())
}

/// Waits until the job that tries parked hooks again is done.
async fn emptied(owner: &Api) -> Result<(), DemoError> {
    let until = Instant::now() + REPLAYED_WITHIN;
    loop {
        let waiting = inbox(owner).await?;
        if waiting.is_empty() {
            return Ok(());
        }
        if Instant::now() > until {
            let why: Vec<String> = waiting.into_iter().map(|hook| hook.detail).collect();
            return Err(DemoError::unexpected("an empty inbox", format!("this still waits: {}", why.join("; "))));
        }
        sleep(LOOK_EVERY).await;
    }
}

async fn inbox(owner: &Api) -> Result<Vec<pb::ParkedHook>, DemoError> {
    Ok(ask("ListParked", owner.hooks().list_parked(pb::ListParkedRequest::default())).await?.hooks)
}
