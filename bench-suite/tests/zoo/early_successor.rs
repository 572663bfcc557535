//! An early successor: when the leader's future is dropped, the next leader starts before the old call is gone.
//!
//! - **Where**: moka's `future::Cache` and async_singleflight, today (`cargo lab conformance old-call-goes-first`).
//! - **Why it goes wrong**: the fields of a struct are dropped in the order in which they are declared. Here `lead`
//!   is dropped first, which makes the entry vacant and wakes the waiters. Then the future of `f` is dropped, which
//!   may take time. Meanwhile a waiter on another worker calls `f` again: two calls run at once.
//! - **Caught by**: `old-call-goes-first`, which breaks: its call polls a waiter while the call is being dropped.

use std::collections::HashMap;
use std::sync::Arc;

use bench_suite::subject::{AsyncFunction, Key, Value};
use futures_util::future::BoxFuture;
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
        let mut call = Call { lead: Lead(&entry), value: (self.f)(key) };
        let value = (&mut call.value).await;
        let published = State::Ready(value.clone());
        *call.lead.0.state.lock() = published;
        value
    }
}

/// A call of `f` that is under way.
struct Call<'a, V> {
    // WRONG: a correct memo declares this field last, so that it is dropped last.
    lead: Lead<'a, V>,
    value: BoxFuture<'static, V>,
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
        drop(state);
        self.0.changed.notify_waiters();
    }
}
