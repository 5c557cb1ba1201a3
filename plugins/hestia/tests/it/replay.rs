//! A server that gives recorded answers, one after the other, and keeps what it was asked.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::IntoResponse;

/// Status, headers, body.
type Recorded = (StatusCode, HeaderMap, Vec<u8>);

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
                next.map_or_else(|| StatusCode::INTERNAL_SERVER_ERROR.into_response(), IntoResponse::into_response)
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
    let headers =
        HeaderMap::from_iter([(HeaderName::from_static("content-type"), HeaderValue::from_static("text/html"))]);
    (StatusCode::from_u16(status).expect("a status"), headers, b"<html><title>Log in</title>token=abc</html>".to_vec())
}

fn fixture(name: &str) -> Recorded {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let head = std::fs::read_to_string(folder.join(format!("{name}.headers"))).expect("a fixture");
    let body = std::fs::read(folder.join(format!("{name}.body"))).expect("a fixture");
    let status = head.split_whitespace().nth(1).and_then(|status| status.parse().ok()).expect("a status");
    let named = head.lines().filter_map(|line| line.split_once(": "));
    let kept = named.filter(|(name, _)| ["Hestia-Exit-Code", "Content-Type", "Content-type"].contains(name));
    let headers = kept.map(|(name, value)| {
        (name.parse::<HeaderName>().expect("a header"), value.trim().parse::<HeaderValue>().expect("a value"))
    });
    (StatusCode::from_u16(status).expect("a status"), headers.collect(), body)
}
