//! The plugin for DirectAdmin as a program.

use std::process::ExitCode;

fn main() -> ExitCode {
    billet_plugin::serve(billet_directadmin::PLUGIN)
}
