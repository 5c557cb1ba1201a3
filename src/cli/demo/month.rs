//! March at the panels: accounts come, change, are suspended and go. The figures are the ones that a person reckons by
//! hand: see `tests/demo.rs`.

use super::api::{ask, have};
use super::catalogue::{MAILBOXES, PROMOTION, monthly};
use super::customers::{IVY, domain_of};
use super::error::{DemoError, expect};
use super::figures::{amount, day, decimal, instant, shown, two_places};
use super::stage::Stage;
use crate::proto::billet::v1 as pb;
use crate::proto::billet::v1::hook_event::Change;

/// Plays it up to the 20th, without what goes wrong.
///
/// # Errors
/// [`DemoError`].
pub async fn first_days(stage: &mut Stage) -> Result<(), DemoError> {
    stage.say.chapter("Accounts are made at the panels, which report them");
    stage.say.day(stage.today());
    whm_account(stage, "alder", "starter").await?;
    stage.expect_documents(&[("RE-2026-00001", "19.16")]).await?;

    stage.go_to(day(3, 2)?, "10:00").await?;
    reseller_sells(stage).await?;

    stage.go_to(day(3, 3)?, "11:30").await?;
    plesk_account(stage, "birch", "Web Business").await?;
    stage.expect_documents(&[("RE-2026-00002", "45.82")]).await?;
    add_backup(stage).await?;

    stage.go_to(day(3, 4)?, "14:00").await?;
    order_with_promotion(stage).await?;

    stage.go_to(day(3, 5)?, "09:15").await?;
    whm_account(stage, "cedar", "pro").await?;
    stage.expect_documents(&[("RE-2026-00005", "79.85")]).await?;

    stage.go_to(day(3, 6)?, "16:45").await?;
    plesk_account(stage, "dogwood", "Web Starter").await?;
    stage.expect_documents(&[("RE-2026-00006", "19.16")]).await?;
    Ok(())
}

/// Plays the changes.
///
/// # Errors
/// [`DemoError`].
pub async fn changes(stage: &mut Stage) -> Result<(), DemoError> {
    stage.say.chapter("Accounts change in the middle of the month");
    stage.go_to(day(3, 10)?, "12:00").await?;
    more_mailboxes(stage).await?;

    stage.go_to(day(3, 11)?, "10:00").await?;
    package_change(stage).await?;

    stage.go_to(day(3, 12)?, "08:00").await?;
    suspension(stage).await?;
    Ok(())
}

/// An account is made at whm1 and reported by its standardized hook.
pub async fn whm_account(stage: &mut Stage, key: &str, package: &str) -> Result<(), DemoError> {
    let email = super::customers::PEOPLE.iter().find(|person| person.key == key).map_or("", |person| person.email);
    stage.panels.whm().create_account(key, &domain_of(key), package, email).await?;
    stage.say.step("whm1", &format!("makes the account {key} ({}) with the package {package}", domain_of(key)));
    whm_reported(stage)
}

/// Tells what whm1's hooks answered.
pub fn whm_reported(stage: &mut Stage) -> Result<(), DemoError> {
    for said in stage.panels.whm_hooks_said()? {
        stage.say.note(&said);
    }
    Ok(())
}

/// A subscription is made at plesk1 and reported by its event handler.
async fn plesk_account(stage: &mut Stage, key: &str, plan: &str) -> Result<(), DemoError> {
    let email = super::customers::PEOPLE.iter().find(|person| person.key == key).map_or("", |person| person.email);
    stage.panels.plesk().create_account(key, &domain_of(key), plan, email).await?;
    stage.say.step("plesk1", &format!("makes the subscription {} with the service plan {plan}", domain_of(key)));
    plesk_reported(stage)
}

fn plesk_reported(stage: &mut Stage) -> Result<(), DemoError> {
    for ran in stage.panels.plesk_handlers_ran()? {
        stage.say.note(&ran);
    }
    Ok(())
}

/// The subscription that an account at a panel is.
pub async fn subscription_of(stage: &Stage, instance: &str, external_ref: &str) -> Result<pb::Subscription, DemoError> {
    let request = pb::ListSubscriptionsRequest {
        instance_id: stage.ids.instance(instance),
        external_ref: external_ref.to_owned(),
        ..Default::default()
    };
    let answer = ask("ListSubscriptions", stage.owner.subscriptions().list_subscriptions(request)).await?;
    let mut found = answer.subscriptions;
    expect(&format!("the number of subscriptions of {external_ref}"), 1, found.len())?;
    have("the subscription", found.pop())
}

async fn reseller_sells(stage: &mut Stage) -> Result<(), DemoError> {
    let grove = stage.grove.clone();
    let request = pb::CreateSubscriptionRequest {
        request_id: grove.request_id(),
        customer_id: stage.ids.customer(IVY.key),
        plan_id: stage.ids.plan("pages"),
        label: domain_of(IVY.key),
        bill_now: true,
        ..Default::default()
    };
    ask("CreateSubscription", grove.subscriptions().create_subscription(request)).await?;
    stage.say.step("grove", "the reseller sells Shop pages to its customer, with its own token");
    let documents = stage.fresh_documents(&grove).await?;
    for document in &documents {
        stage.tell_document(document);
    }
    let found: Vec<_> = documents.iter().map(|one| (one.number.as_str(), shown(one.gross_amount.as_ref()))).collect();
    expect("the reseller's documents", vec![("GM-2026-0001", "14.76".to_owned())], found)?;
    let of_grove = documents.first().map(|one| one.id.clone()).unwrap_or_default();
    let peek = stage.owner.invoices().get_invoice(pb::GetInvoiceRequest { id: of_grove }).await;
    let code = peek.err().map(|status| status.code());
    expect("the operator's look at the reseller's invoice", Some(tonic::Code::NotFound), code)?;
    stage.say.right("the operator asks for that invoice and gets NOT_FOUND: sellers do not see each other's rows");
    Ok(())
}

async fn add_backup(stage: &mut Stage) -> Result<(), DemoError> {
    let parent = subscription_of(stage, "plesk1", &domain_of("birch")).await?;
    let owner = stage.owner.clone();
    let request = pb::CreateSubscriptionRequest {
        request_id: owner.request_id(),
        customer_id: stage.ids.customer("birch"),
        plan_id: stage.ids.plan("backup"),
        parent_id: parent.id,
        label: domain_of("birch"),
        bill_now: true,
        ..Default::default()
    };
    ask("CreateSubscription", owner.subscriptions().create_subscription(request.clone())).await?;
    stage.say.step("owner", "sells the add-on Daily backup for it (SubscriptionService.CreateSubscription)");
    stage.expect_documents(&[("RE-2026-00003", "3.69")]).await?;
    ask("CreateSubscription", owner.subscriptions().create_subscription(request)).await?;
    stage.expect_documents(&[]).await?;
    stage.say.right("the same call again (same request_id) answers the same and bills nothing");
    Ok(())
}

async fn order_with_promotion(stage: &mut Stage) -> Result<(), DemoError> {
    let owner = stage.owner.clone();
    let request = pb::CreateSubscriptionRequest {
        request_id: owner.request_id(),
        customer_id: stage.ids.customer("hazel"),
        plan_id: stage.ids.plan("business"),
        cycle: Some(monthly()),
        label: domain_of("hazel"),
        promotion_code: PROMOTION.to_lowercase(),
        instance_id: stage.ids.instance("whm1"),
        external_ref: "hazel".to_owned(),
        bill_now: true,
        ..Default::default()
    };
    ask("CreateSubscription", owner.subscriptions().create_subscription(request)).await?;
    stage.say.step("owner", &format!("takes an order of Web Business with the promotion {PROMOTION}"));
    stage.expect_documents(&[("RE-2026-00004", "41.39")]).await?;
    whm_account(stage, "hazel", "business").await?;
    stage.expect_documents(&[]).await?;
    let subscription = subscription_of(stage, "whm1", "hazel").await?;
    expect("the service of hazel", pb::ServiceState::Active, subscription.service_state())?;
    stage.say.right("the account belongs to the order, which is billed already: nothing more is due");
    Ok(())
}

async fn more_mailboxes(stage: &mut Stage) -> Result<(), DemoError> {
    let quantity = pb::QuantityChanged { component: MAILBOXES.to_owned(), quantity: Some(decimal("3")) };
    let event = pb::HookEvent {
        event_id: "plesk1-mailboxes-1".to_owned(),
        external_ref: domain_of("dogwood"),
        source: "a script at plesk1".to_owned(),
        change: Some(Change::QuantityChanged(quantity)),
        ..Default::default()
    };
    let result = stage.report(&stage.plesk1, event).await?;
    stage.say.step("plesk1", "dogwood.example has 3 more mailboxes (HookService.Report, quantity_changed)");
    expect("the outcome", pb::HookOutcome::Applied, result.outcome())?;
    stage.expect_documents(&[("RE-2026-00007", "1.93")]).await?;
    stage.say.right("27 of the 31 days from 6 March are left: 3 x 0.62 x 27/31 = 1.62");
    Ok(())
}

async fn package_change(stage: &mut Stage) -> Result<(), DemoError> {
    let subscription = subscription_of(stage, "whm1", "alder").await?;
    let change = pb::SubscriptionChange {
        effective_date: None,
        change: Some(pb::subscription_change::Change::Plan(pb::ChangePlan {
            plan_id: stage.ids.plan("business"),
            ..Default::default()
        })),
    };
    let request = pb::PreviewChangeRequest { id: subscription.id.clone(), change: Some(change) };
    let preview = ask("PreviewChange", stage.owner.subscriptions().preview_change(request)).await?;
    let gross = preview.invoices.iter().map(|one| amount(one.gross_amount.as_ref())).sum();
    stage.say.step("support", "what would Web Business cost alder from today on? (PreviewChange)");
    stage.say.came(&format!("{} EUR", two_places(gross)));
    expect("the preview", "10.00", two_places(gross).as_str())?;

    stage.panels.whm().change_package("alder", "business").await?;
    stage.say.step("whm1", "alder goes from starter to business");
    whm_reported(stage)?;
    let documents = stage.expect_documents(&[("RE-2026-00008", "10.00")]).await?;
    let lines: Vec<String> =
        documents.iter().flat_map(|one| &one.lines).map(|line| shown(line.net_amount.as_ref())).collect();
    expect("the lines", vec!["-4.20".to_owned(), "12.60".to_owned()], lines)?;
    stage.say.right("21 of 31 days: 4.20 back for the old plan, 12.60 for the new one; as the preview said");
    Ok(())
}

async fn suspension(stage: &mut Stage) -> Result<(), DemoError> {
    let domain = domain_of("birch");
    stage.panels.plesk().suspend(&domain).await?;
    stage.say.step("plesk1", "suspends birch.example");
    plesk_reported(stage)?;
    let subscription = subscription_of(stage, "plesk1", &domain).await?;
    expect("the service of birch", pb::ServiceState::Suspended, subscription.service_state())?;
    stage.expect_documents(&[]).await?;
    stage.say.right("known as suspended; billing goes on, for this plan has it so");

    stage.go_to(day(3, 14)?, "08:00").await?;
    stage.panels.plesk().unsuspend(&domain).await?;
    stage.say.step("plesk1", "unsuspends birch.example");
    plesk_reported(stage)?;
    let subscription = subscription_of(stage, "plesk1", &domain).await?;
    expect("the service of birch", pb::ServiceState::Active, subscription.service_state())?;
    stage.expect_documents(&[]).await?;
    stage.say.right("known as active");
    Ok(())
}

/// An account goes, and what is unused is given back.
///
/// # Errors
/// [`DemoError`].
pub async fn termination(stage: &mut Stage) -> Result<(), DemoError> {
    stage.say.chapter("An account is removed");
    stage.go_to(day(3, 20)?, "17:00").await?;
    stage.panels.whm().remove("cedar").await?;
    stage.say.step("whm1", "removes the account cedar");
    whm_reported(stage)?;
    stage.expect_documents(&[("GS-2026-00001", "-22.85")]).await?;
    let subscription = subscription_of(stage, "whm1", "cedar").await?;
    expect("the subscription of cedar", pb::SubscriptionState::Ended, subscription.state())?;
    stage.say.right("16 of 31 days are unused: 37.20 x 16/31 = 19.20 net back; the credit note names its invoice");
    Ok(())
}

/// When something happened, for reports by hand.
///
/// # Errors
/// [`DemoError::Figure`].
pub fn happened(month: u32, date: u32, time: &str) -> Result<Option<prost_types::Timestamp>, DemoError> {
    Ok(Some(super::figures::to_timestamp(instant(day(month, date)?, time)?)))
}
