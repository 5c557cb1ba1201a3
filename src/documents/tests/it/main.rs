//! What an issued document looks like when it is printed.

mod golden;
mod hostile;
mod pages;
mod reading;
mod sample;
