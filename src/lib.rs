//! Billet, the billing daemon of a hosting company. `docs/ARCHITECTURE.md` is the map.

pub mod billing;
pub mod grpc;
pub mod proto;
pub mod store;
