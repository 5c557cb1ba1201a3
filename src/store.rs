//! The database. SQL lives here and nowhere else: one file per aggregate, the two engines side by side in `engine.rs`.

pub mod allocation;
pub mod block;
pub mod credit;
pub mod customer;
pub mod engine;
mod error;
#[cfg(test)]
pub mod fixture;
pub mod ids;
pub mod ledger;
pub mod open_item;
pub mod payment;
pub mod request;
pub mod schema;
pub mod seller;
#[cfg(test)]
pub mod testing;
pub mod token;
pub mod unit;
pub mod value;

pub use engine::{Engine, Kind, Rows, Sql, Table, Tx, id_set, text_set};
pub use error::StoreError;
pub use unit::{Event, Store, Unit};
pub use value::{Field, FromRow, Json, Row, Value, Word};
