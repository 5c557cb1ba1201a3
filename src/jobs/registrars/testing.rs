//! A hoster with an account at a registry, for tests. The registry and the daemon have one time.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use billet_domain::document::Party;
use billet_domain::id::{InstanceId, SubscriptionId};
use billet_domain::provision::{Domain, Known};
use billet_plugin::v1::{Contact, ContactRole, DomainContact, GetAuthCodeRequest, Operation, RegisterDomainRequest};
use billet_plugin::{Configured, Registrar};
use billet_simulator::{EppOptions, EppRegistry};
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use rust_decimal_macros::dec;
use serde_json::{Map, Value, json};

use crate::billing::change::bill_changed;
use crate::billing::customer::{NewCustomer, create_all, locked};
use crate::billing::domain::order::{NewDomain, order};
use crate::billing::domain::price_list::{Action, PriceList, TldPrice, set};
use crate::billing::instance::{NewInstance, create as create_instance};
use crate::billing::instance_settings::{Changes, configure, described};
use crate::billing::seller::found_operator;
use crate::billing::testing::{some_seller, start};
use crate::billing::{Billing, BillingError, Clock};
use crate::jobs::handlers::{asker, worker};
use crate::jobs::{Provisioner, Registrars};
use crate::plugins::Host;
use crate::plugins::seal::Keys;
use crate::store::customer::Customer;
use crate::store::event;
use crate::store::instance::UnknownCustomer;
use crate::store::plan_service::CreateWhen;
use crate::store::seller::Seller;
use crate::store::service::{self, Service};
use crate::store::service_attempt;
use crate::store::{Store, Unit};

/// A hoster.
pub struct World {
    /// The registry.
    pub registry: EppRegistry,
    /// Everything.
    pub billing: Billing,
    /// The operator.
    pub seller: Seller,
    /// Somebody.
    pub customer: Customer,
    /// The account at the registry.
    pub instance: InstanceId,
}

/// An instant.
pub fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant")
}

fn price(action: Action, years: u32, price: Decimal) -> TldPrice {
    TldPrice { action, years, price }
}

/// `.example`: 5 euros for the first year, 12 for each further one.
pub fn price_list(create_when: CreateWhen) -> PriceList {
    PriceList {
        tld: "example".to_owned(),
        currency: None,
        prices: vec![
            price(Action::Register, 1, dec!(5)),
            price(Action::Renew, 1, dec!(12)),
            price(Action::Renew, 2, dec!(22)),
            price(Action::Transfer, 1, dec!(10)),
            price(Action::Restore, 1, dec!(60)),
        ],
        tax_inclusive: false,
        tax_class: String::new(),
        instance_group: "registry".to_owned(),
        create_when,
        transfer_years: 1,
        invoice_before_days: 30,
        renew_before_days: 10,
        name_servers: vec!["ns1.host.test".to_owned(), "ns2.host.test".to_owned()],
    }
}

impl World {
    /// With a price list for `.example`.
    pub async fn new(store: &Store, options: EppOptions, create_when: CreateWhen) -> Self {
        let registry = EppRegistry::start(options).await.expect("loopback has ports");
        registry.set_now(start());
        let keys = Keys::parse(&"11".repeat(32)).expect("a key");
        let billing = Billing::new(store.clone(), Clock::simulated(start()))
            .with_plugins(Host::with(&[billet_epp::PLUGIN], []), keys);
        let (seller, _) = found_operator(&billing, some_seller("Hosting GmbH"), "owner").await.expect("a seller");
        let mut unit = billing.begin(seller.id, "tok_1").await.expect("begins");
        let party = Party {
            name: "Erika Beispiel".to_owned(),
            address_line: "Musterweg 1".to_owned(),
            post_code: "20095".to_owned(),
            city: "Hamburg".to_owned(),
            country: "DE".to_owned(),
            email: "erika@customer.example".to_owned(),
            phone: "+49 40 123456".to_owned(),
            ..Party::default()
        };
        let new = NewCustomer { party, ..NewCustomer::default() };
        let customer = create_all(&mut unit, vec![new]).await.expect("a customer").pop().expect("one");
        unit.flush().await.expect("written");
        let new = NewInstance {
            plugin: "epp".to_owned(),
            name: "registry".to_owned(),
            group: "registry".to_owned(),
            url: String::new(),
            unknown_customer: UnknownCustomer::Park,
            enabled: true,
        };
        let instance = create_instance(&mut unit, new).await.expect("an instance");
        let plugin = described(&billing, "epp").await.expect("a plugin");
        let values = settings(&registry, "first-reg");
        let changes = Changes {
            settings: Some(values),
            secrets: BTreeMap::from([("password".to_owned(), "First-pw-1".to_owned())]),
            ..Changes::default()
        };
        configure(&mut unit, &billing.keys, plugin, &instance, changes).await.expect("configured");
        set(&mut unit, price_list(create_when)).await.expect("a price list");
        unit.commit().await.expect("commits");
        Self { registry, billing, seller, customer, instance: instance.id }
    }

    /// Begins a unit.
    pub async fn unit(&self) -> Unit {
        self.billing.begin(self.seller.id, "tok_1").await.expect("begins")
    }

    /// Another registrar at the registry.
    pub fn other(&self) -> Arc<dyn Registrar> {
        let secrets = BTreeMap::from([("password".to_owned(), "Second-pw-2".to_owned())]);
        let values = settings(&self.registry, "second-reg");
        let settings = billet_plugin::Settings { instance: "ins_2".to_owned(), values, secrets };
        match (billet_epp::PLUGIN.configure)(&settings).expect("good settings") {
            Configured::Registrar(registrar) => registrar,
            other => panic!("a {other:?}"),
        }
    }

    /// A domain at the other registrar; answers its code for a transfer.
    pub async fn elsewhere(&self, other: &Arc<dyn Registrar>, name: &str) -> String {
        let contact = Contact {
            name: "Ann Example".to_owned(),
            street: vec!["1 Long Street".to_owned()],
            city: "Porttown".to_owned(),
            post_code: "00-100".to_owned(),
            country_code: "PL".to_owned(),
            email: "ann@person.example".to_owned(),
            ..Contact::default()
        };
        let request = RegisterDomainRequest {
            operation: self.operation(&format!("other-{name}")),
            name: name.to_owned(),
            years: 1,
            contacts: vec![DomainContact {
                role: ContactRole::Registrant.into(),
                handle: String::new(),
                contact: Some(contact),
            }],
            ..RegisterDomainRequest::default()
        };
        other.register_domain(request).await.expect("free");
        self.code(other, name).await
    }

    /// The code for a transfer, as a registrar tells it.
    pub async fn code(&self, registrar: &Arc<dyn Registrar>, name: &str) -> String {
        registrar.get_auth_code(GetAuthCodeRequest { name: name.to_owned() }).await.expect("told").value.auth_code
    }

    /// A first attempt at something that is not Billet's.
    pub fn operation(&self, id: &str) -> Option<Operation> {
        let at = self.billing.now();
        Some(Operation {
            id: id.replace('.', "-"),
            attempt: 1,
            first_attempt_at: Some(prost_types::Timestamp { seconds: at.timestamp(), nanos: 0 }),
            time_left: Some(prost_types::Duration { seconds: 10, nanos: 0 }),
        })
    }

    /// Orders a domain and bills its first period.
    pub async fn order(&self, name: &str, auth_code: Option<String>) -> Result<SubscriptionId, BillingError> {
        let mut unit = self.unit().await;
        let customer = locked(&mut unit, self.customer.id).await.expect("a customer");
        let new = NewDomain {
            name: name.to_owned(),
            customer_id: customer.id,
            years: 1,
            auth_code,
            name_servers: Vec::new(),
            locked: None,
            promotion_code: None,
        };
        let key = format!("key-{name}-{}", unit.now.timestamp());
        let made = order(&mut unit, &self.billing.keys, &self.seller, &customer, new, &key).await?;
        let outcome = bill_changed(&mut unit, &self.seller, &customer, [made.id]).await?;
        assert!(outcome.failures.is_empty(), "{:?}", outcome.failures);
        unit.commit().await?;
        Ok(made.id)
    }

    /// Moves the time of registry and daemon, and lets everything be done that is due.
    pub async fn advance(&self, instant: &str) {
        self.registry.set_now(at(instant));
        self.billing.clock.advance(at(instant)).expect("ahead");
        self.settle().await;
    }

    /// Lets everything be done that is due: by jobs, at the registry, and what follows from that.
    pub async fn settle(&self) {
        let registrars = Registrars::new(self.billing.clone());
        registrars.look(&mut HashMap::new()).await.expect("looked");
        let (work, steps) = (worker(self.billing.clone(), 2).start(), Provisioner::new(self.billing.clone()).start());
        let asking = asker(self.billing.clone(), 2).start();
        self.quiet().await;
        steps.stop(Duration::from_secs(10)).await;
        work.stop(Duration::from_secs(10)).await;
        asking.stop(Duration::from_secs(10)).await;
    }

    async fn quiet(&self) {
        let text = "SELECT (SELECT count(*) FROM services WHERE (due_at IS NOT NULL AND due_at <= $1) OR lease_owner IS NOT NULL \
                    OR (refresh_at IS NOT NULL AND refresh_at <= $1)) + (SELECT count(*) FROM jobs WHERE state <> 'dead' AND run_at <= $1)";
        let mut still = 0;
        for _ in 0..2_000 {
            let mut tx = self.billing.store.snapshot().await.expect("a snapshot");
            let (count,): (i64,) = tx.one(text, crate::params![self.billing.now()]).await.expect("counted");
            drop(tx);
            // A job that ends may leave something to do.
            still = if count == 0 { still + 1 } else { 0 };
            if still == 3 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("it does not come to rest");
    }

    /// A service as it stands.
    pub async fn service(&self, id: SubscriptionId) -> Service {
        let mut tx = self.billing.store.snapshot().await.expect("a snapshot");
        service::get(&mut tx, self.seller.id, id).await.expect("read").expect("a service")
    }

    /// A domain as it is known.
    pub async fn known(&self, id: SubscriptionId) -> Domain {
        match self.service(id).await.known {
            Known::Domain(known) => known,
            Known::Account(known) => panic!("no domain: {known:?}"),
        }
    }

    /// The steps of a service that changed something, the oldest first.
    pub async fn steps(&self, id: SubscriptionId) -> Vec<&'static str> {
        let mut tx = self.billing.store.snapshot().await.expect("a snapshot");
        let mut all = service_attempt::list(&mut tx, self.seller.id, id, i64::MAX, 1_000).await.expect("read");
        all.reverse();
        all.into_iter().map(|one| one.step.as_str()).filter(|step| *step != "look").collect()
    }

    /// The net amounts of all documents, in cents, oldest first.
    pub async fn invoiced(&self) -> Vec<i64> {
        let mut tx = self.billing.store.snapshot().await.expect("a snapshot");
        let text = "SELECT net_minor FROM invoices WHERE seller_id = $1 AND number IS NOT NULL ORDER BY number";
        let found: Vec<(i64,)> = tx.all(text, crate::params![self.seller.id]).await.expect("read");
        found.into_iter().map(|(net,)| net).collect()
    }

    /// How many events of a kind there are.
    pub async fn events(&self, kind: &str) -> usize {
        let mut tx = self.billing.store.snapshot().await.expect("a snapshot");
        let all = event::after(&mut tx, self.seller.id, 0, 10_000).await.expect("read");
        all.iter().filter(|event| event.kind == kind).count()
    }
}

fn settings(registry: &EppRegistry, client_id: &str) -> Map<String, Value> {
    let values = json!({
        "url": registry.url(), "client_id": client_id, "ca_pem": registry.ca_pem(), "timeout_s": 5,
    });
    values.as_object().cloned().expect("an object")
}
