//! Billet, the billing daemon of a hosting company. `docs/ARCHITECTURE.md` is the map.

pub mod billing;
pub mod cli;
pub mod config;
pub mod grpc;
pub mod jobs;
pub mod metrics;
pub mod plugins;
pub mod proto;
pub mod store;
pub mod web;

// For files that tests of the library and of the program share.
#[cfg(test)]
extern crate self as billet;
