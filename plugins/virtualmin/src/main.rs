//! The plugin for Virtualmin as a program.

use std::process::ExitCode;

fn main() -> ExitCode {
    billet_plugin::serve(billet_virtualmin::PLUGIN)
}
