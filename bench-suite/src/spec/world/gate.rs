//! A counter for which callers can wait, in every world.

use std::sync::{Arc, PoisonError};

use green_threads::coroutine::{Condvar, Mutex};
use tokio::sync::Notify;

use super::callers;
use crate::subject::Callers;

/// A counter for which callers can wait. Clones are the same gate.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<Shared>);

#[derive(Default)]
struct Shared {
    arrived: Mutex<usize>,
    /// Wakes coroutines and threads.
    more: Condvar,
    /// Wakes tasks.
    notify: Notify,
}

impl Gate {
    /// Counts one more.
    pub(crate) fn arrive(&self) {
        *self.0.arrived.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.more.notify_all();
        self.0.notify.notify_waiters();
    }

    /// Waits until `count` have arrived.
    pub(crate) async fn wait_for(&self, count: usize) {
        if callers() != Callers::Tasks {
            return self.block_until(count);
        }
        loop {
            // Made before the look at the counter, so that an arrival after the look is not missed.
            let more = self.0.notify.notified();
            if *self.0.arrived.lock().unwrap_or_else(PoisonError::into_inner) >= count {
                return;
            }
            more.await;
        }
    }

    /// Arrives, and waits until `count` have arrived.
    pub(crate) async fn meet(&self, count: usize) {
        self.arrive();
        self.wait_for(count).await;
    }

    /// Puts this thread or coroutine to sleep until `count` have arrived.
    pub(crate) fn block_until(&self, count: usize) {
        let mut arrived = self.0.arrived.lock().unwrap_or_else(PoisonError::into_inner);
        while *arrived < count {
            arrived = self.0.more.wait(arrived).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
