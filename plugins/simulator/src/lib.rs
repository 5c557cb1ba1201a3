//! Servers on the loopback address that behave as control panels do, for Billet's demo and tests: a cPanel & WHM
//! server ([`Whm`]), a Plesk server ([`Plesk`]) and a domain registry ([`EppRegistry`]). They speak the panels' own
//! protocols, keep their state in memory, run hook scripts and event handlers as the panels do, and fail on demand
//! ([`Fault`], [`EppFault`]).

mod clock;
mod error;
mod exchange;
mod fault;
mod script;
mod secret;
mod server;

pub mod epp;
pub mod plesk;
pub mod whm;

pub use clock::HOOK_AT;
pub use epp::{EppFault, EppOptions, EppRegistrar, EppRegistry};
pub use error::SimulatorError;
pub use exchange::NoAnswer;
pub use fault::Fault;
pub use plesk::{Plesk, PleskOptions};
pub use secret::Secret;
pub use whm::{Whm, WhmOptions};
