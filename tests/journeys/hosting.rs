//! Simulated panels that Billet works with: each an instance of the group `web`, with the packages `small` and `large`.

use std::collections::BTreeMap;

use billet::proto::billet::v1 as pb;
use billet_simulator::{DirectAdmin, DirectAdminOptions, Plesk, PleskOptions, Whm, WhmOptions};
use prost_types::value::Kind;
use prost_types::{FieldMask, Struct, Value};

use crate::harness::Billet;

/// A value of a setting.
pub enum Setting<'a> {
    /// Text.
    Text(&'a str),
    /// A number.
    Number(f64),
}

#[allow(dead_code)]
impl Billet {
    /// An instance that can be worked with; answers its id.
    pub async fn instance(
        &self,
        plugin: &str,
        name: &str,
        settings: &[(&str, Setting<'_>)],
        secret: (&str, &str),
        creates_max: Option<u32>,
    ) -> String {
        let request = pb::CreateInstanceRequest {
            request_id: self.request_id(),
            instance: Some(pb::Instance {
                plugin: plugin.to_owned(),
                name: name.to_owned(),
                group: "web".to_owned(),
                enabled: true,
                ..Default::default()
            }),
        };
        let made = self.owner.instances().create_instance(request).await.expect("an instance").into_inner();
        let id = made.instance.expect("an instance").id;
        let fields = settings
            .iter()
            .map(|(name, value)| {
                let kind = match value {
                    Setting::Text(text) => Kind::StringValue((*text).to_owned()),
                    Setting::Number(number) => Kind::NumberValue(*number),
                };
                ((*name).to_owned(), Value { kind: Some(kind) })
            })
            .collect();
        let settings = pb::InstanceSettings {
            instance_id: id.clone(),
            settings: Some(Struct { fields }),
            creates_max,
            ..Default::default()
        };
        let request = pb::ConfigureInstanceRequest {
            request_id: self.request_id(),
            settings: Some(settings),
            secrets: BTreeMap::from([(secret.0.to_owned(), secret.1.to_owned())]),
            update_mask: Some(FieldMask { paths: vec!["settings".to_owned(), "creates_max".to_owned()] }),
        };
        self.owner.instances().configure_instance(request).await.expect("configured");
        id
    }

    /// A simulated WHM server as an instance.
    pub async fn whm(&self, name: &str, options: WhmOptions, timeout_s: u32, creates_max: u32) -> (String, Whm) {
        let packages = vec!["small".to_owned(), "large".to_owned()];
        let whm = Whm::start(WhmOptions { packages, ..options }).await.expect("a server");
        let (url, token) = (whm.url(), whm.token().to_owned());
        let times = || Setting::Number(f64::from(timeout_s));
        let settings = [("url", Setting::Text(&url)), ("timeout_s", times()), ("timeout_slow_s", times())];
        let id = self.instance("cpanel", name, &settings, ("token", &token), Some(creates_max)).await;
        (id, whm)
    }

    /// A simulated Plesk server as an instance.
    pub async fn plesk(&self, name: &str, options: PleskOptions, timeout_s: u32, creates_max: u32) -> (String, Plesk) {
        let packages = vec!["small".to_owned(), "large".to_owned()];
        let plesk = Plesk::start(PleskOptions { plans: packages, ..options }).await.expect("a server");
        let (url, key) = (plesk.url(), plesk.secret_key().to_owned());
        let settings = [("url", Setting::Text(&url)), ("timeout_s", Setting::Number(f64::from(timeout_s)))];
        let id = self.instance("plesk", name, &settings, ("secret_key", &key), Some(creates_max)).await;
        (id, plesk)
    }

    /// A simulated DirectAdmin server as an instance.
    pub async fn directadmin(&self, name: &str, timeout_s: u32, creates_max: u32) -> (String, DirectAdmin) {
        let packages = vec!["small".to_owned(), "large".to_owned()];
        let options = DirectAdminOptions { packages, ..DirectAdminOptions::default() };
        let panel = DirectAdmin::start(options).await.expect("a server");
        let (url, key) = (panel.url(), panel.login_key().to_owned());
        let settings = [("url", Setting::Text(&url)), ("timeout_s", Setting::Number(f64::from(timeout_s)))];
        let id = self.instance("directadmin", name, &settings, ("login_key", &key), Some(creates_max)).await;
        (id, panel)
    }

    /// The plans `small` and `large`, which stand for packages of the group `web`; answers their ids.
    pub async fn hosting_plans(&self, create_when: pb::CreateWhen) -> (String, String) {
        let mut ids = Vec::new();
        for (code, price) in [("small", "5.00"), ("large", "9.00")] {
            let plan_id = self.simple_plan(code, price).await;
            let plan_service = pb::PlanService {
                plan_id: plan_id.clone(),
                instance_group: "web".to_owned(),
                package: code.to_owned(),
                create_when: create_when.into(),
                terminate_after_days: 0,
            };
            let request = pb::SetPlanServiceRequest { request_id: self.request_id(), plan_service: Some(plan_service) };
            self.owner.provisioning().set_plan_service(request).await.expect("set");
            ids.push(plan_id);
        }
        let large = ids.pop().expect("two");
        (ids.pop().expect("two"), large)
    }

    /// Orders an account; answers the subscription.
    pub async fn order(&self, customer: &str, plan: &str, domain: &str, bill_now: bool) -> String {
        let request = pb::CreateSubscriptionRequest {
            request_id: self.request_id(),
            customer_id: customer.to_owned(),
            plan_id: plan.to_owned(),
            bill_now,
            service: Some(pb::ServiceOrder { domain: domain.to_owned() }),
            ..Default::default()
        };
        let made = self.owner.subscriptions().create_subscription(request).await.expect("ordered").into_inner();
        made.subscription.expect("a subscription").id
    }

    /// A service as it stands.
    pub async fn service(&self, id: &str) -> pb::Service {
        let request = pb::GetServiceRequest { subscription_id: id.to_owned() };
        let found = self.owner.provisioning().get_service(request).await.expect("it is there").into_inner();
        found.service.expect("a service")
    }

    /// All services.
    pub async fn services(&self) -> Vec<pb::Service> {
        let (mut all, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = pb::ListServicesRequest { page_size: 1_000, page_token, ..Default::default() };
            let page = self.owner.provisioning().list_services(request).await.expect("listed").into_inner();
            all.extend(page.services);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return all;
            }
        }
    }

    /// Waits until a service stands like this.
    pub async fn until(&self, id: &str, what: &str, stands: impl Fn(&pb::Service) -> bool) -> pb::Service {
        let mut last = None;
        for _ in 0..600 {
            let service = self.service(id).await;
            if stands(&service) {
                return service;
            }
            last = Some(service);
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("it never was {what}: {last:?}\n{}", self.log());
    }

    /// Waits until a service is as it is wanted.
    pub async fn settled(&self, id: &str) -> pb::Service {
        self.until(id, "settled", |service| {
            let state = service.state();
            state == pb::ProvisioningState::Settled
                && service.wanted_state() == service.known_state()
                && service.wanted_state() != pb::AccountState::Absent
        })
        .await
    }
}
