//! The EPP plugin as a program of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    billet_plugin::serve(billet_epp::PLUGIN)
}
