//! The types of `src/sync.rs`, with counters for locks and wake-ups.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use parking_lot::{MutexGuard, WaitTimeoutResult};
pub(crate) use std::sync::Arc;

thread_local! {
    static LOCKS: Cell<u64> = const { Cell::new(0) };
}

/// How often a sleeping thread has been woken, in the whole process.
static WOKEN: AtomicU64 = AtomicU64::new(0);

/// How many locks this thread has taken so far.
pub(crate) fn locks() -> u64 {
    LOCKS.get()
}

/// How often a sleeping thread has been woken so far.
pub(crate) fn woken() -> u64 {
    WOKEN.load(Relaxed)
}

pub(crate) struct Mutex<T>(parking_lot::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Mutex(parking_lot::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        LOCKS.set(LOCKS.get() + 1);
        self.0.lock()
    }
}

pub(crate) struct Condvar(parking_lot::Condvar);

impl Condvar {
    pub(crate) fn new() -> Self {
        Condvar(parking_lot::Condvar::new())
    }

    pub(crate) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        self.0.wait(guard);
        WOKEN.fetch_add(1, Relaxed);
    }

    pub(crate) fn wait_until<T>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        at: Instant,
    ) -> WaitTimeoutResult {
        let result = self.0.wait_until(guard, at);
        WOKEN.fetch_add(1, Relaxed);
        result
    }

    pub(crate) fn notify_one(&self) {
        self.0.notify_one();
    }
}

/// Declares a static that is initialised at its first use.
macro_rules! global {
    ($(#[$attribute:meta])* static $name:ident: $type:ty = $value:expr;) => {
        $(#[$attribute])*
        static $name: std::sync::LazyLock<$type> = std::sync::LazyLock::new(|| $value);
    };
}
pub(crate) use global;
