//! The adapter for Plesk against the simulated server, and against scripted answers where a server must misbehave.

mod asks;
mod bench;
mod changes;
mod creation;
mod removal;
mod resellers;
mod suspension;
mod wire;
