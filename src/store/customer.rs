//! Those a seller bills.

use std::collections::BTreeMap;

use billet_domain::document::Party;
use billet_domain::id::{CustomerId, SellerId};
use billet_domain::money::{Currency, Money};
use billet_domain::policy::{CreditPolicy, Grouping};
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::engine::{Kind, Rows, Table};
use super::{FromRow, Json, Row, Sql, StoreError, Tx, Unit, Word, id_set, text_set};
use crate::{params, with_texts};

/// Somebody a seller bills.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Customer {
    /// Which.
    pub id: CustomerId,
    /// The customer number on documents, unique for the seller.
    pub number: String,
    /// Name and address.
    pub party: Party,
    /// Whether it buys as a business.
    pub business: bool,
    /// What it is billed in.
    pub currency: Currency,
    /// BCP 47.
    pub language: String,
    /// Days until an invoice is due; the seller's when none.
    pub payment_term_days: Option<u32>,
    /// What comes together on one invoice.
    pub grouping: Grouping,
    /// What happens to credits; as the seller has it when none.
    pub credit_policy: Option<CreditPolicy>,
    /// A document-level allowance in percent on everything, 0-100.
    pub allowance_percent: Decimal,
    /// Free for the seller's own use.
    pub metadata: BTreeMap<String, String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

impl FromRow for Customer {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let credit_policy: String = row.get(8)?;
        Ok(Self {
            id: row.get(0)?,
            number: row.get(1)?,
            party: row.get::<Json<_>>(2)?.0,
            business: row.get(3)?,
            currency: row.get(4)?,
            language: row.get(5)?,
            payment_term_days: row.get(6)?,
            grouping: row.get::<Word<_>>(7)?.0,
            credit_policy: if credit_policy.is_empty() { None } else { Some(row.get::<Word<_>>(8)?.0) },
            allowance_percent: row.get(9)?,
            metadata: row.get::<Json<_>>(10)?.0,
            created_at: row.get(11)?,
        })
    }
}

macro_rules! customers {
    ($($after:literal)+) => {
        concat!(
            "SELECT id, number, party, business, currency, language, payment_term_days, grouping, credit_policy, ",
            "allowance_percent, metadata, created_at FROM customers WHERE seller_id = $1 ",
            $($after),+
        )
    };
}

/// One customer.
///
/// # Errors
/// [`StoreError`].
pub async fn get(tx: &mut Tx, seller_id: SellerId, id: CustomerId) -> Result<Option<Customer>, StoreError> {
    tx.optional(customers!("AND id = $2"), params![seller_id, id]).await
}

/// Customers by id, in order of id. Those that do not exist are left out.
///
/// # Errors
/// [`StoreError`].
pub async fn by_ids(
    tx: &mut Tx,
    seller_id: SellerId,
    ids: impl IntoIterator<Item = CustomerId>,
) -> Result<Vec<Customer>, StoreError> {
    let text = Sql {
        sqlite: customers!("AND id IN (SELECT value FROM json_each($2)) ORDER BY id"),
        postgres: customers!("AND id = ANY (ARRAY(SELECT json_array_elements_text($2::json)::bigint)) ORDER BY id"),
    };
    tx.all(text, params![seller_id, id_set(ids.into_iter().map(|id| id.0))]).await
}

/// The customer with a number.
///
/// # Errors
/// [`StoreError`].
pub async fn by_number(tx: &mut Tx, seller_id: SellerId, number: &str) -> Result<Option<Customer>, StoreError> {
    tx.optional(customers!("AND number = $2"), params![seller_id, number]).await
}

/// Customers of the unit's seller, locked until it ends, ordered by id. Those that do not exist are left out.
///
/// # Errors
/// [`StoreError`].
pub async fn lock(unit: &mut Unit, ids: &[CustomerId]) -> Result<Vec<Customer>, StoreError> {
    let seller_id = unit.seller_id;
    let text = Sql {
        sqlite: customers!("AND id IN (SELECT value FROM json_each($2)) ORDER BY id"),
        postgres: customers!(
            "AND id = ANY (ARRAY(SELECT json_array_elements_text($2::json)::bigint)) ORDER BY id FOR UPDATE"
        ),
    };
    unit.all(text, params![seller_id, id_set(ids.iter().map(|id| id.0))]).await
}

/// A page of customers, oldest first, with one more than `limit`: those whose name, number or e-mail address contains
/// `query` without regard to case, all when it is empty.
///
/// # Errors
/// [`StoreError`].
pub async fn list(
    tx: &mut Tx,
    seller_id: SellerId,
    query: &str,
    after: i64,
    limit: i64,
) -> Result<Vec<Customer>, StoreError> {
    if query.is_empty() {
        let text = customers!("AND id > $2 ORDER BY id LIMIT $3");
        return tx.all(text, params![seller_id, after, limit + 1]).await;
    }
    tx.all(
        customers!("AND id > $2 AND search_text LIKE $4 ESCAPE '\\' ORDER BY id LIMIT $3"),
        params![seller_id, after, limit + 1, containing(query)],
    )
    .await
}

/// A LIKE pattern for texts that contain this one.
fn containing(query: &str) -> String {
    let mut pattern = String::from("%");
    for c in query.to_lowercase().chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

/// Which of these numbers customers of the seller have.
///
/// # Errors
/// [`StoreError`].
pub async fn taken_numbers(tx: &mut Tx, seller_id: SellerId, numbers: &[&str]) -> Result<Vec<String>, StoreError> {
    let text = with_texts!("SELECT number FROM customers WHERE seller_id = $1 AND number ", 2, "");
    let rows: Vec<(String,)> = tx.all(text, params![seller_id, text_set(numbers.iter().copied())]).await?;
    Ok(rows.into_iter().map(|(number,)| number).collect())
}

/// What a customer owes (positive) or has to its credit (negative), per currency in which anything was booked.
///
/// # Errors
/// [`StoreError`].
pub async fn balances(tx: &mut Tx, seller_id: SellerId, id: CustomerId) -> Result<Vec<Money>, StoreError> {
    let rows: Vec<(Currency, i64)> = tx
        .all(
            "SELECT currency, CAST(SUM(\
                 CASE WHEN debit_account IN ('receivable', 'customer_credit') THEN amount_minor ELSE 0 END - \
                 CASE WHEN credit_account IN ('receivable', 'customer_credit') THEN amount_minor ELSE 0 END) AS BIGINT) \
             FROM ledger_entries WHERE seller_id = $1 AND customer_id = $2 GROUP BY currency ORDER BY currency",
            params![seller_id, id],
        )
        .await?;
    Ok(rows.into_iter().map(|(currency, minor)| Money::new(minor, currency)).collect())
}

pub(super) static CUSTOMERS: Table = Table {
    name: "customers",
    columns: &[
        ("seller_id", Kind::Int),
        ("id", Kind::Int),
        ("number", Kind::Text),
        ("party", Kind::Text),
        ("search_text", Kind::Text),
        ("business", Kind::Int),
        ("currency", Kind::Text),
        ("language", Kind::Text),
        ("payment_term_days", Kind::Int),
        ("grouping", Kind::Text),
        ("credit_policy", Kind::Text),
        ("allowance_percent", Kind::Text),
        ("metadata", Kind::Text),
        ("created_at", Kind::Int),
    ],
};

fn rows<'a>(seller_id: SellerId, customers: impl IntoIterator<Item = &'a Customer>) -> Rows {
    let mut rows = Rows::new(&CUSTOMERS);
    for customer in customers {
        rows.push([
            seller_id.into(),
            customer.id.into(),
            customer.number.as_str().into(),
            Json(&customer.party).into(),
            search_text(customer).into(),
            customer.business.into(),
            customer.currency.into(),
            customer.language.as_str().into(),
            customer.payment_term_days.into(),
            Word(customer.grouping).into(),
            customer.credit_policy.map_or_else(|| "".into(), |policy| Word(policy).into()),
            customer.allowance_percent.into(),
            Json(&customer.metadata).into(),
            customer.created_at.into(),
        ]);
    }
    rows
}

/// Line breaks keep a query from matching the end of one field and the beginning of the next.
fn search_text(customer: &Customer) -> String {
    let Customer { number, party, .. } = customer;
    format!("{}\n{number}\n{}", party.name, party.email).to_lowercase()
}

/// Stores a new customer of the unit's seller.
///
/// # Errors
/// [`StoreError::Conflict`] when its number is taken.
pub async fn insert(unit: &mut Unit, customer: &Customer) -> Result<(), StoreError> {
    insert_all(unit, std::slice::from_ref(customer)).await
}

/// Stores new customers of the unit's seller in one statement, at once: what is gathered later may refer to them.
///
/// # Errors
/// [`StoreError::Conflict`] when a number is taken.
pub async fn insert_all(unit: &mut Unit, customers: &[Customer]) -> Result<(), StoreError> {
    let seller_id = unit.seller_id;
    unit.insert(rows(seller_id, customers)).await?;
    Ok(())
}

/// Writes a customer of the unit's seller as it is now.
///
/// # Errors
/// [`StoreError::Conflict`] when its number is taken.
pub async fn update(unit: &mut Unit, customer: &Customer) -> Result<(), StoreError> {
    let seller_id = unit.seller_id;
    unit.update(rows(seller_id, [customer]), 2).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_query_means_its_own_characters() {
        assert_eq!(super::containing("100%_A\\"), "%100\\%\\_a\\\\%");
    }
}
