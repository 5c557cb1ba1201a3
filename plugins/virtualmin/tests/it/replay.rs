//! A server that gives recorded answers, one after the other, and keeps what it was asked.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::IntoResponse;

/// Status, type, body.
type Recorded = (StatusCode, &'static str, Vec<u8>);

pub(crate) struct Replay {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Replay {
    /// Gives these fixtures in this order, then HTTP 500.
    pub(crate) async fn fixtures(names: &[&str]) -> Self {
        Self::answers(names.iter().map(|name| fixture(name)).collect()).await
    }

    /// Gives these answers.
    pub(crate) async fn answers(answers: VecDeque<Recorded>) -> Self {
        let (answers, asked) = (Arc::new(Mutex::new(answers)), Arc::new(Mutex::new(Vec::new())));
        let kept = Arc::clone(&asked);
        let give = move |body: Bytes| {
            kept.lock().expect("one at a time").push(String::from_utf8_lossy(&body).into_owned());
            let next = answers.lock().expect("one at a time").pop_front();
            async move {
                let (status, content_type, body) =
                    next.unwrap_or((StatusCode::INTERNAL_SERVER_ERROR, "text/html", vec![]));
                (status, [("content-type", content_type)], body).into_response()
            }
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(give)).await });
        Self { url, asked }
    }

    /// The bodies of the requests.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("one at a time").clone()
    }
}

/// An answer of this status that is a web page.
pub(crate) fn page(status: u16) -> Recorded {
    let status = StatusCode::from_u16(status).expect("a status");
    (status, "text/html", b"<html><title>Log in</title>token=abc</html>".to_vec())
}

/// A recorded answer that breaks off in the middle.
pub(crate) fn broken(name: &str) -> Recorded {
    let (status, content_type, body) = fixture(name);
    (status, content_type, body[..body.len() / 2].to_vec())
}

pub(crate) fn fixture(name: &str) -> Recorded {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(format!("{name}.body"));
    let body = std::fs::read(file).expect("a fixture");
    let is_page = body.starts_with(b"<html>");
    let status = if is_page { StatusCode::UNAUTHORIZED } else { StatusCode::OK };
    (status, if is_page { "text/html" } else { "application/json" }, body)
}
