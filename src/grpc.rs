//! The public API: each method converts, calls a use case, converts back. Who may call what stands in one table,
//! `access.rs`; the layer in `auth.rs` enforces it before a method sees the call.

pub mod access;
pub mod admin;
pub mod auth;
pub mod billing_run;
pub mod call;
pub mod catalog;
pub mod convert;
pub mod customer;
pub mod domain;
pub mod event;
pub mod guard;
pub mod hook;
pub mod instance;
pub mod invoice;
pub mod job;
pub mod mask;
pub mod meter;
pub mod page;
pub mod payment;
pub mod provisioning;
pub mod report;
pub mod reseller;
pub mod server;
pub mod status;
pub mod subscription;
#[cfg(test)]
mod testing;
