//! If, not while: a waiter that has been woken does not look at the state again.
//!
//! - **Where**: a plausible student's mistake, and every textbook's first warning about condition variables.
//! - **Why it goes wrong**: a wake-up means that something has changed. It does not mean that the state is what the
//!   waiter needs. After a panic all waiters wake. The first to get the lock finds the entry vacant and leads. The
//!   second assumes that the entry is vacant, because it was woken, and leads too. (A spurious wake-up would have the
//!   same effect without any panic.)
//! - **Caught by**: `panic-hand-over`, which breaks: there is more than one call after the panic.

use std::collections::HashMap;
use std::sync::Arc;

use bench_suite::subject::{Function, Key, Value};
use parking_lot::{Condvar, Mutex};

pub(crate) struct Memo<K, V> {
    f: Function<K, V>,
    entries: Mutex<HashMap<K, Arc<Entry<V>>>>,
}

struct Entry<V> {
    state: Mutex<State<V>>,
    changed: Condvar,
}

enum State<V> {
    Vacant,
    Computing,
    Ready(V),
}

impl<K: Key, V: Value> Memo<K, V> {
    pub(crate) fn new(f: Function<K, V>) -> Self {
        Memo { f, entries: Mutex::default() }
    }

    pub(crate) fn get(&self, key: &K) -> V {
        let entry = self.entries.lock().entry(key.clone()).or_insert_with(Entry::new).clone();
        let mut state = entry.state.lock();
        // WRONG: a correct memo has `while let`, because a waiter that wakes up does not know the state yet.
        if let State::Computing = *state {
            entry.changed.wait(&mut state);
        }
        if let State::Ready(value) = &*state {
            return value.clone();
        }
        *state = State::Computing;
        drop(state);

        let lead = Lead(&entry);
        let value = (self.f)(key);
        let published = State::Ready(value.clone());
        *lead.0.state.lock() = published;
        value
    }
}

impl<V> Entry<V> {
    fn new() -> Arc<Self> {
        Arc::new(Entry { state: Mutex::new(State::Vacant), changed: Condvar::new() })
    }
}

/// Wakes the waiters at the end of the call, however it ends.
struct Lead<'a, V>(&'a Entry<V>);

impl<V> Drop for Lead<'_, V> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        if let State::Computing = *state {
            *state = State::Vacant;
        }
        self.0.changed.notify_all();
    }
}
