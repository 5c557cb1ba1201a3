//! A server that answers as it was told, function by function, and remembers what it was asked.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use billet_plugin::Panel;
use serde_json::json;
use tokio::net::TcpListener;

use crate::world::panel;

/// The token that the plugin sends.
pub(crate) const TOKEN: &str = "T0KENT0KENT0KEN";

/// One answer.
#[derive(Clone)]
struct Canned {
    status: u16,
    content_type: &'static str,
    body: String,
}

/// A request as it came.
#[derive(Clone)]
pub(crate) struct Seen {
    pub(crate) function: String,
    pub(crate) query: Option<String>,
    pub(crate) authorization: String,
    pub(crate) form: String,
}

#[derive(Default)]
struct Inside {
    answers: HashMap<String, VecDeque<Canned>>,
    seen: Vec<Seen>,
}

/// The server.
pub(crate) struct Server {
    inside: Arc<Mutex<Inside>>,
    pub(crate) panel: Arc<dyn Panel>,
}

impl Server {
    /// Starts it, with the plugin as root in front of it.
    pub(crate) async fn start() -> Self {
        let inside = Arc::new(Mutex::new(Inside::default()));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&inside));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move { axum::serve(listener, router).await.expect("serves") });
        let panel = panel(json!({"url": format!("http://{address}"), "time_zone": "Europe/Berlin"}), TOKEN);
        Self { inside, panel }
    }

    /// The next call of `function` is answered so; the last answer stays for further ones.
    pub(crate) fn answers(&self, function: &str, status: u16, body: &str) -> &Self {
        let content_type = if body.starts_with('<') { "text/html" } else { "application/json" };
        let canned = Canned { status, content_type, body: body.to_owned() };
        self.lock().answers.entry(function.to_owned()).or_default().push_back(canned);
        self
    }

    /// The same with a file of `fixtures/`.
    pub(crate) fn answers_file(&self, function: &str, status: u16, file: &str) -> &Self {
        self.answers(function, status, &fixture(file))
    }

    /// The requests for `function`.
    pub(crate) fn seen(&self, function: &str) -> Vec<Seen> {
        self.lock().seen.iter().filter(|seen| seen.function == function).cloned().collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A file of `fixtures/`.
pub(crate) fn fixture(file: &str) -> String {
    let path = format!("{}/fixtures/{file}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

async fn answer(State(inside): State<Arc<Mutex<Inside>>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let function = uri.path().trim_start_matches("/json-api/").to_owned();
    let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut inside = inside.lock().unwrap_or_else(PoisonError::into_inner);
    inside.seen.push(Seen {
        function: function.clone(),
        query: uri.query().map(str::to_owned),
        authorization: authorization.to_owned(),
        form: String::from_utf8_lossy(&body).into_owned(),
    });
    let queue = inside.answers.entry(function).or_default();
    let canned = if queue.len() > 1 { queue.pop_front() } else { queue.front().cloned() };
    match canned {
        Some(canned) => {
            let status = StatusCode::from_u16(canned.status).expect("a status");
            (status, [(header::CONTENT_TYPE, canned.content_type), (header::RETRY_AFTER, "30")], canned.body)
                .into_response()
        }
        None => (StatusCode::NOT_FOUND, "nothing is canned for this").into_response(),
    }
}
