//! Servers on the loopback address that behave as control panels, registrars and registries do, for Billet's demo and tests:
//! cPanel & WHM ([`Whm`]), Plesk ([`Plesk`]), HestiaCP ([`Hestia`]), Virtualmin ([`Virtualmin`]), DirectAdmin
//! ([`DirectAdmin`]), the registrar Openprovider ([`Openprovider`]) and a domain registry ([`EppRegistry`]). They speak the
//! originals' own protocols, keep their state in memory, run hook scripts and event handlers as the panels do, and fail on
//! demand ([`Fault`], [`EppFault`]).

mod basic_auth;
mod clock;
mod error;
mod exchange;
mod fault;
mod memory;
mod script;
mod secret;
mod server;

pub mod directadmin;
pub mod epp;
pub mod hestia;
pub mod openprovider;
pub mod plesk;
pub mod virtualmin;
pub mod whm;

pub use clock::HOOK_AT;
pub use directadmin::{DirectAdmin, DirectAdminOptions};
pub use epp::{EppFault, EppOptions, EppRegistrar, EppRegistry};
pub use error::SimulatorError;
pub use exchange::NoAnswer;
pub use fault::Fault;
pub use hestia::{Hestia, HestiaOptions};
pub use memory::MEMORY;
pub use openprovider::{Openprovider, OpenproviderOptions};
pub use plesk::{Plesk, PleskOptions};
pub use secret::Secret;
pub use virtualmin::{Virtualmin, VirtualminOptions};
pub use whm::{Whm, WhmOptions};
