//! The memo on tokio's tasks: the monitor is one, and each call of `f` has one of its own.

use std::any::Any;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use futures_util::FutureExt;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot::{self, Sender};
use tokio::task::{JoinError, JoinHandle, JoinSet};

// ANCHOR: memo
/// [`Memo`](crate::Memo) for tasks of tokio: the monitor is a task, `get` is an `async fn`, and so is `f`.
///
/// `f` runs in a task of its own for each call, never in its caller's. So a caller may drop the future of
/// [`get`](Memo::get), or poll it once and leave it lying: it stops nobody, and the value it asked for is kept.
///
/// [`close`](Memo::close) ends the monitor, and waits until the last call of `f` has returned. Dropping the memo cannot
/// wait: it ends the monitor and drops the calls that are under way, wherever they are. No caller can be waiting then,
/// since each borrows the memo for as long as it waits.
///
/// Source: gopl section 9.7, `memo5`, whose monitor and calls are goroutines.
pub struct Memo<K, V> {
    mailbox: UnboundedSender<Message<K, V>>,
    /// Taken by whoever ends the monitor.
    monitor: Option<JoinHandle<()>>,
}

/// What the monitor's mailbox takes.
enum Message<K, V> {
    /// A caller wants the value of `key`, on a channel of its own.
    Ask { key: K, reply: Sender<Answer<V>> },
    /// The call of `f` for entry `number` is over.
    Done { number: usize, answer: Answer<V> },
    /// The memo is going away: no `Ask` will come after this.
    Close,
}

/// The value, or what `f` panicked with. The value is shared, so that each caller makes its own clone
/// by itself: `V`'s `Clone` may be slow or panic, and the monitor must do neither.
type Answer<V> = Result<Arc<V>, Box<dyn Any + Send>>;
// ANCHOR_END: memo

// ANCHOR: caller
impl<K, V> Memo<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// An empty memo of `f`, and its monitor. What `f` returns cannot borrow the key: it takes a clone of what it
    /// needs.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime: the monitor is a task of the one in which this is called.
    pub fn new<F, Called>(f: F) -> Self
    where
        F: Fn(&K) -> Called + Send + Sync + 'static,
        Called: Future<Output = V> + Send + 'static,
    {
        Memo::with_hasher(f, RandomState::new())
    }

    /// As [`new`](Memo::new), with a hash function of the caller's choice. The monitor hashes for all who ask, one
    /// after the other, so a faster one than the standard library's serves them all.
    ///
    /// # Panics
    ///
    /// As [`new`](Memo::new).
    pub fn with_hasher<F, S, Called>(f: F, hasher: S) -> Self
    where
        F: Fn(&K) -> Called + Send + Sync + 'static,
        S: BuildHasher + Send + 'static,
        Called: Future<Output = V> + Send + 'static,
    {
        let (mailbox, messages) = unbounded_channel();
        let to_self = mailbox.clone();
        let monitor = tokio::spawn(monitor(Arc::new(f), hasher, messages, to_self));
        Memo { mailbox, monitor: Some(monitor) }
    }

    /// The value of `f` for `key`. The caller waits until the monitor answers.
    ///
    /// `f` may ask this memo for other keys.
    ///
    /// # Cancel safety
    ///
    /// The request is sent when the future is first polled. From then on it may be dropped, or left: `f` is called all
    /// the same, and whoever else waits gets the value.
    ///
    /// # Panics
    ///
    /// If `f` panics and this caller's request was the one that called it: with what `f` panicked with. Those who wait
    /// for the same key do not see it; `f` is called anew for the next of them. Also if the runtime in which the memo
    /// was made has shut down.
    ///
    /// # Deadlocks
    ///
    /// If `f`, for some key, asks for that same key, itself or through other keys: it then waits for itself.
    // ANCHOR: get
    pub async fn get(&self, key: K) -> V {
        // A channel for one answer. It has room, so the monitor never waits for a caller to pick it up.
        let (reply, answer) = oneshot::channel();
        self.mailbox.send(Message::Ask { key, reply }).expect("memo3: the runtime of this memo has shut down");
        match answer.await.expect("memo3: the runtime of this memo has shut down") {
            Ok(value) => V::clone(&value),
            Err(panic) => resume_unwind(panic),
        }
    }
    // ANCHOR_END: get

    /// Ends the monitor, and returns when it and every call of `f` have ended.
    ///
    /// A call after `close` cannot be written: `close` takes the memo itself.
    ///
    /// # Panics
    ///
    /// With what the monitor panicked with: it runs no code but its own, except that it drops the keys and the values.
    pub async fn close(mut self) {
        let Some(monitor) = self.monitor.take() else { return };
        // An error would mean that the monitor has ended already, by a panic or with its runtime: the join tells.
        let _ = self.mailbox.send(Message::Close);
        if let Err(Ok(panic)) = monitor.await.map_err(JoinError::try_into_panic) {
            resume_unwind(panic);
        }
    }
}

impl<K, V> Drop for Memo<K, V> {
    fn drop(&mut self) {
        // The monitor is dropped where it waits for a message, and with it the set of its calls, which drops those.
        if let Some(monitor) = self.monitor.take() {
            monitor.abort();
        }
    }
}
// ANCHOR_END: caller

// ANCHOR: monitor
/// The monitor: it owns the map and answers one message at a time. It never waits for anything but the next message.
///
/// Every call of `f` runs in a task of this set, so the monitor ends when the last of them has.
async fn monitor<K, V, F, S, Called>(
    f: Arc<F>,
    hasher: S,
    mut messages: UnboundedReceiver<Message<K, V>>,
    mailbox: UnboundedSender<Message<K, V>>,
) where
    K: Hash + Eq + Send + Sync + 'static,
    V: Send + Sync + 'static,
    F: Fn(&K) -> Called + Send + Sync + 'static,
    S: BuildHasher,
    Called: Future<Output = V> + Send + 'static,
{
    let mut calls = JoinSet::new();
    let mut call = |number: usize, key: &Arc<K>| {
        let (f, key, mailbox) = (f.clone(), key.clone(), mailbox.clone());
        // Those that have ended stay in the set until somebody takes them out.
        while calls.try_join_next().is_some() {}
        calls.spawn(async move {
            // `f` is called in here too, so that a panic is caught whether it comes before the first `.await` or after.
            let called = async move { f(&key).await };
            let answer = AssertUnwindSafe(called).catch_unwind().await.map(Arc::new);
            // An error means that the monitor has ended, and it ends only when nobody waits for an answer.
            let _ = mailbox.send(Message::Done { number, answer });
        });
    };

    // The map: from a key to the number of its entry.
    let mut numbers = HashMap::with_hasher(hasher);
    let mut entries = Vec::new();
    while let Some(message) = messages.recv().await {
        match message {
            Message::Ask { key, reply } => {
                // `K`'s `Hash`, `Eq` and `Drop` run in this task, and may panic. Then the one who asked shall see it,
                // and nobody else.
                match catch_unwind(AssertUnwindSafe(|| find(&mut numbers, &mut entries, key))) {
                    Ok(number) => entries[number].ask(reply, |key| call(number, key)),
                    Err(panic) => drop(reply.send(Err(panic))),
                }
            }
            // By number, not by key: no code of `K`'s can panic between a call and those who wait for it.
            Message::Done { number, answer } => entries[number].done(answer, |key| call(number, key)),
            Message::Close => break,
        }
    }
    while calls.join_next().await.is_some() {}
}

// ANCHOR: find
/// The number of `key`'s entry, which is added if the key is new.
fn find<K: Hash + Eq, V, S: BuildHasher>(
    numbers: &mut HashMap<Arc<K>, usize, S>,
    entries: &mut Vec<Entry<K, V>>,
    key: K,
) -> usize {
    if let Some(&number) = numbers.get(&key) {
        return number;
    }
    let (key, number) = (Arc::new(key), entries.len());
    numbers.insert(key.clone(), number);
    entries.push(Entry { key, value: None, callers: VecDeque::new() });
    number
}
// ANCHOR_END: find
// ANCHOR_END: monitor

// ANCHOR: entry
/// What the monitor knows of one key. While there are callers, and only then, `f` is running for it.
struct Entry<K, V> {
    key: Arc<K>,
    value: Option<Arc<V>>,
    /// Who waits. The first of them is the leader: if `f` panics, that one shall see it.
    callers: VecDeque<Sender<Answer<V>>>,
}

impl<K, V> Entry<K, V> {
    /// A caller asks for the value: it gets it, or waits for it, and if it is the first it has `f` called.
    fn ask(&mut self, reply: Sender<Answer<V>>, call: impl FnOnce(&Arc<K>)) {
        match &self.value {
            Some(value) => send(reply, Ok(value.clone())),
            None => {
                self.callers.push_back(reply);
                if self.callers.len() == 1 {
                    call(&self.key);
                }
            }
        }
    }

    /// A call of `f` is over: a value is for everybody, a panic for the leader alone, and then the next one leads.
    fn done(&mut self, answer: Answer<V>, call: impl FnOnce(&Arc<K>)) {
        match answer {
            Ok(value) => {
                for reply in self.callers.drain(..) {
                    send(reply, Ok(value.clone()));
                }
                self.value = Some(value);
            }
            Err(panic) => {
                if let Some(leader) = self.callers.pop_front() {
                    send(leader, Err(panic));
                }
                // Who has left meanwhile does not lead: `f` is not called again for nobody.
                self.callers.retain(|caller| !caller.is_closed());
                if !self.callers.is_empty() {
                    call(&self.key);
                }
            }
        }
    }
}

/// Sends an answer. An error means that the caller has dropped its future; then nobody misses it.
fn send<V>(reply: Sender<Answer<V>>, answer: Answer<V>) {
    let _ = reply.send(answer);
}
// ANCHOR_END: entry

impl<K, V> fmt::Debug for Memo<K, V> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Memo").field("mailbox", &self.mailbox).finish_non_exhaustive()
    }
}
