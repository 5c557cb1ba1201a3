//! The adapter for Plesk as a program of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    billet_plugin::serve(billet_plesk::PLUGIN)
}
