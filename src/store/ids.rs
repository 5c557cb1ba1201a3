//! Identifiers, handed out from blocks. A block is taken in a transaction of its own, so that a transaction that needs
//! ids never waits for another; what a transaction did not use goes back into the pool of this process.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::{Engine, StoreError};

/// The first block that a process takes from the database; each further one is twice as large as the one before, so
/// that a busy process seldom waits for one and an idle one wastes few.
const BLOCK_FIRST: i64 = 1_000;
/// How large blocks become.
const BLOCK_MAX: i64 = 64_000;

/// The pool of this process.
#[derive(Debug, Default)]
pub struct Ids {
    free: Mutex<VecDeque<Range<i64>>>,
    blocks_taken: AtomicU32,
}

impl Ids {
    fn next_block(&self) -> i64 {
        let taken = self.blocks_taken.fetch_add(1, Ordering::Relaxed);
        BLOCK_FIRST.saturating_mul(1 << taken.min(6)).min(BLOCK_MAX)
    }

    fn free(&self) -> std::sync::MutexGuard<'_, VecDeque<Range<i64>>> {
        // A panic elsewhere cannot leave the list half-changed.
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes `count` ids for one transaction, from the pool or else from the database.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn reserve(self: &Arc<Self>, engine: &Engine, count: i64) -> Result<Reserved, StoreError> {
        let mut taken = VecDeque::new();
        let mut missing = count;
        {
            let mut free = self.free();
            while missing > 0 {
                let Some(mut range) = free.pop_front() else { break };
                let size = range.end - range.start;
                if size > missing {
                    free.push_front(range.start + missing..range.end);
                    range.end = range.start + missing;
                }
                missing -= range.end - range.start;
                taken.push_back(range);
            }
        }
        let mut reserved = Reserved { pool: Arc::clone(self), ranges: taken };
        if missing > 0 {
            let size = missing.max(self.next_block());
            let mut tx = engine.begin().await?;
            let (end,): (i64,) = tx
                .one("UPDATE id_blocks SET next_id = next_id + $1 RETURNING next_id", &[size.into()])
                .await?;
            tx.commit().await?;
            let start = end - size;
            reserved.ranges.push_back(start..start + missing);
            if size > missing {
                self.free().push_back(start + missing..end);
            }
        }
        Ok(reserved)
    }
}

/// Ids that belong to one transaction. What is left goes back to the pool.
#[derive(Debug)]
pub struct Reserved {
    pool: Arc<Ids>,
    ranges: VecDeque<Range<i64>>,
}

impl Reserved {
    /// The next id.
    ///
    /// # Errors
    /// [`StoreError::IdsExhausted`] when more were needed than reserved.
    pub fn take(&mut self) -> Result<i64, StoreError> {
        while let Some(range) = self.ranges.front_mut() {
            if let Some(id) = range.next() {
                return Ok(id);
            }
            self.ranges.pop_front();
        }
        Err(StoreError::IdsExhausted)
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        let mut free = self.pool.free();
        while let Some(range) = self.ranges.pop_back() {
            if !range.is_empty() {
                free.push_front(range);
            }
        }
    }
}
