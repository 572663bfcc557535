//! A shared panic: the leader's call panics, and so do all its waiters.
//!
//! - **Where**: Go's `x/sync/singleflight` since its fix for golang/go issue 33519, on purpose. janos/singleflight
//!   does the same, by its pull request 13.
//! - **Why it goes wrong**: no caller hangs, but one bad call hurts all callers that wait for it. Eight requests fail
//!   where one would have failed, and seven of the callers cannot tell this panic from one of their own. By the
//!   contract here, only the caller whose call it was sees the panic. A waiter has not called `f` yet, and can.
//! - **Caught by**: `panic-hand-over`, which breaks: a waiter sees a panic.

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
    Computing,
    Ready(V),
    Panicked,
}

impl<K: Key, V: Value> Memo<K, V> {
    pub(crate) fn new(f: Function<K, V>) -> Self {
        Memo { f, entries: Mutex::default() }
    }

    pub(crate) fn get(&self, key: &K) -> V {
        let mut entries = self.entries.lock();
        if let Some(entry) = entries.get(key).cloned() {
            drop(entries);
            let mut state = entry.state.lock();
            loop {
                match &*state {
                    State::Ready(value) => return value.clone(),
                    State::Computing => entry.changed.wait(&mut state),
                    // WRONG: a correct memo has `return self.get(key)`. The entry is no longer in the map, so the
                    // first caller to ask leads.
                    State::Panicked => panic!("the call that this one waited for has panicked"),
                }
            }
        }
        let entry = Arc::new(Entry { state: Mutex::new(State::Computing), changed: Condvar::new() });
        entries.insert(key.clone(), entry.clone());
        drop(entries);

        let lead = Lead { memo: self, key, entry: &entry };
        let value = (self.f)(key);
        let published = State::Ready(value.clone());
        *lead.entry.state.lock() = published;
        value
    }
}

/// Wakes the waiters at the end of the call, however it ends. If there is no value, it first removes the entry from the
/// map.
struct Lead<'a, K: Key, V> {
    memo: &'a Memo<K, V>,
    key: &'a K,
    entry: &'a Entry<V>,
}

impl<K: Key, V> Drop for Lead<'_, K, V> {
    fn drop(&mut self) {
        if let State::Computing = *self.entry.state.lock() {
            self.memo.entries.lock().remove(self.key);
        }
        let mut state = self.entry.state.lock();
        if let State::Computing = *state {
            *state = State::Panicked;
        }
        self.entry.changed.notify_all();
    }
}
