//! A wake-up under a lock: the leader is dropped, and notifies its waiters while it still holds the lock of the
//! entry's state.
//!
//! - **Where**: this workspace's own `memo2::task`, until a user's executor polled a task inside its wake-up. That is
//!   allowed: the contract of `Waker` does not say what a wake-up runs.
//! - **Why it goes wrong**: `notify_waiters` calls the waiter's waker, the waker polls the waiter, and the waiter
//!   locks the entry's state. The same thread holds that lock, further up its stack.
//! - **Caught by**: `polled-in-wake`, which hangs.

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

/// Wakes the waiters at the end of the call, however it ends.
struct Lead<'a, V>(&'a Entry<V>);

impl<V> Drop for Lead<'_, V> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        if let State::Computing = *state {
            *state = State::Vacant;
        }
        // WRONG: a correct memo has `drop(state)` before this line, so that the waiters that it wakes find the lock
        // free.
        self.0.changed.notify_waiters();
    }
}
