//! What an author of a Billet plugin depends on.
//!
//! A plugin serves one *instance*: one panel, registrar, gateway or channel. Implement the trait of its kind
//! ([`Panel`], [`Registrar`], [`Gateway`], [`Channel`]), and either let the daemon link it ([`Plugin`]) or make a program of
//! it with [`serve`]. Both ways speak the same protocol, `proto/billet/plugin/v1`; `docs/plugins.md` is the guide.

mod call;
mod channel;
mod gateway;
pub mod handshake;
#[cfg(feature = "http")]
pub mod http;
mod outcome;
mod panel;
mod plugin;
pub mod redact;
mod registrar;
#[cfg(feature = "serve")]
mod serve;
pub mod suspension;
mod work;

pub use call::{Call, Change, Reply};
pub use channel::Channel;
pub use gateway::Gateway;
pub use outcome::{Answer, Done, Failure, ProblemExt};
pub use panel::Panel;
pub use plugin::{Configured, Kind, Plugin, Settings};
pub use registrar::Registrar;
#[cfg(feature = "serve")]
pub use serve::serve;
pub use work::Work;

/// Generated code, nested as its packages are.
#[allow(clippy::all, clippy::pedantic, clippy::unwrap_used, missing_docs)]
mod proto {
    pub mod billet {
        pub mod plugin {
            pub mod v1 {
                tonic::include_proto!("billet.plugin.v1");
            }
        }
    }
    pub mod google {
        pub mod r#type {
            tonic::include_proto!("google.r#type");
        }
    }
}

/// The messages of the protocol, generated from `proto/billet/plugin/v1`.
pub use proto::billet::plugin::v1;
/// Well-known types of googleapis: dates and money.
pub use proto::google;
