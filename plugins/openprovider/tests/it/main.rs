//! The plugin against the simulated registrar, and against documented answers from a server that gives nothing else.

mod account;
mod changes;
mod documented;
mod login;
mod orders;
mod registration;
mod shop;
mod stand;
mod zones;
