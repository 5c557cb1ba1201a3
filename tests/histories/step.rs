//! One customer's random script.

use std::collections::BTreeMap;

use billet::billing::change::{self, Change};
use billet::billing::hook::{self, Report};
use billet::billing::subscribe::{NewSubscription, subscribe};
use billet::billing::{BillingError, correct};
use billet::store::subscription::{Filter, list};
use billet::store::{Unit, customer, invoice};
use billet_domain::hook::{Change as Told, Hook};
use billet_domain::id::CustomerId;
use billet_domain::period::Cycle;
use billet_domain::timeline::{Ending, FactKind};
use chrono::{Days, NaiveDate, TimeDelta};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use rust_decimal::Decimal;

use crate::money::Purse;
use crate::world::{PLANS, World};

/// What a customer or the seller does; each has to succeed now and then.
pub const NAMES: [&str; 27] = [
    "subscribe",
    "plan",
    "quantity",
    "price",
    "discount",
    "pause",
    "resume",
    "cancel",
    "withdraw",
    "created",
    "package",
    "suspended",
    "unsuspended",
    "usage",
    "terminated",
    "pay",
    "refund",
    "allocate",
    "release",
    "credit",
    "cancel_invoice",
    "draft",
    "bill_draft",
    "change_draft",
    "issue_draft",
    "discard_draft",
    "backdated",
];

/// What is tried now and then while a draft waits: what it covers changes, and it comes to its end.
const AROUND_DRAFTS: [&str; 8] =
    ["issue_draft", "discard_draft", "plan", "quantity", "backdated", "cancel", "change_draft", "cancel_invoice"];

pub struct History {
    pub customer_id: CustomerId,
    /// Every hook, as delivered.
    pub reports: Vec<Report>,
    pub counts: BTreeMap<(&'static str, &'static str), u32>,
    /// Whether a draft of the customer's waits to be issued or discarded.
    pub has_drafts: bool,
    pub(crate) rng: StdRng,
    pub(crate) steps: Vec<String>,
    number: u32,
}

impl History {
    pub fn new(number: u32, customer_id: CustomerId, seed: u64) -> Self {
        Self {
            customer_id,
            reports: Vec::new(),
            counts: BTreeMap::new(),
            has_drafts: false,
            rng: StdRng::seed_from_u64(seed),
            steps: Vec::new(),
            number,
        }
    }

    /// What happened so far, for people.
    pub fn told(&self) -> String {
        format!("history {}:\n{}", self.number, self.steps.join("\n"))
    }

    /// The next step; a refusal is an answer like any other.
    pub async fn step(&mut self, world: &World) {
        let name = match self.steps.len() {
            0 => *["subscribe", "created"].choose(&mut self.rng).expect("one"),
            _ if self.has_drafts && self.rng.random_ratio(1, 2) => *AROUND_DRAFTS.choose(&mut self.rng).expect("one"),
            _ => *NAMES.choose(&mut self.rng).expect("one"),
        };
        self.take(world, name).await;
    }

    /// One step of this name.
    pub async fn take(&mut self, world: &World, name: &'static str) {
        self.steps.push(format!("{} {name}", world.billing.now()));
        let outcome = match name {
            "created" | "package" | "suspended" | "unsuspended" | "usage" | "terminated" => {
                self.report(world, name).await
            }
            _ => self.act(world, name).await,
        };
        let outcome = match outcome {
            Ok(()) => "done",
            Err(BillingError::Invalid { .. } | BillingError::Precondition { .. }) => "refused",
            Err(error) => panic!("{error}: {error:?} in {}", self.told()),
        };
        self.steps.push(format!("  {outcome}"));
        *self.counts.entry((name, outcome)).or_default() += 1;
    }

    async fn report(&mut self, world: &World, name: &str) -> Result<(), BillingError> {
        let late = if self.rng.random_ratio(1, 4) { self.rng.random_range(1..20 * 86_400) } else { 0 };
        let now = world.billing.now();
        let package = (*PLANS[..2].choose(&mut self.rng).expect("a plan")).to_owned();
        let today = now.date_naive();
        let change = match name {
            "created" => Told::AccountCreated {
                package,
                domain: format!("acct{}.example", self.number),
                contact_email: String::new(),
                owner: String::new(),
            },
            "package" => Told::PackageChanged { from_package: String::new(), to_package: package },
            "suspended" => Told::AccountSuspended { reason: "unpaid".to_owned() },
            "unsuspended" => Told::AccountUnsuspended,
            "usage" => Told::UsageReported {
                metric: "traffic_gib".to_owned(),
                quantity: self.rng.random_range(0..100u32).into(),
                from: today - Days::new(1),
                to: today,
            },
            _ => Told::AccountTerminated,
        };
        let hook = Hook {
            event_id: format!("{}-{}", self.number, self.reports.len()),
            happened_at: now - TimeDelta::seconds(late),
            external_ref: format!("acct{}", self.number),
            change,
            source: "test".to_owned(),
        };
        self.steps.push(format!("  {} {:?}", hook.happened_at, hook.change));
        let report = Report { instance_id: world.instance_id, hook, is_dated: true };
        self.reports.push(report.clone());
        let times = if self.rng.random_ratio(1, 5) { 2 } else { 1 };
        for answer in hook::apply(&world.billing, world.seller.id, &vec![report; times]).await? {
            self.steps.push(format!("  {:?}", answer?.hook.detail));
        }
        Ok(())
    }

    async fn act(&mut self, world: &World, name: &str) -> Result<(), BillingError> {
        let (now, seller_id) = (world.billing.now(), world.seller.id);
        let mut unit = world.billing.store.begin_large(seller_id, "system", now, 2_000).await?;
        match name {
            "subscribe" => self.subscribe(world, &mut unit).await?,
            "pay" | "refund" | "allocate" | "release" => self.move_money(&mut unit, name).await?,
            "draft" => self.draft(world, &mut unit).await?,
            "bill_draft" => self.bill_due(world, &mut unit, true).await?,
            "issue_draft" | "discard_draft" => self.end_draft(world, &mut unit, name == "issue_draft").await?,
            "credit" | "cancel_invoice" => self.take_back(world, &mut unit, name).await?,
            _ => self.change(world, &mut unit, name).await?,
        }
        unit.flush().await?;
        self.has_drafts = !self.drafts(&mut unit).await?.is_empty();
        unit.commit().await?;
        Ok(())
    }

    async fn subscribe(&mut self, world: &World, unit: &mut Unit) -> Result<(), BillingError> {
        let customer = self.customer(unit).await?;
        let new = NewSubscription {
            customer_id: self.customer_id,
            plan_id: *world.plans.choose(&mut self.rng).expect("a plan"),
            version_id: None,
            currency: None,
            cycle: if self.rng.random_ratio(1, 5) { Cycle::YEARLY } else { Cycle::MONTHLY },
            anchor_day: self.rng.random_ratio(1, 3).then(|| self.rng.random_range(1..=31)),
            start_date: self.rng.random_ratio(1, 3).then(|| self.near(world)),
            trial_days: if self.rng.random_ratio(1, 4) { 14 } else { 0 },
            quantities: BTreeMap::new(),
            options: BTreeMap::new(),
            project_id: None,
            parent_id: None,
            label: String::new(),
            promotion_code: None,
            instance_id: None,
            external_ref: None,
        };
        self.steps.push(format!("  {new:?}"));
        let key = self.key();
        let made = subscribe(unit, &world.seller, &customer, new, &key).await?;
        let draft = self.rng.random_ratio(1, 8);
        self.bill(world, unit, &customer, made.id, draft).await
    }

    pub(crate) async fn customer(&self, unit: &mut Unit) -> Result<customer::Customer, BillingError> {
        let found = customer::lock(unit, &[self.customer_id]).await?.pop();
        found.ok_or_else(|| BillingError::not_found("customer", self.customer_id))
    }

    fn key(&self) -> String {
        format!("{}:{}", self.number, self.steps.len())
    }

    fn near(&mut self, world: &World) -> NaiveDate {
        world.billing.now().date_naive() + TimeDelta::days(self.rng.random_range(-40..30))
    }

    async fn change(&mut self, world: &World, unit: &mut Unit, name: &str) -> Result<(), BillingError> {
        let filter = Filter { customer_id: Some(self.customer_id), ..Filter::default() };
        let all = list(unit, world.seller.id, &filter, 0, 50).await?;
        let nothing = || BillingError::precondition("NOTHING", "test", "there is no subscription");
        let id = all.choose(&mut self.rng).ok_or_else(nothing)?.id;
        let percent = Decimal::from(self.rng.random_range(0..=100u32));
        let component = (*["base", "mail"].choose(&mut self.rng).expect("one")).to_owned();
        let quantity = Decimal::from(self.rng.random_range(0..6u32));
        let ending = *[None, Some(Ending::PeriodEnd), Some(Ending::AtOnceRefund), Some(Ending::AtOnceNoRefund)]
            .choose(&mut self.rng)
            .expect("one");
        let asked = match name {
            "plan" => Change::Plan {
                plan_id: *world.plans.choose(&mut self.rng).expect("a plan"),
                version_id: None,
                cycle: self.rng.random_ratio(1, 4).then_some(Cycle::YEARLY),
                timing: None,
                anchor: None,
                quantities: BTreeMap::new(),
            },
            "price" => Change::Fact(FactKind::PriceSet { component, unit_price: Some(percent / Decimal::from(8)) }),
            "discount" => Change::Fact(FactKind::LineDiscounted { component, percent }),
            "pause" => Change::Fact(FactKind::Paused),
            "resume" => Change::Fact(FactKind::Resumed),
            "cancel" => Change::Cancel { ending, reason: "test".to_owned() },
            "withdraw" => Change::Fact(FactKind::Withdrawn),
            "change_draft" if self.rng.random_ratio(1, 3) => Change::Cancel { ending, reason: "test".to_owned() },
            _ => Change::Quantity { component, quantity, timing: None },
        };
        let effective = (name == "backdated" || self.rng.random_ratio(1, 6)).then(|| self.near(world));
        self.steps.push(format!("  {id} {effective:?} {asked:?}"));
        let mut loaded = change::load(unit, id).await?;
        // Few think better of it in time: some do on the same day.
        let before = match name {
            "withdraw" => Some(Change::Cancel { ending: Some(Ending::PeriodEnd), reason: "test".to_owned() }),
            "resume" => Some(Change::Fact(FactKind::Paused)),
            _ => None,
        };
        if let Some(before) = before
            && self.rng.random_ratio(1, 4)
        {
            let (on, key) = (effective.map(|day| day - Days::new(3)), format!("{}:before", self.key()));
            self.steps.push(format!("  before: {on:?} {before:?}"));
            change::change(unit, &world.seller, &mut loaded, before, on, &key).await?;
        }
        let key = self.key();
        change::change(unit, &world.seller, &mut loaded, asked, effective, &key).await?;
        self.bill(world, unit, &loaded.customer, id, name == "change_draft").await
    }

    async fn move_money(&mut self, unit: &mut Unit, name: &str) -> Result<(), BillingError> {
        let purse = Purse { customer_id: self.customer_id, currency: self.customer(unit).await?.currency };
        let told = match name {
            "pay" => purse.pay(unit, &mut self.rng).await?,
            "refund" => purse.refund(unit, &mut self.rng).await?,
            "allocate" => purse.allocate(unit, &mut self.rng).await?,
            _ => purse.release(unit, &mut self.rng).await?,
        };
        self.steps.push(format!("  {told}"));
        Ok(())
    }

    async fn take_back(&mut self, world: &World, unit: &mut Unit, name: &str) -> Result<(), BillingError> {
        let filter = invoice::Filter { customer_id: Some(self.customer_id), ..invoice::Filter::default() };
        let found = invoice::list(unit, world.seller.id, &filter, (i64::MAX, i64::MAX), 50).await?;
        let nothing = || BillingError::precondition("NOTHING", "test", "there is no invoice");
        let id = found.choose(&mut self.rng).ok_or_else(nothing)?.id;
        if name == "cancel_invoice" {
            let rebill = self.rng.random_ratio(1, 2);
            self.steps.push(format!("  {id} rebill {rebill}"));
            correct::cancel(unit, &world.seller, id, "test", rebill).await?;
            return Ok(());
        }
        let lines = invoice::lines(unit, world.seller.id, [id]).await?.remove(&id).unwrap_or_default();
        let line = lines.choose(&mut self.rng).ok_or_else(nothing)?;
        let amount = self.rng.random_range(1..=line.amount_minor.max(1));
        self.steps.push(format!("  {id} {} {amount}", line.id));
        correct::credit(unit, &world.seller, id, &[(line.id, amount)], "test").await?;
        Ok(())
    }
}
