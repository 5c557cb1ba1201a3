//! Reads a panel's report from standard input, within limits of size and time.

use std::io::{self, Read};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::json;

use super::capture::{Unclear, UnclearCode};

/// How long the panel may take to write its report, in seconds. It has it ready when it runs the hook.
const READING_S_MAX: u64 = 10;
/// How much of a report that is too large is read and thrown away, so that the panel does not fail at writing, in bytes.
const DRAINED_BYTES_MAX: u64 = 256 << 20;

/// Reads all of `input`.
///
/// # Errors
/// If it is larger than `bytes_max`, does not end in time or breaks.
pub fn read(mut input: impl Read + Send + 'static, bytes_max: usize) -> Result<Vec<u8>, Unclear> {
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
    match receiver.recv_timeout(Duration::from_secs(READING_S_MAX)) {
        Ok(Ok(bytes)) if bytes.len() <= bytes_max => Ok(bytes),
        Ok(Ok(_)) => Err(unclear(UnclearCode::TooLarge, format!("the input is larger than {} MiB", bytes_max >> 20))),
        Ok(Err(error)) => Err(unclear(UnclearCode::Unfinished, format!("the input broke: {error}"))),
        Err(_) => {
            Err(unclear(UnclearCode::Unfinished, format!("the input did not end within {READING_S_MAX} seconds")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_as_large_as_allowed_is_read_and_no_more() {
        assert_eq!(read(&b"12345678"[..], 8), Ok(b"12345678".to_vec()));
        let error = read(&b"123456789"[..], 8).expect_err("it is too large");
        assert_eq!(error.code, UnclearCode::TooLarge);
    }
}
