//! A monitor that computes: it owns the map, and calls `f` itself.
//!
//! - **Where**: gopl section 9.7, `memo5`, without the goroutines that its monitor starts for each call: they look
//!   superfluous.
//! - **Why it goes wrong**: while the monitor is inside `f`, it does not read its mailbox. A slow key delays all
//!   other keys, and even hits. It is the same mistake as a lock around `f` (`lock_around_f`).
//! - **Caught by**: `hits-pass-slow-keys`, which hangs: its slow call ends only when a hit has returned.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use bench_suite::subject::{Function, Key, Value};

pub(crate) struct Memo<K, V> {
    /// `None` once the memo is being dropped: that closes the mailbox, and so ends the monitor.
    mailbox: Option<Sender<Ask<K, V>>>,
    monitor: Option<JoinHandle<()>>,
}

struct Ask<K, V> {
    key: K,
    reply: Sender<thread::Result<V>>,
}

impl<K: Key, V: Value> Memo<K, V> {
    pub(crate) fn new(f: Function<K, V>) -> Self {
        let (mailbox, asks) = channel();
        Memo { mailbox: Some(mailbox), monitor: Some(thread::spawn(move || monitor(&f, &asks))) }
    }

    pub(crate) fn get(&self, key: &K) -> V {
        let (reply, answer) = channel();
        let mailbox = self.mailbox.as_ref().expect("the mailbox is open until the memo is dropped");
        mailbox.send(Ask { key: key.clone(), reply }).expect("the monitor listens");
        answer.recv().expect("every request is answered").unwrap_or_else(|panic| resume_unwind(panic))
    }
}

/// The body of the monitor's thread. Only the monitor has the map.
fn monitor<K: Key, V: Value>(f: &Function<K, V>, asks: &Receiver<Ask<K, V>>) {
    let mut map: HashMap<K, V> = HashMap::new();
    for Ask { key, reply } in asks {
        let mut value = || match map.get(&key) {
            Some(value) => value.clone(),
            None => {
                // WRONG: a correct memo starts a thread for each call of `f`, and that thread sends the value to the
                // mailbox as one more message. Until then the map holds the callers that wait for it.
                let value = f(&key);
                map.insert(key.clone(), value.clone());
                value
            }
        };
        let _ = reply.send(catch_unwind(AssertUnwindSafe(&mut value)));
    }
}

impl<K, V> Drop for Memo<K, V> {
    fn drop(&mut self) {
        drop(self.mailbox.take());
        let _ = self.monitor.take().map(JoinHandle::join);
    }
}
