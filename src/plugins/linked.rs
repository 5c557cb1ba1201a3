//! The plugins that are part of the daemon.

use billet_plugin::Plugin;

/// All of them.
#[must_use]
pub fn linked() -> &'static [Plugin] {
    const LINKED: &[Plugin] = &[
        billet_cpanel::PLUGIN,
        billet_directadmin::PLUGIN,
        billet_epp::PLUGIN,
        billet_hestia::PLUGIN,
        billet_openprovider::PLUGIN,
        billet_plesk::PLUGIN,
        billet_virtualmin::PLUGIN,
    ];
    LINKED
}
