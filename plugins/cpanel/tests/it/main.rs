//! The plugin against the simulator, against answers as documented or seen, and over TLS.

mod canned;
mod changes;
mod creation;
mod listing;
mod program;
mod reseller_state;
mod resellers;
mod suspension;
mod termination;
mod tls;
mod usage;
mod wire;
mod world;
