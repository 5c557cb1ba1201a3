//! Values on their way into and out of the database. Both engines store the same four types: 64-bit integers, texts,
//! bytes and nothing; this file says how everything else is written in them.

use std::str::FromStr;

use billet_domain::id;
use billet_domain::money::Currency;
use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::Row as _;

use super::StoreError;

/// A parameter of a statement, or a field of a row to insert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// An integer, or none.
    Int(Option<i64>),
    /// A text, or none.
    Text(Option<String>),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// A row that a query answered.
pub enum Row {
    /// Of SQLite.
    Sqlite(sqlx::sqlite::SqliteRow),
    /// Of PostgreSQL.
    Postgres(sqlx::postgres::PgRow),
}

impl Row {
    fn int(&self, column: usize) -> Result<Option<i64>, StoreError> {
        Ok(match self {
            Self::Sqlite(row) => row.try_get(column)?,
            Self::Postgres(row) => row.try_get(column)?,
        })
    }

    fn text(&self, column: usize) -> Result<Option<String>, StoreError> {
        Ok(match self {
            Self::Sqlite(row) => row.try_get(column)?,
            Self::Postgres(row) => row.try_get(column)?,
        })
    }

    fn bytes(&self, column: usize) -> Result<Vec<u8>, StoreError> {
        Ok(match self {
            Self::Sqlite(row) => row.try_get(column)?,
            Self::Postgres(row) => row.try_get(column)?,
        })
    }

    /// Reads a column, counted from 0.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when what is stored is not of this type.
    pub fn get<T: Field>(&self, column: usize) -> Result<T, StoreError> {
        T::read(self, column)
    }
}

/// A type that a column can hold.
pub trait Field: Sized {
    /// Reads a column.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when what is stored is not of this type.
    fn read(row: &Row, column: usize) -> Result<Self, StoreError>;
}

/// A type that a whole row can be read as; tuples of fields are.
pub trait FromRow: Sized {
    /// Reads the row.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when what is stored is not of these types.
    fn from_row(row: &Row) -> Result<Self, StoreError>;
}

fn missing(column: usize) -> StoreError {
    StoreError::Corrupt(format!("column {column} is null"))
}

fn malformed(column: usize, what: &str, text: &str) -> StoreError {
    StoreError::Corrupt(format!("column {column} holds {text:?}, which is no {what}"))
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Int(Some(i64::from(value)))
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Int(Some(i64::from(value)))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(Some(value.to_owned()))
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(Some(value))
    }
}

impl From<&String> for Value {
    fn from(value: &String) -> Self {
        Self::Text(Some(value.clone()))
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(value)
    }
}

impl From<DateTime<Utc>> for Value {
    fn from(value: DateTime<Utc>) -> Self {
        Self::Int(Some(value.timestamp_micros()))
    }
}

impl From<Option<i64>> for Value {
    fn from(value: Option<i64>) -> Self {
        Self::Int(value)
    }
}

impl From<Option<u32>> for Value {
    fn from(value: Option<u32>) -> Self {
        Self::Int(value.map(i64::from))
    }
}

impl From<Option<DateTime<Utc>>> for Value {
    fn from(value: Option<DateTime<Utc>>) -> Self {
        Self::Int(value.map(|instant| instant.timestamp_micros()))
    }
}

impl From<Option<String>> for Value {
    fn from(value: Option<String>) -> Self {
        Self::Text(value)
    }
}

impl From<Option<&str>> for Value {
    fn from(value: Option<&str>) -> Self {
        Self::Text(value.map(str::to_owned))
    }
}

impl Field for i64 {
    fn read(row: &Row, column: usize) -> Result<Self, StoreError> {
        row.int(column)?.ok_or_else(|| missing(column))
    }
}

impl Field for u32 {
    fn read(row: &Row, column: usize) -> Result<Self, StoreError> {
        let value = i64::read(row, column)?;
        Self::try_from(value).map_err(|_| malformed(column, "32-bit number", &value.to_string()))
    }
}

impl Field for bool {
    fn read(row: &Row, column: usize) -> Result<Self, StoreError> {
        Ok(i64::read(row, column)? != 0)
    }
}

impl Field for String {
    fn read(row: &Row, column: usize) -> Result<Self, StoreError> {
        row.text(column)?.ok_or_else(|| missing(column))
    }
}

impl Field for Vec<u8> {
    fn read(row: &Row, column: usize) -> Result<Self, StoreError> {
        row.bytes(column)
    }
}

impl Field for DateTime<Utc> {
    fn read(row: &Row, column: usize) -> Result<Self, StoreError> {
        let micros = i64::read(row, column)?;
        Self::from_timestamp_micros(micros).ok_or_else(|| malformed(column, "instant", &micros.to_string()))
    }
}

impl Field for Option<i64> {
    fn read(row: &Row, column: usize) -> Result<Self, StoreError> {
        row.int(column)
    }
}

impl Field for Option<u32> {
    fn read(row: &Row, column: usize) -> Result<Self, StoreError> {
        row.int(column)?.map(|_| u32::read(row, column)).transpose()
    }
}

impl Field for Option<DateTime<Utc>> {
    fn read(row: &Row, column: usize) -> Result<Self, StoreError> {
        row.int(column)?.map(|_| DateTime::<Utc>::read(row, column)).transpose()
    }
}

impl Field for Option<String> {
    fn read(row: &Row, column: usize) -> Result<Self, StoreError> {
        row.text(column)
    }
}

/// Types that are stored as their text.
macro_rules! texts {
    ($($type:ty, $what:literal;)*) => {$(
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::Text(Some(value.to_string()))
            }
        }

        impl From<Option<$type>> for Value {
            fn from(value: Option<$type>) -> Self {
                Self::Text(value.map(|value| value.to_string()))
            }
        }

        impl Field for $type {
            fn read(row: &Row, column: usize) -> Result<Self, StoreError> {
                let text = String::read(row, column)?;
                <$type>::from_str(&text).map_err(|_| malformed(column, $what, &text))
            }
        }

        impl Field for Option<$type> {
            fn read(row: &Row, column: usize) -> Result<Self, StoreError> {
                row.text(column)?.map(|_| <$type>::read(row, column)).transpose()
            }
        }
    )*};
}

texts! {
    NaiveDate, "date";
    Decimal, "decimal number";
    Currency, "currency";
}

/// Identifiers are stored as their number.
macro_rules! identifiers {
    ($($type:ident)*) => {$(
        impl From<id::$type> for Value {
            fn from(value: id::$type) -> Self {
                Self::Int(Some(value.0))
            }
        }

        impl From<Option<id::$type>> for Value {
            fn from(value: Option<id::$type>) -> Self {
                Self::Int(value.map(|id| id.0))
            }
        }

        impl Field for id::$type {
            fn read(row: &Row, column: usize) -> Result<Self, StoreError> {
                i64::read(row, column).map(Self)
            }
        }

        impl Field for Option<id::$type> {
            fn read(row: &Row, column: usize) -> Result<Self, StoreError> {
                Ok(row.int(column)?.map(id::$type))
            }
        }
    )*};
}

identifiers! {
    SellerId CustomerId ProjectId PlanId PlanVersionId PromotionId SubscriptionId InstanceId InvoiceId LineId PaymentId
    AllocationId SeriesId TokenId UserId RunId JobId HookId DriftId
}

/// A value kept as JSON text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T: Serialize> From<Json<T>> for Value {
    fn from(value: Json<T>) -> Self {
        // Only maps with keys that are not texts fail to serialise, and no stored type has such.
        Self::Text(Some(serde_json::to_string(&value.0).unwrap_or_else(|error| format!("\"{error}\""))))
    }
}

impl<T: DeserializeOwned> Field for Json<T> {
    fn read(row: &Row, column: usize) -> Result<Self, StoreError> {
        let text = String::read(row, column)?;
        serde_json::from_str(&text)
            .map(Self)
            .map_err(|error| StoreError::Corrupt(format!("column {column} holds unreadable JSON: {error}")))
    }
}

/// An enumeration stored as the name serde gives its variants (`"partly_paid"` without the quotes).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word<T>(pub T);

impl<T: Serialize> From<Word<T>> for Value {
    fn from(value: Word<T>) -> Self {
        let json = serde_json::to_value(&value.0).unwrap_or_default();
        Self::Text(Some(json.as_str().unwrap_or_default().to_owned()))
    }
}

impl<T: DeserializeOwned> Field for Word<T> {
    fn read(row: &Row, column: usize) -> Result<Self, StoreError> {
        let text = String::read(row, column)?;
        serde_json::from_value(serde_json::Value::String(text.clone()))
            .map(Self)
            .map_err(|_| malformed(column, "known word", &text))
    }
}

macro_rules! tuples {
    ($($name:ident $index:tt),*) => {
        impl<$($name: Field),*> FromRow for ($($name,)*) {
            fn from_row(row: &Row) -> Result<Self, StoreError> {
                Ok(($(row.get::<$name>($index)?,)*))
            }
        }
    };
}

tuples!(A 0);
tuples!(A 0, B 1);
tuples!(A 0, B 1, C 2);
tuples!(A 0, B 1, C 2, D 3);
tuples!(A 0, B 1, C 2, D 3, E 4);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);

/// Parameters of a statement: `params![seller, id]`.
#[macro_export]
macro_rules! params {
    ($($value:expr),* $(,)?) => {
        &[$($crate::store::Value::from($value)),*]
    };
}
