//! Service plans, which the protocol calls packages.

use std::collections::BTreeMap;

use billet_plugin::v1::{
    CreatePackageRequest, CreatePackageResponse, ListPackagesRequest, ListPackagesResponse, Package, ProblemKind,
};
use billet_plugin::{Answer, Done, Failure};

use crate::Plesk;
use crate::client::{Reply, found};
use crate::failure::{is_unknown, refused};
use crate::limits;
use crate::packet::{Packet, everything, filter, named};
use crate::webspace::Webspace;
use crate::work::{Time, Work};
use crate::xml::Element;

/// The administrator's login name.
pub(crate) const ADMIN: &str = "admin";
/// What an overuse policy may be.
const OVERUSE: [&str; 5] = ["block", "notify", "normal", "not_suspend", "not_suspend_notify"];

/// A plan as Plesk shows it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plan {
    pub(crate) guid: String,
    pub(crate) name: String,
    /// Empty when this version does not show it.
    owner_login: String,
    limits: limits::Named,
    overuse: String,
}

impl Plan {
    fn read(reply: &Reply) -> Self {
        let text = |name: &str| reply.result.text_of(name).to_owned();
        let limits = reply.result.get("limits");
        Self {
            guid: text("guid"),
            name: text("name"),
            owner_login: text("owner-login"),
            limits: limits::read(limits),
            overuse: limits.map(|limits| limits.text_of("overuse").to_owned()).unwrap_or_default(),
        }
    }

    fn into_package(self) -> Package {
        let overuse = Some(self.overuse).filter(|text| !text.is_empty()).map(|text| ("overuse".to_owned(), text));
        Package {
            name: self.name,
            limits: Some(limits::of_plan(&self.limits)),
            owner: if self.owner_login == ADMIN { String::new() } else { self.owner_login },
            panel_id: self.guid,
            extra: overuse.into_iter().collect(),
        }
    }
}

/// Asks for plans by their guids.
pub(crate) fn by_guid(packet: Packet, guids: &[String]) -> Packet {
    packet.and("service-plan", "get", [filter("guid", guids), Element::new("owner-all")])
}

impl Plesk {
    pub(crate) async fn show_packages(&self, _: ListPackagesRequest) -> Answer<ListPackagesResponse> {
        let packet = Packet::of("service-plan", "get", [everything(), Element::new("owner-all")]);
        let replies = self.client.ask_one(&packet, Time::OPEN).await?;
        let mut packages: Vec<Package> = found(replies)?.iter().map(Plan::read).map(Plan::into_package).collect();
        packages.sort_by(|a, b| (&a.name, &a.owner).cmp(&(&b.name, &b.owner)));
        Ok(Done::new(ListPackagesResponse { packages, ..ListPackagesResponse::default() }))
    }

    async fn plans_named(&self, name: &str, time: Time) -> Result<Vec<Plan>, Failure> {
        let packet = Packet::of("service-plan", "get", [filter("name", [name]), Element::new("owner-all")]);
        let replies = self.client.ask_one(&packet, time).await?;
        Ok(found(replies)?.iter().map(Plan::read).collect())
    }

    /// The plan of that name that a subscription can have: names are unique for each provider only.
    pub(crate) async fn plan_for(&self, webspace: &Webspace, name: &str, time: Time) -> Result<Plan, Failure> {
        let mut plans = self.plans_named(name, time).await?;
        if plans.len() > 1 {
            let customer = self.customer(&webspace.owner_login, time).await?;
            let provider = customer.map_or_else(|| webspace.owner_login.clone(), |customer| customer.owner_login);
            let provider = if provider.is_empty() { ADMIN } else { &provider };
            plans.retain(|plan| plan.owner_login == provider);
        }
        match <[Plan; 1]>::try_from(plans) {
            Ok([plan]) => Ok(plan),
            Err(plans) if plans.is_empty() => {
                Err(refused(ProblemKind::Invalid, format!("there is no service plan `{name}` for this account")))
            }
            Err(_) => Err(refused(ProblemKind::Invalid, format!("several service plans are called `{name}`"))),
        }
    }

    pub(crate) async fn make_package(&self, request: CreatePackageRequest) -> Answer<CreatePackageResponse> {
        let work = Work::of(request.operation);
        let package = request.package.unwrap_or_default();
        let packet = packet_of(&package)?;
        let there = async || {
            let plans = self.plans_named(&package.name, work.time).await?;
            let owner = if package.owner.is_empty() { ADMIN } else { &package.owner };
            Ok::<_, Failure>(plans.iter().any(|plan| plan.owner_login.is_empty() || plan.owner_login == owner))
        };
        if work.is_repeated() && there().await? {
            return Ok(Done::already(CreatePackageResponse::default()));
        }
        match self.client.change_one(&packet, work.time).await {
            Ok(reply) => match &reply.refusal {
                None => Ok(Done::new(CreatePackageResponse::default())),
                Some(refusal) if refusal.exists() => Ok(Done::already(CreatePackageResponse::default())),
                Some(refusal) => Err(refusal.failure_of_value("the owner")),
            },
            Err(failure) if is_unknown(&failure) && matches!(there().await, Ok(true)) => {
                Ok(Done::new(CreatePackageResponse::default()))
            }
            Err(failure) => Err(failure),
        }
    }
}

/// `service-plan.add`: name, owner, limits, hosting, permissions, in this order.
fn packet_of(package: &Package) -> Result<Packet, Failure> {
    let invalid = |words: String| Err(refused(ProblemKind::Invalid, words));
    if package.name.trim().is_empty() {
        return invalid("a package needs a name".to_owned());
    }
    let wanted = package.limits.unwrap_or_default();
    if !limits::are_sound(&wanted) {
        return invalid("a limit is negative".to_owned());
    }
    let (mut hosting, mut permissions, mut overuse) = (Vec::new(), Vec::new(), "");
    for (name, value) in &package.extra.iter().collect::<BTreeMap<_, _>>() {
        match (name.as_str(), name.split_once('.')) {
            ("overuse", _) if OVERUSE.contains(&value.as_str()) => overuse = value,
            ("overuse", _) => return invalid(format!("`overuse` must be one of {}", OVERUSE.join(", "))),
            (_, Some(("hosting", property))) => hosting.push(named("property", property, value)),
            (_, Some(("permissions", permission))) => permissions.push(named("permission", permission, value)),
            _ => return invalid(format!("`{name}` is not known: overuse, hosting.NAME, permissions.NAME are")),
        }
    }
    let mut nodes = vec![Element::leaf("name", &package.name)];
    if !package.owner.is_empty() {
        nodes.push(Element::leaf("owner-login", &package.owner));
    }
    let policy = (!overuse.is_empty()).then(|| Element::leaf("overuse", overuse));
    let limits = limits::elements(&limits::to_plan(&wanted));
    nodes.push(Element::new("limits").with_all(policy).with_all(limits));
    if !hosting.is_empty() {
        nodes.push(Element::new("hosting").with(Element::new("vrt_hst").with_all(hosting)));
    }
    if !permissions.is_empty() {
        nodes.push(Element::new("permissions").with_all(permissions));
    }
    Ok(Packet::of("service-plan", "add", nodes))
}
