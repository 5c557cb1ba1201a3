//! What a plugin's process prints: its standard error goes into the log, line by line and not too much of it; its standard
//! output after the handshake goes nowhere.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::time::Instant;

/// The longest line that is kept; the rest of it is left out.
const LINE_BYTES_MAX: usize = 2_048;
/// How many lines a second go into the log.
const LINES_A_SECOND: u32 = 50;

/// Reads until the end.
pub async fn discard(mut output: impl AsyncRead + Unpin) {
    let mut sink = [0; 4_096];
    while matches!(output.read(&mut sink).await, Ok(count) if count > 0) {}
}

/// Logs lines until the end.
pub async fn log(mut output: impl AsyncRead + Unpin, plugin: String, instance: String) {
    let mut throttle = Throttle::new();
    let mut lines = Lines::default();
    let mut chunk = [0; 4_096];
    loop {
        let count = match output.read(&mut chunk).await {
            Ok(count) if count > 0 => count,
            _ => break,
        };
        for line in lines.push(&chunk[..count]) {
            match throttle.admit(Instant::now()) {
                Admitted::Line(0) => tracing::info!(plugin, instance, "{line}"),
                Admitted::Line(dropped) => tracing::info!(plugin, instance, dropped, "{line}"),
                Admitted::No => {}
            }
        }
    }
    if let Some(line) = lines.rest() {
        tracing::info!(plugin, instance, "{line}");
    }
}

/// Cuts a stream into lines of bounded length.
#[derive(Default)]
struct Lines {
    line: Vec<u8>,
    too_long: bool,
}

impl Lines {
    fn push(&mut self, chunk: &[u8]) -> Vec<String> {
        let mut whole = Vec::new();
        for byte in chunk {
            if *byte == b'\n' {
                whole.extend(self.rest());
            } else if self.line.len() < LINE_BYTES_MAX {
                self.line.push(*byte);
            } else {
                self.too_long = true;
            }
        }
        whole
    }

    fn rest(&mut self) -> Option<String> {
        let mut text: String = String::from_utf8_lossy(&std::mem::take(&mut self.line))
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        if std::mem::take(&mut self.too_long) {
            text.push('…');
        }
        let text = text.trim_end();
        (!text.is_empty()).then(|| text.to_owned())
    }
}

enum Admitted {
    /// And how many were left out before it.
    Line(u64),
    No,
}

struct Throttle {
    second: Instant,
    count: u32,
    dropped: u64,
}

impl Throttle {
    fn new() -> Self {
        Self { second: Instant::now(), count: 0, dropped: 0 }
    }

    fn admit(&mut self, now: Instant) -> Admitted {
        if now - self.second >= Duration::from_secs(1) {
            (self.second, self.count) = (now, 0);
        }
        if self.count >= LINES_A_SECOND {
            self.dropped += 1;
            return Admitted::No;
        }
        self.count += 1;
        Admitted::Line(std::mem::take(&mut self.dropped))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_bounded_and_clean() {
        let mut lines = Lines::default();
        assert!(lines.push(b"half a ").is_empty());
        assert_eq!(lines.push(b"line\n\nnext\x1b[31m\nrest"), ["half a line", "next [31m"]);
        assert_eq!(lines.rest().as_deref(), Some("rest"));
        let long = lines.push(&[[b'x'; LINE_BYTES_MAX + 100].as_slice(), b"\n"].concat());
        assert_eq!(long[0].chars().count(), LINE_BYTES_MAX + 1);
    }

    #[tokio::test]
    async fn a_flood_is_throttled_and_counted() {
        let (mut throttle, now) = (Throttle::new(), Instant::now());
        let shown = (0..1_000).filter(|_| matches!(throttle.admit(now), Admitted::Line(_))).count();
        assert_eq!(shown, 50);
        assert!(matches!(throttle.admit(now + Duration::from_secs(2)), Admitted::Line(950)));
    }
}
