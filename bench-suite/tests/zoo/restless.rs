//! Two restless memos: their waiters do not sleep until they are woken, but look again and again. One memo spins, the
//! other polls.
//!
//! - **Where**: a plausible student's mistake. The student has met neither condition variables nor channels. A spin
//!   lock in user space is the same mistake under another name.
//! - **Why it goes wrong**: the answers are right. But each waiter that spins takes processor time from the leader
//!   that it waits for. Each waiter that polls returns late, by half its pause on average, and wakes up for nothing
//!   until then.
//! - **Caught by**: `waiters-sleep`, which breaks: the leader asks the kernel about its waiters, which must fall
//!   asleep and stay asleep.

use std::collections::HashMap;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bench_suite::subject::{Function, Key, Value};
use parking_lot::Mutex;

pub(crate) type Spins<K, V> = Memo<K, V, false>;
pub(crate) type Polls<K, V> = Memo<K, V, true>;

pub(crate) struct Memo<K, V, const POLLS: bool> {
    f: Function<K, V>,
    entries: Mutex<HashMap<K, Arc<Entry<V>>>>,
}

type Entry<V> = Mutex<State<V>>;

enum State<V> {
    Vacant,
    Computing,
    Ready(V),
}

impl<K: Key, V: Value, const POLLS: bool> Memo<K, V, POLLS> {
    pub(crate) fn new(f: Function<K, V>) -> Self {
        Memo { f, entries: Mutex::default() }
    }

    // ANCHOR: restless
    pub(crate) fn get(&self, key: &K) -> V {
        let new = || Arc::new(Mutex::new(State::Vacant));
        let entry = self.entries.lock().entry(key.clone()).or_insert_with(new).clone();
        loop {
            match &mut *entry.lock() {
                State::Ready(value) => return value.clone(),
                State::Computing => {}
                vacant => {
                    *vacant = State::Computing;
                    break;
                }
            }
            // WRONG: both arms. A correct memo waits here on a condition variable of the
            // entry, which the leader signals when it is done.
            match POLLS {
                true => thread::sleep(Duration::from_millis(1)),
                false => thread::yield_now(),
            }
        }
        let lead = Lead(&entry);
        let value = (self.f)(key);
        let published = State::Ready(value.clone());
        *lead.0.lock() = published;
        value
    }
    // ANCHOR_END: restless
}

/// Leaves the entry to the next caller if the call ends without a value.
struct Lead<'a, V>(&'a Entry<V>);

impl<V> Drop for Lead<'_, V> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        if let State::Computing = *state {
            *state = State::Vacant;
        }
    }
}
