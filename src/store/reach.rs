//! Waits for a PostgreSQL server. The pool would wait too, but says of a server that refuses only that time was up; here
//! the last refusal is what is told.

use std::io::ErrorKind;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::time::{Instant, sleep, timeout};

use super::StoreError;

/// How long to wait between two tries.
const PAUSE: Duration = Duration::from_millis(250);

/// Connects once, and closes. A server that is not there yet is tried again for as long as `patience`; one that does not
/// answer at all is given `answer_within`.
///
/// # Errors
/// [`StoreError::Database`] with what the last try said, [`StoreError::Silent`].
pub(super) async fn reach(
    options: &PgConnectOptions,
    patience: Duration,
    answer_within: Duration,
) -> Result<(), StoreError> {
    let until = Instant::now() + patience;
    loop {
        let error = match timeout(answer_within, options.connect()).await {
            Err(_) => return Err(StoreError::Silent { seconds: answer_within.as_secs() }),
            Ok(Ok(connection)) => return Ok(connection.close().await?),
            Ok(Err(error)) => error,
        };
        if !may_pass(&error) || Instant::now() + PAUSE > until {
            return Err(error.into());
        }
        sleep(PAUSE).await;
    }
}

/// Whether the server may be about to start: nobody listens yet, or it says so (57P03 cannot_connect_now; PostgreSQL,
/// appendix A), or all its connections are taken at the moment (53300).
fn may_pass(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(error) => matches!(
            error.kind(),
            ErrorKind::ConnectionRefused
                | ErrorKind::ConnectionReset
                | ErrorKind::ConnectionAborted
                | ErrorKind::NotFound
        ),
        sqlx::Error::Database(error) => matches!(error.code().as_deref(), Some("57P03" | "53300")),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn server(port: u16) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(port).username("nobody")
    }

    #[tokio::test]
    async fn a_refusal_is_told_as_what_it_is() {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|held| held.local_addr()).expect("a free port").port();
        let error = reach(&server(port), PAUSE * 2, Duration::from_secs(5)).await.expect_err("nobody listens");
        assert!(error.to_string().contains("refused"), "{error}");
    }

    #[tokio::test]
    async fn a_server_that_says_nothing_is_not_waited_for() {
        let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = silent.local_addr().expect("an address").port();
        let error = reach(&server(port), Duration::ZERO, Duration::from_millis(50)).await.expect_err("it is silent");
        assert!(matches!(error, StoreError::Silent { .. }), "{error}");
    }
}
