//! Relies on one: when the leader is dropped, the memo wakes one waiter to lead, and that waiter is never polled.
//!
//! - **Where**: tokio's `OnceCell` and moka's `future::Cache`, today (`cargo lab conformance waiter-left`). Every
//!   fair semaphore hands on its permit in this way.
//! - **Why it goes wrong**: a thread that is woken runs. A task that is woken may be polled, or not. Its future may
//!   be in a `select!` that has taken another branch: then it is neither dropped nor polled again, and holds the only
//!   wake-up.
//! - **Caught by**: `waiter-left`, which hangs: it does not poll the first waiter again, drops the leader, and awaits
//!   the other waiters.

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
            let changed = entry.changed.notified();
            match &mut *entry.state.lock() {
                State::Ready(value) => return value.clone(),
                State::Computing => {}
                vacant => {
                    *vacant = State::Computing;
                    break;
                }
            }
            changed.await;
        }
        let lead = Lead(&entry);
        let value = (self.f)(key).await;
        let published = State::Ready(value.clone());
        *lead.0.state.lock() = published;
        value
    }
}

impl<V> Entry<V> {
    fn new() -> Arc<Self> {
        Arc::new(Entry { state: Mutex::new(State::Vacant), changed: Notify::new() })
    }
}

/// At the end of the call, wakes all waiters if there is a value, and otherwise one.
struct Lead<'a, V>(&'a Entry<V>);

impl<V> Drop for Lead<'_, V> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        let unpublished = matches!(*state, State::Computing);
        if unpublished {
            *state = State::Vacant;
        }
        drop(state);
        if unpublished {
            // WRONG: a correct memo has `notify_waiters` here, as below: all waiters wake, and the first one that is
            // polled leads.
            self.0.changed.notify_one();
        } else {
            self.0.changed.notify_waiters();
        }
    }
}
