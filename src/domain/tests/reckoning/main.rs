//! The rules of reckoning, held to worked examples and to properties: what a story of facts leads to on invoices.
//!
//! Dates read `2026-04-11` and periods are half-open. A line reads `Plan · component from..to amount`, with the quantity
//! after an `x` if it is not 1; a credit is negative.

mod books;
mod catalogue;
mod story;
mod world;

mod backdated;
mod cancellation;
mod currency;
mod edges;
mod pause_and_suspension;
mod plan_change;
mod promotion_and_discount;
mod properties;
mod quantity;
mod refusal;
mod reported_package;
mod start_and_anchor;
mod trial;
mod usage;
