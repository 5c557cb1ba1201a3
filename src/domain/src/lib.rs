//! The rules of billing, pure: no I/O, no clock, no async. What is owed, what is due, what a document says,
//! how the books and the journal hold together. The layers above load, ask here, and store.

pub mod document;
pub mod hook;
pub mod id;
pub mod money;
