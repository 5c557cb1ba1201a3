//! Journeys: stories told through the public API to the real binary, on both engines. `tests/README.md` says how to add
//! one.

#![allow(clippy::inconsistent_digit_grouping, reason = "euros and cents: 119_00")]

#[path = "journeys/harness.rs"]
mod harness;

#[path = "journeys/access.rs"]
mod access;
#[path = "journeys/adoption.rs"]
mod adoption;
#[path = "journeys/any_order.rs"]
mod any_order;
#[path = "journeys/bad_input.rs"]
mod bad_input;
#[path = "journeys/catalogue.rs"]
mod catalogue;
#[path = "journeys/contracts.rs"]
mod contracts;
#[path = "journeys/documents.rs"]
mod documents;
#[path = "journeys/domains.rs"]
mod domains;
#[path = "journeys/drift.rs"]
mod drift;
#[path = "journeys/exposition.rs"]
mod exposition;
#[path = "journeys/first_invoice.rs"]
mod first_invoice;
#[path = "journeys/following.rs"]
mod following;
#[path = "journeys/hosting.rs"]
mod hosting;
#[path = "journeys/inbox.rs"]
mod inbox;
#[path = "journeys/money.rs"]
mod money;
#[path = "journeys/nightly.rs"]
mod nightly;
#[path = "journeys/panel.rs"]
mod panel;
#[path = "journeys/panel_stories.rs"]
mod panel_stories;
#[path = "journeys/provisioning.rs"]
mod provisioning;
#[path = "journeys/raw.rs"]
mod raw;
#[path = "journeys/refusal.rs"]
mod refusal;
#[path = "journeys/tenancy.rs"]
mod tenancy;
#[path = "journeys/watching.rs"]
mod watching;
