//! SubscriptionService.

use std::collections::{BTreeMap, BTreeSet};

use billet_domain::id::{CustomerId, InstanceId, SellerId, SubscriptionId};
use billet_domain::period::Cycle;
use billet_domain::timeline::Timeline;
use tonic::{Request, Response, Status};

use super::auth::Caller;
use super::call::{Begun, Call, open};
use super::convert::invoice::{as_preview, whole};
use super::convert::provisioning::reason;
use super::convert::subscription::{change, to_fact, to_subscription};
use super::convert::{cycle_optional, date_optional, parse, parse_optional, quantities, required, text};
use super::page;
use crate::billing::bill::Outcome;
use crate::billing::change::{Loaded, bill_changed, change as apply_change, load};
use crate::billing::provision::order::{NewService, order};
use crate::billing::provision::rename::rename;
use crate::billing::subscribe::{NewSubscription, subscribe};
use crate::billing::{Billing, BillingError, customer};
use crate::proto::billet::v1 as pb;
use crate::proto::billet::v1::subscription_service_server::SubscriptionService;
use crate::store::seller::{self, Seller};
use crate::store::subscription::{self, Filter, Subscription};
use crate::store::{Tx, Unit, fact, plan};

/// The service.
#[derive(Debug, Clone)]
pub struct SubscriptionApi {
    /// What it stands on.
    pub billing: Billing,
}

/// The seller of a caller.
///
/// # Errors
/// [`BillingError::NotFound`].
pub async fn seller_of(tx: &mut Tx, id: SellerId) -> Result<Seller, BillingError> {
    seller::get(tx, id).await?.ok_or_else(|| BillingError::not_found("seller", id))
}

/// What could not be billed refuses the whole change: somebody who asks for it wants to know.
///
/// # Errors
/// The first failure.
pub fn all_billed(outcome: Outcome) -> Result<Outcome, BillingError> {
    match outcome.failures.first() {
        Some(failure) => {
            let detail = format!(
                "{}; with billing deferred the change is recorded and billed once this is mended",
                failure.detail
            );
            Err(BillingError::precondition(failure.reason, failure.subscription_id, detail))
        }
        None => Ok(outcome),
    }
}

/// Subscriptions as they are today, in their order.
async fn views(
    tx: &mut Tx,
    seller: &Seller,
    today: chrono::NaiveDate,
    subscriptions: &[Subscription],
) -> Result<Vec<pb::Subscription>, BillingError> {
    let timelines = fact::timelines(tx, seller.id, subscriptions.iter().map(|one| one.id)).await?;
    let mut needed = BTreeSet::new();
    for one in subscriptions {
        let facts = timelines.get(&one.id).into_iter().flat_map(Timeline::terms_needed);
        needed.extend(facts.map(|(version, cycle)| (version, cycle, one.currency)));
    }
    let books = plan::terms_book(tx, seller.id, needed).await?;
    let (no_timeline, no_book) = (Default::default(), BTreeMap::new());
    subscriptions
        .iter()
        .map(|one| {
            let timeline = timelines.get(&one.id).unwrap_or(&no_timeline);
            to_subscription(one, timeline, books.get(&one.currency).unwrap_or(&no_book), today)
        })
        .collect()
}

/// One subscription as it is today.
async fn view(
    tx: &mut Tx,
    seller: &Seller,
    today: chrono::NaiveDate,
    id: SubscriptionId,
) -> Result<pb::Subscription, BillingError> {
    let found =
        subscription::get(tx, seller.id, id).await?.ok_or_else(|| BillingError::not_found("subscription", id))?;
    views(tx, seller, today, &[found]).await?.pop().ok_or_else(|| BillingError::not_found("subscription", id))
}

fn new_subscription(request: &pb::CreateSubscriptionRequest) -> Result<NewSubscription, BillingError> {
    let filled = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    Ok(NewSubscription {
        customer_id: parse("customer_id", &request.customer_id)?,
        plan_id: parse("plan_id", &request.plan_id)?,
        version_id: parse_optional("version_id", &request.version_id)?,
        currency: parse_optional("currency_code", &request.currency_code)?,
        cycle: cycle_optional("cycle", request.cycle)?.unwrap_or(Cycle::MONTHLY),
        anchor_day: Some(request.anchor_day).filter(|day| *day != 0),
        start_date: date_optional("start_date", request.start_date)?,
        trial_days: request.trial_days,
        quantities: quantities("quantities", &request.quantities)?,
        options: request.options.clone().into_iter().collect(),
        project_id: parse_optional("project_id", &request.project_id)?,
        parent_id: parse_optional("parent_id", &request.parent_id)?,
        label: text("label", &request.label, 200, false)?,
        promotion_code: filled(&request.promotion_code),
        instance_id: parse_optional("instance_id", &request.instance_id)?,
        external_ref: filled(&text("external_ref", &request.external_ref, 253, false)?),
    })
}

/// Records a change and bills it, within the unit.
async fn change_and_bill(
    unit: &mut Unit,
    seller: &Seller,
    asked: pb::SubscriptionChange,
    loaded: &mut Loaded,
    key: &str,
    bill: bool,
) -> Result<(pb::Subscription, Vec<pb::Invoice>), BillingError> {
    let effective = date_optional("change.effective_date", asked.effective_date)?;
    let asked = asked.change.ok_or_else(|| BillingError::invalid("change", "exactly one change is needed"))?;
    apply_change(unit, seller, loaded, change(asked)?, effective, key).await?;
    let id = loaded.subscription.id;
    let invoices = if bill {
        let outcome = all_billed(bill_changed(unit, seller, &loaded.customer, [id]).await?)?;
        unit.flush().await?;
        whole(unit, seller.id, outcome.issued.iter().map(|issued| issued.id)).await?
    } else {
        unit.flush().await?;
        Vec::new()
    };
    let today = seller.today(unit.now);
    Ok((view(unit, seller, today, id).await?, invoices))
}

impl SubscriptionApi {
    async fn visible(&self, caller: &Caller, tx: &mut Tx, id: SubscriptionId) -> Result<Subscription, BillingError> {
        let missing = || BillingError::not_found("subscription", id);
        let found = subscription::get(tx, caller.seller_id, id).await?.ok_or_else(missing)?;
        caller.may_see(found.customer_id).map_err(|_| missing())?;
        Ok(found)
    }
}

#[tonic::async_trait]
impl SubscriptionService for SubscriptionApi {
    async fn create_subscription(
        &self,
        request: Request<pb::CreateSubscriptionRequest>,
    ) -> Result<Response<pb::CreateSubscriptionResponse>, Status> {
        let (caller, request) = open(request)?;
        let new = new_subscription(&request)?;
        let begun = Call::begin(&self.billing, &caller, "CreateSubscription", &request.request_id, &request).await?;
        let mut call = match begun {
            Begun::Fresh(call) => call,
            Begun::Again(answer) => return Ok(answer),
        };
        let unit = &mut call.unit;
        let seller = seller_of(unit, caller.seller_id).await?;
        let customer = customer::locked(unit, new.customer_id).await?;
        let plan_id = new.plan_id;
        let made = subscribe(unit, &seller, &customer, new, &format!("request:{}", request.request_id)).await?;
        if let Some(wanted) = &request.service {
            order(unit, &made, plan_id, &NewService { domain: wanted.domain.clone() }).await?;
        }
        let invoices = if request.bill_now {
            let outcome = all_billed(bill_changed(unit, &seller, &customer, [made.id]).await?)?;
            unit.flush().await?;
            whole(unit, seller.id, outcome.issued.iter().map(|issued| issued.id)).await?
        } else {
            unit.flush().await?;
            Vec::new()
        };
        let today = seller.today(unit.now);
        let subscription = Some(view(unit, &seller, today, made.id).await?);
        call.finish(pb::CreateSubscriptionResponse { subscription, invoices }).await
    }

    async fn get_subscription(
        &self,
        request: Request<pb::GetSubscriptionRequest>,
    ) -> Result<Response<pb::GetSubscriptionResponse>, Status> {
        let (caller, request) = open(request)?;
        let id = parse("id", &request.id)?;
        let mut tx = self.billing.store.snapshot().await?;
        self.visible(&caller, &mut tx, id).await?;
        let seller = seller_of(&mut tx, caller.seller_id).await?;
        let today = seller.today(self.billing.now());
        let subscription = Some(view(&mut tx, &seller, today, id).await?);
        Ok(Response::new(pb::GetSubscriptionResponse { subscription }))
    }

    async fn list_subscriptions(
        &self,
        request: Request<pb::ListSubscriptionsRequest>,
    ) -> Result<Response<pb::ListSubscriptionsResponse>, Status> {
        let (caller, request) = open(request)?;
        let size = page::size(request.page_size)?;
        let after = page::after_id(&request.page_token)?.unwrap_or(0);
        let asked: Option<CustomerId> = parse_optional("customer_id", &request.customer_id)?;
        let instance_id: Option<InstanceId> = parse_optional("instance_id", &request.instance_id)?;
        let filter = Filter {
            customer_id: caller.limit_to(asked)?,
            instance_id,
            external_ref: Some(request.external_ref).filter(|name| !name.is_empty()),
        };
        let mut tx = self.billing.store.snapshot().await?;
        let seller = seller_of(&mut tx, caller.seller_id).await?;
        let mut found = subscription::list(&mut tx, seller.id, &filter, after, size).await?;
        let next_page_token = page::cut(&mut found, size, |one| one.id.0.to_string());
        let today = seller.today(self.billing.now());
        let subscriptions = views(&mut tx, &seller, today, &found).await?;
        Ok(Response::new(pb::ListSubscriptionsResponse { subscriptions, next_page_token }))
    }

    async fn change_subscription(
        &self,
        request: Request<pb::ChangeSubscriptionRequest>,
    ) -> Result<Response<pb::ChangeSubscriptionResponse>, Status> {
        let (caller, request) = open(request)?;
        let id = parse("id", &request.id)?;
        let asked = request.change.clone().ok_or_else(|| BillingError::invalid("change", "is required"))?;
        let begun = Call::begin(&self.billing, &caller, "ChangeSubscription", &request.request_id, &request).await?;
        let mut call = match begun {
            Begun::Fresh(call) => call,
            Begun::Again(answer) => return Ok(answer),
        };
        let unit = &mut call.unit;
        let seller = seller_of(unit, caller.seller_id).await?;
        let mut loaded = load(unit, id).await?;
        let revision = loaded.subscription.revision;
        if request.expected_revision != 0 && request.expected_revision != revision {
            let detail = format!("{id} has revision {revision} by now, not {}", request.expected_revision);
            return Err(BillingError::Stale { detail }.into());
        }
        let key = format!("request:{}", request.request_id);
        let bill = seller.bill_changes_at_once && !request.defer_billing;
        let (subscription, invoices) = change_and_bill(unit, &seller, asked, &mut loaded, &key, bill).await?;
        call.finish(pb::ChangeSubscriptionResponse { subscription: Some(subscription), invoices }).await
    }

    async fn preview_change(
        &self,
        request: Request<pb::PreviewChangeRequest>,
    ) -> Result<Response<pb::PreviewChangeResponse>, Status> {
        let (caller, request) = open(request)?;
        let id = parse("id", &request.id)?;
        let asked = request.change.ok_or_else(|| BillingError::invalid("change", "is required"))?;
        // The change itself, in a unit that is never committed: so it cannot differ from what it previews.
        let mut unit = self.billing.begin(caller.seller_id, &caller.actor()).await?;
        let seller = seller_of(&mut unit, caller.seller_id).await?;
        let mut loaded = load(&mut unit, id).await?;
        let (subscription, invoices) = change_and_bill(&mut unit, &seller, asked, &mut loaded, "preview", true).await?;
        let invoices = invoices.into_iter().map(as_preview).collect();
        Ok(Response::new(pb::PreviewChangeResponse { subscription: Some(subscription), invoices }))
    }

    async fn rename_account(
        &self,
        request: Request<pb::RenameAccountRequest>,
    ) -> Result<Response<pb::RenameAccountResponse>, Status> {
        let (caller, request) = open(request)?;
        let id = parse("subscription_id", &request.subscription_id)?;
        let name = required("external_ref", &request.external_ref, 253)?;
        let why = reason(&request.reason)?;
        let begun = Call::begin(&self.billing, &caller, "RenameAccount", &request.request_id, &request).await?;
        let mut call = match begun {
            Begun::Fresh(call) => call,
            Begun::Again(answer) => return Ok(answer),
        };
        let unit = &mut call.unit;
        let seller = seller_of(unit, caller.seller_id).await?;
        rename(unit, id, &name, None, why).await?;
        unit.flush().await?;
        let today = seller.today(unit.now);
        let subscription = Some(view(unit, &seller, today, id).await?);
        call.finish(pb::RenameAccountResponse { subscription }).await
    }

    async fn list_facts(
        &self,
        request: Request<pb::ListFactsRequest>,
    ) -> Result<Response<pb::ListFactsResponse>, Status> {
        let (caller, request) = open(request)?;
        let id = parse("subscription_id", &request.subscription_id)?;
        let mut tx = self.billing.store.snapshot().await?;
        self.visible(&caller, &mut tx, id).await?;
        let facts = fact::of(&mut tx, caller.seller_id, id).await?.into_iter().map(to_fact).collect();
        Ok(Response::new(pb::ListFactsResponse { facts }))
    }
}
