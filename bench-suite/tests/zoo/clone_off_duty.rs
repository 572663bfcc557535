//! A clone off duty: the leader's guard goes when `f` has returned, and the value is cloned after that.
//!
//! - **Where**: a plausible student's mistake, who knows that `f` may panic, guards `f`, and takes the guard away as
//!   soon as it is over, so that it does not undo what is published.
//! - **Why it goes wrong**: a value's `Clone` is foreign code like `f`, and may panic like `f`. It does so here while
//!   nobody has the duty to hand the entry over: it says `Computing` for ever.
//! - **Caught by**: `value-clone-panics`, which hangs: the next caller of the key waits for a leader who is gone.

use std::collections::HashMap;
use std::mem;
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
        // WRONG: the clone comes first, `let kept = value.clone();`, and then this line.
        mem::forget(lead);
        *entry.state.lock() = State::Ready(value.clone());
        entry.changed.notify_all();
        value
    }
}

impl<V> Entry<V> {
    fn new() -> Arc<Self> {
        Arc::new(Entry { state: Mutex::new(State::Vacant), changed: Condvar::new() })
    }
}

/// Hands the entry over, if the call ends without a value.
struct Lead<'a, V>(&'a Entry<V>);

impl<V> Drop for Lead<'_, V> {
    fn drop(&mut self) {
        *self.0.state.lock() = State::Vacant;
        self.0.changed.notify_one();
    }
}
