//! The database. SQL lives here and nowhere else: one file per aggregate, the two engines side by side in `engine.rs`.

pub mod books;
pub mod engine;
mod error;
pub mod event;
pub mod ids;
pub mod job;
pub mod lock;
pub mod request;
pub mod schedule;
pub mod schema;
#[cfg(test)]
pub mod testing;
pub mod token;
pub mod unit;
pub mod value;

pub use engine::{Engine, Kind, Rows, Sql, Table, Tx, id_set, text_set};
pub use error::StoreError;
pub use unit::{Event, Store, Unit};
pub use value::{Field, FromRow, Json, Row, Value, Word};
