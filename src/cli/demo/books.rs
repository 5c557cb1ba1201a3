//! The end of the month: the nightly runs, payments, statement, trial balance, journal.

use super::api::{ask, have};
use super::error::{DemoError, expect};
use super::figures::{CURRENCY, amount, day, euros, shown, to_date, two_places};
use super::narration::Narration;
use super::stage::{Stage, finished_run, watch};
use crate::proto::billet::v1 as pb;

/// What the nights of April bill: the day, and the documents.
const NIGHTS: [(u32, &[(&str, &str)]); 6] = [
    (1, &[("RE-2026-00011", "22.13")]),
    (2, &[]),
    (3, &[("RE-2026-00012", "30.58")]),
    (4, &[("RE-2026-00013", "17.71")]),
    (5, &[]),
    (6, &[("RE-2026-00014", "13.22")]),
];

/// The nightly runs over the end of the month.
///
/// # Errors
/// [`DemoError`].
pub async fn nightly_runs(stage: &mut Stage) -> Result<(), DemoError> {
    stage.say.chapter("The nightly runs over the end of the month");
    for (date, expected) in NIGHTS {
        let date = day(4, date)?;
        stage.go_to(date, "08:00").await?;
        let run = finished_run(&stage.owner, date).await?;
        let total = run.gross_amounts.first();
        let billed = match run.invoice_count {
            0 => "nothing was due".to_owned(),
            1 => format!("1 invoice, {} {CURRENCY}", shown(total)),
            count => format!("{count} invoices, {} {CURRENCY}", shown(total)),
        };
        stage.say.step("billet", &format!("nightly run {} at 02:00: {} due, {billed}", run.id, run.subscription_count));
        let documents = stage.expect_documents(expected).await?;
        expect("the run's own count", i64::try_from(documents.len()).unwrap_or(i64::MAX), run.invoice_count)?;
    }
    let grove = stage.grove.clone();
    let of_grove = stage.fresh_documents(&grove).await?;
    let found: Vec<_> = of_grove.iter().map(|one| (one.number.as_str(), shown(one.gross_amount.as_ref()))).collect();
    expect("the reseller's documents", vec![("GM-2026-0002", "14.76".to_owned())], found)?;
    stage.say.step("billet", "ran each night for the reseller as well: GM-2026-0002 on 2 April, 14.76 EUR");
    repeated_run(stage).await
}

async fn repeated_run(stage: &mut Stage) -> Result<(), DemoError> {
    let owner = stage.owner.clone();
    let request = pb::StartRunRequest { request_id: owner.request_id(), cutoff_date: None };
    let run = have("the run", ask("StartRun", owner.runs().start_run(request)).await?.run)?;
    stage.say.step("owner", "starts the run of today once more (BillingRunService.StartRun, WatchRun)");
    let bar = Narration::progress("run", 0);
    let run = watch(&owner, run, |run| {
        bar.set_length(u64::try_from(run.subscription_count).unwrap_or_default());
        bar.set_position(u64::try_from(run.done_count).unwrap_or_default());
    })
    .await;
    bar.finish_and_clear();
    let run = run?;
    expect("the state of the run", pb::RunState::Finished, run.state())?;
    expect("the invoices of the repeated run", 0, run.invoice_count)?;
    stage.expect_documents(&[]).await?;
    stage.say.right("a run that is repeated bills nothing");
    Ok(())
}

/// Two customers pay.
///
/// # Errors
/// [`DemoError`].
pub async fn payments(stage: &mut Stage) -> Result<(), DemoError> {
    stage.say.chapter("Payments");
    stage.go_to(day(4, 7)?, "10:00").await?;
    pay(stage, "alder", "51.29", "0.00").await?;
    stage.say.right("alder's three invoices are paid in full");
    pay(stage, "birch", "80.09", "0.00").await?;
    pay(stage, "cedar", "60.00", "3.00").await?;
    stage.say.right("cedar owed 79.85 - 22.85 = 57.00; the 3.00 beyond are its credit balance");
    Ok(())
}

async fn pay(stage: &mut Stage, key: &'static str, paid: &str, left: &str) -> Result<(), DemoError> {
    let owner = stage.owner.clone();
    let request = pb::RecordPaymentRequest {
        request_id: owner.request_id(),
        customer_id: stage.ids.customer(key),
        amount: Some(euros(paid)?),
        reference: format!("bank statement 7, {key}"),
        ..Default::default()
    };
    let payment = have("the payment", ask("RecordPayment", owner.payments().record_payment(request)).await?.payment)?;
    stage.say.step("owner", &format!("{} paid {paid} {CURRENCY} by bank (PaymentService.RecordPayment)", super::customers::name_of(key)));
    for allocation in &payment.allocations {
        let request = pb::GetInvoiceRequest { id: allocation.invoice_id.clone() };
        let invoice = ask("GetInvoice", owner.invoices().get_invoice(request)).await?.invoice;
        let invoice = have("the invoice", invoice)?;
        let (settled, open) = (shown(allocation.amount.as_ref()), shown(invoice.open_amount.as_ref()));
        stage.say.came(&format!("{settled} settles {}, of which {open} is open", invoice.number));
    }
    expect("what is left of the payment", left, shown(payment.unallocated_amount.as_ref()).as_str())
}

/// The statement of one customer.
///
/// # Errors
/// [`DemoError`].
pub async fn statement(stage: &mut Stage) -> Result<(), DemoError> {
    stage.say.chapter("The books");
    let request = pb::GetStatementRequest {
        customer_id: stage.ids.customer("cedar"),
        currency_code: CURRENCY.to_owned(),
        period: Some(pb::Period { from: Some(to_date(day(3, 1)?)), to: Some(to_date(day(4, 8)?)) }),
    };
    let statement = ask("GetStatement", stage.owner.customers().get_statement(request)).await?;
    stage.say.step("owner", "the statement of Cedar Consulting AG (CustomerService.GetStatement)");
    let rows: Vec<Vec<String>> = statement
        .lines
        .iter()
        .map(|line| {
            let (amount, balance) = (shown(line.amount.as_ref()), shown(line.balance.as_ref()));
            vec![super::figures::short_date(line.date.as_ref()), line.kind.clone(), line.reference.clone(), amount, balance]
        })
        .collect();
    stage.say.table(&["date", "what", "reference", CURRENCY, "balance"], &rows, &[3, 4]);
    let closing = shown(statement.closing_balance.as_ref());
    expect("the opening and closing balance of cedar", ("0.00", "-3.00"), (
        shown(statement.opening_balance.as_ref()).as_str(),
        closing.as_str(),
    ))?;
    let sum = statement.lines.iter().map(|line| amount(line.amount.as_ref())).sum();
    expect("the sum of the statement's lines", closing, two_places(sum))
}

/// The trial balances of both sellers.
///
/// # Errors
/// [`DemoError::Unexpected`] unless debits are credits.
pub async fn trial_balance(stage: &mut Stage) -> Result<(), DemoError> {
    for (who, api) in [("owner", stage.owner.clone()), ("grove", stage.grove.clone())] {
        let answer = ask("GetTrialBalance", api.reports().get_trial_balance(pb::GetTrialBalanceRequest::default())).await?;
        let of = |which: fn(&pb::AccountBalance) -> Option<&crate::proto::google::r#type::Money>| {
            answer.accounts.iter().map(|account| amount(which(account))).sum()
        };
        let (debit, credit) = (of(|account| account.debit.as_ref()), of(|account| account.credit.as_ref()));
        expect("the sum of debits", two_places(debit), two_places(credit))?;
        let differences: Vec<String> = answer.differences.iter().map(|one| shown(Some(one))).collect();
        expect("the differences", vec!["0.00".to_owned()], differences)?;
        if who == "owner" {
            stage.say.step("owner", "the trial balance (ReportService.GetTrialBalance)");
            let mut rows: Vec<Vec<String>> = answer
                .accounts
                .iter()
                .map(|account| {
                    let figures = [&account.debit, &account.credit, &account.balance].map(|one| shown(one.as_ref()));
                    std::iter::once(account.account.clone()).chain(figures).collect()
                })
                .collect();
            rows.push(vec!["sum".to_owned(), two_places(debit), two_places(credit), two_places(debit - credit)]);
            stage.say.table(&["account", "debit", "credit", "balance"], &rows, &[1, 2, 3]);
        }
    }
    stage.say.right("debits are credits: the difference is 0.00, for the operator and for the reseller");
    Ok(())
}

/// The journal's hash chain, and everything else that `billet check` looks at.
///
/// # Errors
/// [`DemoError::Daemon`] with what is wrong.
pub async fn journal(stage: &mut Stage) -> Result<(), DemoError> {
    let findings = stage.place.check().await?;
    stage.say.step("owner", "runs `billet check --journal`");
    let wanted = |name: &str| findings.iter().find(|(check, _)| check == name).map(|(_, words)| words.clone());
    for name in ["journal", "books", "jobs"] {
        let words = have(&format!("`{name}`"), wanted(name))?;
        stage.say.right(&format!("{name}: {words}"));
    }
    Ok(())
}
