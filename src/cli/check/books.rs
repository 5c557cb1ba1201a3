//! What the database holds: sellers, journals, jobs, books.

use billet_domain::id::SellerId;

use super::{Findings, Mark};
use crate::store::event::{self, Verdict};
use crate::store::ledger::{audit, audit_documents};
use crate::store::{Engine, StoreError, books, job};

/// How many sellers are read at once.
const PAGE: i64 = 500;
/// How many disagreements are told.
const DISAGREEMENTS_MAX: i64 = 20;
/// How many findings of one seller's audit are told.
const FINDINGS_MAX: usize = 20;

/// Looks at everything.
pub async fn all(engine: &Engine, verify: bool, findings: &mut Findings) {
    let outcome = journals(engine, verify, findings).await;
    findings.take("journal", outcome);
    let outcome = agreement(engine, findings).await;
    findings.take("books", outcome);
    let outcome = dead_jobs(engine, findings).await;
    findings.take("jobs", outcome);
}

async fn journals(engine: &Engine, verify: bool, findings: &mut Findings) -> Result<(), StoreError> {
    let mut after = SellerId(0);
    let (mut seller_count, mut broken_count, mut event_count) = (0_u64, 0_u64, 0_i64);
    loop {
        let mut tx = engine.snapshot().await?;
        let sellers = event::sellers(&mut tx, after, PAGE).await?;
        drop(tx);
        let Some((last, _)) = sellers.last() else { break };
        after = *last;
        for (seller_id, has_head) in sellers {
            seller_count += 1;
            if !has_head {
                broken_count += 1;
                findings.add(
                    "journal",
                    Mark::Problem,
                    format!("{seller_id} has no journal head: nothing can be written for it"),
                );
                continue;
            }
            if !verify {
                continue;
            }
            // A snapshot for each: a long walk does not keep the database from tidying up behind it.
            let mut tx = engine.snapshot().await?;
            match event::verify(&mut tx, seller_id).await? {
                Verdict::Intact { count } => event_count += count,
                Verdict::Broken { sequence, why } => {
                    broken_count += 1;
                    findings.add("journal", Mark::Problem, format!("{seller_id} is broken at event {sequence}: {why}"));
                }
            }
        }
    }
    if seller_count == 0 {
        findings.add("journal", Mark::Note, "no seller yet; `billet init` makes the first");
    } else if broken_count == 0 && verify {
        findings.add(
            "journal",
            Mark::Ok,
            format!("{event_count} events of {seller_count} sellers, every hash is right"),
        );
    } else if broken_count == 0 {
        findings.add(
            "journal",
            Mark::Ok,
            format!("{seller_count} sellers, each with its head; --journal verifies every hash"),
        );
    }
    Ok(())
}

async fn agreement(engine: &Engine, findings: &mut Findings) -> Result<(), StoreError> {
    let mut tx = engine.snapshot().await?;
    let disagreements = books::disagreements(&mut tx, DISAGREEMENTS_MAX).await?;
    drop(tx);
    if audits(engine, findings).await? == 0 && disagreements.is_empty() {
        findings.add("books", Mark::Ok, "documents, ledger, payments and open items agree");
    }
    for found in disagreements {
        let amount = |minor: i64| format!("{} {}", found.currency.units(minor), found.currency.code());
        let mut words = Vec::new();
        if found.receivable_minor != found.open_minor {
            words.push(format!(
                "customers owe {} in the ledger, {} is open on their invoices",
                amount(found.receivable_minor),
                amount(found.open_minor)
            ));
        }
        if found.credit_minor != found.unused_minor {
            words.push(format!(
                "customers have {} to their credit in the ledger, {} of their payments and credit notes is unused",
                amount(found.credit_minor),
                amount(found.unused_minor)
            ));
        }
        findings.add("books", Mark::Problem, format!("{}: {}", found.seller_id, words.join("; ")));
    }
    Ok(())
}

/// Looks at every document, entry, payment and allocation of each seller; answers how many findings there were.
async fn audits(engine: &Engine, findings: &mut Findings) -> Result<usize, StoreError> {
    let mut after = SellerId(0);
    let mut count = 0;
    loop {
        let mut tx = engine.snapshot().await?;
        let sellers = event::sellers(&mut tx, after, PAGE).await?;
        drop(tx);
        let Some((last, _)) = sellers.last() else { return Ok(count) };
        after = *last;
        for (seller_id, _) in sellers {
            let mut tx = engine.snapshot().await?;
            let mut found = audit(&mut tx, seller_id).await?;
            found.extend(audit_documents(&mut tx, seller_id).await?);
            count += found.len();
            for words in found.iter().take(FINDINGS_MAX) {
                findings.add("books", Mark::Problem, format!("{seller_id}: {words}"));
            }
            if let Some(more) = found.len().checked_sub(FINDINGS_MAX).filter(|more| *more > 0) {
                findings.add("books", Mark::Problem, format!("{seller_id}: and {more} more of the kind"));
            }
        }
    }
}

async fn dead_jobs(engine: &Engine, findings: &mut Findings) -> Result<(), StoreError> {
    let mut tx = engine.snapshot().await?;
    match job::dead_count(&mut tx).await? {
        0 => findings.add("jobs", Mark::Ok, "none gave up"),
        count => findings.add(
            "jobs",
            Mark::Note,
            format!("{count} gave up; AdminService.ListJobs shows them, RetryJob tries again"),
        ),
    }
    Ok(())
}
