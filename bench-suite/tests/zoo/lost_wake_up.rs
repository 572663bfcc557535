//! A lost wake-up: a waiter looks at the state under one hold of the lock, and goes to sleep under the next.
//!
//! - **Where**: qdrant's `SaveOnDisk::wait_for` unlocked the data between its look and its sleep, and the writer
//!   notified in between. A test of a cluster failed now and then, ten seconds late (qdrant's pull request 8847).
//! - **Why it goes wrong**: a condition variable remembers nothing. If the leader publishes between the two holds, it
//!   notifies before the waiter sleeps, and the waiter then waits for a signal already sent.
//! - **Caught by**: `callers-in-step`, which hangs: over its rounds, a call ends at each step of the other caller's
//!   path to sleep.

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

    // ANCHOR: get
    pub(crate) fn get(&self, key: &K) -> V {
        let entry = self.entries.lock().entry(key.clone()).or_default().clone();
        loop {
            match &mut *entry.state.lock() {
                State::Ready(value) => return value.clone(),
                State::Computing => {}
                vacant => {
                    *vacant = State::Computing;
                    break;
                }
            }
            // WRONG: a correct memo waits under the hold under which it has looked.
            // Before the loop it has `let mut state = entry.state.lock();`, and here
            // `entry.changed.wait(&mut state);`.
            entry.changed.wait(&mut entry.state.lock());
        }
        let lead = Lead(&entry);
        let value = (self.f)(key);
        let published = State::Ready(value.clone());
        *lead.0.state.lock() = published;
        value
    }
    // ANCHOR_END: get
}

impl<V> Default for Entry<V> {
    fn default() -> Self {
        Entry { state: Mutex::new(State::Vacant), changed: Condvar::new() }
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
