//! Own circles only: a leader that comes back to its own key is refused, and two that wait for each other are not.
//!
//! - **Where**: a plausible student's mistake, who has met the hang of a recursive `f`, and remembers who leads.
//! - **Why it goes wrong**: a circle may go through several callers: one computes A and asks for B, another computes B
//!   and asks for A. Each finds a leader who is not itself, and waits. To see that, one must follow who waits for whom.
//! - **Caught by**: `two-caller-cycle`, which hangs; `same-key` and `cycle` find nothing.

use std::collections::HashMap;
use std::sync::Arc;
use std::thread::{self, ThreadId};

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
    Computing(ThreadId),
    Ready(V),
}

impl<K: Key, V: Value> Memo<K, V> {
    pub(crate) fn new(f: Function<K, V>) -> Self {
        Memo { f, entries: Mutex::default() }
    }

    pub(crate) fn get(&self, key: &K) -> V {
        let me = thread::current().id();
        let entry = self.entries.lock().entry(key.clone()).or_insert_with(Entry::new).clone();
        let mut state = entry.state.lock();
        loop {
            match &*state {
                State::Ready(value) => return value.clone(),
                State::Computing(leader) if *leader == me => panic!("{key:?} is asked for by its own call"),
                // WRONG: for whom may this leader be waiting? Note, for each thread, the one it waits for, and follow
                // that from here: if it leads back to this thread, refuse (`memo2::robust`).
                State::Computing(_) => entry.changed.wait(&mut state),
                State::Vacant => break,
            }
        }
        *state = State::Computing(me);
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
        if let State::Computing(_) = *state {
            *state = State::Vacant;
        }
        self.0.changed.notify_all();
    }
}
