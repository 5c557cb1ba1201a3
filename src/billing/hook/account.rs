//! One account at a panel: the subscriptions that it was and is, and what its hooks do to them. Hooks are applied in
//! the order in which they happened; one that makes no sense (yet) waits with its reason.

use std::collections::BTreeMap;

use billet_domain::document::Party;
use billet_domain::hook::{Change, Hook};
use billet_domain::id::{CustomerId, InstanceId, PlanId};
use billet_domain::money::Currency;
use billet_domain::owed::ends_on;
use billet_domain::period::{Cycle, CycleUnit, Period};
use billet_domain::plan::{Charging, TermsBook};
use billet_domain::timeline::{Ending, Fact, FactKind, Timeline};
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::billing::BillingError;
use crate::billing::customer::{NewCustomer, create};
use crate::billing::subscribe::{Opening, book_of, chosen_quantities, open};
use crate::store::Unit;
use crate::store::customer::Customer;
use crate::store::hook::{HookState, StoredHook};
use crate::store::instance::{Instance, UnknownCustomer};
use crate::store::link::{self, Link, LinkKind};
use crate::store::mapping::Mapping;
use crate::store::plan::{Plan, Version};
use crate::store::seller::Seller;
use crate::store::subscription::{ServiceState, Subscription};
use crate::store::usage::Record;

/// How long ago something may have happened, in days. What is older comes from a clock that was wrong, and would bill years.
const AGE_DAYS_MAX: i64 = 400;
/// How far ahead something may be said to have happened, in hours: clocks differ, and zones are mistaken.
const AHEAD_HOURS_MAX: i64 = 24;
/// How far the panel's word of a removal may be from Billet's own.
const ECHO_MINUTES_MAX: i64 = 60;
/// How often an account's hooks are gone through: a hook may make room for one that happened at the same instant.
const PASSES_MAX: usize = 4;

/// What packages stand for and who accounts belong to.
pub struct Catalogue {
    pub instances: BTreeMap<InstanceId, Instance>,
    pub mappings: BTreeMap<(InstanceId, String), Mapping>,
    /// With the versions that were the newest when one of the hooks happened, or later, the oldest first.
    pub plans: BTreeMap<PlanId, Vec<(Plan, Version)>>,
    pub links: BTreeMap<(InstanceId, LinkKind, String), CustomerId>,
}

/// A subscription that the account is or was, with what is new about it.
pub struct Live {
    pub subscription: Subscription,
    pub timeline: Timeline,
    pub book: TermsBook,
    pub is_new: bool,
    pub facts: Vec<Fact>,
    pub usage: Vec<Record>,
    pub touched: bool,
}

impl Live {
    fn covers(&self, at: DateTime<Utc>) -> bool {
        self.subscription.started_at <= at && self.subscription.ended_at.is_none_or(|ended| at <= ended)
    }

    /// The cycle it began with: what a package change keeps where the new plan is offered in it.
    fn first_cycle(&self) -> Option<Cycle> {
        self.timeline.terms_needed().next().map(|(_, cycle)| cycle)
    }

    fn record(&mut self, fact: Fact, today: chrono::NaiveDate) {
        self.timeline = self.timeline.with(fact.clone());
        self.facts.push(fact);
        self.touch(today);
    }

    fn touch(&mut self, today: chrono::NaiveDate) {
        if !self.touched {
            self.touched = true;
            if !self.is_new {
                self.subscription.touched(today);
            }
        }
    }

    fn panel_says(&mut self, state: ServiceState, at: DateTime<Utc>, today: chrono::NaiveDate) {
        if at >= self.subscription.service_changed_at {
            self.subscription.service_state = state;
            self.subscription.service_changed_at = at;
            self.touch(today);
        }
    }
}

/// An account.
pub struct Account {
    instance_id: InstanceId,
    name: String,
    pub lives: Vec<Live>,
    /// All its hooks that are new or waited, each with its fate after [`Account::apply`].
    pub pending: Vec<StoredHook>,
    /// What was applied before and happened after an end that is only told now.
    applied: Vec<StoredHook>,
}

/// Why a hook waits.
struct Parked {
    reason: &'static str,
    detail: String,
    package: String,
}

fn parked(reason: &'static str, detail: impl Into<String>) -> Parked {
    Parked { reason, detail: detail.into(), package: String::new() }
}

/// What became of a hook.
enum Fate {
    Applied(usize),
    Noted,
    Parked(Parked),
}

type Fated = Result<Fate, Parked>;

impl Account {
    pub fn new(
        instance_id: InstanceId,
        name: String,
        lives: Vec<Live>,
        mut pending: Vec<StoredHook>,
        applied: Vec<StoredHook>,
    ) -> Self {
        pending.sort_by(|a, b| {
            (a.happened_at, rank(&a.event.change), &a.event_id).cmp(&(
                b.happened_at,
                rank(&b.event.change),
                &b.event_id,
            ))
        });
        Self { instance_id, name, lives, pending, applied }
    }

    /// Applies the hooks in the order in which they happened.
    ///
    /// # Errors
    /// [`BillingError`] of the database; what is wrong with a hook makes it wait.
    pub async fn apply(
        &mut self,
        unit: &mut Unit,
        seller: &Seller,
        catalogue: &Catalogue,
        customers: &mut BTreeMap<CustomerId, Customer>,
    ) -> Result<(), BillingError> {
        for index in 0..self.pending.len() {
            self.pending[index].attempt_count += 1;
        }
        for _ in 0..PASSES_MAX {
            let mut moved = false;
            for index in 0..self.pending.len() {
                if self.pending[index].state != HookState::Parked {
                    continue;
                }
                let fate = self.fate(index, unit, seller, catalogue, customers).await?;
                moved |= !matches!(fate, Fate::Parked(_));
                self.settle(index, fate);
            }
            if !moved {
                break;
            }
        }
        for live in self.lives.iter_mut().filter(|live| live.touched || live.is_new) {
            live.subscription.ends_on = ends_on(&live.timeline, &live.book)?;
        }
        Ok(())
    }

    fn settle(&mut self, index: usize, fate: Fate) {
        let hook = &mut self.pending[index];
        (hook.reason, hook.detail, hook.package) = Default::default();
        match fate {
            Fate::Applied(live) => {
                hook.state = HookState::Applied;
                hook.subscription_id = self.lives.get(live).map(|live| live.subscription.id);
            }
            Fate::Noted => hook.state = HookState::Noted,
            Fate::Parked(why) => {
                hook.state = HookState::Parked;
                hook.reason = why.reason.to_owned();
                hook.detail = why.detail;
                hook.package = why.package;
            }
        }
    }

    async fn fate(
        &mut self,
        index: usize,
        unit: &mut Unit,
        seller: &Seller,
        catalogue: &Catalogue,
        customers: &mut BTreeMap<CustomerId, Customer>,
    ) -> Result<Fate, BillingError> {
        let hook = self.pending[index].event.clone();
        if catalogue.instances.get(&self.instance_id).is_none_or(|instance| !instance.enabled) {
            return Ok(Fate::Parked(parked("INSTANCE_DISABLED", "the instance is switched off")));
        }
        if let Change::Unclear { code, reason, facts } = &hook.change {
            let detail = format!("{code}: {reason}; known of it: {facts}");
            return Ok(Fate::Parked(parked("UNCLEAR_REPORT", detail)));
        }
        let age = unit.now - hook.happened_at;
        if age > chrono::TimeDelta::days(AGE_DAYS_MAX) {
            let detail =
                format!("it is said to have happened {} days ago: is the panel's clock wrong?", age.num_days());
            return Ok(Fate::Parked(parked("LONG_AGO", detail)));
        }
        if age < chrono::TimeDelta::hours(-AHEAD_HOURS_MAX) {
            let detail = format!(
                "it is said to happen in {} hours: is the panel's clock wrong?",
                age.num_hours().saturating_neg()
            );
            return Ok(Fate::Parked(parked("AHEAD_OF_TIME", detail)));
        }
        if self.removed_here(&hook) {
            return Ok(Fate::Noted);
        }
        let fated = match begin(&hook.change) {
            Some(beginning) => self.begin(index, &hook, beginning, unit, seller, catalogue, customers).await?,
            None => self.go_on(&hook, seller, catalogue, unit.now),
        };
        Ok(fated.unwrap_or_else(Fate::Parked))
    }

    /// Whether the panel tells that an account was removed which Billet removed itself a moment ago. It tells so once: another
    /// removal is about another account of the name.
    fn removed_here(&mut self, hook: &Hook) -> bool {
        if !matches!(hook.change, Change::AccountTerminated) {
            return false;
        }
        let echo = chrono::TimeDelta::minutes(ECHO_MINUTES_MAX);
        let ours = self.lives.iter_mut().rev().find(|live| {
            live.subscription.service_state == ServiceState::Removed
                && live
                    .subscription
                    .ended_at
                    .is_some_and(|ended_at| (ended_at - echo..ended_at + echo).contains(&hook.happened_at))
        });
        ours.is_some_and(|live| {
            live.subscription.service_state = ServiceState::Terminated;
            live.touched = true;
            true
        })
    }

    /// A hook that begins an account.
    #[expect(clippy::too_many_arguments, reason = "everything a new subscription needs")]
    async fn begin(
        &mut self,
        index: usize,
        hook: &Hook,
        beginning: Beginning<'_>,
        unit: &mut Unit,
        seller: &Seller,
        catalogue: &Catalogue,
        customers: &mut BTreeMap<CustomerId, Customer>,
    ) -> Result<Fated, BillingError> {
        let at = hook.happened_at;
        let today = seller.today(unit.now);
        if let Some(live) = self.lives.iter().position(|live| live.covers(at)) {
            // Ordered here before it was made there: the panel now says that it runs.
            if self.lives[live].subscription.service_state == ServiceState::Unknown {
                self.lives[live].panel_says(ServiceState::Active, at, today);
                return Ok(Ok(Fate::Applied(live)));
            }
            let since = self.lives[live].subscription.started_on;
            return Ok(Err(parked("ACCOUNT_EXISTS", format!("`{}` is a running account since {since}", self.name))));
        }
        if let Some(why) = self.collides_with_later(index, at) {
            return Ok(Err(why));
        }
        let (mapping, plan, version) = match self.mapped(&hook.external_ref, beginning.package, at, catalogue) {
            Ok(found) => found,
            Err(why) => return Ok(Err(why)),
        };
        let customer = match self.customer(&beginning, unit, catalogue, customers).await? {
            Ok(customer) => customer,
            Err(why) => return Ok(Err(why)),
        };
        let currency = mapping.currency.unwrap_or(customer.currency);
        let cycle = beginning.years.map_or(mapping.cycle, |count| Cycle { unit: CycleUnit::Year, count });
        let book = match book_of(plan, version, currency, cycle) {
            Ok(book) => book,
            Err(error) => return Ok(Err(refused(&error, beginning.package))),
        };
        let quantities = match chosen_quantities(version, &book, &BTreeMap::new(), &mapping.quantities) {
            Ok(quantities) => quantities,
            Err(error) => return Ok(Err(refused(&error, beginning.package))),
        };
        let on = seller.date_of(at);
        let subscription = open(
            unit,
            today,
            Opening {
                customer_id: customer.id,
                project_id: None,
                parent_id: None,
                currency,
                tax_inclusive: version.content.tax_inclusive,
                label: if beginning.label.is_empty() { self.name.clone() } else { beginning.label.to_owned() },
                account: Some((self.instance_id, self.name.clone())),
                service_state: ServiceState::Active,
                started_on: on,
                started_at: at,
            },
        )?;
        let package = Some(beginning.package.to_owned()).filter(|package| !package.is_empty());
        let (version_id, anchor_day, trial_until) = (version.id, None, None);
        let kind = FactKind::Started { version_id, cycle, anchor_day, trial_until, quantities, package };
        let mut live = Live {
            subscription,
            timeline: Timeline::default(),
            book,
            is_new: true,
            facts: Vec::new(),
            usage: Vec::new(),
            touched: false,
        };
        live.record(fact(hook, on, kind), today);
        self.lives.push(live);
        Ok(Ok(Fate::Applied(self.lives.len() - 1)))
    }

    /// An account of the same name that began later is known: this one must have ended before, and the hook that says
    /// so must be here too.
    fn collides_with_later(&self, index: usize, at: DateTime<Utc>) -> Option<Parked> {
        let later = self.lives.iter().map(|live| live.subscription.started_at).filter(|start| *start > at).min()?;
        let ended = self.pending.iter().enumerate().any(|(other, hook)| {
            other != index
                && hook.state == HookState::Parked
                && ends(&hook.event.change)
                && hook.happened_at >= at
                && hook.happened_at <= later
        });
        let detail =
            || format!("an account `{}` that began on {later} is known; when this one ended is not", self.name);
        (!ended).then(|| parked("ACCOUNT_EXISTS", detail()))
    }

    /// A hook about an account that has begun.
    fn go_on(&mut self, hook: &Hook, seller: &Seller, catalogue: &Catalogue, now: DateTime<Utc>) -> Fated {
        let at = hook.happened_at;
        let today = seller.today(now);
        let on = seller.date_of(at);
        let index = self.running(hook, seller)?;
        match &hook.change {
            Change::AccountSuspended { .. } => {
                self.lives[index].panel_says(ServiceState::Suspended, at, today);
                self.lives[index].record(fact(hook, on, FactKind::Suspended), today);
            }
            Change::AccountUnsuspended => {
                self.lives[index].panel_says(ServiceState::Active, at, today);
                self.lives[index].record(fact(hook, on, FactKind::Unsuspended), today);
            }
            Change::AccountTerminated | Change::DomainTransferredOut | Change::DomainExpired => {
                let ending = match hook.change {
                    // What was paid to a registry does not come back.
                    Change::DomainTransferredOut | Change::DomainExpired => Some(Ending::AtOnceNoRefund),
                    _ => None,
                };
                self.wait_again(index, at, on);
                let live = &mut self.lives[index];
                // Whatever was said later was not about this life.
                live.subscription.service_state = ServiceState::Terminated;
                live.subscription.service_changed_at = at;
                live.subscription.ended_at = Some(at);
                live.record(fact(hook, on, FactKind::Cancelled { ending }), today);
            }
            Change::PackageChanged { from_package, to_package } => {
                if from_package == to_package {
                    return Ok(Fate::Noted);
                }
                self.change_package(index, hook, to_package, on, today, catalogue)?;
            }
            Change::QuantityChanged { component, quantity } => {
                let known = |terms: &billet_domain::plan::Terms| terms.component(component).is_some();
                if !self.lives[index].book.values().any(known) {
                    return Err(parked(
                        "UNKNOWN_COMPONENT",
                        format!("no plan of this account has a component `{component}`"),
                    ));
                }
                let kind =
                    FactKind::QuantityChanged { component: component.clone(), quantity: *quantity, timing: None };
                self.lives[index].record(fact(hook, on, kind), today);
            }
            Change::UsageReported { metric, quantity, from, to } => {
                self.use_up(index, hook, metric, *quantity, Period::new(*from, *to), today)?;
            }
            // Renewal is billed by the contract's own cycle.
            Change::DomainRenewed { .. } => return Ok(Fate::Noted),
            Change::AccountCreated { .. }
            | Change::ResellerCreated { .. }
            | Change::DomainRegistered { .. }
            | Change::DomainTransferredIn { .. }
            | Change::Unclear { .. } => return Ok(Fate::Noted),
        }
        Ok(Fate::Applied(index))
    }

    /// A life turns out to have ended earlier than was known: what happened later was about the next one, and waits for
    /// it. Its facts stay behind the end of this life, where they count for nothing.
    fn wait_again(&mut self, index: usize, ended_at: DateTime<Utc>, ended_on: chrono::NaiveDate) {
        let id = self.lives[index].subscription.id;
        let moves = |hook: &StoredHook| {
            let late_usage = matches!(&hook.event.change, Change::UsageReported { from, .. } if *from <= ended_on);
            hook.subscription_id == Some(id) && hook.happened_at > ended_at && !late_usage
        };
        let (again, applied) = std::mem::take(&mut self.applied).into_iter().partition(|hook| moves(hook));
        self.applied = applied;
        self.pending.extend::<Vec<StoredHook>>(again);
        for hook in self.pending.iter_mut().filter(|hook| hook.state == HookState::Applied && moves(hook)) {
            hook.state = HookState::Parked;
            hook.subscription_id = None;
            hook.invoices.clear();
        }
    }

    /// The subscription that the account was at the hook's instant. Usage may be told after the end.
    fn running(&self, hook: &Hook, seller: &Seller) -> Result<usize, Parked> {
        let at = hook.happened_at;
        if let Some(index) = self.lives.iter().rposition(|live| live.covers(at)) {
            return Ok(index);
        }
        if let Change::UsageReported { from, .. } = &hook.change
            && let Some(index) = self.lives.iter().rposition(|live| {
                live.subscription.started_on <= *from
                    && live.subscription.ended_at.is_none_or(|ended| *from <= seller.date_of(ended))
            })
        {
            return Ok(index);
        }
        if self.lives.iter().any(|live| live.subscription.started_at <= at) {
            return Err(parked("ACCOUNT_ENDED", format!("`{}` had been terminated by then", self.name)));
        }
        Err(parked("UNKNOWN_ACCOUNT", format!("no account `{}` is known at that time", self.name)))
    }

    fn change_package(
        &mut self,
        index: usize,
        hook: &Hook,
        package: &str,
        on: chrono::NaiveDate,
        today: chrono::NaiveDate,
        catalogue: &Catalogue,
    ) -> Result<(), Parked> {
        let (mapping, plan, version) = self.mapped(&hook.external_ref, package, hook.happened_at, catalogue)?;
        let live = &mut self.lives[index];
        if version.content.tax_inclusive != live.subscription.tax_inclusive {
            return Err(Parked {
                reason: "TAX_BASIS_DIFFERS",
                detail: format!(
                    "`{}` has net prices and the account's plan gross ones, or the other way round",
                    plan.code
                ),
                package: package.to_owned(),
            });
        }
        let currency: Currency = live.subscription.currency;
        let first = live.first_cycle().unwrap_or(mapping.cycle);
        let (cycle, book) = match book_of(plan, version, currency, first) {
            Ok(book) => (first, book),
            Err(_) => {
                let book = book_of(plan, version, currency, mapping.cycle).map_err(|error| refused(&error, package))?;
                (mapping.cycle, book)
            }
        };
        let quantities = chosen_quantities(version, &book, &BTreeMap::new(), &mapping.quantities)
            .map_err(|error| refused(&error, package))?;
        live.book.extend(book);
        let kind = FactKind::PackageReported { package: package.to_owned(), version_id: version.id, cycle, quantities };
        live.record(fact(hook, on, kind), today);
        Ok(())
    }

    fn use_up(
        &mut self,
        index: usize,
        hook: &Hook,
        metric: &str,
        quantity: Decimal,
        period: Period,
        today: chrono::NaiveDate,
    ) -> Result<(), Parked> {
        let live = &mut self.lives[index];
        let counted = live.book.values().flat_map(|terms| &terms.components).any(
            |component| matches!(&component.charging, Charging::Usage { metric: counted, .. } if counted == metric),
        );
        if !counted {
            return Err(parked("UNKNOWN_METRIC", format!("no plan of this account counts `{metric}`")));
        }
        live.usage.push(Record {
            subscription_id: live.subscription.id,
            key: format!("hook:{}", hook.event_id),
            metric: metric.to_owned(),
            period,
            quantity,
        });
        live.touch(today);
        Ok(())
    }

    fn mapped<'a>(
        &self,
        external_ref: &str,
        package: &str,
        at: DateTime<Utc>,
        catalogue: &'a Catalogue,
    ) -> Result<(&'a Mapping, &'a Plan, &'a Version), Parked> {
        let found = candidates(external_ref, package)
            .into_iter()
            .find_map(|package| catalogue.mappings.get(&(self.instance_id, package)))
            .and_then(|mapping| {
                // Of the time when it happened: a report that was delayed costs what it would have cost.
                let versions = catalogue.plans.get(&mapping.plan_id)?;
                let in_force = versions.iter().rev().find(|(_, version)| version.created_at <= at);
                in_force.or_else(|| versions.first()).map(|(plan, version)| (mapping, plan, version))
            });
        found.ok_or_else(|| {
            let package = candidates(external_ref, package).pop().unwrap_or_default();
            let detail = if package.is_empty() {
                "the report names no package: report by hand what happened, with the package, and dismiss this"
                    .to_owned()
            } else {
                format!("no plan is set for the package `{package}` of this instance")
            };
            Parked { reason: "UNKNOWN_PACKAGE", detail, package }
        })
    }

    async fn customer(
        &self,
        beginning: &Beginning<'_>,
        unit: &mut Unit,
        catalogue: &Catalogue,
        customers: &mut BTreeMap<CustomerId, Customer>,
    ) -> Result<Result<Customer, Parked>, BillingError> {
        let email = beginning.email.to_lowercase();
        let named = [
            (LinkKind::ExternalRef, self.name.clone()),
            (LinkKind::Owner, beginning.owner.to_owned()),
            (LinkKind::Email, email.clone()),
        ];
        let linked = named
            .into_iter()
            .find_map(|(kind, value)| catalogue.links.get(&(self.instance_id, kind, value)))
            .and_then(|id| customers.get(id));
        if let Some(customer) = linked {
            return Ok(Ok(customer.clone()));
        }
        // One that was made for another account of this set.
        if !email.is_empty()
            && let Some(customer) = customers
                .values()
                .find(|customer| customer.created_at == unit.now && customer.party.email.to_lowercase() == email)
        {
            return Ok(Ok(customer.clone()));
        }
        let policy = catalogue.instances.get(&self.instance_id).map(|instance| instance.unknown_customer);
        if policy != Some(UnknownCustomer::Create) {
            let detail =
                format!("nobody is linked to the account, its owner `{}` or its contact address", beginning.owner);
            return Ok(Err(parked("UNKNOWN_CUSTOMER", detail)));
        }
        let name = [beginning.label, beginning.email, &self.name].into_iter().find(|name| !name.is_empty());
        let party = Party {
            name: name.unwrap_or_default().chars().take(200).collect(),
            email: beginning.email.to_owned(),
            ..Party::default()
        };
        let customer = create(unit, NewCustomer { party, ..NewCustomer::default() }).await?;
        let (kind, value) =
            if email.is_empty() { (LinkKind::ExternalRef, self.name.clone()) } else { (LinkKind::Email, email) };
        let link = Link { instance_id: self.instance_id, kind, value, customer_id: customer.id };
        link::insert(unit, &link).await?;
        customers.insert(customer.id, customer.clone());
        Ok(Ok(customer))
    }
}

/// At one instant beginnings come before changes and ends.
fn rank(change: &Change) -> u8 {
    match change {
        _ if begin(change).is_some() => 0,
        change if ends(change) => 2,
        _ => 1,
    }
}

/// Whether a change ends an account.
pub fn ends(change: &Change) -> bool {
    matches!(change, Change::AccountTerminated | Change::DomainTransferredOut | Change::DomainExpired)
}

fn fact(hook: &Hook, on: chrono::NaiveDate, kind: FactKind) -> Fact {
    Fact { on, at_us: hook.happened_at.timestamp_micros(), key: format!("hook:{}", hook.event_id), kind }
}

fn refused(error: &BillingError, package: &str) -> Parked {
    Parked { reason: error.reason(), detail: error.to_string(), package: package.to_owned() }
}

/// What a hook says about a new account.
struct Beginning<'a> {
    package: &'a str,
    label: &'a str,
    owner: &'a str,
    email: &'a str,
    years: Option<u32>,
}

fn begin(change: &Change) -> Option<Beginning<'_>> {
    match change {
        Change::AccountCreated { package, domain, contact_email, owner } => {
            Some(Beginning { package, label: domain, owner, email: contact_email, years: None })
        }
        Change::ResellerCreated { package, contact_email } => {
            Some(Beginning { package, label: "", owner: "", email: contact_email, years: None })
        }
        Change::DomainRegistered { years, contact_email } => {
            Some(Beginning { package: "", label: "", owner: "", email: contact_email, years: Some((*years).max(1)) })
        }
        Change::DomainTransferredIn { years, contact_email } => {
            Some(Beginning { package: "", label: "", owner: "", email: contact_email, years: Some((*years).max(1)) })
        }
        _ => None,
    }
}

/// The owner and the contact address that a beginning names.
pub fn owner_and_email(change: &Change) -> Option<(&str, &str)> {
    begin(change).map(|beginning| (beginning.owner, beginning.email))
}

/// The packages that a hook may stand for, the most exact first: for domains every suffix (`.co.uk`, then `.uk`).
pub fn packages(hook: &Hook) -> Vec<String> {
    match &hook.change {
        Change::PackageChanged { to_package, .. } => vec![to_package.clone()],
        change => begin(change).map(|beginning| candidates(&hook.external_ref, beginning.package)).unwrap_or_default(),
    }
}

fn candidates(external_ref: &str, package: &str) -> Vec<String> {
    if !package.is_empty() {
        return vec![package.to_owned()];
    }
    external_ref.match_indices('.').map(|(index, _)| external_ref[index..].to_lowercase()).collect()
}
