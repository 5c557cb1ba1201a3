//! What the journeys sell, and to whom.

use billet::proto::billet::v1 as pb;

use crate::harness::{Billet, decimal};

fn monthly() -> Option<pb::Cycle> {
    Some(pb::Cycle { unit: pb::CycleUnit::Month.into(), count: 1 })
}

/// A component with a monthly price in euro.
pub fn component(code: &str, charging: pb::Charging, price: &str) -> pb::Component {
    pb::Component {
        code: code.to_owned(),
        name: code.to_owned(),
        charging: charging.into(),
        prices: vec![pb::Price { currency_code: "EUR".to_owned(), cycle: monthly(), unit_price: decimal(price) }],
        ..Default::default()
    }
}

/// Verbs of the catalogue and of customers.
#[allow(dead_code)]
impl Billet {
    /// A plan; answers its id.
    pub async fn plan(&self, code: &str, components: Vec<pb::Component>, policy: Option<pb::PlanPolicy>) -> String {
        let request = pb::CreatePlanRequest {
            request_id: self.request_id(),
            plan: Some(pb::Plan {
                code: code.to_owned(),
                name: format!("Hosting {code}"),
                kind: pb::PlanKind::Standalone.into(),
                orderable: true,
                ..Default::default()
            }),
            version: Some(pb::PlanVersion { components, policy, ..Default::default() }),
        };
        let made = self.owner.catalog().create_plan(request).await.expect("a plan").into_inner();
        made.plan.expect("a plan").id
    }

    /// A plan with one monthly price.
    pub async fn simple_plan(&self, code: &str, price: &str) -> String {
        self.plan(code, vec![component("base", pb::Charging::Recurring, price)], None).await
    }

    /// A customer with a full address; answers the id.
    pub async fn customer(&self, name: &str) -> String {
        let request = pb::CreateCustomerRequest {
            request_id: self.request_id(),
            customer: Some(pb::Customer {
                party: Some(pb::Party {
                    name: name.to_owned(),
                    address_line: "Musterweg 7".to_owned(),
                    post_code: "20095".to_owned(),
                    city: "Hamburg".to_owned(),
                    country_code: "DE".to_owned(),
                    email: format!("{}@customer.example", name.to_lowercase().replace(' ', "-")),
                    ..Default::default()
                }),
                business: true,
                ..Default::default()
            }),
        };
        let made = self.owner.customers().create_customer(request).await.expect("a customer").into_inner();
        made.customer.expect("a customer").id
    }

    /// A panel; answers the instance's id and a token that can only report its hooks.
    pub async fn panel(&self, name: &str, unknown: pb::UnknownCustomerPolicy) -> (String, String) {
        let request = pb::CreateInstanceRequest {
            request_id: self.request_id(),
            instance: Some(pb::Instance {
                plugin: "cpanel".to_owned(),
                name: name.to_owned(),
                unknown_customer: unknown.into(),
                enabled: true,
                ..Default::default()
            }),
        };
        let made = self.owner.instances().create_instance(request).await.expect("an instance").into_inner();
        let instance_id = made.instance.expect("an instance").id;
        let token = self.panel_token(&instance_id).await;
        (instance_id, token)
    }

    /// A token that can only report the hooks of an instance.
    pub async fn panel_token(&self, instance_id: &str) -> String {
        let request = pb::CreateTokenRequest {
            request_id: self.request_id(),
            token: Some(pb::Token {
                name: format!("{instance_id} hooks"),
                roles: vec![pb::Role::Panel.into()],
                instance_id: instance_id.to_owned(),
                ..Default::default()
            }),
            seller_id: String::new(),
        };
        let token = self.owner.admin().create_token(request).await.expect("a token").into_inner();
        token.secret
    }

    /// A package of a panel stands for a plan.
    pub async fn map(&self, instance_id: &str, package: &str, plan_id: &str) {
        let request = pb::SetPackageMappingRequest {
            request_id: self.request_id(),
            mapping: Some(pb::PackageMapping {
                instance_id: instance_id.to_owned(),
                package: package.to_owned(),
                plan_id: plan_id.to_owned(),
                ..Default::default()
            }),
        };
        self.owner.catalog().set_package_mapping(request).await.expect("a mapping");
    }

    /// An account of a panel belongs to a customer.
    pub async fn link(&self, customer_id: &str, instance_id: &str, external_ref: &str) {
        let request = pb::LinkCustomerRequest {
            request_id: self.request_id(),
            customer_id: customer_id.to_owned(),
            instance_id: instance_id.to_owned(),
            link: Some(pb::link_customer_request::Link::ExternalRef(external_ref.to_owned())),
        };
        self.owner.customers().link_customer(request).await.expect("a link");
    }
}
