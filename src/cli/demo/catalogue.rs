//! What the hoster of the demonstration sells. Prices are chosen so that a day of March costs whole cents, which makes
//! every figure easy to reckon by head: 6.20 is 0.20 a day.

use super::api::{Api, ask, have};
use super::error::DemoError;
use super::figures::{CURRENCY, decimal, to_date};
use super::narration::Narration;
use super::stage::Ids;
use crate::proto::billet::v1 as pb;

/// What is counted of traffic.
pub const TRAFFIC: &str = "traffic_gib";
/// The component for more mailboxes.
pub const MAILBOXES: &str = "mailboxes";
/// The promotion.
pub const PROMOTION: &str = "SPRING20";

/// A hosting plan: code, name, price a month, set-up, included traffic in GiB.
struct Hosting(&'static str, &'static str, &'static str, &'static str, &'static str);

const HOSTING: [Hosting; 3] = [
    Hosting("starter", "Web Starter", "6.20", "9.90", "100"),
    Hosting("business", "Web Business", "18.60", "19.90", "500"),
    Hosting("pro", "Web Pro", "37.20", "29.90", "1000"),
];

/// Which packages of which panel stand for which plan.
const PACKAGES: [(&str, &str, &str); 6] = [
    ("whm1", "starter", "starter"),
    ("whm1", "business", "business"),
    ("whm1", "pro", "pro"),
    ("plesk1", "Web Starter", "starter"),
    ("plesk1", "Web Business", "business"),
    ("plesk1", "Web Pro", "pro"),
];

/// The usual cycle.
pub fn monthly() -> pb::Cycle {
    pb::Cycle { unit: pb::CycleUnit::Month.into(), count: 1 }
}

fn price(unit_price: &str) -> Vec<pb::Price> {
    vec![pb::Price {
        currency_code: CURRENCY.to_owned(),
        cycle: Some(monthly()),
        unit_price: Some(decimal(unit_price)),
    }]
}

/// A component charged each cycle.
pub fn recurring(code: &str, name: &str, unit_price: &str, default_quantity: &str) -> pb::Component {
    pb::Component {
        code: code.to_owned(),
        name: name.to_owned(),
        charging: pb::Charging::Recurring.into(),
        prices: price(unit_price),
        default_quantity: Some(decimal(default_quantity)),
        ..Default::default()
    }
}

fn components(plan: &Hosting) -> Vec<pb::Component> {
    let Hosting(_, _, month, setup, included) = plan;
    vec![
        recurring("hosting", "Hosting", month, "1"),
        recurring(MAILBOXES, "More mailboxes", "0.62", "0"),
        pb::Component {
            code: "setup".to_owned(),
            name: "Set-up".to_owned(),
            charging: pb::Charging::Setup.into(),
            prices: price(setup),
            ..Default::default()
        },
        pb::Component {
            code: "traffic".to_owned(),
            name: "Traffic (GiB)".to_owned(),
            charging: pb::Charging::Usage.into(),
            prices: price("0.10"),
            metric: TRAFFIC.to_owned(),
            included_quantity: Some(decimal(included)),
            ..Default::default()
        },
    ]
}

/// Makes a plan; answers its identifier.
///
/// # Errors
/// [`DemoError::Refused`].
pub async fn make_plan(
    api: &Api,
    (code, name): (&str, &str),
    kind: pb::PlanKind,
    components: Vec<pb::Component>,
) -> Result<String, DemoError> {
    let plan = pb::Plan {
        code: code.to_owned(),
        name: name.to_owned(),
        kind: kind.into(),
        orderable: true,
        ..Default::default()
    };
    let version = pb::PlanVersion { components, ..Default::default() };
    let request =
        pb::CreatePlanRequest { request_id: api.request_id(), plan: Some(plan), version: Some(version) };
    let answer = ask("CreatePlan", api.catalog().create_plan(request)).await?;
    Ok(have("the plan", answer.plan)?.id)
}

/// Makes plans, add-on and promotion.
///
/// # Errors
/// [`DemoError::Refused`].
pub async fn make(api: &Api, ids: &mut Ids, say: &mut Narration) -> Result<(), DemoError> {
    let mut rows = Vec::new();
    for plan in &HOSTING {
        let Hosting(code, name, month, setup, included) = *plan;
        let id = make_plan(api, (code, name), pb::PlanKind::Standalone, components(plan)).await?;
        ids.plans.insert(code, id);
        rows.push([name, month, setup, included, "0.10", "0.62"].map(str::to_owned).to_vec());
    }
    let backup = vec![recurring("backup", "Every night", "3.10", "1")];
    let id = make_plan(api, ("backup", "Daily backup"), pb::PlanKind::Addon, backup).await?;
    ids.plans.insert("backup", id);
    rows.push(["Daily backup (add-on)", "3.10", "", "", "", ""].map(str::to_owned).to_vec());
    say.step("owner", "makes three plans and an add-on (EUR, net, a month)");
    let header = ["plan", "month", "set-up", "GiB incl.", "GiB more", "mailbox more"];
    say.table(&header, &rows, &[1, 2, 3, 4, 5]);

    let promotion = pb::Promotion {
        code: PROMOTION.to_owned(),
        reduction: Some(pb::promotion::Reduction::Percent(decimal("20"))),
        cycles: 3,
        valid_from: Some(to_date(super::figures::day(3, 1)?)),
        valid_to: Some(to_date(super::figures::day(4, 1)?)),
        redemptions_per_customer_max: 1,
        ..Default::default()
    };
    let request = pb::CreatePromotionRequest { request_id: api.request_id(), promotion: Some(promotion) };
    ask("CreatePromotion", api.catalog().create_promotion(request)).await?;
    say.step("owner", &format!("makes the promotion {PROMOTION}: 20 % off for three months, once a customer, in March"));
    Ok(())
}

/// Says what the panels' packages stand for.
///
/// # Errors
/// [`DemoError::Refused`].
pub async fn map_packages(api: &Api, ids: &Ids, say: &mut Narration) -> Result<(), DemoError> {
    for (instance, package, plan) in PACKAGES {
        map_package(api, ids, (instance, package, plan)).await?;
    }
    say.step("owner", &format!("says which plan each of {} packages stands for", PACKAGES.len()));
    Ok(())
}

/// Says what a package of a panel stands for; answers how many hooks had waited for that.
///
/// # Errors
/// [`DemoError::Refused`].
pub async fn map_package(
    api: &Api,
    ids: &Ids,
    (instance, package, plan): (&str, &str, &str),
) -> Result<i64, DemoError> {
    let mapping = pb::PackageMapping {
        instance_id: ids.instance(instance),
        package: package.to_owned(),
        plan_id: ids.plan(plan),
        cycle: Some(monthly()),
        ..Default::default()
    };
    let request = pb::SetPackageMappingRequest { request_id: api.request_id(), mapping: Some(mapping) };
    Ok(ask("SetPackageMapping", api.catalog().set_package_mapping(request)).await?.replayed_hook_count)
}
