//! One try: a waiter that wakes up and finds no value gives up.
//!
//! - **Where**: moka's `get_or_insert_with`, which panicked in a waiter if the caller that it waited for was aborted
//!   (moka-rs/moka pull request 60). async_singleflight gave such a waiter no value, so the waiter itself had to ask
//!   again (its issue 8).
//! - **Why it goes wrong**: the waiter assumes that there is a value because the leader is done. After a panic there
//!   is none. So the waiter, which has called nothing, fails because of the leader's panic.
//! - **Caught by**: `panic-hand-over`, which breaks: a waiter sees a panic that is not `f`'s.

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
        if let State::Vacant = *state {
            *state = State::Computing;
            drop(state);
            let lead = Lead(&entry);
            let value = (self.f)(key);
            let published = State::Ready(value.clone());
            *lead.0.state.lock() = published;
            return value;
        }
        while let State::Computing = *state {
            entry.changed.wait(&mut state);
        }
        match &*state {
            State::Ready(value) => value.clone(),
            // WRONG: a correct memo has a loop around all of this: a caller that finds the entry vacant leads,
            // whether it is new or has waited.
            _ => panic!("the leader has left no value"),
        }
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
