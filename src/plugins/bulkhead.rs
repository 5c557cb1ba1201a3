//! A bulkhead: so many calls of an instance at once, and so many that wait.

use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

/// How many calls may wait for one instance.
const WAITING_MAX: usize = 1_000;

/// Why a call cannot begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// Too many wait already.
    Queue,
    /// Its time was over while it waited.
    Time,
}

/// The bulkhead of one instance.
#[derive(Debug)]
pub struct Bulkhead {
    at_work: Semaphore,
    waiting: Semaphore,
}

impl Bulkhead {
    /// For so many calls at once.
    pub fn new(concurrency: usize) -> Self {
        Self { at_work: Semaphore::new(concurrency.max(1)), waiting: Semaphore::new(WAITING_MAX) }
    }

    /// A place, at once or within this time.
    pub async fn enter(&self, within: Duration) -> Result<SemaphorePermit<'_>, Full> {
        if let Ok(place) = self.at_work.try_acquire() {
            return Ok(place);
        }
        let _waits = self.waiting.try_acquire().map_err(|_| Full::Queue)?;
        match tokio::time::timeout(within, self.at_work.acquire()).await {
            Ok(Ok(place)) => Ok(place),
            _ => Err(Full::Time),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_finds_no_place_in_time_is_told() {
        let bulkhead = Bulkhead::new(1);
        let place = bulkhead.enter(Duration::ZERO).await.expect("the first");
        assert_eq!(bulkhead.enter(Duration::from_millis(1)).await.err(), Some(Full::Time));
        drop(place);
        assert!(bulkhead.enter(Duration::ZERO).await.is_ok());
    }
}
