//! What a seller offers: plans with versions that never change, and what panels call them.

pub mod mapping;
pub mod plan;
#[cfg(test)]
pub mod testing;
pub mod version;
