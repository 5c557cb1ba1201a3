//! The public API: each method converts, calls a use case, converts back. Who may call what stands in one table,
//! `access.rs`; the layer in `auth.rs` enforces it before a method sees the call.

pub mod access;
pub mod admin;
pub mod auth;
pub mod call;
pub mod catalog;
pub mod convert;
pub mod customer;
pub mod instance;
pub mod mask;
pub mod page;
pub mod reseller;
pub mod status;
#[cfg(test)]
mod testing;
