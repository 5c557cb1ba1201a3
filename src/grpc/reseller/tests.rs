use billet_domain::role::Role;
use chrono::{DateTime, Utc};
use prost_types::FieldMask;
use tonic::Code;

use super::*;
use crate::billing::seller::found_operator;
use crate::grpc::auth::Caller;
use crate::grpc::convert::{to_date, to_decimal};
use crate::grpc::testing::{Desk, by, desks, fresh_id, ok, refused, some_seller, wrong_fields};
use crate::store::token;

fn api(desk: &Desk) -> ResellerApi {
    ResellerApi { billing: desk.billing.clone() }
}

fn wanted(name: &str) -> pb::Seller {
    let new = some_seller(name);
    let mut seller = pb::Seller {
        party: Some(crate::grpc::convert::to_party(new.party)),
        time_zone: "Europe/Berlin".to_owned(),
        currency_code: "EUR".to_owned(),
        language: "de".to_owned(),
        payment_term_days: 14,
        nightly_run_at: "02:30".to_owned(),
        iban: "de89 3704 0044 0532 0130 00".to_owned(),
        bic: "cobadeff".to_owned(),
        ..pb::Seller::default()
    };
    seller.tax_rules.push(rule("standard", "S", 19));
    seller
}

fn rule(tax_class: &str, category: &str, rate: i64) -> pb::TaxRule {
    pb::TaxRule {
        tax_class: tax_class.to_owned(),
        category: category.to_owned(),
        rate: Some(to_decimal(rate.into())),
        exemption_reason: String::new(),
    }
}

fn create(seller: pb::Seller) -> pb::CreateResellerRequest {
    pb::CreateResellerRequest { request_id: fresh_id(), seller: Some(seller), owner_name: "Rita".to_owned() }
}

async fn reseller(desk: &Desk, name: &str) -> (pb::Seller, Caller) {
    let answer = ok(api(desk).create_reseller(by(&desk.owner, create(wanted(name)))).await);
    let caller = desk.authenticator.admit(Some(&format!("Bearer {}", answer.owner_token)), &Role::ALL).await;
    (answer.seller.expect("made"), caller.expect("the token works"))
}

async fn nightly_at(desk: &Desk, caller: &Caller) -> DateTime<Utc> {
    let rows: Vec<(i64, DateTime<Utc>)> =
        desk.rows("SELECT seller_id, due_at FROM schedules WHERE kind = 'nightly_run'").await;
    let own: Vec<_> = rows.into_iter().filter(|(seller_id, _)| *seller_id == caller.seller_id.0).collect();
    assert_eq!(own.len(), 1, "one plan per seller");
    own[0].1
}

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant")
}

#[tokio::test]
async fn a_reseller_is_ready_to_work_and_its_owner_is_told_the_secret_once() {
    for desk in desks().await {
        let request = create(wanted("Reseller Example"));
        let first = ok(api(&desk).create_reseller(by(&desk.owner, request.clone())).await);
        let seller = first.seller.clone().expect("made");
        assert_eq!(seller.parent_id, desk.owner.seller_id.to_string());
        assert_eq!(seller.iban, "DE89370400440532013000");
        assert_eq!(seller.bic, "COBADEFF");
        assert_eq!(seller.credit_policy(), pb::CreditPolicy::CreditNote);

        let again = ok(api(&desk).create_reseller(by(&desk.owner, request)).await);
        assert_eq!(again.owner_token, "");
        assert_eq!(again.seller, first.seller);
        let kept: Vec<(Vec<u8>,)> = desk.rows("SELECT response FROM requests").await;
        assert!(kept.iter().all(|(bytes,)| !String::from_utf8_lossy(bytes).contains("blt_")), "no secret is stored");

        let header = format!("Bearer {}", first.owner_token);
        let owner = desk.authenticator.admit(Some(&header), &[Role::ResellerAdmin]).await.expect("admitted");
        assert_eq!(owner.seller_id.to_string(), seller.id);
        assert_eq!(owner.roles, [Role::ResellerAdmin]);
        assert_eq!(nightly_at(&desk, &owner).await, instant("2026-03-11T01:30:00Z"));
        let series = ok(api(&desk).list_series(by(&owner, pb::ListSeriesRequest {})).await).series;
        let patterns: Vec<(&str, &str, i64)> =
            series.iter().map(|s| (s.document_kind.as_str(), s.pattern.as_str(), s.next_number)).collect();
        let expected = [
            ("cancellation", "ST-{year}-{number:5}", 1),
            ("credit_note", "GS-{year}-{number:5}", 1),
            ("invoice", "RE-{year}-{number:5}", 1),
        ];
        assert_eq!(patterns, expected);
        assert_eq!(desk.events(&owner).await, ["seller.created", "token.created"]);
        assert_eq!(
            desk.events(&desk.owner).await,
            ["seller.created", "token.created", "reseller.created", "token.created"]
        );
    }
}

#[tokio::test]
async fn the_operator_is_founded_once() {
    for desk in desks().await {
        let second = found_operator(&desk.billing, some_seller("Another Example"), "Owner").await;
        let error = second.expect_err("there is one");
        assert_eq!(error.reason(), "ALREADY_INITIALISED");
        let (_, caller) = reseller(&desk, "Reseller Example").await;
        let sellers: Vec<(i64,)> = desk.rows("SELECT id FROM sellers ORDER BY id").await;
        assert_eq!(sellers, [(desk.owner.seller_id.0,), (caller.seller_id.0,)]);
        // Nor does the database allow it, whoever tries.
        let mut unit = desk.billing.begin(desk.owner.seller_id, "test").await.expect("a unit");
        let mut copy = store::seller::operator(&mut unit).await.expect("read").expect("there");
        copy.id = SellerId(999_999);
        let error = store::seller::insert(&mut unit, &copy).await.expect_err("refused");
        assert!(matches!(error, store::StoreError::Conflict(_)), "{error}");
    }
}

#[tokio::test]
async fn a_seller_sees_itself_and_its_direct_resellers() {
    for desk in desks().await {
        let api = api(&desk);
        let (a, a_owner) = reseller(&desk, "A Example").await;
        let (b, _) = reseller(&desk, "B Example").await;
        let get = |caller: &Caller, id: &str| {
            let request = by(caller, pb::GetSellerRequest { id: id.to_owned() });
            let api = api.clone();
            async move { api.get_seller(request).await }
        };
        assert_eq!(ok(get(&a_owner, "").await).seller, Some(a.clone()));
        assert_eq!(ok(get(&desk.owner, &a.id).await).seller, Some(a.clone()));
        let operator = desk.owner.seller_id.to_string();
        for stranger in [operator.as_str(), b.id.as_str(), "sel_999999"] {
            assert_eq!(refused(get(&a_owner, stranger).await), (Code::NotFound, "NOT_FOUND".to_owned()));
        }
        let page = |page_token| by(&desk.owner, pb::ListResellersRequest { page_size: 1, page_token });
        let first = ok(api.list_resellers(page(String::new())).await);
        assert_eq!(first.sellers, [a]);
        let second = ok(api.list_resellers(page(first.next_page_token)).await);
        assert_eq!((second.sellers, second.next_page_token.as_str()), (vec![b], ""));
    }
}

fn update(seller: pb::Seller, paths: &[&str]) -> pb::UpdateSellerRequest {
    let paths = paths.iter().map(|&path| path.to_owned()).collect();
    pb::UpdateSellerRequest { request_id: fresh_id(), seller: Some(seller), update_mask: Some(FieldMask { paths }) }
}

#[tokio::test]
async fn an_update_changes_what_the_mask_names_and_plans_the_night_anew() {
    for desk in desks().await {
        let api = api(&desk);
        let given = pb::Seller {
            nightly_run_at: "03:15".to_owned(),
            language: "en".to_owned(),
            payment_term_days: 30,
            ..pb::Seller::default()
        };
        let answer = ok(api.update_seller(by(&desk.owner, update(given.clone(), &["language"]))).await);
        let seller = answer.seller.expect("changed");
        assert_eq!((seller.language.as_str(), seller.payment_term_days), ("en", 14));
        assert_eq!(nightly_at(&desk, &desk.owner).await, instant("2026-03-11T01:30:00Z"));

        let answer =
            ok(api.update_seller(by(&desk.owner, update(given, &["nightly_run_at", "payment_term_days"]))).await);
        assert_eq!(answer.seller.expect("changed").payment_term_days, 30);
        assert_eq!(nightly_at(&desk, &desk.owner).await, instant("2026-03-11T02:15:00Z"));

        let given = pb::Seller { time_zone: "America/New_York".to_owned(), ..pb::Seller::default() };
        ok(api.update_seller(by(&desk.owner, update(given, &["time_zone"]))).await);
        assert_eq!(nightly_at(&desk, &desk.owner).await, instant("2026-03-11T07:15:00Z"));

        let stored = ok(api.get_seller(by(&desk.owner, pb::GetSellerRequest::default())).await).seller.expect("there");
        assert_eq!((stored.nightly_run_at.as_str(), stored.time_zone.as_str()), ("03:15", "America/New_York"));
        let data: Vec<(String,)> =
            desk.rows("SELECT data FROM events WHERE kind = 'seller.updated' ORDER BY sequence").await;
        assert_eq!(data[0].0, r#"{"language":{"from":"de","to":"en"}}"#);
        assert_eq!(data.len(), 3);
    }
}

#[tokio::test]
async fn what_cannot_be_changed_is_refused_and_nothing_happens() {
    for desk in desks().await {
        let api = api(&desk);
        for paths in [&["id"][..], &["created_at"], &["party.city"], &["language", "nonsense"], &[]] {
            let answer = api.update_seller(by(&desk.owner, update(pb::Seller::default(), paths))).await;
            assert_eq!(wrong_fields(answer), ["update_mask"], "{paths:?}");
        }
        let (reseller, _) = reseller(&desk, "Reseller Example").await;
        let answer = api.update_seller(by(&desk.owner, update(reseller, &["language"]))).await;
        assert_eq!(refused(answer).0, Code::NotFound, "a reseller changes itself");
        let answer = api.update_seller(by(&desk.owner, update(pb::Seller::default(), &["tax_rules"]))).await;
        assert_eq!(wrong_fields(answer), ["seller.tax_rules"], "a rule for the standard class has to stay");
        assert!(!desk.events(&desk.owner).await.contains(&"seller.updated".to_owned()));
    }
}

#[tokio::test]
async fn a_seller_that_makes_no_sense_is_told_everything_that_is_wrong() {
    let desks = desks().await;
    let desk = desks.first().expect("SQLite is always there");
    let refuse =
        |seller: pb::Seller| async { wrong_fields(api(desk).create_reseller(by(&desk.owner, create(seller))).await) };
    let wrong = pb::Seller {
        language: "German".to_owned(),
        payment_term_days: 366,
        iban: "DE89370400440532013001".to_owned(),
        bic: "COBA1EFF".to_owned(),
        tax_rules: vec![rule("reduced", "S", 0), rule("reduced", "X", 7), rule("export", "G", 0)],
        ..wanted("Wrong Example")
    };
    let mut fields = refuse(wrong).await;
    fields.sort();
    let expected = [
        "seller.bic",
        "seller.iban",
        "seller.language",
        "seller.payment_term_days",
        "seller.tax_rules",
        "seller.tax_rules[0].rate",
        "seller.tax_rules[1].category",
        "seller.tax_rules[1].tax_class",
        "seller.tax_rules[2].exemption_reason",
    ];
    assert_eq!(fields, expected);
    for (change, field) in [
        (pb::Seller { time_zone: "Mars/Olympus".to_owned(), ..wanted("X") }, "seller.time_zone"),
        (pb::Seller { currency_code: "EUROS".to_owned(), ..wanted("X") }, "seller.currency_code"),
        (pb::Seller { nightly_run_at: "2:30".to_owned(), ..wanted("X") }, "seller.nightly_run_at"),
        (pb::Seller { credit_policy: 77, ..wanted("X") }, "seller.credit_policy"),
        (pb::Seller { party: None, ..wanted("X") }, "seller.party"),
    ] {
        assert_eq!(refuse(change).await, [field]);
    }
    let nameless = pb::CreateResellerRequest { owner_name: " ".to_owned(), ..create(wanted("X")) };
    assert_eq!(wrong_fields(api(desk).create_reseller(by(&desk.owner, nameless)).await), ["owner_name"]);
    let sellers: Vec<(i64,)> = desk.rows("SELECT id FROM sellers").await;
    assert_eq!(sellers.len(), 1);
    let mut tx = desk.billing.store.snapshot().await.expect("a snapshot");
    let tokens = token::list(&mut tx, desk.owner.seller_id, 0, 10).await.expect("read");
    assert_eq!(tokens.len(), 1);
}

fn series(kind: &str, pattern: &str, yearly: bool, next_number: i64) -> pb::SetSeriesRequest {
    let series = pb::Series {
        document_kind: kind.to_owned(),
        pattern: pattern.to_owned(),
        yearly,
        next_number,
        ..pb::Series::default()
    };
    pb::SetSeriesRequest { request_id: fresh_id(), series: Some(series) }
}

#[tokio::test]
async fn a_series_is_set_before_it_is_used_and_then_goes_on() {
    for desk in desks().await {
        let api = api(&desk);
        let set = |request| {
            let request = by(&desk.owner, request);
            let api = api.clone();
            async move { api.set_series(request).await }
        };
        let answer = ok(set(series("invoice", "R{year}/{number:4}", true, 4711)).await).series.expect("set");
        assert_eq!((answer.pattern.as_str(), answer.next_number), ("R{year}/{number:4}", 4711));
        let lowered = refused(set(series("invoice", "R{year}/{number:4}", true, 4710)).await);
        assert_eq!(lowered, (Code::FailedPrecondition, "SERIES_IN_USE".to_owned()));
        let meets = refused(set(series("credit_note", "R{year}/{number}", true, 0)).await);
        assert_eq!(meets, (Code::FailedPrecondition, "NUMBERS_COULD_MEET".to_owned()));
        for (request, field) in [
            (series("order", "{number}", false, 0), "series.document_kind"),
            (series("invoice", "{number", false, 0), "series.pattern"),
            (series("invoice", "R-{number}", true, 0), "series.pattern"),
            (series("invoice", "R-{number}", false, -1), "series.next_number"),
        ] {
            assert_eq!(wrong_fields(set(request).await), [field]);
        }

        let mut unit = desk.billing.begin(desk.owner.seller_id, "test").await.expect("a unit");
        let today = "2026-03-10".parse().expect("a date");
        let kind = billet_domain::document::DocumentKind::Invoice;
        let numbers = store::series::take(&mut unit, kind, 1, today).await.expect("a number");
        assert_eq!(numbers, ["R2026/4711"]);
        unit.commit().await.expect("committed");

        let raised = refused(set(series("invoice", "R{year}/{number:4}", true, 5000)).await);
        assert_eq!(raised, (Code::FailedPrecondition, "SERIES_IN_USE".to_owned()), "that would leave a gap");
        let unyearly = refused(set(series("invoice", "R{year}/{number:4}", false, 0)).await);
        assert_eq!(unyearly, (Code::FailedPrecondition, "SERIES_IN_USE".to_owned()));
        // What is listed can be sent back, with another pattern.
        let answer = ok(set(series("invoice", "Q{year}/{number:4}", true, 4712)).await).series.expect("set");
        assert_eq!(answer.next_number, 4712);
        desk.billing.clock.advance(instant("2026-12-31T23:30:00Z")).expect("ahead");
        let listed = ok(api.list_series(by(&desk.owner, pb::ListSeriesRequest {})).await).series;
        let invoice = listed.iter().find(|series| series.document_kind == "invoice").expect("there");
        assert_eq!(invoice.next_number, 1, "it is 2027 in Berlin: {:?}", to_date(today));
        ok(set(series("invoice", "Q{year}/{number:4}", true, 1)).await);
    }
}
