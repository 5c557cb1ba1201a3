//! `billet plugin NAME`: one of the daemon's own plugins as a child process. Whoever wants a wall between the daemon and an
//! adapter names it in the settings: `[plugins.cpanel] command = ["/usr/bin/billet", "plugin", "cpanel"]`.

use std::process::ExitCode;

use billet_simulator::MEMORY;
use clap::Args;

use crate::plugins::linked;

/// Which plugin.
#[derive(Debug, Args)]
pub struct PluginArgs {
    /// Its name
    name: String,
}

/// Serves it until the daemon goes.
#[must_use]
pub fn run(args: &PluginArgs) -> ExitCode {
    let found = linked().iter().chain([&MEMORY]).find(|plugin| (plugin.describe)().name == args.name);
    if let Some(plugin) = found {
        return billet_plugin::serve(*plugin);
    }
    let names: Vec<String> = linked().iter().map(|plugin| (plugin.describe)().name).collect();
    eprintln!("there is no plugin `{}` in this program: there are {}", args.name, names.join(", "));
    ExitCode::from(2)
}
