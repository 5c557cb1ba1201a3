use std::collections::BTreeMap;

use billet_domain::id::{CustomerId, TokenId};
use billet_domain::role::Role;
use tonic_types::StatusExt;

use tonic::Code;

use super::*;
use crate::billing::catalog::testing::{another_seller, instance, seller};
use crate::grpc::auth::Caller;
use crate::proto::google::r#type as gt;
use crate::store::testing::stores;

fn from<T>(seller_id: SellerId, message: T) -> Request<T> {
    let caller =
        Caller { token_id: TokenId(1), seller_id, roles: vec![Role::Owner], instance_id: None, customer_id: None };
    let mut request = Request::new(message);
    request.extensions_mut().insert(caller);
    request
}

fn from_customer<T>(seller_id: SellerId, message: T) -> Request<T> {
    let caller = Caller {
        token_id: TokenId(2),
        seller_id,
        roles: vec![Role::Customer],
        instance_id: None,
        customer_id: Some(CustomerId(1)),
    };
    let mut request = Request::new(message);
    request.extensions_mut().insert(caller);
    request
}

fn number(value: &str) -> Option<gt::Decimal> {
    Some(gt::Decimal { value: value.to_owned() })
}

fn cycle(unit: pb::CycleUnit) -> Option<pb::Cycle> {
    Some(pb::Cycle { unit: unit.into(), count: 1 })
}

fn price(currency: &str, unit: pb::CycleUnit, unit_price: &str) -> pb::Price {
    pb::Price { currency_code: currency.to_owned(), cycle: cycle(unit), unit_price: number(unit_price) }
}

fn component(code: &str, charging: pb::Charging, prices: Vec<pb::Price>) -> pb::Component {
    pb::Component {
        code: code.to_owned(),
        name: format!("The {code}"),
        charging: charging.into(),
        prices,
        ..pb::Component::default()
    }
}

/// A base by month and year in two currencies, a set-up fee, traffic, and a choice of systems.
fn version() -> pb::PlanVersion {
    let traffic = pb::Component {
        metric: "traffic_gib".to_owned(),
        included_quantity: number("100"),
        ..component("traffic", pb::Charging::Usage, vec![price("EUR", pb::CycleUnit::Month, "0.02")])
    };
    let value = |code: &str, component: &str| pb::OptionValue {
        code: code.to_owned(),
        name: code.to_owned(),
        component: component.to_owned(),
    };
    let system = pb::Option {
        code: "os".to_owned(),
        name: "System".to_owned(),
        values: vec![value("linux", ""), value("windows", "windows")],
        default_value: String::new(),
    };
    pb::PlanVersion {
        components: vec![
            component(
                "base",
                pb::Charging::Recurring,
                vec![price("EUR", pb::CycleUnit::Month, "4.90"), price("USD", pb::CycleUnit::Year, "60")],
            ),
            component("setup", pb::Charging::Setup, vec![price("EUR", pb::CycleUnit::Month, "10")]),
            traffic,
            component("windows", pb::Charging::Recurring, vec![price("EUR", pb::CycleUnit::Month, "12")]),
        ],
        options: vec![system],
        policy: Some(pb::PlanPolicy {
            ending: pb::Ending::PeriodEnd.into(),
            suspension_pauses_billing: true,
            ..pb::PlanPolicy::default()
        }),
        tax_inclusive: true,
        ..pb::PlanVersion::default()
    }
}

fn create(request_id: &str, code: &str) -> pb::CreatePlanRequest {
    pb::CreatePlanRequest {
        request_id: request_id.to_owned(),
        plan: Some(pb::Plan {
            code: code.to_owned(),
            name: format!("Plan {code}"),
            orderable: true,
            ..pb::Plan::default()
        }),
        version: Some(version()),
    }
}

async fn created(api: &CatalogApi, seller_id: SellerId, code: &str) -> pb::Plan {
    let answer = api.create_plan(from(seller_id, create(&format!("create-{code}"), code))).await.expect("is made");
    answer.into_inner().plan.expect("is answered")
}

fn reason(status: &Status) -> String {
    status.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}

/// The fields that a refusal names.
fn fields<T: std::fmt::Debug>(answer: Result<Response<T>, Status>) -> Vec<String> {
    let status = answer.expect_err("is refused");
    assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    let details = status.get_details_bad_request().expect("names the fields");
    details.field_violations.into_iter().map(|violation| violation.field).collect()
}

#[tokio::test]
async fn a_plan_is_read_back_as_it_was_made() {
    for fresh in stores().await {
        let (billing, seller_id) = seller(&fresh.store).await;
        let api = CatalogApi { billing };
        let plan = created(&api, seller_id, "web-s").await;
        let made = &plan.versions[0];
        assert_eq!((plan.kind(), plan.orderable, made.version), (pb::PlanKind::Standalone, true, 1));
        let base = &made.components[0];
        assert_eq!(base.prices[0], price("EUR", pb::CycleUnit::Month, "4.9"));
        assert_eq!((base.default_quantity.clone(), base.tax_class.as_str()), (number("1"), "standard"));
        assert_eq!(made.components[2].included_quantity, number("100"));
        assert_eq!(made.components[3].default_quantity, number("0"), "what an option switches on is off");
        let policy = pb::PlanPolicy {
            change_timing: pb::ChangeTiming::AtOnce.into(),
            change_anchor: pb::AnchorPolicy::Keep.into(),
            ending: pb::Ending::PeriodEnd.into(),
            suspension_pauses_billing: true,
        };
        assert_eq!(made.policy, Some(policy));

        for id in [plan.id.clone(), "code:web-s".to_owned()] {
            let answer = api.get_plan(from(seller_id, pb::GetPlanRequest { id })).await.expect("is there");
            assert_eq!(answer.into_inner().plan.as_ref(), Some(&plan));
        }
        for id in ["code:web-m", "pln_999999"] {
            let request = pb::GetPlanRequest { id: id.to_owned() };
            assert_eq!(api.get_plan(from(seller_id, request)).await.expect_err("is not there").code(), Code::NotFound);
        }
        let other_id = another_seller(&api.billing).await;
        let request = pb::GetPlanRequest { id: plan.id.clone() };
        assert_eq!(api.get_plan(from(other_id, request)).await.expect_err("not theirs").code(), Code::NotFound);
    }
}

#[tokio::test]
async fn a_repeated_call_makes_one_plan() {
    for fresh in stores().await {
        let (billing, seller_id) = seller(&fresh.store).await;
        let api = CatalogApi { billing };
        let first = created(&api, seller_id, "web").await;
        assert_eq!(created(&api, seller_id, "web").await, first);
        let taken = api.create_plan(from(seller_id, create("another", "web"))).await.expect_err("the code is taken");
        assert_eq!((taken.code(), reason(&taken).as_str()), (Code::AlreadyExists, "CODE_TAKEN"));
        let reused = api.create_plan(from(seller_id, create("create-web", "shop"))).await.expect_err("is refused");
        assert_eq!((reused.code(), reason(&reused).as_str()), (Code::AlreadyExists, "REQUEST_ID_REUSED"));
    }
}

#[tokio::test]
async fn lists_show_the_newest_version_page_by_page() {
    for fresh in stores().await {
        let (billing, seller_id) = seller(&fresh.store).await;
        let api = CatalogApi { billing };
        for code in ["c", "a", "b"] {
            created(&api, seller_id, code).await;
        }
        let a = api.get_plan(from(seller_id, pb::GetPlanRequest { id: "code:a".to_owned() })).await.expect("is there");
        let plan_id = a.into_inner().plan.expect("is answered").id;
        let request = pb::CreatePlanVersionRequest { request_id: "v2".to_owned(), plan_id, version: Some(version()) };
        let versioned = api.create_plan_version(from(seller_id, request)).await.expect("is made").into_inner();
        let numbers: Vec<u32> =
            versioned.plan.expect("is answered").versions.iter().map(|version| version.version).collect();
        assert_eq!(numbers, [2, 1], "newest first");

        let mut page_token = String::new();
        let mut seen = Vec::new();
        loop {
            let request = pb::ListPlansRequest { page_size: 2, page_token };
            let page = api.list_plans(from(seller_id, request)).await.expect("lists").into_inner();
            seen.extend(page.plans.iter().map(|plan| {
                let versions: Vec<u32> = plan.versions.iter().map(|version| version.version).collect();
                (plan.code.clone(), versions)
            }));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        let expected = [("a", vec![2]), ("b", vec![1]), ("c", vec![1])];
        assert_eq!(seen, expected.map(|(code, versions)| (code.to_owned(), versions)));

        let request = pb::ListPlansRequest { page_size: 0, page_token: "????".to_owned() };
        assert_eq!(fields(api.list_plans(from(seller_id, request)).await), ["page_token"]);
    }
}

#[tokio::test]
async fn an_update_changes_what_its_mask_names() {
    for fresh in stores().await {
        let (billing, seller_id) = seller(&fresh.store).await;
        let api = CatalogApi { billing };
        let plan = created(&api, seller_id, "web").await;
        let update = |request_id: &str, paths: &[&str]| pb::UpdatePlanRequest {
            request_id: request_id.to_owned(),
            plan: Some(pb::Plan { id: plan.id.clone(), name: "Renamed".to_owned(), ..pb::Plan::default() }),
            update_mask: Some(prost_types::FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() }),
        };
        let changed = api.update_plan(from(seller_id, update("1", &["name"]))).await.expect("is changed").into_inner();
        assert_eq!(changed.plan, Some(pb::Plan { name: "Renamed".to_owned(), ..plan.clone() }));
        assert_eq!(fields(api.update_plan(from(seller_id, update("2", &["code"]))).await), ["update_mask"]);
        assert_eq!(fields(api.update_plan(from(seller_id, update("3", &[]))).await), ["update_mask"]);

        let list = || pb::ListPlansRequest::default();
        let shown = api.list_plans(from_customer(seller_id, list())).await.expect("lists").into_inner();
        assert_eq!(shown.plans.len(), 1);
        api.update_plan(from(seller_id, update("4", &["orderable"]))).await.expect("is changed");
        let shown = api.list_plans(from_customer(seller_id, list())).await.expect("lists").into_inner();
        assert_eq!(shown.plans.len(), 0, "customers see what can be ordered");
        let shown = api.list_plans(from(seller_id, list())).await.expect("lists").into_inner();
        assert_eq!(shown.plans.len(), 1);
    }
}

/// What makes a good request a bad one.
type Change = fn(&mut pb::CreatePlanRequest);

#[tokio::test]
async fn malformed_content_is_refused_with_its_path() {
    for fresh in stores().await {
        let (billing, seller_id) = seller(&fresh.store).await;
        let api = CatalogApi { billing };
        let changes: [(&str, Change); 13] = [
            ("request_id", |request| request.request_id.clear()),
            ("plan", |request| request.plan = None),
            ("plan.code", |request| request.plan.get_or_insert_default().code = "w/b".to_owned()),
            ("plan.name", |request| request.plan.get_or_insert_default().name = " ".to_owned()),
            ("plan.kind", |request| request.plan.get_or_insert_default().kind = 9),
            ("version", |request| request.version = None),
            ("version.components[0].charging", |request| part(request, 0).charging = 0),
            ("version.components[1].metric", |request| part(request, 1).metric = "mails".to_owned()),
            ("version.components[2].metric", |request| part(request, 2).metric.clear()),
            ("version.components[0].prices[1].cycle", |request| part(request, 0).prices[1].cycle = None),
            ("version.components[0].prices[0].currency_code", |request| {
                part(request, 0).prices[0].currency_code = "EURO".to_owned();
            }),
            ("version.components[0].prices[0].unit_price", |request| {
                part(request, 0).prices[0].unit_price = number("-0.01");
            }),
            ("version.policy.ending", |request| {
                request.version.get_or_insert_default().policy.get_or_insert_default().ending = 77;
            }),
        ];
        for (field, change) in changes {
            let mut request = create("wrong", "web");
            change(&mut request);
            assert_eq!(fields(api.create_plan(from(seller_id, request)).await), [field]);
        }
    }
}

fn part(request: &mut pb::CreatePlanRequest, index: usize) -> &mut pb::Component {
    &mut request.version.get_or_insert_default().components[index]
}

#[tokio::test]
async fn mappings_are_set_listed_and_deleted() {
    for fresh in stores().await {
        let (billing, seller_id) = seller(&fresh.store).await;
        let instance_id = instance(&billing, seller_id, "one", "shared").await.to_string();
        let api = CatalogApi { billing };
        let plan_id = created(&api, seller_id, "web").await.id;
        let own = pb::PackageMapping {
            instance_id: instance_id.clone(),
            package: "Gold plan".to_owned(),
            plan_id: plan_id.clone(),
            quantities: BTreeMap::from([("os".to_owned(), "windows".to_owned())]),
            ..pb::PackageMapping::default()
        };
        let of_group = pb::PackageMapping {
            instance_id: String::new(),
            instance_group: "shared".to_owned(),
            currency_code: "USD".to_owned(),
            cycle: cycle(pb::CycleUnit::Year),
            quantities: BTreeMap::new(),
            ..own.clone()
        };
        let set = |request_id: &str, mapping: &pb::PackageMapping| pb::SetPackageMappingRequest {
            request_id: request_id.to_owned(),
            mapping: Some(mapping.clone()),
        };
        let answer = api.set_package_mapping(from(seller_id, set("1", &own))).await.expect("is set").into_inner();
        let stored = pb::PackageMapping {
            cycle: cycle(pb::CycleUnit::Month),
            quantities: BTreeMap::from([("windows".to_owned(), "1".to_owned())]),
            ..own.clone()
        };
        assert_eq!((answer.mapping, answer.replayed_hook_count), (Some(stored.clone()), 0));
        api.set_package_mapping(from(seller_id, set("2", &of_group))).await.expect("is set");

        let list = |instance_id: &str, page_token: &str| pb::ListPackageMappingsRequest {
            instance_id: instance_id.to_owned(),
            page_size: 1,
            page_token: page_token.to_owned(),
        };
        let first = api.list_package_mappings(from(seller_id, list("", ""))).await.expect("lists").into_inner();
        assert_eq!(first.mappings, std::slice::from_ref(&of_group));
        let second = list("", &first.next_page_token);
        let second = api.list_package_mappings(from(seller_id, second)).await.expect("lists").into_inner();
        assert_eq!((second.mappings, second.next_page_token.as_str()), (vec![stored.clone()], ""));
        let owns =
            api.list_package_mappings(from(seller_id, list(&instance_id, ""))).await.expect("lists").into_inner();
        assert_eq!((owns.mappings, owns.next_page_token.as_str()), (vec![stored], ""));

        let both = pb::PackageMapping { instance_group: "shared".to_owned(), ..own.clone() };
        let answer = api.set_package_mapping(from(seller_id, set("3", &both))).await;
        assert_eq!(fields(answer), ["mapping.instance_group"]);
        let neither = pb::PackageMapping { instance_id: String::new(), ..own.clone() };
        let answer = api.set_package_mapping(from(seller_id, set("4", &neither))).await;
        assert_eq!(fields(answer), ["mapping.instance_id"]);
        let unpriced = pb::PackageMapping { cycle: cycle(pb::CycleUnit::Month), ..of_group };
        let refused = api.set_package_mapping(from(seller_id, set("5", &unpriced))).await.expect_err("is refused");
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "NO_PRICE"));

        let delete = |request_id: &str| pb::DeletePackageMappingRequest {
            request_id: request_id.to_owned(),
            instance_id: String::new(),
            instance_group: "shared".to_owned(),
            package: "Gold plan".to_owned(),
        };
        api.delete_package_mapping(from(seller_id, delete("6"))).await.expect("is deleted");
        api.delete_package_mapping(from(seller_id, delete("6"))).await.expect("the same answer");
        let gone = api.delete_package_mapping(from(seller_id, delete("7"))).await.expect_err("is gone");
        assert_eq!(gone.code(), Code::NotFound);
    }
}

#[tokio::test]
async fn promotions_are_made_listed_and_ended() {
    for fresh in stores().await {
        let (billing, seller_id) = seller(&fresh.store).await;
        let api = CatalogApi { billing };
        let plan_id = created(&api, seller_id, "web").await.id;
        let create = |request_id: &str, promotion: &pb::Promotion| pb::CreatePromotionRequest {
            request_id: request_id.to_owned(),
            promotion: Some(promotion.clone()),
        };
        let spring = pb::Promotion {
            code: "Spring".to_owned(),
            reduction: Some(pb::promotion::Reduction::Amount(number("2.50").expect("a number"))),
            currency_code: "EUR".to_owned(),
            cycles: 3,
            valid_from: Some(gt::Date { year: 2026, month: 2, day: 1 }),
            plan_ids: vec![plan_id],
            redemptions_max: 100,
            ..pb::Promotion::default()
        };
        let answer = api.create_promotion(from(seller_id, create("1", &spring))).await.expect("is made").into_inner();
        let made = answer.promotion.expect("is answered");
        let stored = pb::Promotion {
            id: made.id.clone(),
            reduction: Some(pb::promotion::Reduction::Amount(number("2.5").expect("a number"))),
            ..spring.clone()
        };
        assert_eq!(made, stored);
        let half = pb::Promotion {
            code: "autumn".to_owned(),
            reduction: Some(pb::promotion::Reduction::Percent(number("50").expect("a number"))),
            ..pb::Promotion::default()
        };
        api.create_promotion(from(seller_id, create("2", &half))).await.expect("is made");

        let list = |page_token: String| pb::ListPromotionsRequest { page_size: 1, page_token };
        let first = api.list_promotions(from(seller_id, list(String::new()))).await.expect("lists").into_inner();
        assert_eq!(first.promotions[0].code, "autumn");
        let second = list(first.next_page_token);
        let second = api.list_promotions(from(seller_id, second)).await.expect("lists").into_inner();
        assert_eq!((second.promotions, second.next_page_token.as_str()), (vec![stored.clone()], ""));

        let end = pb::EndPromotionRequest { request_id: "3".to_owned(), id: made.id };
        let ended = api.end_promotion(from(seller_id, end)).await.expect("is ended").into_inner();
        let valid_to = Some(gt::Date { year: 2026, month: 3, day: 1 });
        assert_eq!(ended.promotion, Some(pb::Promotion { valid_to, ..stored }));

        let without = pb::Promotion { reduction: None, ..half };
        assert_eq!(fields(api.create_promotion(from(seller_id, create("4", &without))).await), ["promotion.percent"]);
    }
}
