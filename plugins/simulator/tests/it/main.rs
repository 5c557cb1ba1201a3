//! The simulators, spoken to over the loopback address as an adapter or a person would.

mod capture;
mod directadmin_api;
mod hestia_api;
mod openprovider;
mod plesk_customers;
mod plesk_events;
mod plesk_packets;
mod plesk_resellers;
mod plesk_webspaces;
mod program;
mod raw_http;
mod virtualmin_api;
mod whm_api0;
mod whm_changes;
mod whm_creation;
mod whm_faults;
mod whm_hooks;
mod whm_listings;
mod whm_reseller_state;
mod whm_resellers;
