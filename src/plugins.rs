//! The plugin host: finds, sets up, watches and calls plugins. First-party plugins run in this process, any other as a
//! child process that serves the same protocol; callers see no difference. Each instance has a bulkhead and a circuit
//! breaker of its own, so that one dead panel neither slows nor stops another.

mod breaker;
mod bulkhead;
mod child;
mod connection;
mod host;
mod linked;
pub mod seal;
pub mod settings;

pub use child::Program;
pub use host::{Described, Host, HostError, InstanceSpec, Running};
pub use linked::linked;
