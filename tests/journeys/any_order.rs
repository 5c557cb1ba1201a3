//! Hooks come in any order and end in the same money, the same facts and the same books.

use std::collections::BTreeMap;

use billet::proto::billet::v1 as pb;
use billet::proto::billet::v1::hook_event::Change;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use tokio::task::JoinSet;

use crate::catalogue::component;
use crate::harness::{Billet, cents, day, on_both};
use crate::panel::{Panel, changed, created, event, suspended, terminated, unsuspended};

fn permutations(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![Vec::new()];
    }
    let shorter = permutations(count - 1);
    let with_last = |rest: &Vec<usize>| {
        (0..count)
            .map(|at| {
                let mut one = rest.clone();
                one.insert(at, count - 1);
                one
            })
            .collect::<Vec<_>>()
    };
    shorter.iter().flat_map(with_last).collect()
}

/// Plans of 31.00 and 62.00 that pause while suspended and give back unused days at the end.
async fn panel(billet: &Billet) -> Panel {
    let policy = pb::PlanPolicy {
        ending: pb::Ending::AtOnceRefund.into(),
        suspension_pauses_billing: true,
        ..Default::default()
    };
    let panel = Panel::parking(billet, "whm1").await;
    for (code, price) in [("starter", "31.00"), ("pro", "62.00")] {
        let base = component("base", pb::Charging::Recurring, price);
        let plan = billet.plan(code, vec![base], Some(policy)).await;
        billet.map(&panel.instance_id, code, &plan).await;
    }
    panel
}

/// Net cents of all documents by customer; what gives money back counts negative.
async fn nets(billet: &Billet) -> BTreeMap<String, i64> {
    let mut nets: BTreeMap<String, i64> = BTreeMap::new();
    for document in billet.documents().await {
        let net = cents(document.net_amount.as_ref());
        let signed = if document.kind() == pb::InvoiceKind::Invoice { net } else { -net };
        *nets.entry(document.customer_id).or_default() += signed;
    }
    nets
}

/// The subscriptions of an account with their facts: what is in force from when on.
async fn told(billet: &Billet, panel: &Panel, account: &str) -> Vec<Vec<(String, String)>> {
    let request = pb::ListSubscriptionsRequest {
        instance_id: panel.instance_id.clone(),
        external_ref: account.to_owned(),
        ..Default::default()
    };
    let list = billet.owner.subscriptions().list_subscriptions(request).await.expect("a list").into_inner();
    let mut all = Vec::new();
    for one in list.subscriptions {
        assert_eq!(one.service_state(), pb::ServiceState::Terminated, "{account}: {one:?}");
        let request = pb::ListFactsRequest { subscription_id: one.id };
        let facts = billet.owner.subscriptions().list_facts(request).await.expect("facts").into_inner().facts;
        let fact = |fact: pb::Fact| (day(fact.effective_date.as_ref()), fact.kind);
        let mut facts: Vec<_> = facts.into_iter().map(fact).collect();
        // What was taken for this life before its end was known stands behind the end and counts for nothing.
        let end = facts.iter().position(|(_, kind)| kind == "cancelled").expect("it ended");
        facts.truncate(end + 1);
        all.push(facts);
    }
    all.sort();
    all
}

async fn nothing_waits(billet: &Billet) {
    let parked = billet.owner.hooks().list_parked(pb::ListParkedRequest::default()).await.expect("a list").into_inner();
    assert!(parked.hooks.is_empty(), "{:?}", parked.hooks);
}

/// Reports the events of one account each in every order, and compares money and facts with what they should be.
async fn every_order(mut billet: Billet, events: &[(&str, Change)], net: i64, lives: usize) {
    let panel = panel(&billet).await;
    billet.advance_to("2027-03-25T08:00:00Z").await;
    let orders = permutations(events.len());
    let mut customers = Vec::new();
    for (index, order) in orders.iter().enumerate() {
        let account = format!("acct{index}");
        let customer = billet.customer(&account).await;
        billet.link(&customer, &panel.instance_id, &account).await;
        for event in order {
            let (at, change) = &events[*event];
            panel.report(&account, at, change.clone()).await;
        }
        customers.push(customer);
    }
    // One of them is the order in which they happened.
    let in_order = orders.iter().position(|order| order.is_sorted()).expect("it is there");
    assert_eq!(told(&billet, &panel, &format!("acct{in_order}")).await.len(), lives);
    let names = orders.iter().map(|order| format!("{order:?}")).collect();
    all_as_one(billet, &panel, Accounts { customers, names, expected: in_order, net }).await;
}

/// Accounts that were reported about in different ways, and should be the same.
struct Accounts {
    /// By the account's number.
    customers: Vec<String>,
    /// What is special about each, for people.
    names: Vec<String>,
    /// Which of them is as it should be.
    expected: usize,
    /// What each customer was billed, in net cents.
    net: i64,
}

/// Compares money and facts of all accounts, today and after the next night, and stops the daemon.
async fn all_as_one(mut billet: Billet, panel: &Panel, accounts: Accounts) {
    let Accounts { customers, names, expected, net } = accounts;
    nothing_waits(&billet).await;
    let expected = told(&billet, panel, &format!("acct{expected}")).await;
    let sums = nets(&billet).await;
    let mut wrong = Vec::new();
    for (index, (customer, name)) in customers.iter().zip(&names).enumerate() {
        let facts = told(&billet, panel, &format!("acct{index}")).await;
        if facts != expected {
            wrong.push(format!("{name}: {facts:?} instead of {expected:?}"));
        }
        let sum = sums.get(customer).copied().unwrap_or_default();
        if sum != net {
            wrong.push(format!("{name}: {sum} instead of {net}"));
        }
        // The books say so too: 19 % of whole euro are exact.
        let request = pb::GetCustomerRequest { id: customer.clone() };
        let customer = billet.owner.customers().get_customer(request).await.expect("a customer").into_inner();
        let balances = customer.customer.expect("a customer").balances;
        let balance: i64 = balances.iter().map(|one| cents(Some(one))).sum();
        if balance != net * 119 / 100 {
            wrong.push(format!("{name}: a balance of {balance}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}: {}", wrong.len(), customers.len(), wrong.join("\n"));
    // And nothing more comes of it at night.
    let documents = billet.documents().await.len();
    billet.advance_to("2027-04-02T08:00:00Z").await;
    assert_eq!(billet.documents().await.len(), documents);
    billet.assert_books_balance().await;
    billet.stop().await;
    billet.assert_checks();
}

#[tokio::test]
async fn five_events_of_one_account_in_every_order() {
    // 1 to 10 March at 1.00 a day, 11 to 14 at 2.00, 15 to 17 suspended, 18 to 20 at 2.00, then gone: 10 + 8 + 6.
    let events = [
        ("2027-03-01T08:00:00Z", created("starter")),
        ("2027-03-11T08:00:00Z", changed("pro")),
        ("2027-03-15T08:00:00Z", suspended()),
        ("2027-03-18T08:00:00Z", unsuspended()),
        ("2027-03-21T08:00:00Z", terminated()),
    ];
    on_both(async |billet| every_order(billet, &events, 24_00, 1).await).await;
}

#[tokio::test]
async fn an_account_that_comes_back_under_its_name_in_every_order() {
    // 1 to 5 March at 1.00; then again from the 11th, in a cycle of 31 days, 5 days at 1.00 and 5 at 2.00: 5 + 5 + 10.
    let events = [
        ("2027-03-01T08:00:00Z", created("starter")),
        ("2027-03-06T08:00:00Z", terminated()),
        ("2027-03-11T08:00:00Z", created("starter")),
        ("2027-03-16T08:00:00Z", changed("pro")),
        ("2027-03-21T08:00:00Z", terminated()),
    ];
    on_both(async |billet| every_order(billet, &events, 20_00, 2).await).await;
}

/// How many accounts are reported about at once, beside the one whose events come in order.
const PARALLEL: usize = 60;
/// Over how many connections.
const CONNECTIONS: usize = 12;
/// How often all of them try, at most: what collides is to be told again.
const TRIES_MAX: usize = 50;

/// Reports one after the other, without waiting for other reporters; answers how many were known already.
async fn report_all(caller: crate::harness::Caller, events: Vec<pb::HookEvent>) -> usize {
    let mut known = 0;
    for told in events {
        let mut tries = 0;
        let result = loop {
            tries += 1;
            let request = pb::ReportRequest { event: Some(told.clone()) };
            match caller.hooks().report(request).await {
                Ok(answer) => break answer.into_inner().result.expect("a result"),
                Err(status) if status.code() == tonic::Code::Aborted && tries < TRIES_MAX => {}
                Err(status) => panic!("{status:?} to {told:?}"),
            }
        };
        match result.outcome() {
            pb::HookOutcome::Applied | pb::HookOutcome::Parked => {}
            pb::HookOutcome::Duplicate => known += 1,
            other => panic!("{other:?}: {result:?}"),
        }
    }
    known
}

/// Every event of every account, some twice, shuffled and dealt to connections that know nothing of each other.
async fn in_parallel(mut billet: Billet, events: &[(&str, Change)], net: i64, lives: usize) {
    let seed = 20_270_301;
    let mut random = StdRng::seed_from_u64(seed);
    let panel = panel(&billet).await;
    billet.advance_to("2027-03-25T08:00:00Z").await;
    let mut customers = Vec::new();
    for index in 0..=PARALLEL {
        let customer = billet.customer(&format!("acct{index}")).await;
        billet.link(&customer, &panel.instance_id, &format!("acct{index}")).await;
        customers.push(customer);
    }
    for (at, change) in events {
        panel.report(&format!("acct{PARALLEL}"), at, change.clone()).await;
    }
    assert_eq!(told(&billet, &panel, &format!("acct{PARALLEL}")).await.len(), lives);

    let (mut all, mut copies) = (Vec::new(), 0);
    for index in 0..PARALLEL {
        for (number, (at, change)) in events.iter().enumerate() {
            let told = event(&format!("{index}-{number}"), &format!("acct{index}"), at, change.clone());
            if random.random_ratio(1, 4) {
                copies += 1;
                all.push(told.clone());
            }
            all.push(told);
        }
    }
    all.shuffle(&mut random);
    let mut reporters = JoinSet::new();
    for part in 0..CONNECTIONS {
        let caller = billet.caller(&panel.token).await;
        reporters.spawn(report_all(caller, all.iter().skip(part).step_by(CONNECTIONS).cloned().collect()));
    }
    let known: usize = reporters.join_all().await.into_iter().sum();
    assert_eq!(known, copies, "seed {seed}: each copy is known, whichever came first");
    let names = (0..=PARALLEL).map(|index| format!("seed {seed}, account {index}")).collect();
    all_as_one(billet, &panel, Accounts { customers, names, expected: PARALLEL, net }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_events_of_each_of_many_accounts_in_parallel() {
    // As above: 10 + 8 + 6.
    let events = [
        ("2027-03-01T08:00:00Z", created("starter")),
        ("2027-03-11T08:00:00Z", changed("pro")),
        ("2027-03-15T08:00:00Z", suspended()),
        ("2027-03-18T08:00:00Z", unsuspended()),
        ("2027-03-21T08:00:00Z", terminated()),
    ];
    on_both(async |billet| in_parallel(billet, &events, 24_00, 1).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_that_come_back_under_their_names_in_parallel() {
    let events = [
        ("2027-03-01T08:00:00Z", created("starter")),
        ("2027-03-06T08:00:00Z", terminated()),
        ("2027-03-11T08:00:00Z", created("starter")),
        ("2027-03-16T08:00:00Z", changed("pro")),
        ("2027-03-21T08:00:00Z", terminated()),
    ];
    on_both(async |billet| in_parallel(billet, &events, 20_00, 2).await).await;
}
