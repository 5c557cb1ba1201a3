//! The plugins that are part of the daemon.

use billet_plugin::Plugin;

/// By the names that they describe themselves with.
pub const LINKED: &[Plugin] = &[];
