//! One sleeping caller, and what wakes it.

use std::time::Instant;

use crate::sync::{Condvar, Mutex};

// ANCHOR: waiter
/// A caller that sleeps until another caller's call ends.
///
/// Every waiter has a lock and a signal of its own. So the end of a call wakes all of its
/// waiters, and a cancelled token wakes only the waiters that brought it.
pub(super) struct Waiter {
    woken: Mutex<Woken>,
    changed: Condvar,
}

/// Why a waiter is awake. Neither is true if it woke to look at the clock.
#[derive(Clone, Copy, Default)]
pub(super) struct Woken {
    /// The call has ended.
    pub(super) ended: bool,
    /// One of the waiter's tokens is cancelled, or the call on whose behalf it asks was
    /// told to stop.
    pub(super) cancelled: bool,
}
// ANCHOR_END: waiter

impl Waiter {
    pub(super) fn new() -> Self {
        Waiter { woken: Mutex::new(Woken::default()), changed: Condvar::new() }
    }

    /// Wakes the waiter because its call has ended.
    pub(super) fn end(&self) {
        // The guard is a temporary, so the lock is released before the waiter wakes and
        // takes it.
        self.woken.lock().ended = true;
        self.changed.notify_one();
    }

    // ANCHOR: sleep
    /// Wakes the waiter because one of its tokens is cancelled, or the call on whose
    /// behalf it asks was told to stop.
    pub(super) fn cancel(&self) {
        self.woken.lock().cancelled = true;
        self.changed.notify_one();
    }

    /// Sleeps until something wakes the waiter, or until `look_at`. Returns why it is
    /// awake.
    pub(super) fn sleep(&self, look_at: Option<Instant>) -> Woken {
        let mut woken = self.woken.lock();
        while !woken.ended && !woken.cancelled {
            match look_at {
                None => self.changed.wait(&mut woken),
                Some(at) if Instant::now() < at => {
                    self.changed.wait_until(&mut woken, at);
                }
                Some(_) => break,
            }
        }
        *woken
    }
    // ANCHOR_END: sleep
}
