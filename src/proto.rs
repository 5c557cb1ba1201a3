//! Messages, clients and servers generated from `proto/`, and the one place where a reported hook turns from the
//! domain's words into the protocol's and back.

pub mod hook;

/// The public API.
#[allow(clippy::all, clippy::pedantic, clippy::unwrap_used, missing_docs)]
pub mod billet {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("billet.v1");
    }
}

/// Well-known types of googleapis.
#[allow(clippy::all, clippy::pedantic, clippy::unwrap_used, missing_docs)]
pub mod google {
    /// Dates, decimals, money.
    pub mod r#type {
        tonic::include_proto!("google.r#type");
    }
}

/// What reflection shows.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
