//! A clone off duty: the leader gives up its guard when `f` has returned, and clones the value after that.
//!
//! - **Where**: a plausible student's mistake. The student knows that `f` may panic, guards the call, and removes the
//!   guard as soon as the call is over, so that the guard does not undo what is published.
//! - **Why it goes wrong**: a value's `Clone` is foreign code like `f`, and may panic like `f`. Here it panics when
//!   no guard is left to hand the entry over: the entry stays `Computing` forever.
//! - **Caught by**: `value-clone-panics`, which hangs: the next caller of the key waits for a leader that is gone.

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

    // ANCHOR: get
    pub(crate) fn get(&self, key: &K) -> V {
        let entry = self.entries.lock().entry(key.clone()).or_default().clone();
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
        // WRONG: a correct memo clones first, `let kept = value.clone();`, and has this
        // line after that.
        mem::forget(lead);
        *entry.state.lock() = State::Ready(value.clone());
        entry.changed.notify_all();
        value
    }
    // ANCHOR_END: get
}

impl<V> Default for Entry<V> {
    fn default() -> Self {
        Entry { state: Mutex::new(State::Vacant), changed: Condvar::new() }
    }
}

// ANCHOR: lead
/// Hands the entry over if the call ends without a value.
struct Lead<'a, V>(&'a Entry<V>);

impl<V> Drop for Lead<'_, V> {
    fn drop(&mut self) {
        *self.0.state.lock() = State::Vacant;
        self.0.changed.notify_one();
    }
}
// ANCHOR_END: lead
