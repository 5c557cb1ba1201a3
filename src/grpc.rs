//! The public API: each method converts, calls a use case, converts back. Who may call what stands in one table,
//! `access.rs`; the layer in `auth.rs` enforces it before a method sees the call.

pub mod access;
pub mod auth;
pub mod call;
pub mod convert;
pub mod page;
pub mod payment;
pub mod report;
pub mod status;
