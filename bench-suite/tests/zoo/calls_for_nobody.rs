//! Calls for nobody: the call has panicked, all who waited have left, and `f` is called again for one of them.
//!
//! - **Where**: `memo3::task`, without the line that cleans up behind callers who have left. It is the price of calls
//!   that have tasks of their own: nobody's going away ends them.
//! - **Why it goes wrong**: a caller that drops its future leaves its end of a channel behind, and that looks like a
//!   waiter. If `f` panics for a key whose nine callers have all lost patience, it is called eight times more, each
//!   time for nobody; and what is slow enough to be left is what one least wants to repeat.
//! - **Caught by**: `no-call-for-nobody`, which breaks: a second call, when all have left.

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
    /// While there are callers, and only then, `f` is running. The first of them is the leader.
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

/// Calls `f` until there is a value, or nobody waits for one: a panic is for the leader, and then the next one leads.
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
                // WRONG: before this line, `callers.retain(|caller| !caller.is_closed());`.
                if callers.is_empty() {
                    return;
                }
            }
        }
    }
}
