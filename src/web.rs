//! What is asked over plain HTTP by those who watch the daemon: its metrics and its health. Payment webhooks come later.

mod health;
mod scrape;
pub mod server;
