//! What can go wrong while a simulator is set up.

use std::io;

/// Why a simulator does not start, or does not take a hook.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorError {
    /// No server could be opened on the loopback address.
    #[error("cannot listen on 127.0.0.1:{port}: {cause}")]
    Listen {
        /// The port that was asked for, 0 for any.
        port: u16,
        /// The system's reason.
        cause: io::Error,
    },
    /// A hook or handler was registered for something the panel does not report.
    #[error("the panel has no event '{event}'; it has: {known}")]
    UnknownEvent {
        /// What was asked for.
        event: String,
        /// What there is.
        known: String,
    },
    /// A stage other than `pre` and `post`.
    #[error("a hook runs at the stage 'pre' or 'post', not '{0}'")]
    UnknownStage(String),
    /// A hook or handler without a command.
    #[error("a hook needs a command to run")]
    NoCommand,
    /// More hooks than the simulator keeps.
    #[error("no more than {max} hooks can be registered")]
    TooManyHooks {
        /// The limit.
        max: usize,
    },
    /// The registry's certificates or schemas cannot be set up.
    #[error("the registry cannot be set up: {0}")]
    SetUp(String),
    /// Something that does not exist at this panel.
    #[error("the panel has no account or subscription '{0}'")]
    Unknown(String),
}
