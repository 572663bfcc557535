//! The memo on tokio's tasks: the monitor is one, and each call of `f` has one of its own.

use std::collections::VecDeque;
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::mem;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use futures_util::FutureExt;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot::{self, Sender};
use tokio::task::{AbortHandle, JoinError, JoinHandle};
use tokio::task_local;

use crate::map::{self, Map};
use crate::panics::{Drops, Payload, quietly};

// ANCHOR: memo
/// [`Memo`](crate::Memo) for tasks of tokio: the monitor is a task, `get` is an `async fn`, and so is `f`.
///
/// `f` runs in a task of its own for each call, never in its caller's. So a caller may
/// drop the future of [`get`](Memo::get), or poll it once and leave it lying: a call that
/// has begun goes on, and its value is kept.
///
/// [`close`](Memo::close) ends the monitor, and waits until the last call of `f` has
/// returned. Dropping the memo cannot wait: it ends the monitor and drops the calls that
/// are under way, wherever they are. No caller can be waiting then, since each borrows
/// the memo for as long as it waits. A call of `f` that drops its own memo ends, too, at
/// its next `.await`.
///
/// # Deadlocks
///
/// If a call of `f` hands the memo to another task, and waits until that one has
/// [closed](Memo::close) it: `close` waits for the call. If `K`'s `Hash`, `Eq` or `Drop`
/// waits for the memo in which it is a key: it runs on the monitor, which then waits for
/// itself. And while no thread drives the runtime in which the memo was made: outside of
/// its `block_on` a current-thread runtime does not run the monitor, and a `get` that is
/// awaited elsewhere waits until it does.
///
/// Source: gopl section 9.7, `memo5`, whose monitor and calls are goroutines.
pub struct Memo<K, V> {
    /// Tells this memo from all others in the process.
    number: usize,
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
type Answer<V> = Result<Arc<V>, Payload>;

task_local! {
    /// The number of the memo for which this task runs a call of `f`.
    static WORKS_FOR: usize;
}
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
        static MEMOS: AtomicUsize = AtomicUsize::new(0);
        // Relaxed: the numbers only need to differ.
        let number = MEMOS.fetch_add(1, Relaxed) + 1;
        let (mailbox, messages) = unbounded_channel();
        let to_self = mailbox.clone();
        let monitor = tokio::spawn(monitor(number, f, hasher, messages, to_self));
        Memo { number, mailbox, monitor: Some(monitor) }
    }

    /// The value of `f` for `key`. The caller waits until the monitor answers.
    ///
    /// `f` may ask this memo for other keys.
    ///
    /// # Cancel safety
    ///
    /// The request is sent when the future is first polled. From then on it may be
    /// dropped, or left. A call of `f` that has begun goes on, and the other callers get
    /// its value. A request whose caller is gone before the monitor reads it calls
    /// nothing.
    ///
    /// # Panics
    ///
    /// If `f` panics and this caller's request was the one that called it: with what `f`
    /// panicked with. Those who wait for the same key do not see it; `f` is called anew
    /// for the next of them. Also if the runtime in which the memo was made has shut
    /// down. And if `K`'s `Hash`, `Eq` or `Drop` panics for this key: with that.
    ///
    /// # Deadlocks
    ///
    /// If `f`, for some key, asks for that same key, itself or through other keys: it
    /// then waits for itself. If `K`'s `Hash`, `Eq` or `Drop` waits for this memo: it
    /// runs on the monitor, which then waits for itself. And while no thread drives the
    /// runtime in which the memo was made.
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
    /// With the first panic of the Drop of a key, a value or `f`: the monitor drops them
    /// all. Also inside a call of this memo's own `f`, which would wait for itself: the
    /// memo is dropped then.
    pub async fn close(mut self) {
        let works_here = WORKS_FOR.try_with(|memo| *memo == self.number).unwrap_or(false);
        assert!(!works_here, "memo3: close inside f would wait for that call");
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
        // The monitor is dropped where it waits for a message. With it go the handles of
        // its calls, and with those the calls.
        if let Some(monitor) = self.monitor.take() {
            monitor.abort();
        }
    }
}
// ANCHOR_END: caller

// ANCHOR: monitor
/// The monitor: it owns the map and answers one message at a time. It never waits for anything but the next message.
///
/// Every call of `f` runs in a task of its own. The monitor counts them, and ends when
/// the last has. If the monitor is dropped, so are they.
async fn monitor<K, V, F, S, Called>(
    memo: usize,
    f: F,
    hasher: S,
    messages: UnboundedReceiver<Message<K, V>>,
    mailbox: UnboundedSender<Message<K, V>>,
) where
    K: Hash + Eq + Send + Sync + 'static,
    V: Send + Sync + 'static,
    F: Fn(&K) -> Called + Send + Sync + 'static,
    S: BuildHasher,
    Called: Future<Output = V> + Send + 'static,
{
    // `f` is declared last and so dropped first: if its Drop panics, the map's Drop still
    // copes. So does the mailbox's.
    let (mut map, mut messages) = (Map::<Entry<K, V>, S>::with_hasher(hasher), Mailbox(messages));
    let f = Arc::new(f);
    let call = |under_way: &mut usize, number: usize, key: &Arc<K>| {
        let (f, key, mailbox) = (f.clone(), key.clone(), mailbox.clone());
        let call = WORKS_FOR.scope(memo, async move {
            // `f` is called in here too, so that a panic is caught whether it comes before the first `.await` or after.
            // When this has ended, nothing of `f` stays behind.
            let called = async move { Arc::new(f(&key).await) };
            let answer = AssertUnwindSafe(called).catch_unwind().await;
            // An error means that the monitor has ended. Then no caller waits for an
            // answer.
            let _ = mailbox.send(Message::Done { number, answer });
        });
        *under_way += 1;
        Call(tokio::spawn(call).abort_handle())
    };

    let (mut open, mut under_way) = (true, 0);
    while open || under_way > 0 {
        match messages.0.recv().await.expect("the monitor has a sender itself") {
            Message::Ask { key, reply } => match map.find(key) {
                Ok(number) => {
                    map.entry(number).ask(reply, |key| call(&mut under_way, number, key));
                    map.tidy(number);
                }
                Err(panic) => send(reply, Err(panic)),
            },
            // By number, not by key: no code of `K`'s can panic between a call and its
            // callers.
            Message::Done { number, answer } => {
                under_way -= 1;
                map.entry(number).done(answer, |key| call(&mut under_way, number, key));
                map.tidy(number);
            }
            Message::Close => open = false,
        }
    }
}

/// A call of `f` that is under way. Its task keeps its memory for as long as this lives,
/// so this goes when the call is over. If it goes before that, with the monitor, the call
/// goes too.
struct Call(AbortHandle);

impl Drop for Call {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The receiving end. A memo that is dropped leaves messages unread: each is dropped on
/// its own, since two Drops that panic at once would end the process.
struct Mailbox<K, V>(UnboundedReceiver<Message<K, V>>);

impl<K, V> Drop for Mailbox<K, V> {
    fn drop(&mut self) {
        while let Ok(message) = self.0.try_recv() {
            quietly(|| drop(message));
        }
    }
}
// ANCHOR_END: monitor

// ANCHOR: entry
/// What the monitor knows of one key.
struct Entry<K, V> {
    key: Arc<K>,
    value: Option<Arc<V>>,
    /// The caller whose call of `f` is under way, which sees the panic if `f` panics. None
    /// while no call is under way.
    leader: Option<Leader<V>>,
    /// The callers that came while `f` was running, in their order.
    waiters: VecDeque<Sender<Answer<V>>>,
}

/// A caller, and the call of `f` for it: both are over at once.
struct Leader<V> {
    caller: Sender<Answer<V>>,
    _call: Call,
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
        // Callers that have left. Each has a waker, which is not ours.
        drops.drop(self.leader);
        self.waiters.into_iter().for_each(|waiter| drops.drop(waiter));
        drops.drop(self.value);
        drops.drop(self.key);
    }
}

impl<K, V> Entry<K, V> {
    /// A caller asks for the value. It gets the value, or waits for it, or has `f`
    /// called.
    fn ask(&mut self, reply: Sender<Answer<V>>, call: impl FnOnce(&Arc<K>) -> Call) {
        match &self.value {
            Some(value) => send(reply, Ok(value.clone())),
            // The caller has left before its request was read: it wants nothing.
            None if reply.is_closed() => quietly(|| drop(reply)),
            None => {
                if self.waiters.len() == self.waiters.capacity() {
                    self.make_room();
                }
                self.waiters.push_back(reply);
                if self.leader.is_none() {
                    self.lead(call);
                }
            }
        }
    }

    /// A call of `f` is over. A value is for all callers. A panic is for the leader
    /// alone, and then the next caller leads.
    fn done(&mut self, answer: Answer<V>, call: impl FnOnce(&Arc<K>) -> Call) {
        let leader = self.leader.take().map(|leader| leader.caller);
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

    /// Before the queue grows, the waiters that have left go. The queue then has room for
    /// as many as have stayed: so all this takes a constant number of steps for each
    /// request.
    fn make_room(&mut self) {
        for waiter in mem::take(&mut self.waiters) {
            match waiter.is_closed() {
                true => quietly(|| drop(waiter)),
                false => self.waiters.push_back(waiter),
            }
        }
        self.waiters.reserve(self.waiters.len());
    }

    /// Has `f` called for the first of the waiters that have stayed.
    fn lead(&mut self, call: impl FnOnce(&Arc<K>) -> Call) {
        while let Some(caller) = self.waiters.pop_front() {
            if caller.is_closed() {
                quietly(|| drop(caller));
                continue;
            }
            self.leader = Some(Leader { caller, _call: call(&self.key) });
            return;
        }
    }
}

/// Sends an answer. An error means that the caller has dropped its future. Then the
/// answer is dropped here, and its Drop may panic. So may the waker of a caller that
/// waits, which is not ours.
fn send<V>(reply: Sender<Answer<V>>, answer: Answer<V>) {
    quietly(move || reply.send(answer));
}
// ANCHOR_END: entry

impl<K, V> fmt::Debug for Memo<K, V> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Memo").field("mailbox", &self.mailbox).finish_non_exhaustive()
    }
}
