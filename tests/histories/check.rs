//! What has to hold, whatever happened.

use std::collections::BTreeMap;

use billet::billing::hook;
use billet::billing::reckon::Records;
use billet::params;
use billet::store::Tx;
use billet::store::event::{Verdict, verify};
use billet::store::invoice::{LineKind, lines_of_subscriptions};
use billet::store::ledger::{audit, audit_documents};
use billet::store::seller::Seller;
use billet::store::subscription::{Filter, Subscription, list};
use billet_domain::id::CustomerId;
use billet_domain::period::Period;
use chrono::NaiveDate;

use crate::step::History;
use crate::world::World;

/// Books, open items, payments and allocations tell the same story, and nothing is open below zero.
pub async fn books(world: &World, after: &str) {
    let mut tx = world.billing.store.snapshot().await.expect("a snapshot");
    let mut findings = audit(&mut tx, world.seller.id).await.expect("an audit");
    findings.extend(audit_documents(&mut tx, world.seller.id).await.expect("an audit of documents"));
    assert!(findings.is_empty(), "after {after}: {findings:?}");
    let negative = "SELECT COUNT(*) FROM open_items WHERE seller_id = $1 AND open_minor < 0";
    let (negative,): (i64,) = tx.one(negative, params![world.seller.id]).await.expect("a count");
    assert_eq!(negative, 0, "after {after}");
}

/// What is billed is what is owed, compared whole, and no day is on two lines.
pub async fn coverage(world: &World, histories: &[History], end: NaiveDate) {
    let mut tx = world.billing.store.snapshot().await.expect("a snapshot");
    let mut all = Vec::new();
    loop {
        let after = all.last().map_or(0, |one: &Subscription| one.id.0);
        let page = list(&mut tx, world.seller.id, &Filter::default(), after, 500).await.expect("subscriptions");
        if page.is_empty() {
            break;
        }
        all.extend(page);
    }
    assert!(!all.is_empty());
    let whose = |customer_id| {
        histories.iter().find(|history| history.customer_id == customer_id).map(History::told).unwrap_or_default()
    };
    covered(&mut tx, &world.seller, all, end, whose).await;
}

/// The same of some subscriptions; `whose` tells what happened to a customer.
pub async fn covered(
    tx: &mut Tx,
    seller: &Seller,
    mut all: Vec<Subscription>,
    end: NaiveDate,
    whose: impl Fn(CustomerId) -> String,
) {
    for one in &mut all {
        one.settled_until = None;
    }
    let records = Records::load(tx, seller.id, &all).await.expect("records");
    let lines = lines_of_subscriptions(tx, seller.id, all.iter().map(|one| one.id)).await.expect("lines");
    for one in &all {
        let due = records.due(one, &seller.tax_rules, end).expect("it can be reckoned");
        // What takes back days but no money waits for a document that is about something.
        let open: Vec<_> = due.lines.iter().filter(|line| line.charge.amount_minor != 0).collect();
        assert!(open.is_empty(), "{}: {open:?} after {}", one.id, whose(one.customer_id));
        let mut signs = BTreeMap::new();
        let mut covered: BTreeMap<(String, NaiveDate), i32> = BTreeMap::new();
        for line in lines.get(&one.id).into_iter().flatten().filter(|line| line.kind == LineKind::Recurring) {
            let sign: i32 = line.credits_line_id.map_or(1, |credited| -signs.get(&credited).copied().unwrap_or(1));
            signs.insert(line.id, sign);
            let Some(period) = line.period else { continue };
            for date in period.from.iter_days().take_while(|date| *date < period.to) {
                *covered.entry((line.component.clone(), date)).or_default() += sign;
            }
        }
        // Giving back days whose part rounds to nothing writes no line, so they may stay on two: no money hangs on it.
        let nothing = |component: &str, date: NaiveDate| {
            let next = date.succ_opt().expect("a next day");
            lines.get(&one.id).into_iter().flatten().any(|line| {
                line.component == component
                    && line.credits_line_id.is_none()
                    && line.period.is_some_and(|period| period.contains(date))
                    && line.rating.as_ref().is_some_and(|rating| {
                        rating.basis.part(Period::new(date, next), one.currency).is_ok_and(|minor| minor == 0)
                    })
            })
        };
        let twice = covered.iter().filter(|(_, times)| !(0..=1).contains(*times));
        let wrong: Vec<_> = twice.filter(|((component, date), _)| !nothing(component, *date)).take(5).collect();
        assert!(wrong.is_empty(), "{}: {wrong:?} after {}", one.id, whose(one.customer_id));
    }
}

/// Numbers have no gaps and rise with the date.
pub async fn numbers(world: &World) {
    let mut tx = world.billing.store.snapshot().await.expect("a snapshot");
    let sql = "SELECT number, issue_date FROM invoices WHERE seller_id = $1 AND number IS NOT NULL";
    let rows: Vec<(String, NaiveDate)> = tx.all(sql, params![world.seller.id]).await.expect("numbers");
    let mut series: BTreeMap<String, BTreeMap<u64, NaiveDate>> = BTreeMap::new();
    for (number, on) in rows {
        let prefix = number.trim_end_matches(|letter: char| letter.is_ascii_digit()).to_owned();
        let counted = number[prefix.len()..].parse().expect("a number");
        assert!(series.entry(prefix).or_default().insert(counted, on).is_none(), "{number} twice");
    }
    assert!(series.len() > 2, "{:?}", series.keys());
    for (prefix, numbers) in series {
        assert!(numbers.keys().copied().eq(1..=numbers.len() as u64), "gaps in {prefix}");
        assert!(numbers.values().is_sorted(), "{prefix} is not in the order of dates");
    }
}

/// Nobody touched the journal, neither did we.
pub async fn journal(world: &World) {
    let mut tx = world.billing.store.snapshot().await.expect("a snapshot");
    let verdict = verify(&mut tx, world.seller.id).await.expect("a verdict");
    assert!(matches!(verdict, Verdict::Intact { .. }), "{verdict:?}");
}

async fn rows(world: &World) -> (i64, i64, i64, i64, i64) {
    let mut tx = world.billing.store.snapshot().await.expect("a snapshot");
    let sql = "SELECT (SELECT COUNT(*) FROM hooks WHERE seller_id = $1), \
        (SELECT COUNT(*) FROM facts WHERE seller_id = $1), (SELECT COUNT(*) FROM invoice_lines WHERE seller_id = $1), \
        (SELECT COUNT(*) FROM ledger_entries WHERE seller_id = $1), (SELECT COUNT(*) FROM events WHERE seller_id = $1)";
    tx.one(sql, params![world.seller.id]).await.expect("counts")
}

/// Every hook delivered once more is known and does nothing.
pub async fn hooks_again(world: &World, histories: &[History]) {
    let reports: Vec<_> = histories.iter().flat_map(|history| history.reports.iter().cloned()).collect();
    assert!(!reports.is_empty());
    let before = rows(world).await;
    for some in reports.chunks(200) {
        for answer in hook::apply(&world.billing, world.seller.id, some).await.expect("answers") {
            let answer = answer.expect("it is known");
            assert!(answer.duplicate, "{:?}", answer.hook);
        }
    }
    assert_eq!(rows(world).await, before);
}
