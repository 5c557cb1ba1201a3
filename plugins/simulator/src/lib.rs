//! Servers on the loopback address that behave as control panels and registrars do, for Billet's demo and tests: a cPanel &
//! WHM server ([`Whm`]), a Plesk server ([`Plesk`]) and the registrar Openprovider ([`Openprovider`]). They speak
//! the panels' own protocols, keep their state in memory, run hook scripts and event handlers as the panels do, and fail on
//! demand ([`Fault`]).
//! Servers on the loopback address that behave as control panels do, for Billet's demo and tests: a cPanel & WHM
//! server ([`Whm`]), a Plesk server ([`Plesk`]), a HestiaCP server ([`Hestia`]), a Virtualmin server
//! ([`Virtualmin`]) and a DirectAdmin server ([`DirectAdmin`]). They speak the panels' own protocols, keep their state in memory,
//! run hook scripts and event handlers as the panels do, and fail on demand ([`Fault`]).
//! server ([`Whm`]), a Plesk server ([`Plesk`]) and a domain registry ([`EppRegistry`]). They speak the panels' own
//! protocols, keep their state in memory, run hook scripts and event handlers as the panels do, and fail on demand
//! ([`Fault`], [`EppFault`]).

mod basic_auth;
mod clock;
mod error;
mod exchange;
mod fault;
mod memory;
mod script;
mod secret;
mod server;

pub mod openprovider;
pub mod directadmin;
pub mod hestia;
pub mod epp;
pub mod plesk;
pub mod virtualmin;
pub mod whm;

pub use clock::HOOK_AT;
pub use directadmin::{DirectAdmin, DirectAdminOptions};
pub use epp::{EppFault, EppOptions, EppRegistrar, EppRegistry};
pub use error::SimulatorError;
pub use exchange::NoAnswer;
pub use fault::Fault;
pub use memory::MEMORY;
pub use openprovider::{Openprovider, OpenproviderOptions};
pub use hestia::{Hestia, HestiaOptions};
pub use plesk::{Plesk, PleskOptions};
pub use secret::Secret;
pub use virtualmin::{Virtualmin, VirtualminOptions};
pub use whm::{Whm, WhmOptions};
