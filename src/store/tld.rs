//! What is sold under top-level domains: which plan, at which registrars, and how long before an expiry what is done.

use billet_domain::id::{PlanId, SellerId};
use serde::Serialize;

use super::plan_service::CreateWhen;
use super::{FromRow, Json, Row, StoreError, Tx, Unit, Word, text_set};
use crate::{params, with_texts};

/// What is sold under a top-level domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tld {
    /// `org`, `co.uk`; ASCII, lower case.
    pub tld: String,
    /// Its prices.
    pub plan_id: PlanId,
    /// At which group of registrars.
    pub instance_group: String,
    /// Whether a domain is registered and renewed when that is invoiced, or only when it is paid.
    pub create_when: CreateWhen,
    /// How many years a transfer adds.
    pub transfer_years: u32,
    /// How many days before its expiry a renewal is invoiced.
    pub invoice_before_days: u32,
    /// How many days before its expiry the registrar wants a renewal.
    pub renew_before_days: u32,
    /// The name servers of new domains for which none are named.
    pub name_servers: Vec<String>,
}

impl FromRow for Tld {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            tld: row.get(0)?,
            plan_id: row.get(1)?,
            instance_group: row.get(2)?,
            create_when: row.get::<Word<_>>(3)?.0,
            transfer_years: row.get(4)?,
            invoice_before_days: row.get(5)?,
            renew_before_days: row.get(6)?,
            name_servers: row.get::<Json<_>>(7)?.0,
        })
    }
}

macro_rules! tlds {
    ($after:literal) => {
        concat!(
            "SELECT tld, plan_id, instance_group, create_when, transfer_years, invoice_before_days, renew_before_days, ",
            "name_servers FROM tlds WHERE seller_id = $1 ",
            $after
        )
    };
}

/// Stores what is sold under a top-level domain, in the place of what was.
///
/// # Errors
/// [`StoreError`].
pub async fn set(unit: &mut Unit, tld: &Tld) -> Result<(), StoreError> {
    let seller_id = unit.seller_id;
    unit.execute(
        "INSERT INTO tlds (seller_id, tld, plan_id, instance_group, create_when, transfer_years, invoice_before_days, \
         renew_before_days, name_servers) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
         ON CONFLICT (seller_id, tld) DO UPDATE SET plan_id = excluded.plan_id, instance_group = excluded.instance_group, \
         create_when = excluded.create_when, transfer_years = excluded.transfer_years, \
         invoice_before_days = excluded.invoice_before_days, renew_before_days = excluded.renew_before_days, \
         name_servers = excluded.name_servers",
        params![
            seller_id,
            &tld.tld,
            tld.plan_id,
            &tld.instance_group,
            Word(tld.create_when),
            tld.transfer_years,
            tld.invoice_before_days,
            tld.renew_before_days,
            Json(&tld.name_servers)
        ],
    )
    .await?;
    Ok(())
}

/// Of these top-level domains those that are sold, the longest first.
///
/// # Errors
/// [`StoreError`].
pub async fn among<'a>(
    tx: &mut Tx,
    seller_id: SellerId,
    names: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<Tld>, StoreError> {
    let text = with_texts!(
        "SELECT tld, plan_id, instance_group, create_when, transfer_years, invoice_before_days, renew_before_days, \
         name_servers FROM tlds WHERE seller_id = $1 AND tld ",
        2,
        " ORDER BY length(tld) DESC, tld"
    );
    tx.all(text, params![seller_id, text_set(names)]).await
}

/// What is sold under the longest suffix of a name: `co.uk` before `uk`.
///
/// # Errors
/// [`StoreError`].
pub async fn of_name(tx: &mut Tx, seller_id: SellerId, name: &str) -> Result<Option<Tld>, StoreError> {
    let suffixes = name.match_indices('.').map(|(index, _)| &name[index + 1..]);
    Ok(among(tx, seller_id, suffixes).await?.into_iter().next())
}

/// A page of what is sold, by name (in the order of its bytes), with one more than `limit`.
///
/// # Errors
/// [`StoreError`].
pub async fn list(tx: &mut Tx, seller_id: SellerId, after: &str, limit: i64) -> Result<Vec<Tld>, StoreError> {
    // PostgreSQL would order by the rules of the database's language.
    let text = super::Sql {
        sqlite: tlds!("AND tld > $2 ORDER BY tld LIMIT $3"),
        postgres: tlds!("AND tld COLLATE \"C\" > $2 ORDER BY tld COLLATE \"C\" LIMIT $3"),
    };
    tx.all(text, params![seller_id, after, limit + 1]).await
}
