//! Parts of the models: values whose accesses the checker watches, gates, and keys with the same hash in every run.

use std::hash::{BuildHasher, Hasher};

use loom::cell::UnsafeCell;

use crate::sync::{Condvar, Mutex};

/// A value whose accesses loom watches: a read that is not ordered after the write is an error.
pub(crate) struct Watched(UnsafeCell<u64>);

impl Watched {
    pub(crate) fn new(value: u64) -> Self {
        let watched = Watched(UnsafeCell::new(0));
        // SAFETY: no other thread has a reference to it yet.
        watched.0.with_mut(|inner| unsafe { *inner = value });
        watched
    }

    pub(crate) fn read(&self) -> u64 {
        // SAFETY: it is not written again after `new`. Whether `new` happened before is what loom must find out.
        // loom runs its threads in turns and stops at the first unordered access.
        self.0.with(|inner| unsafe { *inner })
    }
}

// SAFETY: as in `read`.
unsafe impl Sync for Watched {}
// SAFETY: it is a number.
unsafe impl Send for Watched {}

impl Clone for Watched {
    fn clone(&self) -> Self {
        Watched::new(self.read())
    }
}

/// A thread that reaches the gate waits until another thread opens it.
pub(crate) struct Gate(Mutex<bool>, Condvar);

impl Gate {
    pub(crate) fn new() -> Self {
        Gate(Mutex::new(false), Condvar::new())
    }

    pub(crate) fn open(&self) {
        *self.0.lock() = true;
        self.1.notify_all();
    }

    pub(crate) fn wait(&self) {
        let mut open = self.0.lock();
        while !*open {
            self.1.wait(&mut open);
        }
    }
}

/// Hashes a number to the same hash in every run, because loom must be able to repeat a run.
#[derive(Clone, Copy)]
pub(crate) struct Fixed;

impl BuildHasher for Fixed {
    type Hasher = Spread;
    fn build_hasher(&self) -> Spread {
        Spread(0)
    }
}

pub(crate) struct Spread(u64);

impl Hasher for Spread {
    fn write(&mut self, _: &[u8]) {
        unreachable!("the keys are u64")
    }
    fn write_u64(&mut self, key: u64) {
        // Fibonacci hashing: some bits for the line, others for the tag.
        self.0 = (key + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(20);
    }
    fn finish(&self) -> u64 {
        self.0
    }
}
