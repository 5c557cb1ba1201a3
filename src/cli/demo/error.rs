//! Why the demonstration stops.

use std::path::PathBuf;

use billet_simulator::SimulatorError;
use billet_simulator::plesk::PleskError;
use billet_simulator::whm::WhmError;

/// Why the demonstration stops.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A step did not give what it should: a fault of Billet's, or of the demonstration.
    #[error("the demonstration expected {expected}, but {found}")]
    Unexpected {
        /// What should be.
        expected: String,
        /// What is.
        found: String,
    },
    /// The daemon refused a call.
    #[error("{method}: {}{}", .status.message(), reason(.status))]
    Refused {
        /// Which.
        method: &'static str,
        /// What it said.
        status: Box<tonic::Status>,
    },
    /// The daemon did not start or did not answer.
    #[error("the daemon: {0}")]
    Daemon(String),
    /// A simulated panel did not start or does not know something.
    #[error("the simulated panel: {0}")]
    Panel(#[from] SimulatorError),
    /// The simulated WHM refused.
    #[error("the simulated WHM: {0}")]
    Whm(#[from] WhmError),
    /// The simulated Plesk refused.
    #[error("the simulated Plesk: {0}")]
    Plesk(#[from] PleskError),
    /// A file.
    #[error("{}: {error}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The system.
    #[error("{what}: {error}")]
    System {
        /// What was asked of it.
        what: &'static str,
        /// Why it did not.
        error: std::io::Error,
    },
    /// A figure that cannot be read.
    #[error("`{0}` is no amount, date or time")]
    Figure(String),
    /// Ctrl-C or SIGTERM.
    #[error("interrupted; everything that was started is ended")]
    Interrupted,
}

impl DemoError {
    /// A step did not give what it should.
    pub fn unexpected(expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self::Unexpected { expected: expected.into(), found: found.into() }
    }

    /// For a file.
    pub fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |error| Self::File { path, error }
    }

    /// For the system.
    pub fn system(what: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |error| Self::System { what, error }
    }
}

/// The word for programs, where there is one.
fn reason(status: &tonic::Status) -> String {
    use tonic_types::StatusExt as _;
    let details = status.get_error_details();
    details.error_info().map(|info| format!(" ({})", info.reason)).unwrap_or_default()
}

/// What a step must give.
///
/// # Errors
/// [`DemoError::Unexpected`] unless both are the same.
pub fn expect<T: PartialEq + std::fmt::Debug>(what: &str, wanted: T, found: T) -> Result<(), DemoError> {
    if wanted == found {
        return Ok(());
    }
    Err(DemoError::unexpected(format!("{what} to be {wanted:?}"), format!("it is {found:?}")))
}
