//! The plugin as a program; Billet starts it.

use std::process::ExitCode;

fn main() -> ExitCode {
    billet_plugin::serve(billet_cpanel::PLUGIN)
}
