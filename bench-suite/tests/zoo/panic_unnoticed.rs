//! An unnoticed panic: the leader's call panics, and its waiters sleep forever.
//!
//! - **Where**: gopl section 9.7, `memo4`, translated word for word into a language in which panics are caught. Go's
//!   own `x/sync/singleflight` had this mistake (golang/go issue 33519), and so had the copy of it in groupcache
//!   (mailgun/groupcache issue 38).
//! - **Why it goes wrong**: the leader gives the ready signal on the line after `f`. A panic unwinds past that line:
//!   the entry stays in the map, without a value and without a caller that computes one.
//! - **Caught by**: `panic-hand-over`, which hangs: seven waiters are asleep when the leader panics.

use std::collections::HashMap;
use std::sync::Arc;

use bench_suite::subject::{Function, Key, Value};
use parking_lot::{Condvar, Mutex};

pub(crate) struct Memo<K, V> {
    f: Function<K, V>,
    entries: Mutex<HashMap<K, Arc<Entry<V>>>>,
}

struct Entry<V> {
    value: Mutex<Option<V>>,
    ready: Condvar,
}

impl<K: Key, V: Value> Memo<K, V> {
    pub(crate) fn new(f: Function<K, V>) -> Self {
        Memo { f, entries: Mutex::default() }
    }

    pub(crate) fn get(&self, key: &K) -> V {
        let mut entries = self.entries.lock();
        if let Some(entry) = entries.get(key).cloned() {
            drop(entries);
            let mut value = entry.value.lock();
            loop {
                match &*value {
                    Some(value) => return value.clone(),
                    None => entry.ready.wait(&mut value),
                }
            }
        }
        let entry = Arc::new(Entry { value: Mutex::new(None), ready: Condvar::new() });
        entries.insert(key.clone(), entry.clone());
        drop(entries);

        // WRONG: a correct memo makes a guard before this line. If the call ends without a value, the guard's `Drop`
        // hands the entry over and wakes the waiters.
        let value = (self.f)(key);
        *entry.value.lock() = Some(value.clone());
        entry.ready.notify_all();
        value
    }
}
