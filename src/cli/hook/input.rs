//! Reads a panel's report from standard input, within limits of size and time.

use std::io::{self, Read};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::json;

use super::capture::{Unclear, UnclearCode};

/// How long the panel may take to write its report at least, whatever the deadline: what is not read is lost. It has the
/// report ready when it runs the hook.
pub const READING_MIN: Duration = Duration::from_secs(2);
/// How much of a report that is too large is read and thrown away, so that the panel does not fail at writing, in bytes.
const DRAINED_BYTES_MAX: u64 = 256 << 20;

/// Reads all of `input`, waiting for its end no longer than `within`.
///
/// # Errors
/// If it is larger than `bytes_max`, does not end in time or breaks.
pub fn read(mut input: impl Read + Send + 'static, bytes_max: usize, within: Duration) -> Result<Vec<u8>, Unclear> {
    let (sender, receiver) = mpsc::sync_channel(1);
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let result = input.by_ref().take(bytes_max as u64 + 1).read_to_end(&mut bytes).map(|_| bytes);
        if result.as_ref().is_ok_and(|bytes| bytes.len() > bytes_max) {
            let _ = io::copy(&mut input.take(DRAINED_BYTES_MAX), &mut io::sink());
        }
        // Nobody waits any longer if it took too long.
        let _ = sender.send(result);
    });
    let unclear = |code, reason| Unclear { code, reason, facts: json!({ "input_bytes_max": bytes_max }) };
    match receiver.recv_timeout(within) {
        Ok(Ok(bytes)) if bytes.len() <= bytes_max => Ok(bytes),
        Ok(Ok(_)) => Err(unclear(UnclearCode::TooLarge, format!("the input is larger than {} MiB", bytes_max >> 20))),
        Ok(Err(error)) => Err(unclear(UnclearCode::Unfinished, format!("the input broke: {error}"))),
        Err(_) => {
            let reason = format!("the input did not end within {} ms", within.as_millis());
            Err(unclear(UnclearCode::Unfinished, reason))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn what_does_not_end_is_not_waited_for() {
        let (mut panel, input) = UnixStream::pair().expect("a pair");
        io::Write::write_all(&mut panel, b"half of a report").expect("written");
        let error = read(input, 64, Duration::from_millis(20)).expect_err("it does not end");
        assert_eq!(
            (error.code, error.reason.as_str()),
            (UnclearCode::Unfinished, "the input did not end within 20 ms")
        );
        drop(panel);
    }

    #[test]
    fn what_is_as_large_as_allowed_is_read_and_no_more() {
        assert_eq!(read(&b"12345678"[..], 8, READING_MIN), Ok(b"12345678".to_vec()));
        let error = read(&b"123456789"[..], 8, READING_MIN).expect_err("it is too large");
        assert_eq!(error.code, UnclearCode::TooLarge);
    }
}
