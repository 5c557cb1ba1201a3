use billet_domain::document::DocumentKind::{CreditNote, Invoice};
use billet_domain::id::SellerId;
use chrono::{DateTime, NaiveDate, Utc};

use crate::billing::seller::found_operator;
use crate::billing::testing::{some_seller, start};
use crate::billing::{Billing, Clock};
use crate::store::series::{TakeError, take};
use crate::store::testing::{Fresh, stores};

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

fn noon(on: &str) -> DateTime<Utc> {
    day(on).and_hms_opt(12, 0, 0).expect("noon").and_utc()
}

async fn founded(fresh: &Fresh) -> SellerId {
    let billing = Billing::new(fresh.store.clone(), Clock::simulated(start()));
    found_operator(&billing, some_seller("Operator Example"), "Owner").await.expect("founded").0.id
}

#[tokio::test]
async fn numbers_follow_each_other_and_begin_again_with_the_year() {
    for fresh in stores().await {
        let seller_id = founded(&fresh).await;
        let mut unit = fresh.store.begin(seller_id, "test", noon("2026-12-30")).await.expect("a unit");
        let numbers = take(&mut unit, Invoice, 2, day("2026-12-30")).await.expect("numbers");
        assert_eq!(numbers, ["RE-2026-00001", "RE-2026-00002"]);
        assert_eq!(take(&mut unit, Invoice, 0, day("2026-12-30")).await.expect("none"), [""; 0]);
        assert_eq!(take(&mut unit, Invoice, 1, day("2026-12-31")).await.expect("numbers"), ["RE-2026-00003"]);
        unit.commit().await.expect("committed");

        let mut unit = fresh.store.begin(seller_id, "test", noon("2027-01-01")).await.expect("a unit");
        let numbers = take(&mut unit, Invoice, 2, day("2027-01-01")).await.expect("numbers");
        assert_eq!(numbers, ["RE-2027-00001", "RE-2027-00002"]);
        let numbers = take(&mut unit, CreditNote, 1, day("2027-01-01")).await.expect("numbers");
        assert_eq!(numbers, ["GS-2027-00001"], "each kind has its own");
        let error = take(&mut unit, Invoice, 1, day("2026-12-31")).await.expect_err("went back");
        assert!(matches!(error, TakeError::WentBack { last, .. } if last == day("2027-01-01")), "{error}");
        let numbers = take(&mut unit, Invoice, 1, day("2027-01-01")).await.expect("numbers");
        assert_eq!(numbers, ["RE-2027-00003"], "the refusal took nothing");
    }
}

#[tokio::test]
async fn what_is_not_committed_leaves_no_gap() {
    for fresh in stores().await {
        let seller_id = founded(&fresh).await;
        for expected in ["RE-2026-00001", "RE-2026-00001"] {
            let mut unit = fresh.store.begin(seller_id, "test", start()).await.expect("a unit");
            assert_eq!(take(&mut unit, Invoice, 1, day("2026-03-10")).await.expect("numbers"), [expected]);
            drop(unit);
        }
    }
}

#[tokio::test]
async fn those_who_take_at_the_same_time_wait_for_each_other() {
    for fresh in stores().await {
        let seller_id = founded(&fresh).await;
        let takers = (0..8).map(|_| {
            let store = fresh.store.clone();
            tokio::spawn(async move {
                let mut unit = store.begin(seller_id, "test", start()).await.expect("a unit");
                let numbers = take(&mut unit, Invoice, 3, day("2026-03-10")).await.expect("numbers");
                unit.commit().await.expect("committed");
                numbers
            })
        });
        let mut numbers = Vec::new();
        for taker in futures::future::join_all(takers).await {
            let taken = taker.expect("ran");
            assert!(taken.is_sorted(), "{taken:?}");
            numbers.extend(taken);
        }
        numbers.sort();
        let expected: Vec<String> = (1..=24).map(|number| format!("RE-2026-{number:05}")).collect();
        assert_eq!(numbers, expected);
    }
}

#[tokio::test]
async fn a_seller_without_a_series_is_told_so() {
    for fresh in stores().await {
        let mut unit = fresh.store.begin(SellerId(77), "test", start()).await.expect("a unit");
        let error = take(&mut unit, Invoice, 1, day("2026-03-10")).await.expect_err("no series");
        assert!(matches!(error, TakeError::Missing(Invoice)), "{error}");
    }
}
