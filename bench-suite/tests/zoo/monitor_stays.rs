//! A monitor that stays: the memo is gone, and its thread waits for the next request forever.
//!
//! - **Where**: caches with a janitor. The janitor of go-generics-cache never stopped, because it held the cache
//!   whose end was meant to stop it (Code-Hex/go-generics-cache pull request 27). The janitor of go-cache waits until
//!   the garbage collector stops it (patrickmn/go-cache issue 166).
//! - **Why it goes wrong**: the monitor ends when its mailbox is closed, that is, when the last sender is dropped.
//!   But a sender is part of what the memo and the monitor share. So the monitor keeps its own mailbox open.
//! - **Caught by**: `no-thread-stays`, which breaks: when the memo is gone, the process has one thread more than
//!   before it was made.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread;

use bench_suite::subject::{Function, Key, Value};

pub(crate) struct Memo<K, V>(Arc<Shared<K, V>>);

struct Shared<K, V> {
    f: Function<K, V>,
    mailbox: Sender<Ask<K, V>>,
}

struct Ask<K, V> {
    key: K,
    reply: Sender<thread::Result<V>>,
}

// ANCHOR: monitor_stays
impl<K: Key, V: Value> Memo<K, V> {
    pub(crate) fn new(f: Function<K, V>) -> Self {
        let (mailbox, asks) = channel();
        let shared = Arc::new(Shared { f, mailbox });
        // WRONG: in a correct memo the monitor gets only `f`, in an `Arc` of its own, so
        // that the last sender is dropped with the memo. Or the memo's `Drop` tells the
        // monitor to end, and joins it.
        let held = shared.clone();
        thread::spawn(move || monitor(&held, &asks));
        Memo(shared)
    }

    pub(crate) fn get(&self, key: &K) -> V {
        let (reply, answer) = channel();
        let ask = Ask { key: key.clone(), reply };
        self.0.mailbox.send(ask).expect("the monitor listens");
        let answer = answer.recv().expect("every request is answered");
        answer.unwrap_or_else(|panic| resume_unwind(panic))
    }
}

/// The body of the monitor's thread. Only the monitor has the map. It answers each
/// request on a thread of its own.
fn monitor<K: Key, V: Value>(shared: &Arc<Shared<K, V>>, asks: &Receiver<Ask<K, V>>) {
    let mut entries: HashMap<K, Arc<OnceLock<V>>> = HashMap::new();
    for Ask { key, reply } in asks {
        let entry = entries.entry(key.clone()).or_default().clone();
        let shared = shared.clone();
        thread::spawn(move || {
            let value = || entry.get_or_init(|| (shared.f)(&key)).clone();
            let _ = reply.send(catch_unwind(AssertUnwindSafe(value)));
        });
    }
}
// ANCHOR_END: monitor_stays
