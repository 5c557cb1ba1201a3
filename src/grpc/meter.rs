//! Counts calls and how long they take, by the methods of the table in `access.rs`: whatever else a caller asks for is
//! `unknown`, so that nobody can make series. A series begins with the first call; after it nothing is looked up.

use std::sync::{Arc, OnceLock};

use tokio::time::Instant;
use tonic::Code;

use super::access;
use crate::metrics::code::CODES;
use crate::metrics::{self, Counter, Gauge, Histogram};

/// What paths are called that are no methods.
pub const UNKNOWN: &str = "unknown";

/// A method with its series.
struct Method {
    name: &'static str,
    seconds: OnceLock<Histogram>,
    codes: [OnceLock<Counter>; CODES.len()],
}

/// The series of all methods, the unknown one last; clones share them. Empty when nothing is measured.
#[derive(Clone)]
pub struct CallMeter {
    methods: Arc<[Method]>,
    at_work: Gauge,
    busy: Counter,
}

impl CallMeter {
    /// Takes the series that are there from the beginning; nothing where metrics are off.
    #[must_use]
    pub fn open() -> Self {
        let names = access::METHODS.iter().map(|access| access.method).chain([UNKNOWN]);
        let method = |name| Method { name, seconds: OnceLock::new(), codes: [const { OnceLock::new() }; CODES.len()] };
        let methods = if metrics::is_on() { names.map(method).collect() } else { Arc::default() };
        Self { methods, at_work: metrics::CALLS_AT_WORK.of([]), busy: metrics::CALLS_REFUSED.of(["BUSY"]) }
    }

    /// Begins to measure a call of the method at this index of the table.
    #[must_use]
    pub fn begin(&self, method: Option<usize>) -> Measured {
        self.at_work.increment(1.0);
        Measured { meter: self.clone(), method, begun_at: Instant::now(), code: Code::Cancelled }
    }

    /// Notes that there was no place for a call.
    pub fn refused(&self) {
        self.busy.increment(1);
    }

    fn note(&self, method: Option<usize>, code: Code, took: std::time::Duration) {
        let index = method.unwrap_or(self.methods.len().saturating_sub(1));
        let Some(Method { name, seconds, codes }) = self.methods.get(index) else { return };
        seconds.get_or_init(|| metrics::CALL_SECONDS.of([name])).record(took);
        let number = code as usize;
        if let (Some(counter), Some(word)) = (codes.get(number), CODES.get(number)) {
            counter.get_or_init(|| metrics::CALLS.of([name, word])).increment(1);
        }
    }
}

/// A call that is measured until this is dropped; it was given up by its caller unless [`Measured::answered`] was told.
pub struct Measured {
    meter: CallMeter,
    method: Option<usize>,
    begun_at: Instant,
    code: Code,
}

impl Measured {
    /// Notes how it went; answers how long it took.
    pub fn answered(&mut self, code: Code) -> std::time::Duration {
        self.code = code;
        self.begun_at.elapsed()
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        self.meter.at_work.decrement(1.0);
        self.meter.note(self.method, self.code, self.begun_at.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_their_names() {
        for (number, name) in (0..).zip(CODES) {
            let plain: String = format!("{:?}", Code::from_i32(number)).to_uppercase();
            assert_eq!(name.replace('_', ""), plain);
        }
        assert_eq!(Code::Unauthenticated as usize, CODES.len() - 1);
    }
}
