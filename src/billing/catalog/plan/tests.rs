use billet_domain::id::{PlanVersionId, SellerId};
use billet_domain::money::Currency;
use billet_domain::period::Cycle;
use rust_decimal_macros::dec;

use super::*;
use crate::billing::Billing;
use crate::billing::catalog::testing::{another_seller, component, content, seller};
use crate::store::testing::stores;

fn web() -> NewPlan {
    NewPlan {
        code: "web".to_owned(),
        name: "Web".to_owned(),
        description: String::new(),
        addon: false,
        orderable: true,
    }
}

async fn made(billing: &Billing, seller_id: SellerId, new: NewPlan, content: PlanContent) -> (Plan, Version) {
    let mut unit = billing.begin(seller_id, "tok_1").await.expect("begins");
    let made = create(&mut unit, new, content).await.expect("is made");
    unit.commit().await.expect("commits");
    made
}

async fn versioned(billing: &Billing, seller_id: SellerId, plan_id: PlanId, content: PlanContent) -> Version {
    let mut unit = billing.begin(seller_id, "tok_1").await.expect("begins");
    let version = version::create(&mut unit, plan_id, content).await.expect("is made");
    unit.commit().await.expect("commits");
    version
}

#[tokio::test]
async fn versions_follow_each_other_and_each_keeps_its_prices() {
    for fresh in stores().await {
        let (billing, seller_id) = seller(&fresh.store).await;
        let (plan, first) = made(&billing, seller_id, web(), content(dec!(5))).await;
        let mut dearer = content(dec!(6));
        dearer.components.push(component("mailboxes", dec!(0.5)));
        let second = versioned(&billing, seller_id, plan.id, dearer).await;
        assert_eq!((first.version, second.version), (1, 2));

        let mut tx = billing.store.snapshot().await.expect("reads");
        let all = plan::versions_of(&mut tx, seller_id, plan.id).await.expect("reads");
        assert_eq!(all, [second.clone(), first.clone()]);
        let newest = plan::newest(&mut tx, seller_id, &[plan.id]).await.expect("reads");
        assert_eq!(newest, [(plan.clone(), second.clone())]);
        let named = plan::versions(&mut tx, seller_id, &[second.id, first.id]).await.expect("reads");
        assert_eq!(named.iter().map(|(_, version)| version.version).collect::<Vec<_>>(), [1, 2]);

        let usd: Currency = "USD".parse().expect("a currency");
        let needed = [
            (first.id, Cycle::MONTHLY, Currency::EUR),
            (second.id, Cycle::MONTHLY, Currency::EUR),
            (second.id, Cycle::YEARLY, Currency::EUR),
            (second.id, Cycle::MONTHLY, usd),
            (PlanVersionId(999_999), Cycle::MONTHLY, Currency::EUR),
        ];
        let books = plan::terms_book(&mut tx, seller_id, needed).await.expect("reads");
        let book = &books[&Currency::EUR];
        let keys: Vec<_> = book.keys().copied().collect();
        assert_eq!(keys, [(first.id, Cycle::MONTHLY), (second.id, Cycle::MONTHLY)]);
        let price = |version: &Version, code| {
            book[&(version.id, Cycle::MONTHLY)].component(code).map(|component| component.unit_price)
        };
        assert_eq!((price(&first, "base"), price(&second, "base")), (Some(dec!(5)), Some(dec!(6))));
        assert_eq!((price(&first, "mailboxes"), price(&second, "mailboxes")), (None, Some(dec!(0.5))));
        assert_eq!(book[&(first.id, Cycle::MONTHLY)].name, "Web");
        assert!(books[&usd].is_empty(), "not offered there");
    }
}

#[tokio::test]
async fn another_seller_has_the_same_code_and_sees_nothing_of_it() {
    for fresh in stores().await {
        let (billing, seller_id) = seller(&fresh.store).await;
        let other_id = another_seller(&billing).await;
        let (plan, version) = made(&billing, seller_id, web(), content(dec!(5))).await;
        let (theirs, _) = made(&billing, other_id, web(), content(dec!(7))).await;

        let mut unit = billing.begin(seller_id, "tok_1").await.expect("begins");
        let taken = create(&mut unit, web(), content(dec!(5))).await.expect_err("the code is taken");
        assert_eq!(taken.reason(), "CODE_TAKEN");
        drop(unit);

        let mut unit = billing.begin(other_id, "tok_2").await.expect("begins");
        let change = PlanChange { name: Some("Mine".to_owned()), ..PlanChange::default() };
        assert_eq!(update(&mut unit, plan.id, change).await.expect_err("not theirs").reason(), "NOT_FOUND");
        let refused = version::create(&mut unit, plan.id, content(dec!(1))).await;
        assert_eq!(refused.expect_err("not theirs").reason(), "NOT_FOUND");
        drop(unit);

        let mut tx = billing.store.snapshot().await.expect("reads");
        assert_eq!(plan::get(&mut tx, other_id, plan.id).await.expect("reads"), None);
        assert_eq!(plan::versions(&mut tx, other_id, &[version.id]).await.expect("reads"), []);
        assert_eq!(plan::newest(&mut tx, other_id, &[plan.id]).await.expect("reads"), []);
        assert_eq!(plan::by_code(&mut tx, other_id, "web").await.expect("reads"), Some(theirs));
    }
}

#[tokio::test]
async fn only_what_changes_is_noted() {
    for fresh in stores().await {
        let (billing, seller_id) = seller(&fresh.store).await;
        let (plan, _) = made(&billing, seller_id, web(), content(dec!(5))).await;
        let change = PlanChange { name: Some("Web".to_owned()), orderable: Some(false), description: None };
        for _ in 0..2 {
            let mut unit = billing.begin(seller_id, "tok_1").await.expect("begins");
            let changed = update(&mut unit, plan.id, change.clone()).await.expect("is there");
            unit.commit().await.expect("commits");
            assert_eq!(changed, Plan { orderable: false, ..plan.clone() });
        }
        let mut tx = billing.store.snapshot().await.expect("reads");
        let events: Vec<(String, String)> =
            tx.all("SELECT subject, data FROM events WHERE kind = 'plan.updated'", &[]).await.expect("reads");
        assert_eq!(events, [(plan.id.to_string(), r#"{"orderable":{"from":true,"to":false}}"#.to_owned())]);
    }
}

#[tokio::test]
async fn a_version_cannot_be_changed_afterwards() {
    for fresh in stores().await {
        let (billing, seller_id) = seller(&fresh.store).await;
        made(&billing, seller_id, web(), content(dec!(5))).await;
        for statement in ["UPDATE plan_versions SET content = '{}'", "DELETE FROM plan_versions"] {
            let mut unit = billing.begin(seller_id, "tok_1").await.expect("begins");
            let refused = unit.execute(statement, &[]).await.expect_err("a trigger refuses it");
            assert!(refused.to_string().contains("append-only"), "{refused}");
        }
    }
}

#[tokio::test]
async fn two_who_make_a_version_at_once_get_two_versions() {
    for fresh in stores().await {
        let (billing, seller_id) = seller(&fresh.store).await;
        let (plan, _) = made(&billing, seller_id, web(), content(dec!(5))).await;
        let versions =
            futures::future::join_all((0..4).map(|_| versioned(&billing, seller_id, plan.id, content(dec!(6)))));
        let mut numbers: Vec<u32> = versions.await.into_iter().map(|version| version.version).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, [2, 3, 4, 5]);
    }
}
