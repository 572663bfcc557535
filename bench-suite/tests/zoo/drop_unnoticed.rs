//! An unnoticed drop: the leader's future is dropped, and its waiters wait forever.
//!
//! - **Where**: any code that cleans up on the line after the `.await`. talon's loads of blocks did that
//!   (milvus-io/talon issue 162): if a client left while its block was fetched, the block was unreadable until the
//!   next start.
//! - **Why it goes wrong**: a future that is dropped runs nothing but its destructors. A panic can be caught, and
//!   here it is caught. A drop cannot be caught, and after it the entry stays `Computing` forever.
//! - **Caught by**: `leader-cancelled`, which hangs: it drops a leader that has one waiter.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Arc;

use bench_suite::subject::{AsyncFunction, Key, Value};
use futures_util::FutureExt;
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

    // ANCHOR: drop_unnoticed
    pub(crate) async fn get(&self, key: &K) -> V {
        let entry = self.entry(key);
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
        // WRONG: a correct memo has a guard here. If there is no value, its `Drop` makes
        // the entry vacant and wakes the waiters. It runs after a panic, and also if this
        // future is dropped here.
        let ended = AssertUnwindSafe(async {
            let value = (self.f)(key).await;
            (State::Ready(value.clone()), value)
        });
        let (state, ended) = match ended.catch_unwind().await {
            Ok((ready, value)) => (ready, Ok(value)),
            Err(panic) => (State::Vacant, Err(panic)),
        };
        *entry.state.lock() = state;
        entry.changed.notify_waiters();
        ended.unwrap_or_else(|panic| resume_unwind(panic))
    }
    // ANCHOR_END: drop_unnoticed

    fn entry(&self, key: &K) -> Arc<Entry<V>> {
        self.entries.lock().entry(key.clone()).or_insert_with(Entry::new).clone()
    }
}

impl<V> Entry<V> {
    fn new() -> Arc<Self> {
        Arc::new(Entry { state: Mutex::new(State::Vacant), changed: Notify::new() })
    }
}
