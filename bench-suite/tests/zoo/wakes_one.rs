//! Wakes one: the leader has the value for which all waiters wait, and wakes one of them.
//!
//! - **Where**: a plausible student's mistake, and a common one. `notify_one` is right if the woken waiter takes away
//!   what it waited for, for example from a queue.
//! - **Why it goes wrong**: a waiter that reads the value does not take it away. The woken waiter returns with it and
//!   wakes no other. Nothing changes after that, so nothing wakes the others.
//! - **Caught by**: `one-call`, which hangs: the leader there returns when seven others are asleep, and six stay
//!   asleep.

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
        loop {
            match &*state {
                State::Ready(value) => return value.clone(),
                State::Computing => entry.changed.wait(&mut state),
                State::Vacant => break,
            }
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

/// Wakes one waiter at the end of the call, however it ends.
struct Lead<'a, V>(&'a Entry<V>);

impl<V> Drop for Lead<'_, V> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        if let State::Computing = *state {
            *state = State::Vacant;
        }
        // WRONG: after a panic one waiter is enough, because it leads. If there is a value, a correct memo has
        // `notify_all`.
        self.0.changed.notify_one();
    }
}
