//! The database. SQL lives here and nowhere else: one file per aggregate, the two engines side by side in `engine.rs`.

pub mod allocation;
pub mod block;
pub mod books;
pub mod credit;
pub mod customer;
pub mod document_file;
pub mod domain;
pub mod drift;
pub mod engine;
mod error;
pub mod event;
pub mod fact;
#[cfg(test)]
pub mod fixture;
pub mod hold;
pub mod hook;
pub mod ids;
pub mod instance;
pub mod instance_settings;
pub mod invoice;
pub mod job;
pub mod ledger;
pub mod link;
pub mod lock;
pub mod mapping;
pub mod open_item;
pub mod parked;
pub mod payment;
pub mod plan;
pub mod plan_service;
pub mod project;
pub mod promotion;
pub mod raw;
mod reach;
pub mod registrar_message;
pub mod request;
pub mod run;
pub mod schedule;
pub mod schema;
pub mod seller;
pub mod series;
pub mod service;
pub mod service_attempt;
pub mod statistics;
pub mod subscription;
#[cfg(test)]
pub mod testing;
pub mod tld;
pub mod token;
pub mod unit;
pub mod usage;
pub mod value;

pub use engine::{Engine, Kind, Rows, Sql, Table, Tx, id_set, text_set};
pub use error::StoreError;
pub use unit::{Event, Store, Unit};
pub use value::{Field, FromRow, Json, Row, Value, Word};
