//! Availability, ideas and prices.

use billet_plugin::v1::*;
use billet_simulator::openprovider::Extension;
use billet_simulator::{Fault, OpenproviderOptions};

use crate::stand::{Stand, assert_later, assert_refused, euros};

async fn stand() -> Stand {
    Stand::with(OpenproviderOptions {
        taken: vec!["taken.example".to_owned()],
        premium: vec![("gold.example".to_owned(), 49_999)],
        ..OpenproviderOptions::default()
    })
    .await
}

fn check(names: &[&str]) -> CheckAvailabilityRequest {
    CheckAvailabilityRequest { names: names.iter().map(|name| (*name).to_owned()).collect() }
}

#[tokio::test]
async fn names_are_answered_in_the_order_they_were_asked() {
    let stand = stand().await;
    let answer = stand.plugin.check_availability(check(&["Free.example", "taken.example", "gold.example"])).await;
    let found = answer.expect("checked").value.availabilities;
    let [free, taken, gold] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((free.name.as_str(), free.available, free.premium), ("Free.example", true, false));
    assert_eq!(free.prices[0].price, Some(euros(10, 0)));
    assert_eq!((taken.available, taken.reason.as_str()), (false, "Domain exists"));
    assert!(taken.prices.is_empty());
    assert!(gold.available && gold.premium);
    assert_eq!(gold.prices[0].price, Some(euros(499, 990_000_000)));
    assert_eq!(gold.prices[0].action(), DomainAction::Register);
}

#[tokio::test]
async fn many_names_go_in_batches_and_one_that_hangs_hides_no_others() {
    let stand = stand().await;
    let names: Vec<String> = (0..40).map(|number| format!("name{number}.example")).collect();
    stand.server.fail_next("CheckDomain", Fault::HttpError(504));
    let answer = stand.plugin.check_availability(CheckAvailabilityRequest { names }).await.expect("checked");
    assert_eq!(stand.server.calls("CheckDomain"), 3);
    assert_eq!(answer.warnings.len(), 1, "{:?}", answer.warnings);
    let found = answer.value.availabilities;
    assert_eq!((found.len(), found.iter().filter(|found| found.available).count()), (40, 25));
    assert!(found[0].reason.contains("did not answer"), "{}", found[0].reason);
    stand.server.fail_next("CheckDomain", Fault::HttpError(504));
    assert_later(&stand.plugin.check_availability(check(&["a.example"])).await, ProblemKind::Unavailable);
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused() {
    let stand = stand().await;
    assert_refused(&stand.plugin.check_availability(check(&[])).await, ProblemKind::Invalid);
    assert_refused(&stand.plugin.check_availability(check(&["a.unheard-of"])).await, ProblemKind::Invalid);
    let many = vec!["a.example"; 51];
    assert_refused(&stand.plugin.check_availability(check(&many)).await, ProblemKind::Invalid);
}

#[tokio::test]
async fn ideas_are_names_that_are_free() {
    let stand = stand().await;
    let request = SuggestDomainsRequest { query: "taken".to_owned(), tlds: vec!["example".to_owned()], count_max: 5 };
    let found = stand.plugin.suggest_domains(request).await.expect("suggested").value.suggestions;
    let names: Vec<_> = found.iter().map(|idea| idea.name.as_str()).collect();
    assert_eq!(names, ["takenonline.example", "takenshop.example"]);
    let nothing = SuggestDomainsRequest { count_max: 5, ..SuggestDomainsRequest::default() };
    assert_refused(&stand.plugin.suggest_domains(nothing).await, ProblemKind::Invalid);
}

#[tokio::test]
async fn the_price_list_is_exact_and_can_be_asked_for_in_part() {
    let stand = stand().await;
    let request = GetTldPricingRequest { tlds: vec!["ai".to_owned(), ".COM".to_owned(), "none".to_owned()] };
    let found = stand.plugin.get_tld_pricing(request).await.expect("listed").value.pricings;
    let [ai, com] = found.as_slice() else { panic!("{found:?}") };
    let of = |pricing: &TldPricing, action: DomainAction| {
        let price = pricing.prices.iter().find(|price| price.action() == action).expect("a price");
        (price.years, price.price.clone().expect("money"))
    };
    assert_eq!(of(com, DomainAction::Register), (1, euros(8, 60_000_000)));
    assert_eq!(of(com, DomainAction::Restore), (0, euros(40, 300_000_000)));
    assert_eq!(of(ai, DomainAction::Register), (2, euros(218, 0)));
    assert_eq!((com.grace_days, com.redemption_days), (Some(40), Some(30)));
}

#[tokio::test]
async fn all_prices_are_read_page_by_page() {
    let extensions: Vec<_> = (0..250).map(|number| Extension::new(&format!("tld{number:03}"), 1_000)).collect();
    let stand = Stand::with(OpenproviderOptions { extensions, ..OpenproviderOptions::default() }).await;
    let found = stand.plugin.get_tld_pricing(GetTldPricingRequest::default()).await.expect("listed").value.pricings;
    assert_eq!((found.len(), stand.server.calls("ListTlds")), (250, 3));
}
