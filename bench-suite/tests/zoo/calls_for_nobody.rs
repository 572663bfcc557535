//! Calls for nobody: a call panics after its waiters have left, and `f` is called again for each of them.
//!
//! - **Where**: `memo3::task`, without the line that removes the callers that have left. The need for that line is
//!   the price of calls that have tasks of their own: such a call does not end when its callers leave.
//! - **Why it goes wrong**: a caller that drops its future leaves the sending end of its channel in the queue, and
//!   that looks like a waiter. If `f` panics for a key whose nine callers have all left, it is called eight times
//!   more, each time for a caller that has left. And callers leave slow calls, which are the last that a program
//!   should repeat.
//! - **Caught by**: `no-call-for-nobody`, which breaks: `f` is called again for callers that have left.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Arc;
use std::thread;

use bench_suite::subject::{AsyncFunction, Key, Value};
use futures_util::FutureExt;
use parking_lot::Mutex;
use tokio::sync::oneshot::{Sender, channel};
use tokio::task::JoinSet;

pub(crate) struct Memo<K, V> {
    f: Arc<AsyncFunction<K, V>>,
    entries: Mutex<HashMap<K, Arc<Entry<V>>>>,
    /// The calls that are under way, each in a task of its own. They end with the memo.
    calls: Mutex<JoinSet<()>>,
}

type Entry<V> = Mutex<State<V>>;

enum State<V> {
    /// `f` is running exactly while the queue has callers. The first of them is the leader.
    Waiting(VecDeque<Sender<thread::Result<Arc<V>>>>),
    Ready(Arc<V>),
}

impl<K: Key, V: Value> Memo<K, V> {
    pub(crate) fn new(f: AsyncFunction<K, V>) -> Self {
        Memo { f: Arc::new(f), entries: Mutex::default(), calls: Mutex::default() }
    }

    pub(crate) async fn get(&self, key: &K) -> V {
        let new = || Arc::new(Mutex::new(State::Waiting(VecDeque::new())));
        let entry = self.entries.lock().entry(key.clone()).or_insert_with(new).clone();
        let (reply, answer) = channel();
        match &mut *entry.lock() {
            State::Ready(value) => drop(reply.send(Ok(value.clone()))),
            State::Waiting(callers) => {
                callers.push_back(reply);
                if callers.len() == 1 {
                    self.calls.lock().spawn(call(self.f.clone(), entry.clone(), key.clone()));
                }
            }
        }
        match answer.await.expect("every caller is answered") {
            Ok(value) => V::clone(&value),
            Err(panic) => resume_unwind(panic),
        }
    }
}

/// Calls `f` until there is a value or no caller waits. A panic goes to the leader, and then the next caller leads.
async fn call<K: Key, V: Value>(f: Arc<AsyncFunction<K, V>>, entry: Arc<Entry<V>>, key: K) {
    loop {
        let ended = AssertUnwindSafe(async { f(&key).await }).catch_unwind().await.map(Arc::new);
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
                // WRONG: a correct memo has `callers.retain(|caller| !caller.is_closed());` before this line.
                if callers.is_empty() {
                    return;
                }
            }
        }
    }
}
