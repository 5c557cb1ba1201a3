//! The plugin for HestiaCP as a program.

use std::process::ExitCode;

fn main() -> ExitCode {
    billet_plugin::serve(billet_hestia::PLUGIN)
}
