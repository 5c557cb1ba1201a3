//! Documents that wait for somebody: written by hand or by billing, they lie there while life goes on, and are issued or
//! thrown away in the end.

use std::collections::BTreeMap;

use billet::billing::BillingError;
use billet::billing::bill::{Failure, Order, bill};
use billet::billing::change::bill_changed;
use billet::billing::draft::{self, ManualLine};
use billet::store::subscription::{self, Filter, Subscription};
use billet::store::{Unit, customer, invoice};
use billet_domain::id::{InvoiceId, SubscriptionId};
use rand::RngExt as _;
use rand::seq::IndexedRandom as _;
use rust_decimal::Decimal;

use crate::check;
use crate::step::History;
use crate::world::World;

/// A draft that covers days came to be.
pub const DAYS_DRAFTED: &str = "days drafted";
/// A change had to wait for a draft.
pub const IN_THE_WAY: &str = "draft in the way";

/// More drafts than a customer ever has, and more subscriptions.
const MANY: i64 = 100;

impl History {
    /// A draft by hand; now and then it comes to its end in the same breath.
    pub async fn draft(&mut self, world: &World, unit: &mut Unit) -> Result<(), BillingError> {
        let customer = self.customer(unit).await?;
        let line = ManualLine {
            name: "Work".to_owned(),
            quantity: Decimal::from(self.rng.random_range(1..9u32)),
            unit_price: Decimal::from(75),
            tax_class: String::new(),
            period: None,
        };
        let made = draft::create(unit, &world.seller, &customer, customer.currency, false, String::new(), vec![line])?;
        unit.flush().await?;
        self.steps.push(format!("  {}", made.id));
        match self.rng.random_range(0..4u32) {
            0 => draft::issue(unit, &world.seller, made.id).await.map(|_| ()),
            1 => draft::discard(unit, &world.seller, made.id).await,
            _ => Ok(()),
        }
    }

    /// The customer's drafts.
    pub async fn drafts(&self, unit: &mut Unit) -> Result<Vec<InvoiceId>, BillingError> {
        let filter = invoice::Filter {
            customer_id: Some(self.customer_id),
            state: Some("draft".to_owned()),
            ..invoice::Filter::default()
        };
        let seller_id = unit.seller_id;
        let found = invoice::list(unit, seller_id, &filter, (i64::MAX, i64::MAX), MANY).await?;
        Ok(found.into_iter().map(|one| one.id).collect())
    }

    /// Issues one of the customer's drafts or throws it away; then everything is billed up to the day, and it comes out
    /// even: whatever the draft covered is covered once.
    pub async fn end_draft(&mut self, world: &World, unit: &mut Unit, issue: bool) -> Result<(), BillingError> {
        let drafts = self.drafts(unit).await?;
        let nothing = || BillingError::precondition("NOTHING", "test", "there is no draft");
        let id = *drafts.choose(&mut self.rng).ok_or_else(nothing)?;
        self.steps.push(format!("  {id}"));
        if issue {
            let issued = draft::issue(unit, &world.seller, id).await?;
            assert!(issued.id == id && !issued.number.is_empty(), "{issued:?}");
        } else {
            draft::discard(unit, &world.seller, id).await?;
        }
        unit.flush().await?;
        let again = draft::discard(unit, &world.seller, id).await;
        assert!(again.is_err(), "{id} came to its end twice in {}", self.told());
        self.bill_due(world, unit, false).await
    }

    /// Bills what is due of the customer today.
    pub async fn bill_due(&mut self, world: &World, unit: &mut Unit, draft: bool) -> Result<(), BillingError> {
        let customer = self.customer(unit).await?;
        let today = world.seller.today(unit.now);
        let due = subscription::due_of_customer(unit, world.seller.id, customer.id, today, MANY).await?;
        let failures = self.bill_once(world, unit, &customer, &due, draft).await?;
        if failures.is_empty() {
            let filter = Filter { customer_id: Some(customer.id), ..Filter::default() };
            let all = subscription::list(unit, world.seller.id, &filter, 0, MANY).await?;
            check::covered(unit, &world.seller, all, today, |_| self.told()).await;
        }
        Ok(())
    }

    /// Bills what a change led to, as documents or as drafts.
    pub async fn bill(
        &mut self,
        world: &World,
        unit: &mut Unit,
        customer: &customer::Customer,
        id: SubscriptionId,
        draft: bool,
    ) -> Result<(), BillingError> {
        if draft {
            unit.flush().await?;
            let changed = subscription::by_ids(unit, world.seller.id, [id]).await?;
            self.bill_once(world, unit, customer, &changed, true).await?;
        } else {
            let failures = bill_changed(unit, &world.seller, customer, [id]).await?.failures;
            self.only_drafts_are_in_the_way(unit, &failures).await?;
        }
        Ok(())
    }

    /// Bills, and once more, which must bill nothing.
    async fn bill_once(
        &mut self,
        world: &World,
        unit: &mut Unit,
        customer: &customer::Customer,
        which: &[Subscription],
        draft: bool,
    ) -> Result<Vec<Failure>, BillingError> {
        let seller = &world.seller;
        let customers = BTreeMap::from([(customer.id, customer.clone())]);
        let order = Order { cutoff: seller.today(unit.now), run_id: None, draft };
        let billed = bill(unit, seller, &customers, which, order).await?;
        unit.flush().await?;
        self.steps.push(format!("  billed {:?}", billed.issued.iter().map(|one| one.id).collect::<Vec<_>>()));
        assert!(billed.issued.iter().all(|one| one.number.is_empty() == draft), "{billed:?}");
        if draft && !billed.issued.is_empty() {
            *self.counts.entry((DAYS_DRAFTED, "done")).or_default() += 1;
        }
        self.only_drafts_are_in_the_way(unit, &billed.failures).await?;
        let which = subscription::by_ids(unit, seller.id, which.iter().map(|one| one.id)).await?;
        let again = bill(unit, seller, &customers, &which, order).await?;
        assert!(again.issued.is_empty(), "billed twice: {again:?} in {}", self.told());
        assert_eq!(again.failures, billed.failures, "in {}", self.told());
        Ok(billed.failures)
    }

    async fn only_drafts_are_in_the_way(&mut self, unit: &mut Unit, failures: &[Failure]) -> Result<(), BillingError> {
        let Some(failure) = failures.first() else { return Ok(()) };
        assert!(failures.iter().all(|one| one.reason == "DRAFT_IN_THE_WAY"), "{failures:?} in {}", self.told());
        *self.counts.entry((IN_THE_WAY, "done")).or_default() += 1;
        assert!(!self.drafts(unit).await?.is_empty(), "{failure:?} without a draft in {}", self.told());
        Ok(())
    }
}
