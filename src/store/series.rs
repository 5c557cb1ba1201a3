//! Number ranges of documents: one row per kind of document, locked while numbers are taken from it, so that they have
//! no gaps and no doubles.

use billet_domain::document::DocumentKind;
use billet_domain::id::{SellerId, SeriesId};
use billet_domain::series::Pattern;
use chrono::{Datelike, NaiveDate};

use super::engine::{Kind, Rows, Table};
use super::{FromRow, Row, Sql, StoreError, Tx, Unit, Word};
use crate::params;

/// A number range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// Which.
    pub id: SeriesId,
    /// Of which documents.
    pub kind: DocumentKind,
    /// Such as `RE-{year}-{number:5}`.
    pub pattern: String,
    /// Whether numbers begin at 1 again each year.
    pub yearly: bool,
    /// The date of the last document; none before the first.
    pub last_issued_on: Option<NaiveDate>,
    /// The next number, unless a new year begins.
    pub next_number: i64,
}

impl Series {
    /// The number that a document of this date would have.
    #[must_use]
    pub fn next_on(&self, on: NaiveDate) -> i64 {
        match self.last_issued_on {
            Some(last) if self.yearly && on.year() > last.year() => 1,
            _ => self.next_number,
        }
    }
}

impl FromRow for Series {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let last: String = row.get(4)?;
        Ok(Self {
            id: row.get(0)?,
            kind: row.get::<Word<_>>(1)?.0,
            pattern: row.get(2)?,
            yearly: row.get(3)?,
            last_issued_on: if last.is_empty() { None } else { Some(row.get(4)?) },
            next_number: row.get(5)?,
        })
    }
}

macro_rules! series {
    ($after:literal) => {
        concat!("SELECT id, document_kind, pattern, yearly, last_issued_on, next_number FROM series ", $after)
    };
}

/// Why numbers could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum TakeError {
    /// The seller has no series for the kind.
    #[error("there is no number series for {0:?}")]
    Missing(DocumentKind),
    /// Documents of a series are dated in the order of their numbers.
    #[error("the last number was given on {last}: a document of {on} cannot follow, the clock went back")]
    WentBack {
        /// Of which series.
        id: SeriesId,
        /// Date of the last number.
        last: NaiveDate,
        /// What was asked for.
        on: NaiveDate,
    },
    /// No number is left.
    #[error("the series has no numbers left")]
    Exhausted {
        /// Which.
        id: SeriesId,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Takes the next `count` numbers for documents of a date, in order. The series stays locked until the unit ends, and
/// takes the numbers back when the unit does not commit: there are no gaps.
///
/// # Errors
/// [`TakeError`].
pub async fn take(unit: &mut Unit, kind: DocumentKind, count: u32, on: NaiveDate) -> Result<Vec<String>, TakeError> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let (series, first, next) = ready(unit, kind, count, on).await?;
    let pattern = Pattern::parse(&series.pattern, series.yearly)
        .map_err(|error| StoreError::Corrupt(format!("{} has the pattern `{}`: {error}", series.id, series.pattern)))?;
    let seller_id = unit.seller_id;
    unit.execute(
        "UPDATE series SET last_issued_on = $3, next_number = $4 WHERE seller_id = $1 AND document_kind = $2",
        params![seller_id, Word(kind), on, next],
    )
    .await?;
    Ok((first..next).map(|number| pattern.format(on.year(), number)).collect())
}

/// The series that has `count` numbers for documents of a date, with the first of them and the one after the last.
/// Writes nothing. The series stays locked until the unit ends, so that they can be taken then.
///
/// # Errors
/// [`TakeError`].
pub async fn ready(
    unit: &mut Unit,
    kind: DocumentKind,
    count: u32,
    on: NaiveDate,
) -> Result<(Series, i64, i64), TakeError> {
    let series = lock(unit, kind).await?.ok_or(TakeError::Missing(kind))?;
    if let Some(last) = series.last_issued_on.filter(|last| on < *last) {
        return Err(TakeError::WentBack { id: series.id, last, on });
    }
    let first = series.next_on(on);
    let next = first.checked_add(i64::from(count)).ok_or(TakeError::Exhausted { id: series.id })?;
    Ok((series, first, next))
}

/// The series of a kind of document, locked.
///
/// # Errors
/// [`StoreError`].
pub async fn lock(unit: &mut Unit, kind: DocumentKind) -> Result<Option<Series>, StoreError> {
    let seller_id = unit.seller_id;
    let text = Sql {
        sqlite: series!("WHERE seller_id = $1 AND document_kind = $2"),
        postgres: series!("WHERE seller_id = $1 AND document_kind = $2 FOR UPDATE"),
    };
    unit.optional(text, params![seller_id, Word(kind)]).await
}

/// All series of the unit's seller, locked, in the order of their kinds' names.
///
/// # Errors
/// [`StoreError`].
pub async fn lock_all(unit: &mut Unit) -> Result<Vec<Series>, StoreError> {
    let seller_id = unit.seller_id;
    let text = Sql {
        sqlite: series!("WHERE seller_id = $1 ORDER BY document_kind"),
        postgres: series!("WHERE seller_id = $1 ORDER BY document_kind FOR UPDATE"),
    };
    unit.all(text, params![seller_id]).await
}

/// A seller's series, by kind: there is one per kind of document.
///
/// # Errors
/// [`StoreError`].
pub async fn list(tx: &mut Tx, seller_id: SellerId) -> Result<Vec<Series>, StoreError> {
    tx.all(series!("WHERE seller_id = $1 ORDER BY document_kind"), params![seller_id]).await
}

static SERIES: Table = Table {
    name: "series",
    columns: &[
        ("seller_id", Kind::Int),
        ("document_kind", Kind::Text),
        ("id", Kind::Int),
        ("pattern", Kind::Text),
        ("yearly", Kind::Int),
        ("last_issued_on", Kind::Text),
        ("next_number", Kind::Int),
    ],
};

fn rows<'a>(seller_id: SellerId, series: impl IntoIterator<Item = &'a Series>) -> Rows {
    let mut rows = Rows::new(&SERIES);
    for series in series {
        rows.push([
            seller_id.into(),
            Word(series.kind).into(),
            series.id.into(),
            series.pattern.as_str().into(),
            series.yearly.into(),
            series.last_issued_on.map(|date| date.to_string()).unwrap_or_default().into(),
            series.next_number.into(),
        ]);
    }
    rows
}

/// Stores new series of a seller.
///
/// # Errors
/// [`StoreError::Conflict`] when there is one for the kind.
pub async fn insert(unit: &mut Unit, seller_id: SellerId, series: &[Series]) -> Result<(), StoreError> {
    unit.insert(rows(seller_id, series)).await?;
    Ok(())
}

/// Writes a series of the unit's seller as it is now.
///
/// # Errors
/// [`StoreError`].
pub async fn update(unit: &mut Unit, series: &Series) -> Result<(), StoreError> {
    let seller_id = unit.seller_id;
    unit.update(rows(seller_id, [series]), 3).await?;
    Ok(())
}
