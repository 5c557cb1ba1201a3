use billet_domain::catalog::{OptionValue, PlanOption};
use billet_domain::id::{InstanceId, SellerId};
use rust_decimal_macros::dec;

use super::*;
use crate::billing::Billing;
use crate::billing::catalog::plan::{NewPlan, create};
use crate::billing::catalog::testing::{component, content, instance, now, seller};
use crate::params;
use crate::store::testing::stores;

/// A plan with a base, mailboxes and a choice of backups; the large one costs nothing but in euros by the month.
async fn plan(billing: &Billing, seller_id: SellerId, code: &str, addon: bool) -> PlanId {
    let mut content = content(dec!(5));
    content.components.extend([component("mailboxes", dec!(0.5)), component("large", dec!(2))]);
    let value = |code: &str, component: &str| OptionValue {
        code: code.to_owned(),
        name: code.to_owned(),
        component: component.to_owned(),
    };
    content.options.push(PlanOption {
        code: "backup".to_owned(),
        name: "Backup".to_owned(),
        values: vec![value("none", ""), value("large", "large")],
        default_value: String::new(),
    });
    let mut yearly = content.components[0].prices[0].clone();
    yearly.cycle = Cycle::YEARLY;
    content.components[0].prices.push(yearly);
    let new =
        NewPlan { code: code.to_owned(), name: code.to_owned(), description: String::new(), addon, orderable: true };
    let mut unit = billing.begin(seller_id, "tok_1").await.expect("begins");
    let (plan, _) = create(&mut unit, new, content).await.expect("is made");
    unit.commit().await.expect("commits");
    plan.id
}

fn mapping(reporter: Reporter, package: &str, plan_id: PlanId) -> NewMapping {
    NewMapping {
        reporter,
        package: package.to_owned(),
        plan_id,
        currency: Some(Currency::EUR),
        cycle: Cycle::MONTHLY,
        settings: BTreeMap::new(),
    }
}

fn settings(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(code, value)| ((*code).to_owned(), (*value).to_owned())).collect()
}

async fn is_set(billing: &Billing, seller_id: SellerId, new: NewMapping) -> Result<(Mapping, i64), BillingError> {
    let mut unit = billing.begin(seller_id, "tok_1").await?;
    let answer = set(&mut unit, new).await?;
    unit.commit().await?;
    Ok(answer)
}

async fn hook(
    billing: &Billing,
    seller_id: SellerId,
    instance_id: InstanceId,
    state: &str,
    reason: &str,
    package: &str,
) {
    let mut unit = billing.begin(seller_id, "system").await.expect("begins");
    let id = unit.id().expect("an id");
    unit.execute(
        "INSERT INTO hooks (seller_id, id, instance_id, event_id, fingerprint, external_ref, happened_at, event, state, \
         result, reason, detail, package, attempt_count, received_at) \
         VALUES ($1, $2, $3, $4, '', 'acme', $5, $6, $7, '', $8, '', $9, 1, $5)",
        params![seller_id, id, instance_id, id.to_string(), now(), "{}", state, reason, package],
    )
    .await
    .expect("a hook");
    unit.commit().await.expect("commits");
}

async fn jobs(billing: &Billing) -> Vec<(String, String, String, i64)> {
    let mut tx = billing.store.snapshot().await.expect("reads");
    tx.all("SELECT kind, payload, state, run_at FROM jobs ORDER BY id", &[]).await.expect("reads")
}

#[tokio::test]
async fn an_instances_own_mapping_wins_over_its_groups() {
    for fresh in stores().await {
        let (billing, seller_id) = seller(&fresh.store).await;
        let (small, large) = (plan(&billing, seller_id, "s", false).await, plan(&billing, seller_id, "l", false).await);
        let one = instance(&billing, seller_id, "one", "shared").await;
        let two = instance(&billing, seller_id, "two", "shared").await;
        let alone = instance(&billing, seller_id, "alone", "").await;
        let group = || Reporter::Group("shared".to_owned());
        for new in [
            mapping(group(), "gold", small),
            mapping(group(), "silver", small),
            mapping(Reporter::Instance(two), "gold", large),
            mapping(Reporter::Instance(alone), "gold", small),
            mapping(Reporter::Instance(alone), "bronze", small),
        ] {
            is_set(&billing, seller_id, new).await.expect("is set");
        }
        let mut tx = billing.store.snapshot().await.expect("reads");
        let ids = [one.0, two.0, alone.0, 999_999];
        let found = mapping::lookup(&mut tx, seller_id, &ids, ["gold", "silver", "nickel"]).await.expect("reads");
        let found: Vec<_> = found.iter().map(|(id, found)| (*id, found.package.as_str(), found.plan_id)).collect();
        assert_eq!(
            found,
            [
                (one, "gold", small),
                (one, "silver", small),
                (two, "gold", large),
                (two, "silver", small),
                (alone, "gold", small)
            ]
        );
        assert_eq!(mapping::lookup(&mut tx, seller_id, &[one.0], ["bronze"]).await.expect("reads"), []);
        assert_eq!(mapping::lookup(&mut tx, SellerId(999_999), &ids, ["gold"]).await.expect("reads"), []);

        let mut unit = billing.begin(seller_id, "tok_1").await.expect("begins");
        delete(&mut unit, &Reporter::Instance(two), "gold").await.expect("is there");
        let gone = delete(&mut unit, &Reporter::Instance(two), "gold").await.expect_err("is gone");
        assert_eq!(gone.reason(), "NOT_FOUND");
        let found = mapping::lookup(&mut unit, seller_id, &[two.0], ["gold"]).await.expect("reads");
        assert_eq!(found[0].1.plan_id, small, "the group's counts again");
    }
}

#[tokio::test]
async fn a_mapping_is_replaced_and_options_become_quantities() {
    for fresh in stores().await {
        let (billing, seller_id) = seller(&fresh.store).await;
        let plan_id = plan(&billing, seller_id, "web", false).await;
        let own = Reporter::Instance(instance(&billing, seller_id, "one", "").await);
        let first = mapping(own.clone(), "gold", plan_id);
        is_set(&billing, seller_id, first.clone()).await.expect("is set");
        let second = NewMapping { settings: settings(&[("backup", "large"), ("mailboxes", "2.50")]), ..first };
        let (stored, _) = is_set(&billing, seller_id, second).await.expect("is set");
        let expected = [("large".to_owned(), dec!(1)), ("mailboxes".to_owned(), dec!(2.5))];
        assert_eq!(stored.quantities, BTreeMap::from(expected));
        let mut tx = billing.store.snapshot().await.expect("reads");
        assert_eq!(mapping::list(&mut tx, seller_id, None, (-1, "", ""), 10).await.expect("reads"), [stored]);
    }
}

#[tokio::test]
async fn what_cannot_be_billed_is_refused() {
    for fresh in stores().await {
        let (billing, seller_id) = seller(&fresh.store).await;
        let plan_id = plan(&billing, seller_id, "web", false).await;
        let addon_id = plan(&billing, seller_id, "backup", true).await;
        let own = Reporter::Instance(instance(&billing, seller_id, "one", "").await);
        let good = mapping(own.clone(), "gold", plan_id);
        let weekly = Cycle { unit: billet_domain::period::CycleUnit::Week, count: 1 };
        let with = |pairs| NewMapping { settings: settings(pairs), ..good.clone() };
        for (new, reason) in [
            (mapping(own.clone(), "gold", PlanId(999_999)), "NOT_FOUND"),
            (mapping(Reporter::Instance(InstanceId(999_999)), "gold", plan_id), "NOT_FOUND"),
            (mapping(own, "gold", addon_id), "PLAN_IS_ADDON"),
            (NewMapping { currency: "USD".parse().ok(), ..good.clone() }, "NO_PRICE"),
            (NewMapping { cycle: weekly, ..good.clone() }, "NO_PRICE"),
            (NewMapping { cycle: weekly, currency: None, ..good.clone() }, "NO_PRICE"),
            (with(&[("cpu", "1")]), "INVALID"),
            (with(&[("backup", "huge")]), "INVALID"),
            (with(&[("mailboxes", "-1")]), "INVALID"),
            (NewMapping { cycle: Cycle::YEARLY, ..with(&[("mailboxes", "1")]) }, "INVALID"),
        ] {
            let shown = format!("{new:?}");
            let refused = is_set(&billing, seller_id, new).await.expect_err(&shown);
            assert_eq!(refused.reason(), reason, "{shown}");
        }
        let off = NewMapping { cycle: Cycle::YEARLY, ..with(&[("backup", "none")]) };
        let (stored, _) = is_set(&billing, seller_id, off).await.expect("what is off needs no price");
        assert!(stored.quantities.is_empty());
        assert_eq!(jobs(&billing).await.len(), 1, "refused mappings leave no job");
    }
}

#[tokio::test]
async fn hooks_that_wait_for_the_package_are_counted_and_tried_again() {
    for fresh in stores().await {
        let (billing, seller_id) = seller(&fresh.store).await;
        let plan_id = plan(&billing, seller_id, "web", false).await;
        let one = instance(&billing, seller_id, "one", "shared").await;
        let two = instance(&billing, seller_id, "two", "shared").await;
        let other = instance(&billing, seller_id, "other", "").await;
        for (instance_id, state, reason, package) in [
            (one, "parked", "UNKNOWN_PACKAGE", "gold"),
            (two, "parked", "UNKNOWN_PACKAGE", "gold"),
            (one, "parked", "UNKNOWN_PACKAGE", "silver"),
            (one, "parked", "UNKNOWN_ACCOUNT", "gold"),
            (one, "dismissed", "UNKNOWN_PACKAGE", "gold"),
            (other, "parked", "UNKNOWN_PACKAGE", "gold"),
        ] {
            hook(&billing, seller_id, instance_id, state, reason, package).await;
        }
        let group = Reporter::Group("shared".to_owned());
        let (_, by_group) = is_set(&billing, seller_id, mapping(group, "gold", plan_id)).await.expect("is set");
        let own = Reporter::Instance(other);
        let (_, by_instance) = is_set(&billing, seller_id, mapping(own, "gold", plan_id)).await.expect("is set");
        assert_eq!((by_group, by_instance), (2, 1));
        let job = |payload: serde_json::Value| {
            ("replay_parked".to_owned(), payload.to_string(), "ready".to_owned(), now().timestamp_micros())
        };
        assert_eq!(
            jobs(&billing).await,
            [
                job(json!({ "instance_id": null, "instance_group": "shared", "reason": "", "package": "gold" })),
                job(json!({ "instance_id": other.to_string(), "instance_group": "", "reason": "", "package": "gold" }))
            ]
        );
    }
}
