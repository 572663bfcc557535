//! A late `notified`: the task looks at the state, and only then begins to listen.
//!
//! - **Where**: a plausible student's mistake, and the reason for the warning in the documentation of tokio's
//!   `Notify`. It is the lost wake-up of threads again (`lost_wake_up`).
//! - **Why it goes wrong**: `notify_waiters` wakes the tasks that have already called `notified`, and stores nothing
//!   for later calls of `notified`. Between the look and that call, a leader on another worker publishes and
//!   notifies.
//! - **Caught by**: `callers-in-step`, which hangs.

use std::collections::HashMap;
use std::sync::Arc;

use bench_suite::subject::{AsyncFunction, Key, Value};
use parking_lot::Mutex;
use tokio::sync::Notify;

pub(crate) struct Memo<K, V> {
    f: AsyncFunction<K, V>,
    entries: Mutex<HashMap<K, Arc<Entry<V>>>>,
}

struct Entry<V> {
    state: Mutex<State<V>>,
    changed: Notify,
}

enum State<V> {
    Vacant,
    Computing,
    Ready(V),
}

impl<K: Key, V: Value> Memo<K, V> {
    pub(crate) fn new(f: AsyncFunction<K, V>) -> Self {
        Memo { f, entries: Mutex::default() }
    }

    pub(crate) async fn get(&self, key: &K) -> V {
        let entry = self.entries.lock().entry(key.clone()).or_insert_with(Entry::new).clone();
        loop {
            match &mut *entry.state.lock() {
                State::Ready(value) => return value.clone(),
                State::Computing => {}
                vacant => {
                    *vacant = State::Computing;
                    break;
                }
            }
            // WRONG: a correct memo has `let changed = entry.changed.notified()` before the look, and `changed.await`
            // here.
            entry.changed.notified().await;
        }
        let lead = Lead(&entry);
        let value = (self.f)(key).await;
        let published = State::Ready(value.clone());
        *lead.0.state.lock() = published;
        entry.changed.notify_waiters();
        value
    }
}

impl<V> Entry<V> {
    fn new() -> Arc<Self> {
        Arc::new(Entry { state: Mutex::new(State::Vacant), changed: Notify::new() })
    }
}

/// Wakes the waiters if the call ends without a value.
struct Lead<'a, V>(&'a Entry<V>);

impl<V> Drop for Lead<'_, V> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        if let State::Computing = *state {
            *state = State::Vacant;
            drop(state);
            self.0.changed.notify_waiters();
        }
    }
}
