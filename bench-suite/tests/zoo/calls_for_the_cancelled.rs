//! Calls for the cancelled: a call panics after its waiters have been cancelled, and `f` is called again for each of
//! them.
//!
//! - **Where**: `memo3::coroutine`, until its monitor could see that a caller had left. With `may`'s channels a
//!   sender learns that its receiver is gone only when it sends, so a cancelled caller looked like a waiter.
//! - **Why it goes wrong**: if `f` panics each time, as for a page that does not answer, 50 cancelled callers cause
//!   50 more calls, one after the other. A caller that still waits is the last in the queue, behind all of them.
//! - **Caught by**: `no-call-for-nobody`, which breaks: `f` is called again for callers that have left.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::thread;

use bench_suite::subject::{Function, Key, Value};
use green_threads::coroutine::mpmc::{Sender, channel};
use parking_lot::Mutex;

pub(crate) struct Memo<K, V> {
    f: Arc<Function<K, V>>,
    entries: Mutex<HashMap<K, Arc<Entry<V>>>>,
}

type Entry<V> = Mutex<State<V>>;

enum State<V> {
    /// `f` is running exactly while the queue has callers. The first of them is the leader.
    Waiting(VecDeque<Sender<thread::Result<V>>>),
    Ready(V),
}

impl<K: Key, V: Value> Memo<K, V> {
    pub(crate) fn new(f: Function<K, V>) -> Self {
        Memo { f: Arc::new(f), entries: Mutex::default() }
    }

    pub(crate) fn get(&self, key: &K) -> V {
        let new = || Arc::new(Mutex::new(State::Waiting(VecDeque::new())));
        let entry = self.entries.lock().entry(key.clone()).or_insert_with(new).clone();
        let (reply, answer) = channel();
        match &mut *entry.lock() {
            State::Ready(value) => drop(reply.send(Ok(value.clone()))),
            State::Waiting(callers) => {
                callers.push_back(reply);
                if callers.len() == 1 {
                    // A thread of its own, so that cancelling a caller does not end the call.
                    let (f, entry, key) = (self.f.clone(), entry.clone(), key.clone());
                    thread::spawn(move || call(&f, &entry, &key));
                }
            }
        }
        let answer = answer.recv().or_else(|_| answer.recv());
        answer.expect("every caller is answered").unwrap_or_else(|panic| resume_unwind(panic))
    }
}

/// Calls `f` until there is a value or no caller waits. A panic goes to the leader, and then the next caller leads.
fn call<K: Key, V: Value>(f: &Function<K, V>, entry: &Entry<V>, key: &K) {
    loop {
        let ended = catch_unwind(AssertUnwindSafe(|| f(key)));
        let mut state = entry.lock();
        let State::Waiting(callers) = &mut *state else { return };
        match ended {
            Ok(value) => {
                callers.drain(..).for_each(|caller| drop(caller.send(Ok(value.clone()))));
                *state = State::Ready(value);
                return;
            }
            Err(panic) => {
                callers.pop_front().map(|leader| leader.send(Err(panic)));
                // WRONG: before this line, a correct memo removes the callers that have left from the queue. For
                // that, each caller must own something that the queue can check, such as the channel of
                // `memo3::coroutine`.
                if callers.is_empty() {
                    return;
                }
            }
        }
    }
}
