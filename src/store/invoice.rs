//! Documents and their lines. An issued document never changes; what changes about it (what is open) stands in
//! `open_item.rs`.

use std::collections::{BTreeMap, BTreeSet};

use billet_domain::document::DocumentKind;
use billet_domain::id::{CustomerId, InvoiceId, LineId, PlanId, ProjectId, RunId, SellerId, SubscriptionId};
use billet_domain::invoice::Breakdown;
use billet_domain::money::Currency;
use billet_domain::owed::Rating;
use billet_domain::period::Period;
use billet_domain::tax::Tax;
use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{FromRow, Json, Kind, Row, StoreError, Table, Tx, Unit, Word, id_set};
use crate::{params, with_ids};

/// Where a line comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineKind {
    /// Days of a recurring component.
    Recurring,
    /// A one-off fee.
    Setup,
    /// What was used.
    Usage,
    /// Written by hand; it covers no days.
    Manual,
}

/// A document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invoice {
    /// Which.
    pub id: InvoiceId,
    /// Whose.
    pub customer_id: CustomerId,
    /// Groups it.
    pub project_id: Option<ProjectId>,
    /// Which way the money goes.
    pub kind: DocumentKind,
    /// `None` on drafts.
    pub number: Option<String>,
    /// `None` on drafts.
    pub issue_date: Option<NaiveDate>,
    /// `None` on drafts and on what gives money back.
    pub due_date: Option<NaiveDate>,
    /// Of all amounts.
    pub currency: Currency,
    /// Whether agreed prices include tax.
    pub tax_inclusive: bool,
    /// In minor units, positive in the direction of the kind.
    pub net_minor: i64,
    /// Likewise.
    pub tax_minor: i64,
    /// Likewise.
    pub gross_minor: i64,
    /// Allowances and taxes, likewise.
    pub breakdown: Breakdown,
    /// The documents it changes.
    pub preceding: Vec<InvoiceId>,
    /// The seller as it stood: key of `snapshots`.
    pub seller_snapshot: String,
    /// The buyer as it stood: key of `snapshots`.
    pub buyer_snapshot: String,
    /// On the document.
    pub note: String,
    /// The run that made it.
    pub run_id: Option<RunId>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// A line. Amounts are positive when they raise what the customer owes, whatever the kind of the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Of which document.
    pub invoice_id: InvoiceId,
    /// Which.
    pub id: LineId,
    /// From 1.
    pub position: u32,
    /// What it bills.
    pub subscription_id: Option<SubscriptionId>,
    /// The plan, 0 for lines by hand.
    pub plan_id: PlanId,
    /// The component's code, empty for lines by hand.
    pub component: String,
    /// Where it comes from.
    pub kind: LineKind,
    /// The line it gives back (part of).
    pub credits_line_id: Option<LineId>,
    /// The days.
    pub period: Option<Period>,
    /// The subscription's revision when it was billed.
    pub revision: i64,
    /// On the document.
    pub name: String,
    /// Amount of units.
    pub quantity: Decimal,
    /// Per unit and full cycle.
    pub unit_price: Decimal,
    /// How it was reckoned; `None` for lines by hand.
    pub rating: Option<Rating>,
    /// As agreed, in minor units.
    pub amount_minor: i64,
    /// Net, in minor units.
    pub net_minor: i64,
    /// How it is taxed.
    pub tax: Tax,
    /// Document-level allowance on it in percent.
    pub allowance_percent: Decimal,
}

pub(super) static INVOICES: Table = Table {
    name: "invoices",
    columns: &[
        ("seller_id", Kind::Int),
        ("id", Kind::Int),
        ("customer_id", Kind::Int),
        ("project_id", Kind::Int),
        ("kind", Kind::Text),
        ("number", Kind::Text),
        ("issue_date", Kind::Text),
        ("due_date", Kind::Text),
        ("currency", Kind::Text),
        ("tax_inclusive", Kind::Int),
        ("net_minor", Kind::Int),
        ("tax_minor", Kind::Int),
        ("gross_minor", Kind::Int),
        ("breakdown", Kind::Text),
        ("preceding", Kind::Text),
        ("seller_snapshot", Kind::Text),
        ("buyer_snapshot", Kind::Text),
        ("note", Kind::Text),
        ("run_id", Kind::Int),
        ("created_at", Kind::Int),
    ],
};

pub(super) static LINES: Table = Table {
    name: "invoice_lines",
    columns: &[
        ("seller_id", Kind::Int),
        ("invoice_id", Kind::Int),
        ("id", Kind::Int),
        ("position", Kind::Int),
        ("subscription_id", Kind::Int),
        ("plan_id", Kind::Int),
        ("component", Kind::Text),
        ("kind", Kind::Text),
        ("credits_line_id", Kind::Int),
        ("period_from", Kind::Text),
        ("period_to", Kind::Text),
        ("revision", Kind::Int),
        ("name", Kind::Text),
        ("quantity", Kind::Text),
        ("unit_price", Kind::Text),
        ("rating", Kind::Text),
        ("amount_minor", Kind::Int),
        ("net_minor", Kind::Int),
        ("tax", Kind::Text),
        ("allowance_percent", Kind::Text),
    ],
};

/// Gathers a document for the unit.
pub fn add(unit: &mut Unit, invoice: &Invoice) {
    let row = [
        unit.seller_id.into(),
        invoice.id.into(),
        invoice.customer_id.into(),
        invoice.project_id.into(),
        Word(invoice.kind).into(),
        invoice.number.as_deref().into(),
        invoice.issue_date.into(),
        invoice.due_date.into(),
        invoice.currency.into(),
        invoice.tax_inclusive.into(),
        invoice.net_minor.into(),
        invoice.tax_minor.into(),
        invoice.gross_minor.into(),
        Json(&invoice.breakdown).into(),
        Json(&invoice.preceding).into(),
        invoice.seller_snapshot.as_str().into(),
        invoice.buyer_snapshot.as_str().into(),
        invoice.note.as_str().into(),
        invoice.run_id.into(),
        invoice.created_at.into(),
    ];
    unit.add(&INVOICES, row);
}

/// Gathers a line for the unit.
pub fn add_line(unit: &mut Unit, line: &Line) {
    let row = [
        unit.seller_id.into(),
        line.invoice_id.into(),
        line.id.into(),
        line.position.into(),
        line.subscription_id.into(),
        line.plan_id.into(),
        line.component.as_str().into(),
        Word(line.kind).into(),
        line.credits_line_id.map_or(0, |id| id.0).into(),
        line.period.map(|period| period.from).into(),
        line.period.map(|period| period.to).into(),
        line.revision.into(),
        line.name.as_str().into(),
        line.quantity.into(),
        line.unit_price.into(),
        Json(&line.rating).into(),
        line.amount_minor.into(),
        line.net_minor.into(),
        Json(&line.tax).into(),
        line.allowance_percent.into(),
    ];
    unit.add(&LINES, row);
}

impl FromRow for Invoice {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get(0)?,
            customer_id: row.get(1)?,
            project_id: row.get(2)?,
            kind: row.get::<Word<_>>(3)?.0,
            number: row.get(4)?,
            issue_date: row.get(5)?,
            due_date: row.get(6)?,
            currency: row.get(7)?,
            tax_inclusive: row.get(8)?,
            net_minor: row.get(9)?,
            tax_minor: row.get(10)?,
            gross_minor: row.get(11)?,
            breakdown: row.get::<Json<_>>(12)?.0,
            preceding: row.get::<Json<_>>(13)?.0,
            seller_snapshot: row.get(14)?,
            buyer_snapshot: row.get(15)?,
            note: row.get(16)?,
            run_id: row.get(17)?,
            created_at: row.get(18)?,
        })
    }
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, customer_id, project_id, kind, number, issue_date, due_date, currency, tax_inclusive, net_minor, ",
            "tax_minor, gross_minor, breakdown, preceding, seller_snapshot, buyer_snapshot, note, run_id, created_at ",
            "FROM invoices ",
            $rest
        )
    };
}

/// One document.
///
/// # Errors
/// [`StoreError`].
pub async fn get(tx: &mut Tx, seller_id: SellerId, id: InvoiceId) -> Result<Option<Invoice>, StoreError> {
    tx.optional(select!("WHERE seller_id = $1 AND id = $2"), params![seller_id, id]).await
}

/// The document with this number.
///
/// # Errors
/// [`StoreError`].
pub async fn by_number(tx: &mut Tx, seller_id: SellerId, number: &str) -> Result<Option<Invoice>, StoreError> {
    tx.optional(select!("WHERE seller_id = $1 AND number = $2"), params![seller_id, number]).await
}

/// Documents by id, in order of id.
///
/// # Errors
/// [`StoreError`].
pub async fn by_ids(
    tx: &mut Tx,
    seller_id: SellerId,
    ids: impl IntoIterator<Item = InvoiceId>,
) -> Result<Vec<Invoice>, StoreError> {
    let sql = super::Sql {
        sqlite: select!("WHERE seller_id = $1 AND id IN (SELECT value FROM json_each($2)) ORDER BY id"),
        postgres: select!(
            "WHERE seller_id = $1 AND id = ANY (ARRAY(SELECT json_array_elements_text($2::json)::bigint)) ORDER BY id"
        ),
    };
    tx.all(sql, &[seller_id.into(), id_set(ids.into_iter().map(|id| id.0))]).await
}

/// What a list is narrowed to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Only of this customer.
    pub customer_id: Option<CustomerId>,
    /// Only with a line of this subscription.
    pub subscription_id: Option<SubscriptionId>,
    /// Only in this state: `draft` or a state of `open_items`.
    pub state: Option<String>,
}

/// The rest of a list's text: `$wanted` finds its documents, the other conditions look at each of them.
macro_rules! listed {
    ($wanted:literal) => {
        concat!(
            select!("WHERE seller_id = $1 AND (created_at, id) < ($2, $7) AND "),
            $wanted,
            " AND ($5 = '' OR ($5 = 'draft' AND number IS NULL) OR EXISTS (SELECT 1 FROM open_items item \
             WHERE item.seller_id = $1 AND item.invoice_id = invoices.id AND item.state = $5)) ORDER BY created_at DESC, id DESC LIMIT $6"
        )
    };
}

/// A page of documents before one that was made at an instant (microseconds) and has an id, newest first, with one more
/// than `limit`. Ids alone do not follow time: they come in blocks.
///
/// # Errors
/// [`StoreError`].
pub async fn list(
    tx: &mut Tx,
    seller_id: SellerId,
    filter: &Filter,
    before: (i64, i64),
    limit: i64,
) -> Result<Vec<Invoice>, StoreError> {
    // A text for each way to find them: a condition that may be absent keeps the database from using an index.
    let text = match (filter.subscription_id, filter.customer_id) {
        (Some(_), _) => listed!(
            "id IN (SELECT line.invoice_id FROM invoice_lines line WHERE line.seller_id = $1 AND line.subscription_id = $4) \
             AND ($3 = 0 OR customer_id = $3)"
        ),
        (None, Some(_)) => listed!("customer_id = $3 AND $4 = 0"),
        (None, None) => listed!("$3 = 0 AND $4 = 0"),
    };
    tx.all(
        text,
        params![
            seller_id,
            before.0,
            filter.customer_id.map_or(0, |id| id.0),
            filter.subscription_id.map_or(0, |id| id.0),
            filter.state.as_deref().unwrap_or_default(),
            limit + 1,
            before.1
        ],
    )
    .await
}

impl FromRow for Line {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let from: Option<NaiveDate> = row.get(8)?;
        let to: Option<NaiveDate> = row.get(9)?;
        Ok(Self {
            invoice_id: row.get(0)?,
            id: row.get(1)?,
            position: row.get(2)?,
            subscription_id: row.get(3)?,
            plan_id: row.get(4)?,
            component: row.get(5)?,
            kind: row.get::<Word<_>>(6)?.0,
            credits_line_id: Some(row.get::<LineId>(7)?).filter(|id| id.0 != 0),
            period: from.zip(to).map(|(from, to)| Period::new(from, to)),
            revision: row.get(10)?,
            name: row.get(11)?,
            quantity: row.get(12)?,
            unit_price: row.get(13)?,
            rating: row.get::<Json<_>>(14)?.0,
            amount_minor: row.get(15)?,
            net_minor: row.get(16)?,
            tax: row.get::<Json<_>>(17)?.0,
            allowance_percent: row.get(18)?,
        })
    }
}

/// The lines of documents, by document, in their order.
///
/// # Errors
/// [`StoreError`].
pub async fn lines(
    tx: &mut Tx,
    seller_id: SellerId,
    ids: impl IntoIterator<Item = InvoiceId>,
) -> Result<BTreeMap<InvoiceId, Vec<Line>>, StoreError> {
    let sql = with_ids!(
        "SELECT invoice_id, id, position, subscription_id, plan_id, component, kind, credits_line_id, period_from, period_to, revision, name, quantity, unit_price, rating, amount_minor, net_minor, tax, allowance_percent FROM invoice_lines WHERE seller_id = $1 AND invoice_id ",
        2,
        " ORDER BY invoice_id, position"
    );
    let ids = id_set(ids.into_iter().map(|id| id.0));
    let mut found: BTreeMap<InvoiceId, Vec<Line>> = BTreeMap::new();
    for line in tx.all::<Line>(sql, &[seller_id.into(), ids]).await? {
        found.entry(line.invoice_id).or_default().push(line);
    }
    Ok(found)
}

/// Every line that bills subscriptions, and every line that gives some of it back, by subscription; drafts count.
///
/// # Errors
/// [`StoreError`].
pub async fn lines_of_subscriptions(
    tx: &mut Tx,
    seller_id: SellerId,
    ids: impl IntoIterator<Item = SubscriptionId>,
) -> Result<BTreeMap<SubscriptionId, Vec<Line>>, StoreError> {
    let sql = with_ids!(
        "SELECT invoice_id, id, position, subscription_id, plan_id, component, kind, credits_line_id, period_from, period_to, revision, name, quantity, unit_price, rating, amount_minor, net_minor, tax, allowance_percent FROM invoice_lines WHERE seller_id = $1 AND subscription_id ",
        2,
        " ORDER BY id"
    );
    let ids = id_set(ids.into_iter().map(|id| id.0));
    let mut found: BTreeMap<SubscriptionId, Vec<Line>> = BTreeMap::new();
    for line in tx.all::<Line>(sql, &[seller_id.into(), ids]).await? {
        if let Some(subscription_id) = line.subscription_id {
            found.entry(subscription_id).or_default().push(line);
        }
    }
    Ok(found)
}

/// Of these documents, the drafts.
///
/// # Errors
/// [`StoreError`].
pub async fn drafts_among(
    tx: &mut Tx,
    seller_id: SellerId,
    ids: impl IntoIterator<Item = InvoiceId>,
) -> Result<BTreeSet<InvoiceId>, StoreError> {
    let sql = with_ids!("SELECT id FROM invoices WHERE number IS NULL AND seller_id = $1 AND id ", 2, "");
    let ids = id_set(ids.into_iter().map(|id| id.0));
    let rows: Vec<(InvoiceId,)> = tx.all(sql, &[seller_id.into(), ids]).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// What of lines was given back so far, in minor units as agreed, positive.
///
/// # Errors
/// [`StoreError`].
pub async fn given_back(
    tx: &mut Tx,
    seller_id: SellerId,
    invoice_id: InvoiceId,
) -> Result<BTreeMap<LineId, i64>, StoreError> {
    let rows: Vec<(LineId, i64)> = tx
        .all(
            "SELECT back.credits_line_id, CAST(-sum(back.amount_minor) AS BIGINT) FROM invoice_lines line \
             JOIN invoice_lines back ON back.seller_id = line.seller_id AND back.credits_line_id = line.id AND back.credits_line_id <> 0 \
             WHERE line.seller_id = $1 AND line.invoice_id = $2 GROUP BY back.credits_line_id",
            params![seller_id, invoice_id],
        )
        .await?;
    Ok(rows.into_iter().collect())
}

/// Turns a draft into an issued document.
///
/// # Errors
/// [`StoreError`].
pub async fn issue_draft(unit: &mut Unit, invoice: &Invoice) -> Result<(), StoreError> {
    let seller_id = unit.seller_id;
    unit.execute(
        "UPDATE invoices SET number = $3, issue_date = $4, due_date = $5, seller_snapshot = $6, buyer_snapshot = $7 \
         WHERE seller_id = $1 AND id = $2",
        params![
            seller_id,
            invoice.id,
            invoice.number.as_deref(),
            invoice.issue_date,
            invoice.due_date,
            invoice.seller_snapshot.as_str(),
            invoice.buyer_snapshot.as_str()
        ],
    )
    .await?;
    Ok(())
}

/// Throws a draft away.
///
/// # Errors
/// [`StoreError`]; the database refuses it for an issued document.
pub async fn delete_draft(unit: &mut Unit, id: InvoiceId) -> Result<(), StoreError> {
    let seller_id = unit.seller_id;
    unit.execute("DELETE FROM invoice_lines WHERE seller_id = $1 AND invoice_id = $2", params![seller_id, id]).await?;
    unit.execute("DELETE FROM invoices WHERE seller_id = $1 AND id = $2", params![seller_id, id]).await?;
    Ok(())
}

static SNAPSHOTS: Table =
    Table { name: "snapshots", columns: &[("seller_id", Kind::Int), ("hash", Kind::Text), ("body", Kind::Text)] };

/// Keeps parties as they stand, by the hash of their text.
///
/// # Errors
/// [`StoreError`].
pub async fn keep_snapshots(unit: &mut Unit, snapshots: &BTreeMap<String, String>) -> Result<(), StoreError> {
    let mut rows = super::Rows::new(&SNAPSHOTS);
    for (hash, body) in snapshots {
        rows.push([unit.seller_id.into(), hash.as_str().into(), body.as_str().into()]);
    }
    unit.insert_new(rows).await?;
    Ok(())
}

/// A snapshot's text.
///
/// # Errors
/// [`StoreError`].
pub async fn snapshot(tx: &mut Tx, seller_id: SellerId, hash: &str) -> Result<Option<String>, StoreError> {
    let row: Option<(String,)> =
        tx.optional("SELECT body FROM snapshots WHERE seller_id = $1 AND hash = $2", params![seller_id, hash]).await?;
    Ok(row.map(|(body,)| body))
}

/// What of issued documents is open, and where each stands, in the words of `open_items`.
///
/// # Errors
/// [`StoreError`].
pub async fn standing(
    tx: &mut Tx,
    seller_id: SellerId,
    ids: impl IntoIterator<Item = InvoiceId>,
) -> Result<BTreeMap<InvoiceId, (i64, String)>, StoreError> {
    let sql =
        with_ids!("SELECT invoice_id, open_minor, state FROM open_items WHERE seller_id = $1 AND invoice_id ", 2, "");
    let ids = id_set(ids.into_iter().map(|id| id.0));
    let rows: Vec<(InvoiceId, i64, String)> = tx.all(sql, &[seller_id.into(), ids]).await?;
    Ok(rows.into_iter().map(|(id, open_minor, state)| (id, (open_minor, state))).collect())
}
