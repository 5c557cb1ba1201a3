//! What of issued documents is open: the part of them that changes. One row per document from the moment it is issued.

use billet_domain::id::{CustomerId, InvoiceId, SellerId};
use billet_domain::money::Currency;
use billet_domain::settle::{Credit, Item, Source, State};
use chrono::NaiveDate;

use super::engine::{Kind, Rows, Table};
use super::{FromRow, Row, Sql, StoreError, Tx, Unit, Word, id_set};
use crate::{params, with_ids};

/// An issued document with what of it is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenItem {
    /// Whose.
    pub customer_id: CustomerId,
    /// In which currency.
    pub currency: Currency,
    /// The document and how far it is settled.
    pub item: Item,
    /// Where it stands; always what [`Item::state`] says.
    pub state: State,
}

impl FromRow for OpenItem {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            customer_id: row.get(0)?,
            currency: row.get(1)?,
            item: Item {
                invoice_id: row.get(2)?,
                kind: row.get::<Word<_>>(3)?.0,
                issued_on: row.get(4)?,
                due_date: row.get::<Option<NaiveDate>>(5)?,
                gross_minor: row.get(6)?,
                open_minor: row.get(7)?,
                credited_minor: row.get(8)?,
                written_off_minor: row.get(9)?,
                cancelled_by: row.get(10)?,
            },
            state: row.get::<Word<_>>(11)?.0,
        })
    }
}

macro_rules! open_items {
    ($after:literal) => {
        concat!(
            "SELECT customer_id, currency, invoice_id, kind, issued_on, due_date, gross_minor, open_minor, ",
            "credited_minor, written_off_minor, cancelled_by, state FROM open_items WHERE seller_id = $1 ",
            $after
        )
    };
}

macro_rules! open_items_of_one {
    ($by_customer:literal) => {
        concat!(
            "SELECT customer_id, currency, invoice_id, kind, issued_on, due_date, gross_minor, open_minor, ",
            "credited_minor, written_off_minor, cancelled_by, state FROM open_items ",
            $by_customer,
            "WHERE seller_id = $1 AND customer_id = $2 AND currency = $3 AND open_minor > 0 AND kind = 'invoice' ",
            "ORDER BY COALESCE(due_date, issued_on), issued_on, invoice_id LIMIT $4"
        )
    };
}

/// SQLite is told the index: without statistics it would rather walk through all rows of the seller.
macro_rules! open_items_of_both {
    ($by_customer:literal, $customers:literal, $ids:literal) => {
        concat!(
            "SELECT customer_id, currency, invoice_id, kind, issued_on, due_date, gross_minor, open_minor, ",
            "credited_minor, written_off_minor, cancelled_by, state FROM open_items ",
            $by_customer,
            "WHERE seller_id = $1 AND open_minor > 0 AND kind = 'invoice' AND customer_id IN ",
            $customers,
            " UNION ",
            "SELECT customer_id, currency, invoice_id, kind, issued_on, due_date, gross_minor, open_minor, ",
            "credited_minor, written_off_minor, cancelled_by, state FROM open_items ",
            "WHERE seller_id = $1 AND kind = 'invoice' AND invoice_id IN ",
            $ids
        )
    };
}

pub(super) static NEW: Table = Table {
    name: "open_items",
    columns: &[
        ("seller_id", Kind::Int),
        ("invoice_id", Kind::Int),
        ("customer_id", Kind::Int),
        ("kind", Kind::Text),
        ("currency", Kind::Text),
        ("issued_on", Kind::Text),
        ("due_date", Kind::Text),
        ("gross_minor", Kind::Int),
        ("open_minor", Kind::Int),
        ("credited_minor", Kind::Int),
        ("written_off_minor", Kind::Int),
        ("cancelled_by", Kind::Int),
        ("state", Kind::Text),
    ],
};

/// What changes: the first two columns find the row.
static CHANGED: Table = Table {
    name: "open_items",
    columns: &[
        ("seller_id", Kind::Int),
        ("invoice_id", Kind::Int),
        ("open_minor", Kind::Int),
        ("credited_minor", Kind::Int),
        ("written_off_minor", Kind::Int),
        ("cancelled_by", Kind::Int),
        ("state", Kind::Text),
    ],
};

/// Gathers the row of a document that was just issued.
pub fn add(unit: &mut Unit, customer_id: CustomerId, currency: Currency, item: &Item) {
    let row = [
        unit.seller_id.into(),
        item.invoice_id.into(),
        customer_id.into(),
        Word(item.kind).into(),
        currency.into(),
        item.issued_on.into(),
        item.due_date.into(),
        item.gross_minor.into(),
        item.open_minor.into(),
        item.credited_minor.into(),
        item.written_off_minor.into(),
        item.cancelled_by.into(),
        Word(item.state()).into(),
    ];
    unit.add(&NEW, row);
}

/// Changes to rows that are there, to be written together.
pub struct Changes {
    seller_id: SellerId,
    rows: Rows,
}

impl Changes {
    /// None yet.
    #[must_use]
    pub fn new(seller_id: SellerId) -> Self {
        Self { seller_id, rows: Rows::new(&CHANGED) }
    }

    /// An invoice as it stands now.
    pub fn invoice(&mut self, item: &Item) {
        self.rows.push([
            self.seller_id.into(),
            item.invoice_id.into(),
            item.open_minor.into(),
            item.credited_minor.into(),
            item.written_off_minor.into(),
            item.cancelled_by.into(),
            Word(item.state()).into(),
        ]);
    }

    /// A credit note as it stands now; nothing settles one, so that only what is left of it changes.
    pub fn credit_note(&mut self, invoice_id: InvoiceId, credit: &Credit) {
        self.rows.push([
            self.seller_id.into(),
            invoice_id.into(),
            credit.left_minor.into(),
            0_i64.into(),
            0_i64.into(),
            None::<i64>.into(),
            Word(credit.state()).into(),
        ]);
    }

    /// Writes them in one statement.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn write(self, unit: &mut Unit) -> Result<(), StoreError> {
        unit.update(self.rows, 2).await?;
        Ok(())
    }
}

impl OpenItem {
    /// As credit, for what gives money back.
    #[must_use]
    pub fn as_credit(&self) -> Credit {
        let Item { invoice_id, issued_on, gross_minor, open_minor, .. } = self.item;
        Credit {
            source: Source::CreditNote(invoice_id),
            since: issued_on,
            total_minor: gross_minor,
            left_minor: open_minor,
        }
    }
}

/// One.
///
/// # Errors
/// [`StoreError`].
pub async fn get(tx: &mut Tx, seller_id: SellerId, id: InvoiceId) -> Result<Option<OpenItem>, StoreError> {
    tx.optional(open_items!("AND invoice_id = $2"), params![seller_id, id]).await
}

/// Those of these documents that are issued, ordered by id.
///
/// # Errors
/// [`StoreError`].
pub async fn by_ids(
    tx: &mut Tx,
    seller_id: SellerId,
    ids: impl IntoIterator<Item = InvoiceId>,
) -> Result<Vec<OpenItem>, StoreError> {
    let text = with_ids!(
        "SELECT customer_id, currency, invoice_id, kind, issued_on, due_date, gross_minor, open_minor, credited_minor, \
         written_off_minor, cancelled_by, state FROM open_items WHERE seller_id = $1 AND invoice_id IN ",
        2,
        " ORDER BY invoice_id"
    );
    tx.all(text, params![seller_id, id_set(ids.into_iter().map(|id| id.0))]).await
}

/// The open invoices of a customer in a currency, the earliest due first, at most `limit`.
///
/// # Errors
/// [`StoreError`].
pub async fn open_invoices(
    tx: &mut Tx,
    seller_id: SellerId,
    customer_id: CustomerId,
    currency: Currency,
    limit: i64,
) -> Result<Vec<OpenItem>, StoreError> {
    let text =
        Sql { sqlite: open_items_of_one!("INDEXED BY open_items_by_customer "), postgres: open_items_of_one!("") };
    tx.all(text, params![seller_id, customer_id, currency, limit]).await
}

/// The open invoices of several customers, and these invoices whether open or not, in one statement; one that is both
/// comes once.
///
/// # Errors
/// [`StoreError`].
pub async fn open_invoices_and(
    tx: &mut Tx,
    seller_id: SellerId,
    customer_ids: impl IntoIterator<Item = CustomerId>,
    ids: impl IntoIterator<Item = InvoiceId>,
) -> Result<Vec<OpenItem>, StoreError> {
    // Two searches, each by its own index; UNION takes out what both find.
    let text = Sql {
        sqlite: open_items_of_both!(
            "INDEXED BY open_items_by_customer ",
            "(SELECT value FROM json_each($2))",
            "(SELECT value FROM json_each($3))"
        ),
        postgres: open_items_of_both!(
            "",
            "(SELECT json_array_elements_text($2::json)::bigint)",
            "(SELECT json_array_elements_text($3::json)::bigint)"
        ),
    };
    let (customers, ids) = (customer_ids.into_iter().map(|id| id.0), ids.into_iter().map(|id| id.0));
    tx.all(text, params![seller_id, id_set(customers), id_set(ids)]).await
}
