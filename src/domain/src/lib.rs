//! The rules of billing, pure: no I/O, no clock, no async. What is owed, what is due, what a document says,
//! how the books and the journal hold together. The layers above load, ask here, and store.

mod admit;
pub mod catalog;
mod cycles;
pub mod document;
pub mod drift;
pub mod due;
pub mod explain;
pub mod hook;
pub mod id;
pub mod invoice;
pub mod journal;
pub mod language;
pub mod ledger;
pub mod money;
pub mod nightly;
pub mod owed;
pub mod period;
pub mod placement;
pub mod plan;
pub mod policy;
pub mod provision;
mod reckon;
pub mod role;
pub mod series;
pub mod settle;
mod state;
pub mod tax;
pub mod timeline;
pub mod username;
mod walk;
