//! The memo, its monitor, and the messages between them.

use std::collections::VecDeque;
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::io;
use std::mem;
use std::panic::resume_unwind;

use crate::map::{self, Map};
use crate::panics::{Drops, Payload, caught, quietly};
use crate::sync::{Arc, Builder, JoinHandle, Receiver, Sender, bounded, thread, unbounded};

// ANCHOR: memo
/// A memo whose map belongs to one thread, the monitor: it calls `f` once a key, however many ask, and no key waits for
/// another.
///
/// `f` runs on a thread of its own for each call, never on the caller's and never on the monitor's.
///
/// Dropping the memo, or [`close`](Memo::close), ends the monitor. Both wait until the
/// last call of `f` has returned; no caller can be waiting then, since each borrows the
/// memo for as long as it waits. For the same reason a call of `f` cannot drop or close
/// its own memo: its caller is a thread, which cannot leave before the call has returned.
///
/// # Deadlocks
///
/// If `K`'s `Hash`, `Eq` or `Drop` asks the memo in which it is a key: it runs on the
/// monitor, which then waits for itself.
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
type Answer<V> = Result<Arc<V>, Payload>;
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
            .spawn(move || monitor(f, hasher, &messages, &to_self))
            .expect("memo3: the operating system has no thread left for the monitor");
        Memo { mailbox, monitor: Some(monitor) }
    }

    /// The value of `f` for `key`. The calling thread sleeps until the monitor answers.
    ///
    /// `f` may ask this memo for other keys.
    ///
    /// # Panics
    ///
    /// If `f` panics and this caller's request was the one that called it: with what `f`
    /// panicked with. Those who wait for the same key do not see it; `f` is called anew
    /// for the next of them. Also if the operating system has no thread left to call `f`
    /// on. And if `K`'s `Hash`, `Eq` or `Drop` panics for this key: with that.
    ///
    /// # Deadlocks
    ///
    /// If `f`, for some key, asks for that same key, itself or through other keys: it
    /// then waits for itself. And if `K`'s `Hash`, `Eq` or `Drop` asks this memo: it runs
    /// on the monitor, which then waits for itself.
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
    /// With the first panic of the Drop of a key, a value or `f`: the monitor drops them
    /// all.
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
        if let Err(panic) = self.end() {
            quietly(|| drop(panic));
        }
    }
}
// ANCHOR_END: caller

// ANCHOR: monitor
/// The monitor: it owns the map and answers one message at a time. It never waits for anything but the next message.
///
/// Every call of `f` runs on a thread of this scope, so the monitor ends when the last of them has.
fn monitor<K, V, F, S>(f: F, hasher: S, messages: &Receiver<Message<K, V>>, mailbox: &Sender<Message<K, V>>)
where
    K: Hash + Eq + Send + Sync,
    V: Send + Sync,
    F: Fn(&K) -> V + Sync,
    S: BuildHasher,
{
    // `f` is declared last and so dropped first: if its Drop panics, the map's Drop still
    // copes.
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
                // By number, not by key: no code of `K`'s can panic between a call and
                // its callers.
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
/// What the monitor knows of one key.
struct Entry<K, V> {
    key: Arc<K>,
    value: Option<Arc<V>>,
    /// The caller whose call of `f` is under way, which sees the panic if `f` panics. None
    /// while no call is under way.
    leader: Option<Sender<Answer<V>>>,
    /// The callers that came while `f` was running, in their order.
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
    /// A caller asks for the value. It gets the value, or waits for it, or has `f`
    /// called.
    fn ask<T>(&mut self, reply: Sender<Answer<V>>, call: impl Fn(&Arc<K>) -> io::Result<T>) {
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

    /// A call of `f` is over. A value is for all callers. A panic is for the leader
    /// alone, and then the next caller leads.
    fn done<T>(&mut self, answer: Answer<V>, call: impl Fn(&Arc<K>) -> io::Result<T>) {
        let leader = self.leader.take();
        match answer {
            Ok(value) => {
                // `take`, and not `drain`: the queue's memory goes with the queue.
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

    /// Has `f` called for the first of the waiters. A waiter fails, as if `f` had panicked,
    /// if no thread is left for its call.
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
/// that its thread is gone. Then the answer is dropped here, and its Drop may panic.
fn send<V>(reply: Sender<Answer<V>>, answer: Answer<V>) {
    quietly(move || reply.send(answer));
}
// ANCHOR_END: entry

impl<K, V> fmt::Debug for Memo<K, V> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Memo").field("unread_messages", &self.mailbox.len()).finish_non_exhaustive()
    }
}
