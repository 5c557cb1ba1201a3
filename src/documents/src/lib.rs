//! What an issued document looks like outside: a document in, bytes out. Pure: no I/O, no clock, no async, and the
//! same document gives the same bytes, so that an archived one can be written again at any time.

mod file_name;
#[cfg(feature = "pdf")]
pub mod pdf;

pub use file_name::file_name;
