//! `GET /healthz`: whether the daemon can do its work.

use axum::extract::State;
use axum::http::StatusCode;

use super::server::Watched;

/// 200 when the database answers; 503 with a word when it does not or the daemon stops.
pub async fn healthz(State(watched): State<Watched>) -> (StatusCode, &'static str) {
    if watched.stopping.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n");
    }
    match watched.ask(|store| async move { store.answers().await }).await {
        Some(()) => (StatusCode::OK, "ok\n"),
        None => (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n"),
    }
}
