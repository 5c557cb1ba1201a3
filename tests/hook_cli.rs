//! `billet hook` as panels run it: the real program against a daemon on the loopback.

#[path = "hook_cli/daemon.rs"]
mod daemon;
#[path = "hook_cli/delivery.rs"]
mod delivery;
#[path = "hook_cli/panels.rs"]
mod panels;
#[path = "hook_cli/secrets.rs"]
mod secrets;
#[path = "hook_cli/server.rs"]
mod server;
