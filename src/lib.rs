//! The billing daemon.
