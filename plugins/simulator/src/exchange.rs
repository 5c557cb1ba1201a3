//! One HTTP request and its answer: all that the simulators' own clients need, without pooling or TLS.

use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// An answer larger than this is not read.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A panel may take minutes to create an account; longer than this nobody waits.
const TIME_MAX: Duration = Duration::from_secs(240);

/// Why there is no answer. The panel may have done the work all the same.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// Nothing listens there.
    #[error("cannot connect to {address}: {cause}")]
    Connect {
        /// Where to.
        address: SocketAddr,
        /// The system's reason.
        cause: std::io::Error,
    },
    /// The connection ended before the answer was complete.
    #[error("the connection closed without an answer: {0}")]
    Closed(String),
    /// The answer is larger than 16 MiB.
    #[error("the answer is larger than {ANSWER_BYTES_MAX} bytes")]
    TooLarge,
    /// There was no answer in time.
    #[error("there was no answer within {} seconds", TIME_MAX.as_secs())]
    TimedOut,
}

/// Sends one request on a connection of its own and reads the answer.
pub(crate) async fn exchange(
    address: SocketAddr,
    request: Request<Full<Bytes>>,
) -> Result<(StatusCode, Bytes), NoAnswer> {
    timeout(TIME_MAX, send(address, request)).await.map_err(|_| NoAnswer::TimedOut)?
}

async fn send(address: SocketAddr, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes), NoAnswer> {
    let closed = |cause: hyper::Error| NoAnswer::Closed(cause.to_string());
    let stream = TcpStream::connect(address).await.map_err(|cause| NoAnswer::Connect { address, cause })?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(closed)?;
    let carrier = tokio::spawn(connection);
    let answer = async {
        let response = sender.send_request(request).await.map_err(closed)?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await.map_err(|cause| {
            if cause.is::<LengthLimitError>() { NoAnswer::TooLarge } else { NoAnswer::Closed(cause.to_string()) }
        })?;
        Ok((status, body.to_bytes()))
    }
    .await;
    carrier.abort();
    answer
}
