//! The memo, its monitor, and the messages between them.

use std::collections::VecDeque;
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::io;
use std::mem;
use std::panic::resume_unwind;

use crate::map::{self, Map};
use crate::panics::{Drops, Payload, caught, quietly};
use crate::sync::{
    Arc, Builder, JoinHandle, Receiver, Sender, bounded, thread, unbounded,
};

// ANCHOR: memo
/// A memo whose map belongs to one thread, the monitor. It calls `f` once per key,
/// however many callers ask. Distinct keys never wait for each other.
///
/// Each call of `f` runs on a thread of its own, never on the caller's and never on the
/// monitor's.
///
/// Dropping the memo, or [`close`](Memo::close), ends the monitor. Both wait until the
/// last call of `f` has returned. No caller can be waiting then, because each caller
/// borrows the memo while it waits. For the same reason a call of `f` cannot drop or
/// close its own memo: its caller is a thread, which cannot leave before the call has
/// returned.
///
/// # Deadlocks
///
/// If `K`'s `Hash`, `Eq` or `Drop` asks the memo in which it is a key: that code runs on
/// the monitor, which then waits for itself.
///
/// Source: gopl section 9.7, `memo5`.
pub struct Memo<K, V> {
    mailbox: Sender<Message<K, V>>,
    /// `None` once the monitor has been told to end.
    monitor: Option<JoinHandle<()>>,
}

/// The messages to the monitor.
enum Message<K, V> {
    /// A caller wants the value of `key`, on a channel of its own.
    Ask { key: K, reply: Sender<Answer<V>> },
    /// The call of `f` for entry `number` has ended.
    Done { number: usize, answer: Answer<V> },
    /// The memo is closing: no `Ask` follows.
    Close,
}

/// The value, or the payload of `f`'s panic. The value is shared, and each caller clones
/// it on its own thread: `V`'s `Clone` may be slow or panic, and neither may happen on
/// the monitor.
type Answer<V> = Result<Arc<V>, Payload>;
// ANCHOR_END: memo

// ANCHOR: caller
impl<K, V> Memo<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Creates an empty memo of `f`, and starts its monitor.
    ///
    /// # Panics
    ///
    /// If the operating system has no thread left for the monitor.
    ///
    /// # Example
    ///
    /// Eight callers send their requests for one cold key, and the monitor starts one
    /// call of `f`.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    /// use std::thread;
    ///
    /// let calls = Arc::new(AtomicUsize::new(0));
    /// let counted = calls.clone();
    /// let memo = memo3::Memo::new(move |key: &u64| {
    ///     counted.fetch_add(1, Relaxed);
    ///     key * 2
    /// });
    /// thread::scope(|scope| {
    ///     for _ in 0..8 {
    ///         scope.spawn(|| assert_eq!(memo.get(21), 42));
    ///     }
    /// });
    /// memo.close();
    /// // The monitor and every call have ended, so `f` is dropped.
    /// assert_eq!(Arc::into_inner(calls).unwrap().into_inner(), 1);
    /// ```
    pub fn new<F>(f: F) -> Self
    where
        F: Fn(&K) -> V + Send + Sync + 'static,
    {
        Memo::with_hasher(f, RandomState::new())
    }

    /// As [`new`](Memo::new), with a hash function of the caller's choice. The monitor
    /// hashes the keys of all callers, one after the other, so a faster function than the
    /// standard library's helps all of them.
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
            .spawn(move || monitor(f, hasher, &messages, &to_self))
            .expect("memo3: the operating system has no thread left for the monitor");
        Memo { mailbox, monitor: Some(monitor) }
    }

    /// Returns the value of `f` for `key`. The calling thread sleeps until the monitor
    /// answers.
    ///
    /// `f` may ask this memo for other keys.
    ///
    /// # Panics
    ///
    /// - If `f` panics and this caller's request started the call: with the payload of
    ///   that panic. The callers that wait for the same key do not see the panic, and the
    ///   monitor calls `f` again for the next of them.
    /// - If the operating system has no thread left to call `f` on.
    /// - If `K`'s `Hash`, `Eq` or `Drop` panics for this key: with the payload of that
    ///   panic.
    ///
    /// # Deadlocks
    ///
    /// If `f`, for some key, asks for that same key, directly or through other keys: `f`
    /// then waits for itself. Also if `K`'s `Hash`, `Eq` or `Drop` asks this memo: that
    /// code runs on the monitor, which then waits for itself.
    // ANCHOR: get
    pub fn get(&self, key: K) -> V {
        // A channel for one answer. It has room for that answer, so the monitor never
        // waits until the caller takes it.
        let (reply, answer) = bounded(1);
        let ask = Message::Ask { key, reply };
        self.mailbox.send(ask).expect("the monitor listens until the memo is dropped");
        match answer.recv().expect("the monitor answers every request") {
            Ok(value) => V::clone(&value),
            Err(panic) => resume_unwind(panic),
        }
    }
    // ANCHOR_END: get

    /// Ends the monitor, and returns when the monitor and every call of `f` have ended.
    ///
    /// The compiler rules out a `get` after `close`, because `close` takes the memo by
    /// value.
    ///
    /// # Panics
    ///
    /// With the first panic of the Drop of a key, a value or `f`: the monitor drops all
    /// of them.
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
                // An error means that the monitor has already ended with a panic. The
                // join below returns that panic.
                let _ = self.mailbox.send(Message::Close);
                monitor.join()
            }
            None => Ok(()),
        }
    }
}

impl<K, V> Drop for Memo<K, V> {
    fn drop(&mut self) {
        // The monitor's panic has already printed its message, and a destructor must not
        // panic itself.
        if let Err(panic) = self.end() {
            quietly(|| drop(panic));
        }
    }
}
// ANCHOR_END: caller

// ANCHOR: monitor
/// The monitor. It owns the map and answers one message at a time. It waits only for the
/// next message.
///
/// Every call of `f` runs on a thread of this scope, so the monitor ends only after the
/// last call.
fn monitor<K, V, F, S>(
    f: F,
    hasher: S,
    messages: &Receiver<Message<K, V>>,
    mailbox: &Sender<Message<K, V>>, // for the calls
) where
    K: Hash + Eq + Send + Sync,
    V: Send + Sync,
    F: Fn(&K) -> V + Sync,
    S: BuildHasher,
{
    // `f` is declared last, so it is dropped first. If its Drop panics, the map's Drop
    // still copes.
    let (mut map, f) = (Map::<Entry<K, V>, S>::with_hasher(hasher), f);
    let f = &f;
    thread::scope(|scope| {
        let call = |number: usize, key: &Arc<K>| {
            let (key, mailbox) = (key.clone(), mailbox.clone());
            Builder::new().name("memo3-call".into()).spawn_scoped(scope, move || {
                let answer = caught(|| Arc::new(f(&key)));
                // An error means that the monitor has ended. Then no caller waits for an
                // answer.
                let _ = mailbox.send(Message::Done { number, answer });
            })
        };

        for message in messages {
            match message {
                Message::Ask { key, reply } => match map.find(key) {
                    Ok(number) => {
                        map.entry(number).ask(reply, |key| call(number, key));
                        map.tidy(number);
                    }
                    Err(panic) => send(reply, Err(panic)),
                },
                // By number, not by key: no code of `K` can panic between a call and its
                // callers.
                Message::Done { number, answer } => {
                    map.entry(number).done(answer, |key| call(number, key));
                    map.tidy(number);
                }
                Message::Close => break,
            }
        }
    });
}
// ANCHOR_END: monitor

// ANCHOR: entry
/// What the monitor knows about one key.
struct Entry<K, V> {
    key: Arc<K>,
    value: Option<Arc<V>>,
    /// The caller whose call of `f` is under way. It sees the panic if `f` panics. `None`
    /// while no call is under way.
    leader: Option<Sender<Answer<V>>>,
    /// The callers that arrived while `f` was running, in their order.
    waiters: VecDeque<Sender<Answer<V>>>,
}

impl<K: Hash + Eq, V> map::Entry for Entry<K, V> {
    type Key = K;

    fn new(key: Arc<K>) -> Self {
        Entry { key, value: None, leader: None, waiters: VecDeque::new() }
    }

    fn key(&self) -> &Arc<K> {
        &self.key
    }

    fn is_idle(&self) -> bool {
        self.value.is_none() && self.leader.is_none()
    }

    fn drop_by(self, drops: &mut Drops) {
        drops.drop(self.value);
        drops.drop(self.key);
    }
}

impl<K, V> Entry<K, V> {
    /// Handles the request of a caller: the caller gets the value, or waits for it, or
    /// starts a call of `f`.
    fn ask<T, C>(&mut self, reply: Sender<Answer<V>>, call: C)
    where
        C: Fn(&Arc<K>) -> io::Result<T>,
    {
        match &self.value {
            Some(value) => send(reply, Ok(value.clone())),
            None => {
                self.waiters.push_back(reply);
                if self.leader.is_none() {
                    self.lead(call);
                }
            }
        }
    }

    /// Handles the end of a call of `f`. A value goes to all callers. A panic goes only
    /// to the leader, and then the next caller leads.
    fn done<T>(&mut self, answer: Answer<V>, call: impl Fn(&Arc<K>) -> io::Result<T>) {
        let leader = self.leader.take();
        match answer {
            Ok(value) => {
                // `take` and not `drain`, so that the queue's memory is freed as well.
                for reply in leader.into_iter().chain(mem::take(&mut self.waiters)) {
                    send(reply, Ok(value.clone()));
                }
                self.value = Some(value);
            }
            Err(panic) => {
                if let Some(leader) = leader {
                    send(leader, Err(panic));
                }
                self.lead(call);
            }
        }
    }

    /// Calls `f` for the first of the waiters. If no thread is left for its call, that
    /// waiter fails as if `f` had panicked.
    fn lead<T>(&mut self, call: impl Fn(&Arc<K>) -> io::Result<T>) {
        while let Some(leader) = self.waiters.pop_front() {
            match call(&self.key) {
                Ok(_) => {
                    self.leader = Some(leader);
                    return;
                }
                Err(error) => {
                    let panic = format!("memo3: no thread to call f on: {error}");
                    send(leader, Err(Box::new(panic)));
                }
            }
        }
    }
}

/// Sends an answer. A caller waits until it has its answer, so an error can only mean
/// that its thread has ended. Then the answer is dropped here, and its Drop may panic.
fn send<V>(reply: Sender<Answer<V>>, answer: Answer<V>) {
    quietly(move || reply.send(answer));
}
// ANCHOR_END: entry

impl<K, V> fmt::Debug for Memo<K, V> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Memo")
            .field("unread_messages", &self.mailbox.len())
            .finish_non_exhaustive()
    }
}
