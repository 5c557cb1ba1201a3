//! A hoster with panels in memory, for tests: each instance is one panel, shared by everything that is set up for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use billet_domain::document::Party;
use billet_domain::id::{InstanceId, PlanId, SubscriptionId};
use billet_domain::period::Cycle;
use billet_plugin::v1::{Account, ListAccountsRequest};
use billet_simulator::MEMORY;
use rust_decimal_macros::dec;
use serde_json::{Map, Value, json};

use crate::billing::catalog::plan::{NewPlan, create as create_plan};
use crate::billing::catalog::testing::content;
use crate::billing::customer::{NewCustomer, create_all};
use crate::billing::instance::{NewInstance, create as create_instance};
use crate::billing::instance_settings::{Changes, configure, described};
use crate::billing::provision::order::{NewService, order};
use crate::billing::provision::rules::set_plan_service;
use crate::billing::seller::found_operator;
use crate::billing::subscribe::{NewSubscription, subscribe};
use crate::billing::testing::{some_seller, start};
use crate::billing::{Billing, Clock, panel};
use crate::jobs::Provisioner;
use crate::plugins::Host;
use crate::plugins::seal::Keys;
use crate::store::customer::Customer;
use crate::store::instance::UnknownCustomer;
use crate::store::plan_service::{CreateWhen, PlanService};
use crate::store::seller::Seller;
use crate::store::service::{self, Service};
use crate::store::service_attempt::{self, Attempt};
use crate::store::{Store, Unit};

/// A hoster.
pub struct World {
    /// Everything.
    pub billing: Billing,
    /// The operator.
    pub seller: Seller,
    /// Somebody.
    pub customer: Customer,
    /// `small` at the group `web`.
    pub small: PlanId,
    /// `large` at the group `web`.
    pub large: PlanId,
}

/// A key for secrets.
pub fn keys() -> Keys {
    Keys::parse(&"11".repeat(32)).expect("a key")
}

impl World {
    /// Without instances.
    pub async fn new(store: &Store) -> Self {
        let billing =
            Billing::new(store.clone(), Clock::simulated(start())).with_plugins(Host::with(&[MEMORY], []), keys());
        let (seller, _) = found_operator(&billing, some_seller("Hosting GmbH"), "owner").await.expect("a seller");
        let mut unit = billing.begin(seller.id, "tok_1").await.expect("begins");
        let mut plans = Vec::new();
        for code in ["small", "large"] {
            let new = NewPlan {
                code: code.to_owned(),
                name: code.to_owned(),
                description: String::new(),
                addon: false,
                orderable: true,
            };
            let (plan, _) = create_plan(&mut unit, new, content(dec!(5))).await.expect("a plan");
            unit.flush().await.expect("written");
            let stands_for = PlanService {
                plan_id: plan.id,
                instance_group: "web".to_owned(),
                package: code.to_owned(),
                create_when: CreateWhen::Accepted,
                terminate_after_days: 0,
            };
            set_plan_service(&mut unit, stands_for).await.expect("set");
            plans.push(plan.id);
        }
        let party = Party {
            name: "Erika Beispiel".to_owned(),
            address_line: "Musterweg 1".to_owned(),
            post_code: "20095".to_owned(),
            city: "Hamburg".to_owned(),
            country: "DE".to_owned(),
            email: "erika@customer.example".to_owned(),
            ..Party::default()
        };
        let new = NewCustomer { party, ..NewCustomer::default() };
        let customer = create_all(&mut unit, vec![new]).await.expect("a customer").pop().expect("one");
        unit.commit().await.expect("commits");
        Self { billing, seller, customer, small: plans[0], large: plans[1] }
    }

    /// Begins a unit.
    pub async fn unit(&self) -> Unit {
        self.billing.begin(self.seller.id, "tok_1").await.expect("begins")
    }

    /// Another panel of the group `web`.
    pub async fn instance(&self, name: &str, changes: Changes) -> InstanceId {
        let mut unit = self.unit().await;
        let new = NewInstance {
            plugin: "memory".to_owned(),
            name: name.to_owned(),
            group: "web".to_owned(),
            url: String::new(),
            unknown_customer: UnknownCustomer::Park,
            enabled: true,
        };
        let instance = create_instance(&mut unit, new).await.expect("an instance");
        let plugin = described(&self.billing, "memory").await.expect("a plugin");
        let settings: Map<String, Value> = json!({}).as_object().cloned().expect("an object");
        let changes = Changes {
            settings: Some(changes.settings.clone().unwrap_or(settings)),
            secrets: BTreeMap::from([("token".to_owned(), "open-sesame".to_owned())]),
            ..changes
        };
        configure(&mut unit, &self.billing.keys, plugin, &instance, changes).await.expect("configured");
        unit.commit().await.expect("commits");
        instance.id
    }

    /// Orders an account.
    pub async fn order(&self, plan: PlanId, domain: &str) -> SubscriptionId {
        let mut unit = self.unit().await;
        let new = NewSubscription {
            customer_id: self.customer.id,
            plan_id: plan,
            version_id: None,
            currency: None,
            cycle: Cycle::MONTHLY,
            anchor_day: None,
            start_date: None,
            trial_days: 0,
            quantities: BTreeMap::new(),
            options: BTreeMap::new(),
            project_id: None,
            parent_id: None,
            label: String::new(),
            promotion_code: None,
            instance_id: None,
            external_ref: None,
        };
        let made = subscribe(&mut unit, &self.seller, &self.customer, new, &format!("key-{domain}")).await;
        let made = made.expect("subscribed");
        order(&mut unit, &made, plan, &NewService { domain: domain.to_owned() }).await.expect("ordered");
        unit.commit().await.expect("commits");
        made.id
    }

    /// Lets everything be done that is due, then stops.
    pub async fn provision(&self) {
        let running = Provisioner::new(self.billing.clone()).start();
        self.quiet().await;
        running.stop(std::time::Duration::from_secs(10)).await;
    }

    /// Waits until nothing is due and nothing at work.
    pub async fn quiet(&self) {
        for _ in 0..2_000 {
            let mut tx = self.billing.store.snapshot().await.expect("a snapshot");
            let (count,): (i64,) = tx
                .one(
                    "SELECT count(*) FROM services WHERE (due_at IS NOT NULL AND due_at <= $1) OR lease_owner IS NOT NULL \
                     OR (refresh_at IS NOT NULL AND refresh_at <= $1)",
                    crate::params![self.billing.now()],
                )
                .await
                .expect("counted");
            drop(tx);
            if count == 0 {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("it does not come to rest");
    }

    /// A service as it stands.
    pub async fn service(&self, id: SubscriptionId) -> Service {
        let mut tx = self.billing.store.snapshot().await.expect("a snapshot");
        service::get(&mut tx, self.seller.id, id).await.expect("read").expect("a service")
    }

    /// Its attempts, the oldest first.
    pub async fn attempts(&self, id: SubscriptionId) -> Vec<Attempt> {
        let mut tx = self.billing.store.snapshot().await.expect("a snapshot");
        let mut all = service_attempt::list(&mut tx, self.seller.id, id, i64::MAX, 100).await.expect("read");
        all.reverse();
        all
    }

    /// The accounts at a panel, by name.
    pub async fn accounts(&self, instance: InstanceId) -> BTreeMap<String, Account> {
        let request = ListAccountsRequest { page_size: 1_000, ..ListAccountsRequest::default() };
        let listed = panel::list_accounts(&self.billing, self.seller.id, instance, request).await.expect("connected");
        let accounts = listed.expect("listed").value.accounts;
        accounts.into_iter().map(|one| (one.r#ref.clone().unwrap_or_default().username, one)).collect()
    }

    /// The panel itself, to do what an administrator does.
    pub async fn panel(&self, instance: InstanceId) -> Arc<crate::plugins::Running> {
        panel::connect(&self.billing, self.seller.id, instance).await.expect("connected").expect("configured")
    }
}
