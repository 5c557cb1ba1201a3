//! What a command ends with: text and an exit code.

/// The exit codes that are used here.
pub(super) const ARGS: u8 = 1;
pub(super) const INVALID: u8 = 2;
pub(super) const NOT_EXIST: u8 = 3;
pub(super) const EXISTS: u8 = 4;
pub(super) const SUSPENDED: u8 = 5;
pub(super) const LIMIT: u8 = 8;
pub(super) const PASSWORD: u8 = 9;
pub(super) const FORBIDDEN: u8 = 10;

/// A command that failed.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) code: u8,
    pub(super) words: String,
}

/// What a command prints, or why it failed.
pub(super) type Exit = Result<String, Failed>;

/// A failure in the panel's words.
pub(super) fn failed(code: u8, words: impl Into<String>) -> Failed {
    Failed { code, words: words.into() }
}

/// The HTTP status of an exit code when `returncode` is not `yes`, as the panel's helpers have it.
pub(super) fn http_status(code: u8) -> u16 {
    match code {
        INVALID => 422,
        SUSPENDED | 6 | PASSWORD | FORBIDDEN | 21 => 401,
        _ => 400,
    }
}
