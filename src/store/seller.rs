//! Sellers: the operator and its resellers.

use std::str::FromStr;

use billet_domain::document::Party;
use billet_domain::id::SellerId;
use billet_domain::journal;
use billet_domain::money::Currency;
use billet_domain::nightly;
use billet_domain::policy::CreditPolicy;
use billet_domain::tax::TaxRule;
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use chrono_tz::Tz;

use super::{FromRow, Json, Row, Sql, StoreError, Tx, Unit, Word};
use crate::params;

/// A legal person who issues invoices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seller {
    /// Which.
    pub id: SellerId,
    /// Whose reseller it is; none for the operator.
    pub parent_id: Option<SellerId>,
    /// Name and address.
    pub party: Party,
    /// Billing dates are dates here.
    pub time_zone: Tz,
    /// What customers are billed in unless they say otherwise.
    pub currency: Currency,
    /// BCP 47; what documents are written in unless customers say otherwise.
    pub language: String,
    /// Days until an invoice is due.
    pub payment_term_days: u32,
    /// What happens when credits outweigh charges.
    pub credit_policy: CreditPolicy,
    /// How tax classes are taxed.
    pub tax_rules: Vec<TaxRule>,
    /// EN 16931 BT-84, without spaces; empty if none.
    pub iban: String,
    /// EN 16931 BT-86; empty if none.
    pub bic: String,
    /// When the nightly run starts, in its time zone.
    pub nightly_run_at: NaiveTime,
    /// Whether changes are billed at once; otherwise with the next run.
    pub bill_changes_at_once: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

impl Seller {
    /// The calendar date of an instant, where the seller is.
    #[must_use]
    pub fn date_of(&self, instant: DateTime<Utc>) -> NaiveDate {
        instant.with_timezone(&self.time_zone).date_naive()
    }

    /// The date now, where the seller is.
    #[must_use]
    pub fn today(&self, now: DateTime<Utc>) -> NaiveDate {
        self.date_of(now)
    }
}

impl FromRow for Seller {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let (zone, at): (String, String) = (row.get(3)?, row.get(11)?);
        Ok(Self {
            id: row.get(0)?,
            parent_id: row.get(1)?,
            party: row.get::<Json<_>>(2)?.0,
            time_zone: Tz::from_str(&zone).map_err(|_| StoreError::Corrupt(format!("`{zone}` is no time zone")))?,
            currency: row.get(4)?,
            language: row.get(5)?,
            payment_term_days: row.get(6)?,
            credit_policy: row.get::<Word<_>>(7)?.0,
            tax_rules: row.get::<Json<_>>(8)?.0,
            iban: row.get(9)?,
            bic: row.get(10)?,
            nightly_run_at: nightly::parse_time(&at)
                .ok_or_else(|| StoreError::Corrupt(format!("`{at}` is no time of day")))?,
            bill_changes_at_once: row.get(12)?,
            created_at: row.get(13)?,
        })
    }
}

macro_rules! sellers {
    ($after:literal) => {
        concat!(
            "SELECT id, parent_id, party, time_zone, currency, language, payment_term_days, credit_policy, tax_rules, ",
            "iban, bic, nightly_run_at, bill_changes_at_once, created_at FROM sellers ",
            $after
        )
    };
}

/// One seller.
///
/// # Errors
/// [`StoreError`].
pub async fn get(tx: &mut Tx, id: SellerId) -> Result<Option<Seller>, StoreError> {
    tx.optional(sellers!("WHERE id = $1"), params![id]).await
}

/// The unit's seller, locked against other changes of it.
///
/// # Errors
/// [`StoreError`].
pub async fn lock(unit: &mut Unit) -> Result<Option<Seller>, StoreError> {
    let seller_id = unit.seller_id;
    let text = Sql { sqlite: sellers!("WHERE id = $1"), postgres: sellers!("WHERE id = $1 FOR NO KEY UPDATE") };
    unit.optional(text, params![seller_id]).await
}

/// The operator: the seller without a parent.
///
/// # Errors
/// [`StoreError`].
pub async fn operator(tx: &mut Tx) -> Result<Option<Seller>, StoreError> {
    tx.optional(sellers!("WHERE parent_id IS NULL"), params![]).await
}

/// A page of a seller's direct resellers, oldest first, with one more than `limit`.
///
/// # Errors
/// [`StoreError`].
pub async fn resellers(tx: &mut Tx, parent_id: SellerId, after: i64, limit: i64) -> Result<Vec<Seller>, StoreError> {
    tx.all(sellers!("WHERE parent_id = $1 AND id > $2 ORDER BY id LIMIT $3"), params![parent_id, after, limit + 1])
        .await
}

/// Stores a new seller and begins its journal.
///
/// # Errors
/// [`StoreError::Conflict`] for a second operator.
pub async fn insert(unit: &mut Unit, seller: &Seller) -> Result<(), StoreError> {
    unit.execute(
        "INSERT INTO sellers (id, parent_id, party, time_zone, currency, language, payment_term_days, credit_policy, \
         tax_rules, iban, bic, nightly_run_at, bill_changes_at_once, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        params![
            seller.id,
            seller.parent_id,
            Json(&seller.party),
            seller.time_zone.name(),
            seller.currency,
            &seller.language,
            seller.payment_term_days,
            Word(seller.credit_policy),
            Json(&seller.tax_rules),
            &seller.iban,
            &seller.bic,
            nightly::format_time(seller.nightly_run_at),
            seller.bill_changes_at_once,
            seller.created_at
        ],
    )
    .await?;
    unit.execute(
        "INSERT INTO journal_heads (seller_id, sequence, hash) VALUES ($1, 0, $2)",
        params![seller.id, journal::GENESIS],
    )
    .await?;
    Ok(())
}

/// Writes everything of a seller that can change.
///
/// # Errors
/// [`StoreError`].
pub async fn update(unit: &mut Unit, seller: &Seller) -> Result<(), StoreError> {
    unit.execute(
        "UPDATE sellers SET party = $2, time_zone = $3, currency = $4, language = $5, payment_term_days = $6, \
         credit_policy = $7, tax_rules = $8, iban = $9, bic = $10, nightly_run_at = $11, bill_changes_at_once = $12 \
         WHERE id = $1",
        params![
            seller.id,
            Json(&seller.party),
            seller.time_zone.name(),
            seller.currency,
            &seller.language,
            seller.payment_term_days,
            Word(seller.credit_policy),
            Json(&seller.tax_rules),
            &seller.iban,
            &seller.bic,
            nightly::format_time(seller.nightly_run_at),
            seller.bill_changes_at_once
        ],
    )
    .await?;
    Ok(())
}

/// Says when the scheduler has to start the seller's next nightly run.
///
/// # Errors
/// [`StoreError`].
pub async fn plan_nightly_run(unit: &mut Unit, seller_id: SellerId, due_at: DateTime<Utc>) -> Result<(), StoreError> {
    unit.execute(
        "INSERT INTO schedules (seller_id, kind, due_at) VALUES ($1, 'nightly_run', $2) \
         ON CONFLICT (seller_id, kind) DO UPDATE SET due_at = excluded.due_at",
        params![seller_id, due_at],
    )
    .await?;
    Ok(())
}
