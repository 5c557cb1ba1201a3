//! The plugin against the simulated registry, which holds every frame against the schemas of the RFCs.

mod faults;
mod independent;
mod life;
mod messages;
mod requests;
mod schemas;
mod secrets;
mod sessions;
mod transfers;
mod updates;
mod world;
