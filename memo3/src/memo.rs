//! The memo, its monitor, and the messages between them.

use std::any::Any;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::sync::{Arc, Builder, JoinHandle, Receiver, Sender, bounded, thread, unbounded};

// ANCHOR: memo
/// A memo whose map belongs to one thread, the monitor: it calls `f` once a key, however many ask, and no key waits for
/// another.
///
/// `f` runs on a thread of its own for each call, never on the caller's and never on the monitor's.
///
/// Dropping the memo, or [`close`](Memo::close), ends the monitor. Both wait until the last call of `f` has returned;
/// no caller can be waiting then, since each borrows the memo for as long as it waits.
///
/// Source: gopl section 9.7, `memo5`.
pub struct Memo<K, V> {
    mailbox: Sender<Message<K, V>>,
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

/// The value, or what `f` panicked with. The value is shared, so that each caller makes its own clone, on its own
/// thread: `V`'s `Clone` may be slow or panic, and the monitor must do neither.
type Answer<V> = Result<Arc<V>, Box<dyn Any + Send>>;
// ANCHOR_END: memo

// ANCHOR: caller
impl<K, V> Memo<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// An empty memo of `f`, and its monitor.
    ///
    /// # Panics
    ///
    /// If the operating system has no thread left for the monitor.
    pub fn new<F>(f: F) -> Self
    where
        F: Fn(&K) -> V + Send + Sync + 'static,
    {
        Memo::with_hasher(f, RandomState::new())
    }

    /// As [`new`](Memo::new), with a hash function of the caller's choice. The monitor hashes for all who ask, one
    /// after the other, so a faster one than the standard library's serves them all.
    ///
    /// # Panics
    ///
    /// As [`new`](Memo::new).
    pub fn with_hasher<F, S>(f: F, hasher: S) -> Self
    where
        F: Fn(&K) -> V + Send + Sync + 'static,
        S: BuildHasher + Send + 'static,
    {
        let (mailbox, messages) = unbounded();
        let to_self = mailbox.clone();
        let monitor = Builder::new()
            .name("memo3-monitor".into())
            .spawn(move || monitor(&f, hasher, &messages, &to_self))
            .expect("memo3: the operating system has no thread left for the monitor");
        Memo { mailbox, monitor: Some(monitor) }
    }

    /// The value of `f` for `key`. The calling thread sleeps until the monitor answers.
    ///
    /// `f` may ask this memo for other keys.
    ///
    /// # Panics
    ///
    /// If `f` panics and this caller's request was the one that called it: with what `f` panicked with. Those who wait
    /// for the same key do not see it; `f` is called anew for the next of them. Also if the operating system has no
    /// thread left to call `f` on.
    ///
    /// # Deadlocks
    ///
    /// If `f`, for some key, asks for that same key, itself or through other keys: it then waits for itself.
    // ANCHOR: get
    pub fn get(&self, key: K) -> V {
        // A channel for one answer. Its room for one means that the monitor never waits for a caller to pick it up.
        let (reply, answer) = bounded(1);
        self.mailbox.send(Message::Ask { key, reply }).expect("the monitor listens until the memo is gone");
        match answer.recv().expect("the monitor answers every request") {
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
    pub fn close(mut self) {
        if let Err(panic) = self.end() {
            resume_unwind(panic);
        }
    }
}

impl<K, V> Memo<K, V> {
    fn end(&mut self) -> thread::Result<()> {
        match self.monitor.take() {
            Some(monitor) => {
                // An error would mean that the monitor has ended already, by a panic: the join below tells.
                let _ = self.mailbox.send(Message::Close);
                monitor.join()
            }
            None => Ok(()),
        }
    }
}

impl<K, V> Drop for Memo<K, V> {
    fn drop(&mut self) {
        // A panic of the monitor has printed its message already, and a destructor must not add one of its own.
        let _ = self.end();
    }
}
// ANCHOR_END: caller

// ANCHOR: monitor
/// The monitor: it owns the map and answers one message at a time. It never waits for anything but the next message.
///
/// Every call of `f` runs on a thread of this scope, so the monitor ends when the last of them has.
fn monitor<K, V, F, S>(f: &F, hasher: S, messages: &Receiver<Message<K, V>>, mailbox: &Sender<Message<K, V>>)
where
    K: Hash + Eq + Send + Sync,
    V: Send + Sync,
    F: Fn(&K) -> V + Sync,
    S: BuildHasher,
{
    thread::scope(|scope| {
        let call = |number: usize, key: &Arc<K>| {
            let (key, mailbox) = (key.clone(), mailbox.clone());
            Builder::new().name("memo3-call".into()).spawn_scoped(scope, move || {
                let answer = catch_unwind(AssertUnwindSafe(|| f(&key))).map(Arc::new);
                // An error means that the monitor has ended, and it ends only when nobody waits for an answer.
                let _ = mailbox.send(Message::Done { number, answer });
            })
        };

        // The map: from a key to the number of its entry.
        let mut numbers = HashMap::with_hasher(hasher);
        let mut entries = Vec::new();
        for message in messages {
            match message {
                Message::Ask { key, reply } => {
                    // `K`'s `Hash`, `Eq` and `Drop` run on this thread, and may panic. Then the one who asked shall
                    // see it, and nobody else.
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
    });
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
    fn ask<T>(&mut self, reply: Sender<Answer<V>>, call: impl Fn(&Arc<K>) -> io::Result<T>) {
        match &self.value {
            Some(value) => send(&reply, Ok(value.clone())),
            None => {
                self.callers.push_back(reply);
                if self.callers.len() == 1 {
                    self.lead(call);
                }
            }
        }
    }

    /// A call of `f` is over: a value is for everybody, a panic for the leader alone, and then the next one leads.
    fn done<T>(&mut self, answer: Answer<V>, call: impl Fn(&Arc<K>) -> io::Result<T>) {
        match answer {
            Ok(value) => {
                for reply in self.callers.drain(..) {
                    send(&reply, Ok(value.clone()));
                }
                self.value = Some(value);
            }
            Err(panic) => {
                if let Some(leader) = self.callers.pop_front() {
                    send(&leader, Err(panic));
                }
                self.lead(call);
            }
        }
    }

    /// Has `f` called for the first of the callers. One for whom there is no thread left fails, as if `f` had panicked.
    fn lead<T>(&mut self, call: impl Fn(&Arc<K>) -> io::Result<T>) {
        while let Some(leader) = self.callers.front() {
            match call(&self.key) {
                Ok(_) => return,
                Err(error) => {
                    send(leader, Err(Box::new(format!("memo3: no thread to call f on: {error}"))));
                    self.callers.pop_front();
                }
            }
        }
    }
}

/// Sends an answer. A caller waits until it has its answer, so an error can only mean that its thread is gone; then
/// nobody misses it.
fn send<V>(reply: &Sender<Answer<V>>, answer: Answer<V>) {
    let _ = reply.send(answer);
}
// ANCHOR_END: entry

impl<K, V> fmt::Debug for Memo<K, V> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Memo").field("unread_messages", &self.mailbox.len()).finish_non_exhaustive()
    }
}
