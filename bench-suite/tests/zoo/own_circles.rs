//! Own circles only: a leader that asks for its own key again is refused, but two leaders that wait for each other
//! are not.
//!
//! - **Where**: a plausible student's mistake. The student has met the hang of a recursive `f`, and records which
//!   thread leads.
//! - **Why it goes wrong**: a cycle may go through several callers: one computes A and asks for B, another computes B
//!   and asks for A. Each finds a leader that is not itself, and waits. To detect that, the memo must follow which
//!   caller waits for which.
//! - **Caught by**: `two-caller-cycle`, which hangs. (`same-key` and `cycle` find nothing.)

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

    // ANCHOR: own_circles
    pub(crate) fn get(&self, key: &K) -> V {
        let me = thread::current().id();
        let mut entries = self.entries.lock();
        let entry = entries.entry(key.clone()).or_insert_with(Entry::new).clone();
        drop(entries);
        let mut state = entry.state.lock();
        loop {
            match &*state {
                State::Ready(value) => return value.clone(),
                State::Computing(leader) if *leader == me => {
                    panic!("{key:?} is asked for by its own call")
                }
                // WRONG: a correct memo records, for each thread, the leader that it
                // waits for, and follows these records from here. If they lead back to
                // this thread, the memo refuses (`memo2::robust`).
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
    // ANCHOR_END: own_circles
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
