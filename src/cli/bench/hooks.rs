//! Hooks that change a package: each is a credit for the days that are left and a charge for the same days, and a
//! document; the answer comes when it is durable.

use std::time::Duration;

use billet_domain::hook::{Change, Hook};
use serde_json::{Map, json};

use super::burst::{Burst, Counter, account};
use super::place::Place;
use super::remote::Server;
use super::report::{Report, rounded};
use super::world::{PACKAGES, SET_UP_BATCH, World, start};
use super::{BenchError, HooksArgs, memory, progress};
use crate::billing::hook::desk::HookDesk;
use crate::billing::hook::{self, Report as Reported};
use crate::store::link::{self, Link, LinkKind};
use crate::store::{raw, statistics};

/// How long one-row commits are counted.
const RAW_FOR: Duration = Duration::from_secs(2);
/// How many accounts are opened in one transaction.
const OPENED_TOGETHER: usize = 250;

/// Measures.
pub async fn measure(place: &Place, args: &HooksArgs) -> Result<Report, BenchError> {
    let world = World::found(&place.store).await?;
    open_accounts(&world, args.accounts).await?;
    // As the daemon does, and PostgreSQL itself every minute.
    statistics::gather(place.store.engine()).await?;
    let commits_before = raw::one_row_commits(&place.raw, RAW_FOR).await?;
    let token = world.panel_token().await?;
    let (desk, desk_task) = HookDesk::open(&world.billing);
    let server = if args.grpc { Some(Server::start(world.billing.clone(), desk.clone()).await?) } else { None };
    let counter = match &server {
        Some(server) => Counter::Remote(server.caller(&token).await?),
        None => Counter::Desk(desk.clone()),
    };
    let burst = Burst {
        billing: world.billing.clone(),
        seller_id: world.seller_id,
        instance_id: world.instance_id,
        accounts: args.accounts,
        count: args.count,
        callers: args.callers,
    };
    let bar = progress("hooks", u64::from(args.count));
    let (took, mut latencies) = burst.go(&counter, &bar).await?;
    bar.finish_and_clear();
    let rss_mib_max = memory::peak_mib();
    drop((counter, desk));
    if let Some(server) = server {
        server.stop().await?;
    }
    let _ = desk_task.await;
    // Before and after, since other programs use the machine as well: the mean of both.
    let commits_after = raw::one_row_commits(&place.raw, RAW_FOR).await?;
    let raw_rate = f64::midpoint(commits_before, commits_after);
    let rate = latencies.len() as f64 / took.as_secs_f64();
    let mut more = Map::new();
    more.insert("callers".to_owned(), json!(args.callers));
    more.insert("accounts".to_owned(), json!(args.accounts));
    more.insert("grpc".to_owned(), json!(args.grpc));
    more.insert("raw_before_per_s".to_owned(), json!(rounded(commits_before, 1)));
    more.insert("raw_after_per_s".to_owned(), json!(rounded(commits_after, 1)));
    Ok(Report {
        bench: "hooks",
        store: place.name,
        count: args.count,
        rate_per_s: rounded(rate, 1),
        raw_rate_per_s: rounded(raw_rate, 1),
        ratio: rounded(rate / raw_rate, 3),
        p50_ms: latencies.percentile_ms(0.5),
        p99_ms: latencies.percentile_ms(0.99),
        rss_mib_max,
        more,
    })
}

/// Customers with one account each, opened by the panel's own reports: each has its first invoice.
pub async fn open_accounts(world: &World, accounts: u32) -> Result<(), BenchError> {
    let bar = progress("accounts", u64::from(accounts));
    for first in (0..accounts).step_by(SET_UP_BATCH as usize) {
        let count = SET_UP_BATCH.min(accounts - first);
        let customers = world.customers(first, count).await?;
        let mut unit = world.billing.begin(world.seller_id, "system").await?;
        let links: Vec<Link> = (first..)
            .zip(&customers)
            .map(|(number, customer_id)| Link {
                instance_id: world.instance_id,
                kind: LinkKind::ExternalRef,
                value: account(number),
                customer_id: *customer_id,
            })
            .collect();
        link::insert_all(&mut unit, &links).await?;
        unit.commit().await?;
        let numbers: Vec<u32> = (first..first + count).collect();
        for numbers in numbers.chunks(OPENED_TOGETHER) {
            let reports: Vec<Reported> = numbers.iter().map(|number| created(world, *number)).collect();
            for answer in hook::apply(&world.billing, world.seller_id, &reports).await? {
                let hook = answer?.hook;
                if hook.invoices.len() != 1 {
                    return Err(BenchError::Wrong(format!("{} was not opened: {}", hook.external_ref, hook.detail)));
                }
                bar.inc(1);
            }
        }
    }
    bar.finish_and_clear();
    Ok(())
}

fn created(world: &World, number: u32) -> Reported {
    let hook = Hook {
        event_id: format!("open-{number}"),
        happened_at: start(),
        external_ref: account(number),
        change: Change::AccountCreated {
            package: PACKAGES[0].to_owned(),
            domain: format!("{}.example", account(number)),
            contact_email: String::new(),
            owner: String::new(),
        },
        source: "Whostmgr Accounts::Create post".to_owned(),
    };
    Reported { instance_id: world.instance_id, hook, is_dated: true }
}
