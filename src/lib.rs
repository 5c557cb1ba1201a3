//! Billet, the billing daemon of a hosting company. `docs/ARCHITECTURE.md` is the map.

pub mod cli;
pub mod proto;
