//! Journeys: stories told through the public API to the real binary, on both engines. `tests/README.md` says how to add
//! one.

#[path = "journeys/harness.rs"]
mod harness;

#[path = "journeys/catalogue.rs"]
mod catalogue;
#[path = "journeys/first_invoice.rs"]
mod first_invoice;
