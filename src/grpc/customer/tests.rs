use billet_domain::document::Party;
use billet_domain::id::{InstanceId, SellerId};
use prost_types::FieldMask;
use tonic::Code;

use super::*;
use crate::billing::customer::NewCustomer;
use crate::billing::instance::{self, NewInstance};
use crate::grpc::auth::Caller;
use crate::grpc::testing::{Desk, by, desks, fresh_id, ok, refused, wrong_fields};
use crate::params;
use crate::proto::google::r#type as gt;
use crate::store::instance::UnknownCustomer;

fn api(desk: &Desk) -> CustomerApi {
    CustomerApi { billing: desk.billing.clone() }
}

fn named(name: &str) -> pb::Customer {
    let party = pb::Party { name: name.to_owned(), city: "Berlin".to_owned(), ..pb::Party::default() };
    pb::Customer { party: Some(party), ..pb::Customer::default() }
}

async fn create(desk: &Desk, customer: pb::Customer) -> Result<Response<pb::CreateCustomerResponse>, Status> {
    let request = pb::CreateCustomerRequest { request_id: fresh_id(), customer: Some(customer) };
    api(desk).create_customer(by(&desk.owner, request)).await
}

async fn made(desk: &Desk, customer: pb::Customer) -> pb::Customer {
    ok(create(desk, customer).await).customer.expect("made")
}

async fn get(desk: &Desk, caller: &Caller, id: &str) -> Result<Response<pb::GetCustomerResponse>, Status> {
    api(desk).get_customer(by(caller, pb::GetCustomerRequest { id: id.to_owned() })).await
}

async fn update(
    desk: &Desk,
    customer: pb::Customer,
    paths: &[&str],
) -> Result<Response<pb::UpdateCustomerResponse>, Status> {
    let update_mask = Some(FieldMask { paths: paths.iter().map(|&path| path.to_owned()).collect() });
    let request = pb::UpdateCustomerRequest { request_id: fresh_id(), customer: Some(customer), update_mask };
    api(desk).update_customer(by(&desk.owner, request)).await
}

fn number_of(id: &str) -> String {
    format!("K{:05}", id.trim_start_matches("cus_").parse::<i64>().expect("a number"))
}

#[tokio::test]
async fn what_a_customer_does_not_say_is_as_the_seller_has_it() {
    for desk in desks().await {
        let customer = made(&desk, named("Customer Example")).await;
        assert_eq!(customer.number, number_of(&customer.id));
        assert_eq!((customer.currency_code.as_str(), customer.language.as_str()), ("EUR", "de"));
        assert_eq!((customer.payment_term_days, customer.credit_policy()), (None, pb::CreditPolicy::Unspecified));
        assert_eq!(customer.grouping(), pb::InvoiceGrouping::Customer);
        let full = pb::Customer {
            number: "10001".to_owned(),
            business: true,
            currency_code: "PLN".to_owned(),
            language: "pl".to_owned(),
            payment_term_days: Some(0),
            grouping: pb::InvoiceGrouping::Project.into(),
            credit_policy: pb::CreditPolicy::NextInvoice.into(),
            allowance_percent: Some(gt::Decimal { value: "2.5".to_owned() }),
            metadata: [("crm".to_owned(), "a\nb".to_owned())].into(),
            ..named("Full Example")
        };
        let stored = made(&desk, full.clone()).await;
        let expected = pb::Customer { id: stored.id.clone(), created_at: stored.created_at, ..full };
        assert_eq!(stored, expected);
        assert_eq!(ok(get(&desk, &desk.owner, "number:10001").await).customer, Some(expected));
    }
}

#[tokio::test]
async fn numbers_are_unique_and_the_systems_make_way_for_given_ones() {
    for desk in desks().await {
        let first = made(&desk, named("A")).await;
        let taken = refused(create(&desk, pb::Customer { number: first.number.clone(), ..named("B") }).await);
        assert_eq!(taken, (Code::AlreadyExists, "NUMBER_TAKEN".to_owned()));

        let new = |number: String| NewCustomer {
            number,
            party: Party { name: "C".to_owned(), ..Party::default() },
            ..NewCustomer::default()
        };
        let mut unit = desk.billing.begin(desk.owner.seller_id, "test").await.expect("a unit");
        // In one batch somebody is given by hand what the system would give to the last of it.
        let last = unit.id().expect("an id") + 3;
        let by_hand = format!("K{last:05}");
        let all = vec![new(by_hand.clone()), new(String::new()), new(String::new())];
        let numbers: Vec<String> =
            customer::create_all(&mut unit, all).await.expect("made").into_iter().map(|c| c.number).collect();
        assert_eq!(numbers, [by_hand, format!("K{:05}", last - 1), format!("K{:05}", last + 1)]);
        // And before.
        let next = last + 3;
        customer::create(&mut unit, new(format!("K{next:05}"))).await.expect("made");
        let customer = customer::create(&mut unit, new(String::new())).await.expect("made");
        assert_eq!(customer.number, format!("K{:05}", next + 1));
        assert_eq!(customer.number, number_of(&customer.id.to_string()));
        let twice = customer::create_all(&mut unit, vec![new("X".to_owned()), new("X".to_owned())]).await;
        assert_eq!(twice.expect_err("twice").reason(), "NUMBER_TAKEN");
        unit.commit().await.expect("committed");
    }
}

#[tokio::test]
async fn a_search_means_its_own_characters() {
    for desk in desks().await {
        let mut email = named("Second Ärzte GmbH");
        email.party.get_or_insert_default().email = "Billing@Second.example".to_owned();
        let second = made(&desk, email).await;
        let percent = made(&desk, pb::Customer { number: "100%_A".to_owned(), ..named("Third") }).await;
        let plain = made(&desk, pb::Customer { number: "1000XA".to_owned(), ..named("Back\\slash") }).await;
        let find = |query: &str| {
            let request = by(&desk.owner, pb::ListCustomersRequest { query: query.to_owned(), ..Default::default() });
            let api = api(&desk);
            async move {
                let page = ok(api.list_customers(request).await);
                page.customers.into_iter().map(|customer| customer.id).collect::<Vec<_>>()
            }
        };
        assert_eq!(find("äRZTE").await, [second.id.as_str()]);
        assert_eq!(find("billing@SECOND").await, [second.id.as_str()]);
        assert_eq!(find("0%_").await, [percent.id.as_str()]);
        assert_eq!(find("k\\s").await, [plain.id.as_str()]);
        assert_eq!(find("100").await, [percent.id.as_str(), plain.id.as_str()]);
        assert_eq!(find("berlin").await, [""; 0]);
        assert_eq!(find("").await.len(), 3);
        let page = |page_token| {
            by(&desk.owner, pb::ListCustomersRequest { page_size: 1, page_token, query: "100".to_owned() })
        };
        let first = ok(api(&desk).list_customers(page(String::new())).await);
        let rest = ok(api(&desk).list_customers(page(first.next_page_token)).await);
        assert_eq!((rest.customers[0].id.as_str(), rest.next_page_token.as_str()), (plain.id.as_str(), ""));

        // A changed name is found, the old one is not.
        let renamed = pb::Customer { party: named("Fourth").party, ..percent };
        ok(update(&desk, renamed, &["party.name"]).await);
        assert_eq!((find("third").await.len(), find("fourth").await.len()), (0, 1));
    }
}

#[tokio::test]
async fn an_update_changes_what_the_mask_names_and_the_journal_names_no_person() {
    for desk in desks().await {
        let mut customer = named("Erika Example");
        customer.metadata.insert("crm".to_owned(), "7".to_owned());
        customer.payment_term_days = Some(30);
        let before = made(&desk, customer).await;
        let mut given = named("Ignored");
        given.id.clone_from(&before.id);
        given.party.get_or_insert_default().city = "Hamburg".to_owned();
        given.allowance_percent = Some(gt::Decimal { value: "10.0".to_owned() });
        given.metadata.insert("tier".to_owned(), "gold".to_owned());
        let paths = ["party.city", "payment_term_days", "metadata", "allowance_percent"];
        let after = ok(update(&desk, given, &paths).await).customer.expect("changed");
        let mut expected = before.clone();
        expected.party.get_or_insert_default().city = "Hamburg".to_owned();
        expected.payment_term_days = None;
        expected.metadata = [("tier".to_owned(), "gold".to_owned())].into();
        expected.allowance_percent = Some(gt::Decimal { value: "10".to_owned() });
        assert_eq!(after, expected);
        assert_eq!(ok(get(&desk, &desk.owner, &before.id).await).customer, Some(expected.clone()));

        // The same again changes nothing and tells nothing.
        ok(update(&desk, expected.clone(), &["party", "number", "language", "business"]).await);
        let data: Vec<(String, String)> =
            desk.rows("SELECT kind, data FROM events WHERE subject LIKE 'cus%' ORDER BY sequence").await;
        assert_eq!(data.len(), 2);
        let told: serde_json::Value = serde_json::from_str(&data[1].1).expect("JSON");
        let wanted = serde_json::json!({
            "allowance_percent": {"from": "0", "to": "10"},
            "metadata": ["crm", "tier"],
            "party": ["city"],
            "payment_term_days": {"from": 30, "to": null},
        });
        assert_eq!(told, wanted);
        assert!(data.iter().all(|(_, data)| !data.contains("Erika") && !data.contains("Hamburg")), "{data:?}");

        for path in ["id", "balances", "created_at", "party.", "party.nonsense", "metadata.crm", ""] {
            assert_eq!(wrong_fields(update(&desk, expected.clone(), &[path]).await), ["update_mask"], "{path}");
        }
        let nameless = pb::Customer { party: None, ..expected.clone() };
        assert_eq!(wrong_fields(update(&desk, nameless, &["party.name"]).await), ["customer.party.name"]);
        let other = made(&desk, named("Other")).await;
        let same = pb::Customer { number: other.number.clone(), ..expected.clone() };
        assert_eq!(refused(update(&desk, same, &["number"]).await), (Code::AlreadyExists, "NUMBER_TAKEN".to_owned()));
        let renumbered = pb::Customer { number: "77".to_owned(), ..expected.clone() };
        ok(update(&desk, renumbered, &["number"]).await);
        let automatic = pb::Customer { number: String::new(), ..expected };
        let automatic = ok(update(&desk, automatic, &["number"]).await).customer.expect("changed");
        assert_eq!(automatic.number, number_of(&automatic.id));
    }
}

#[tokio::test]
async fn limits_are_told_by_field() {
    let desks = desks().await;
    let desk = desks.first().expect("SQLite is always there");
    let percent = |value: &str| Some(gt::Decimal { value: value.to_owned() });
    let metadata = |key: &str, value: &str| [(key.to_owned(), value.to_owned())].into();
    let many = (0..51).map(|index| (index.to_string(), String::new())).collect();
    for (wrong, field) in [
        (pb::Customer::default(), "customer.party"),
        (named(" "), "customer.party.name"),
        (pb::Customer { number: "x".repeat(65), ..named("A") }, "customer.number"),
        (pb::Customer { currency_code: "XXX".to_owned(), ..named("A") }, "customer.currency_code"),
        (pb::Customer { language: "DE".to_owned(), ..named("A") }, "customer.language"),
        (pb::Customer { payment_term_days: Some(366), ..named("A") }, "customer.payment_term_days"),
        (pb::Customer { grouping: 9, ..named("A") }, "customer.grouping"),
        (pb::Customer { credit_policy: 9, ..named("A") }, "customer.credit_policy"),
        (pb::Customer { allowance_percent: percent("100.1"), ..named("A") }, "customer.allowance_percent"),
        (pb::Customer { allowance_percent: percent("-1"), ..named("A") }, "customer.allowance_percent"),
        (pb::Customer { allowance_percent: percent("1.00001"), ..named("A") }, "customer.allowance_percent"),
        (pb::Customer { metadata: many, ..named("A") }, "customer.metadata"),
        (pb::Customer { metadata: metadata("", "x"), ..named("A") }, "customer.metadata[]"),
        (pb::Customer { metadata: metadata("k", &"x".repeat(501)), ..named("A") }, "customer.metadata[k]"),
    ] {
        assert_eq!(wrong_fields(create(desk, wrong).await), [field]);
    }
    let customers: Vec<(i64,)> = desk.rows("SELECT id FROM customers").await;
    assert!(customers.is_empty());
}

#[tokio::test]
async fn others_do_not_see_a_customer() {
    for desk in desks().await {
        let customer = made(&desk, pb::Customer { number: "1".to_owned(), ..named("A") }).await;
        let other = made(&desk, named("B")).await;
        let id: CustomerId = customer.id.parse().expect("an id");
        let portal = Caller { customer_id: Some(id), ..desk.owner.clone() };
        let stranger = Caller { seller_id: SellerId(999_999), ..desk.owner.clone() };
        ok(get(&desk, &portal, &customer.id).await);
        ok(get(&desk, &portal, "number:1").await);
        for (caller, asked) in [
            (&portal, other.id.clone()),
            (&portal, format!("number:{}", other.number)),
            (&stranger, customer.id.clone()),
            (&stranger, "number:1".to_owned()),
        ] {
            assert_eq!(refused(get(&desk, caller, &asked).await).0, Code::NotFound, "{asked}");
        }
        let projects = |caller: &Caller, customer_id: &str| {
            let customer_id = customer_id.to_owned();
            by(caller, pb::ListProjectsRequest { customer_id, ..Default::default() })
        };
        assert_eq!(refused(api(&desk).list_projects(projects(&portal, &other.id)).await).0, Code::NotFound);
        assert_eq!(refused(api(&desk).list_projects(projects(&stranger, &other.id)).await).0, Code::NotFound);
    }
}

#[tokio::test]
async fn projects_are_listed_for_their_customer() {
    for desk in desks().await {
        let customer = made(&desk, named("A")).await;
        let other = made(&desk, named("B")).await;
        let add = |customer_id: &str, name: &str| {
            let project = pb::Project { id: String::new(), customer_id: customer_id.to_owned(), name: name.to_owned() };
            let request = pb::CreateProjectRequest { request_id: fresh_id(), project: Some(project) };
            let (api, request) = (api(&desk), by(&desk.owner, request));
            async move { api.create_project(request).await }
        };
        let shop = ok(add(&customer.id, "Shop").await).project.expect("made");
        let blog = ok(add(&customer.id, "Blog").await).project.expect("made");
        ok(add(&other.id, "Elsewhere").await);
        assert_eq!(refused(add("cus_999999", "X").await).0, Code::NotFound);
        assert_eq!(wrong_fields(add(&customer.id, "").await), ["project.name"]);
        let list = |page_token| {
            let customer_id = customer.id.clone();
            by(&desk.owner, pb::ListProjectsRequest { customer_id, page_size: 1, page_token })
        };
        let first = ok(api(&desk).list_projects(list(String::new())).await);
        assert_eq!(first.projects, [shop]);
        let rest = ok(api(&desk).list_projects(list(first.next_page_token)).await);
        assert_eq!((rest.projects, rest.next_page_token.as_str()), (vec![blog], ""));
    }
}

#[tokio::test]
async fn a_balance_is_what_is_owed_less_what_is_to_the_credit_per_currency() {
    for desk in desks().await {
        let customer = made(&desk, named("A")).await;
        let id: CustomerId = customer.id.parse().expect("an id");
        let mut unit = desk.billing.begin(desk.owner.seller_id, "test").await.expect("a unit");
        let entries = [
            ("receivable", "revenue", "EUR", 11_900),
            ("cash", "customer_credit", "EUR", 15_000),
            ("customer_credit", "receivable", "EUR", 11_900),
            ("receivable", "revenue", "JPY", 500),
        ];
        for (debit, credit, currency, minor) in entries {
            let (entry, seller_id) = (unit.id().expect("an id"), unit.seller_id);
            let text = "INSERT INTO ledger_entries (seller_id, id, posted_on, kind, debit_account, credit_account, \
                        currency, amount_minor, customer_id, document_id, recorded_at) \
                        VALUES ($1, $2, '2026-03-10', 'issue', $3, $4, $5, $6, $7, 1, 0)";
            unit.execute(text, params![seller_id, entry, debit, credit, currency, i64::from(minor), id])
                .await
                .expect("booked");
        }
        unit.commit().await.expect("committed");
        let balances = ok(get(&desk, &desk.owner, &customer.id).await).customer.expect("there").balances;
        let money = |currency_code: &str, units| gt::Money { currency_code: currency_code.to_owned(), units, nanos: 0 };
        assert_eq!(balances, [money("EUR", -31), money("JPY", 500)]);
    }
}

async fn panel(desk: &Desk, name: &str) -> InstanceId {
    let mut unit = desk.billing.begin(desk.owner.seller_id, "test").await.expect("a unit");
    let new = NewInstance {
        plugin: "cpanel".to_owned(),
        name: name.to_owned(),
        group: String::new(),
        url: String::new(),
        unknown_customer: UnknownCustomer::Park,
        enabled: true,
    };
    let id = instance::create(&mut unit, new).await.expect("made").id;
    unit.commit().await.expect("committed");
    id
}

async fn park(desk: &Desk, instance_id: InstanceId, reason: &str) {
    let mut unit = desk.billing.begin(desk.owner.seller_id, "test").await.expect("a unit");
    let (id, seller_id) = (unit.id().expect("an id"), unit.seller_id);
    let text = "INSERT INTO hooks (seller_id, id, instance_id, event_id, fingerprint, external_ref, happened_at, event, \
                state, result, reason, detail, package, attempt_count, received_at) \
                VALUES ($1, $2, $3, $4, '', 'acct', 0, $5, 'parked', '', $6, '', '', 1, 0)";
    let params = params![seller_id, id, instance_id, format!("evt-{id}"), "{}", reason];
    unit.execute(text, params).await.expect("parked");
    unit.commit().await.expect("committed");
}

#[tokio::test]
async fn a_link_names_one_customer_and_frees_what_waited_for_it() {
    for desk in desks().await {
        let (a, b) = (made(&desk, named("A")).await, made(&desk, named("B")).await);
        let (one, two) = (panel(&desk, "one").await, panel(&desk, "two").await);
        park(&desk, one, "UNKNOWN_CUSTOMER").await;
        park(&desk, one, "UNKNOWN_CUSTOMER").await;
        park(&desk, one, "UNKNOWN_PACKAGE").await;
        park(&desk, two, "UNKNOWN_CUSTOMER").await;
        let link = |customer_id: &str, instance_id: InstanceId, link: Option<Named>| {
            let (customer_id, instance_id) = (customer_id.to_owned(), instance_id.to_string());
            let request = pb::LinkCustomerRequest { request_id: fresh_id(), customer_id, instance_id, link };
            let (api, request) = (api(&desk), by(&desk.owner, request));
            async move { api.link_customer(request).await }
        };
        let owner = || Some(Named::Owner("Reseller1".to_owned()));
        let email = |address: &str| Some(Named::Email(address.to_owned()));
        assert_eq!(ok(link(&a.id, one, owner()).await).replayed_hook_count, 2);
        assert_eq!(ok(link(&a.id, one, owner()).await).replayed_hook_count, 2, "it stays");
        let taken = refused(link(&b.id, one, owner()).await);
        assert_eq!(taken, (Code::AlreadyExists, "LINK_TAKEN".to_owned()));
        assert_eq!(ok(link(&b.id, two, owner()).await).replayed_hook_count, 1, "another panel, another person");
        ok(link(&b.id, one, Some(Named::ExternalRef("Reseller1".to_owned()))).await);
        ok(link(&b.id, one, email("Post@B.example")).await);
        assert_eq!(refused(link(&a.id, one, email("post@b.EXAMPLE")).await).1, "LINK_TAKEN");

        let jobs: Vec<(String, String)> = desk.rows("SELECT kind, payload FROM jobs ORDER BY id").await;
        assert_eq!(jobs.len(), 5);
        let payload =
            format!(r#"{{"instance_group":"","instance_id":"{one}","package":"","reason":"UNKNOWN_CUSTOMER"}}"#);
        assert_eq!(jobs[0], ("replay_parked".to_owned(), payload));
        let told: Vec<(String,)> = desk.rows("SELECT data FROM events WHERE kind = 'customer.linked'").await;
        assert_eq!(told.len(), 4);
        assert!(told.iter().all(|(data,)| !data.contains("b.example")));

        let nobody = InstanceId(999_999);
        assert_eq!(refused(link(&a.id, nobody, owner()).await).0, Code::NotFound);
        assert_eq!(refused(link("cus_999999", one, owner()).await).0, Code::NotFound);
        assert_eq!(wrong_fields(link(&a.id, one, None).await), ["link"]);
        for address in ["nobody", "@b.example", "a@", "a@b@c", "a b@c"] {
            assert_eq!(wrong_fields(link(&a.id, one, email(address)).await), ["email"], "{address}");
        }

        let mut tx = desk.billing.store.snapshot().await.expect("a snapshot");
        let wanted = [
            (one, LinkKind::Owner, "Reseller1"),
            (two, LinkKind::ExternalRef, "Reseller1"),
            (one, LinkKind::Email, "post@b.example"),
            (two, LinkKind::Email, "nobody@b.example"),
        ];
        let mut found = store::link::find(&mut tx, desk.owner.seller_id, &wanted).await.expect("read");
        found.sort_by_key(|link| link.kind);
        let named: Vec<(LinkKind, String)> =
            found.iter().map(|link| (link.kind, link.customer_id.to_string())).collect();
        assert_eq!(named, [(LinkKind::Owner, a.id), (LinkKind::Email, b.id)]);
    }
}
