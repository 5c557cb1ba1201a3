//! Billet, the billing daemon of a hosting company. `docs/ARCHITECTURE.md` is the map.

pub mod billing;
pub mod cli;
pub mod config;
pub mod grpc;
pub mod jobs;
pub mod proto;
pub mod store;
