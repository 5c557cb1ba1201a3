use billet_domain::id::SellerId;
use rust_decimal_macros::dec;

use super::*;
use crate::billing::Billing;
use crate::billing::catalog::testing::{content, day, seller};
use crate::billing::catalog::{plan::NewPlan, plan::create as create_plan};
use crate::store::testing::stores;

fn ten_percent(code: &str) -> NewPromotion {
    NewPromotion {
        code: code.to_owned(),
        reduction: Reduction::Percent(dec!(10)),
        currency: None,
        cycles: Some(3),
        valid_from: None,
        valid_to: None,
        plan_ids: Vec::new(),
        redemptions_per_customer_max: None,
        redemptions_max: None,
    }
}

async fn made(billing: &Billing, seller_id: SellerId, new: NewPromotion) -> Promotion {
    let mut unit = billing.begin(seller_id, "tok_1").await.expect("begins");
    let promotion = create(&mut unit, new).await.expect("is made");
    unit.commit().await.expect("commits");
    promotion
}

/// Who redeems for what.
#[derive(Clone, Copy)]
struct Redeemer {
    subscription: i64,
    customer: i64,
    plan_id: PlanId,
    currency: Currency,
    on: NaiveDate,
}

impl Redeemer {
    fn new(subscription: i64, customer: i64) -> Self {
        Self { subscription, customer, plan_id: PlanId(7), currency: Currency::EUR, on: day("2026-03-01") }
    }

    async fn redeems(self, billing: &Billing, seller_id: SellerId, code: &str) -> Result<FactKind, BillingError> {
        let mut unit = billing.begin(seller_id, "tok_1").await?;
        let (subscription, customer) = (SubscriptionId(self.subscription), CustomerId(self.customer));
        let fact = redeem(&mut unit, code, subscription, customer, self.plan_id, self.currency, self.on).await?;
        unit.commit().await?;
        Ok(fact)
    }

    async fn refused(self, billing: &Billing, seller_id: SellerId, code: &str) -> &'static str {
        self.redeems(billing, seller_id, code).await.expect_err("is refused").reason()
    }
}

#[tokio::test]
async fn a_redemption_is_a_fact_and_counts_once_per_subscription() {
    for fresh in stores().await {
        let (billing, seller_id) = seller(&fresh.store).await;
        let promotion = made(&billing, seller_id, ten_percent("Spring-26")).await;
        let fact = Redeemer::new(1, 1).redeems(&billing, seller_id, " sPRING-26 ").await.expect("redeems");
        let expected = FactKind::Promoted {
            promotion_id: promotion.id,
            code: "Spring-26".to_owned(),
            reduction: Reduction::Percent(dec!(10)),
            cycles: Some(3),
        };
        assert_eq!(fact, expected);
        assert_eq!(Redeemer::new(1, 1).refused(&billing, seller_id, "SPRING-26").await, "PROMOTION_REDEEMED_ALREADY");
        Redeemer::new(2, 1).redeems(&billing, seller_id, "spring-26").await.expect("for another subscription");
        let mut tx = billing.store.snapshot().await.expect("reads");
        let listed = promotion::list(&mut tx, seller_id, "", 10).await.expect("lists");
        assert_eq!(listed, [Promotion { redemption_count: 2, ..promotion }]);
    }
}

#[tokio::test]
async fn every_condition_has_its_reason() {
    for fresh in stores().await {
        let (billing, seller_id) = seller(&fresh.store).await;
        let mut unit = billing.begin(seller_id, "tok_1").await.expect("begins");
        let new = NewPlan {
            code: "web".to_owned(),
            name: "Web".to_owned(),
            description: String::new(),
            addon: false,
            orderable: true,
        };
        let (plan, _) = create_plan(&mut unit, new, content(dec!(5))).await.expect("is made");
        unit.commit().await.expect("commits");
        let strict = NewPromotion {
            reduction: Reduction::Amount(dec!(2.50)),
            currency: Some(Currency::EUR),
            valid_from: Some(day("2026-03-01")),
            valid_to: Some(day("2026-04-01")),
            plan_ids: vec![plan.id],
            redemptions_per_customer_max: Some(1),
            redemptions_max: Some(2),
            ..ten_percent("STRICT")
        };
        made(&billing, seller_id, strict).await;
        let fits = Redeemer { plan_id: plan.id, ..Redeemer::new(1, 1) };
        for (redeemer, code, reason) in [
            (fits, "STRICTER", "UNKNOWN_PROMOTION"),
            (fits, "", "UNKNOWN_PROMOTION"),
            (fits, "strict\0", "UNKNOWN_PROMOTION"),
            (Redeemer { on: day("2026-02-28"), ..fits }, "STRICT", "PROMOTION_NOT_VALID"),
            (Redeemer { on: day("2026-04-01"), ..fits }, "STRICT", "PROMOTION_NOT_VALID"),
            (Redeemer { plan_id: PlanId(999_999), ..fits }, "STRICT", "PROMOTION_NOT_FOR_PLAN"),
            (Redeemer { currency: "USD".parse().expect("a currency"), ..fits }, "STRICT", "PROMOTION_CURRENCY"),
        ] {
            assert_eq!(redeemer.refused(&billing, seller_id, code).await, reason);
        }
        Redeemer { on: day("2026-03-31"), ..fits }
            .redeems(&billing, seller_id, "STRICT")
            .await
            .expect("on its last day");
        let again = Redeemer { subscription: 2, ..fits };
        assert_eq!(again.refused(&billing, seller_id, "STRICT").await, "PROMOTION_USED_BY_CUSTOMER");
        Redeemer { customer: 2, ..again }.redeems(&billing, seller_id, "STRICT").await.expect("another customer");
        let third = Redeemer { subscription: 3, customer: 3, ..fits };
        assert_eq!(third.refused(&billing, seller_id, "STRICT").await, "PROMOTION_USED_UP");
    }
}

#[tokio::test]
async fn the_last_redemption_is_had_by_one() {
    for fresh in stores().await {
        let (billing, seller_id) = seller(&fresh.store).await;
        made(&billing, seller_id, NewPromotion { redemptions_max: Some(1), ..ten_percent("LAST") }).await;
        let outcomes = futures::future::join_all((1..=6).map(|number| {
            let billing = billing.clone();
            async move { Redeemer::new(number, number).redeems(&billing, seller_id, "last").await }
        }))
        .await;
        let refused: Vec<&str> =
            outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).map(BillingError::reason).collect();
        assert_eq!(refused, ["PROMOTION_USED_UP"; 5]);
    }
}

#[tokio::test]
async fn an_ended_promotion_cannot_be_redeemed_from_the_sellers_today_on() {
    for fresh in stores().await {
        let (billing, seller_id) = seller(&fresh.store).await;
        let promotion = made(&billing, seller_id, ten_percent("OPEN")).await;
        for _ in 0..2 {
            let mut unit = billing.begin(seller_id, "tok_1").await.expect("begins");
            let ended = end(&mut unit, promotion.id).await.expect("ends");
            unit.commit().await.expect("commits");
            // In UTC it is still 28 February.
            assert_eq!(ended.valid_to, Some(day("2026-03-01")));
        }
        assert_eq!(Redeemer::new(1, 1).refused(&billing, seller_id, "OPEN").await, "PROMOTION_NOT_VALID");
        let mut tx = billing.store.snapshot().await.expect("reads");
        let ends: (i64,) =
            tx.one("SELECT COUNT(*) FROM events WHERE kind = 'promotion.ended'", &[]).await.expect("counts");
        assert_eq!(ends, (1,), "ending it again changes nothing");
        let mut unit = billing.begin(seller_id, "tok_1").await.expect("begins");
        let unknown = end(&mut unit, PromotionId(999_999)).await.expect_err("is not there");
        assert_eq!(unknown.reason(), "NOT_FOUND");
    }
}

#[tokio::test]
async fn conditions_that_make_no_sense_are_refused() {
    for fresh in stores().await {
        let (billing, seller_id) = seller(&fresh.store).await;
        made(&billing, seller_id, ten_percent("taken")).await;
        let amount = |amount| NewPromotion {
            reduction: Reduction::Amount(amount),
            currency: Some(Currency::EUR),
            ..ten_percent("X")
        };
        let percent = |percent| NewPromotion { reduction: Reduction::Percent(percent), ..ten_percent("X") };
        let cases = [
            (percent(dec!(0)), "promotion.percent"),
            (percent(dec!(100.01)), "promotion.percent"),
            (percent(dec!(1.0000000000001)), "promotion.percent"),
            (amount(dec!(0)), "promotion.amount"),
            (amount(dec!(1.005)), "promotion.amount"),
            (amount(dec!(1_000_000_001)), "promotion.amount"),
            (NewPromotion { currency: None, ..amount(dec!(1)) }, "promotion.currency_code"),
            (NewPromotion { cycles: Some(1_001), ..percent(dec!(1)) }, "promotion.cycles"),
            (
                NewPromotion {
                    valid_from: Some(day("2026-03-01")),
                    valid_to: Some(day("2026-03-01")),
                    ..percent(dec!(1))
                },
                "promotion.valid_to",
            ),
            (NewPromotion { plan_ids: vec![PlanId(999_999)], ..percent(dec!(1)) }, "promotion.plan_ids[0]"),
            (NewPromotion { plan_ids: vec![PlanId(1), PlanId(1)], ..percent(dec!(1)) }, "promotion.plan_ids[1]"),
        ];
        for (new, field) in cases {
            let mut unit = billing.begin(seller_id, "tok_1").await.expect("begins");
            match create(&mut unit, new).await {
                Err(BillingError::Invalid { violations }) => assert_eq!(violations[0].field, field),
                other => panic!("{field}: {other:?}"),
            }
        }
        let mut unit = billing.begin(seller_id, "tok_1").await.expect("begins");
        let taken = create(&mut unit, ten_percent("TAKEN")).await.expect_err("without regard to case");
        assert_eq!(taken.reason(), "CODE_TAKEN");
    }
}
