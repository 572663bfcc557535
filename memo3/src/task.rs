//! The memo on tokio's tasks: the monitor is a task, and each call of `f` has a task of its own.

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
/// [`Memo`](crate::Memo) for tasks of tokio: the monitor is a task, and `get` and `f` are
/// async.
///
/// Each call of `f` runs in a task of its own, never in its caller's. So a caller may
/// drop the future of [`get`](Memo::get), or poll it once and never again: a call that
/// has begun goes on, and its value is kept.
///
/// [`close`](Memo::close) ends the monitor, and waits until the last call of `f` has
/// returned. Dropping the memo cannot wait: it ends the monitor and drops the calls that
/// are under way, wherever they are. No caller can be waiting then, because each caller
/// borrows the memo while it waits. A call of `f` that drops its own memo also ends, at
/// its next `.await`.
///
/// # Deadlocks
///
/// - If a call of `f` hands the memo to another task, and waits until that task has
///   [closed](Memo::close) it: `close` waits for the call.
/// - If `K`'s `Hash`, `Eq` or `Drop` waits for the memo in which it is a key: that code
///   runs on the monitor, which then waits for itself.
/// - While no thread drives the runtime in which the memo was made. A current-thread
///   runtime runs the monitor only inside its `block_on`, and a `get` that is awaited
///   elsewhere waits until then.
///
/// Source: gopl section 9.7, `memo5`, whose monitor and calls are goroutines.
pub struct Memo<K, V> {
    /// Identifies this memo among all memos of the process.
    number: usize,
    mailbox: UnboundedSender<Message<K, V>>,
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
/// it for itself: `V`'s `Clone` may be slow or panic, and neither may happen on the
/// monitor.
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
    /// Creates an empty memo of `f`, and starts its monitor. The future that `f` returns
    /// cannot borrow the key: it takes a clone of what it needs.
    ///
    /// # Panics
    ///
    /// If it is called outside a tokio runtime: the monitor is a task of the runtime in
    /// which this is called.
    ///
    /// # Example
    ///
    /// A caller is polled once and then dropped. Its call goes on, and a later caller
    /// gets the value of that same call.
    ///
    /// ```
    /// use std::pin::pin;
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    /// use std::task::{Context, Waker};
    ///
    /// let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    /// runtime.block_on(async {
    ///     let calls = Arc::new(AtomicUsize::new(0));
    ///     let counted = calls.clone();
    ///     let memo = memo3::task::Memo::new(move |key: &u64| {
    ///         let (counted, key) = (counted.clone(), *key);
    ///         async move {
    ///             counted.fetch_add(1, Relaxed);
    ///             tokio::task::yield_now().await;
    ///             key * 2
    ///         }
    ///     });
    ///     {
    ///         let mut leader = pin!(memo.get(21));
    ///         let mut context = Context::from_waker(Waker::noop());
    ///         assert!(leader.as_mut().poll(&mut context).is_pending());
    ///         while calls.load(Relaxed) == 0 {
    ///             tokio::task::yield_now().await;
    ///         }
    ///     }
    ///     assert_eq!(memo.get(21).await, 42);
    ///     assert_eq!(calls.load(Relaxed), 1);
    /// });
    /// ```
    pub fn new<F, Called>(f: F) -> Self
    where
        F: Fn(&K) -> Called + Send + Sync + 'static,
        Called: Future<Output = V> + Send + 'static,
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

    /// Returns the value of `f` for `key`. The caller waits until the monitor answers.
    ///
    /// `f` may ask this memo for other keys.
    ///
    /// # Cancel safety
    ///
    /// The request is sent when the future is first polled. After that the future may be
    /// dropped, or never polled again. A call of `f` that has begun goes on, and the
    /// other callers get its value. If the caller has left before the monitor reads its
    /// request, the monitor calls nothing for it.
    ///
    /// # Panics
    ///
    /// - If `f` panics and this caller's request started the call: with the payload of
    ///   that panic. The callers that wait for the same key do not see the panic, and the
    ///   monitor calls `f` again for the next of them.
    /// - If the runtime in which the memo was made has shut down.
    /// - If `K`'s `Hash`, `Eq` or `Drop` panics for this key: with the payload of that
    ///   panic.
    ///
    /// # Deadlocks
    ///
    /// If `f`, for some key, asks for that same key, directly or through other keys: `f`
    /// then waits for itself. Also if `K`'s `Hash`, `Eq` or `Drop` waits for this memo:
    /// that code runs on the monitor, which then waits for itself. Also while no thread
    /// drives the runtime in which the memo was made.
    // ANCHOR: get
    pub async fn get(&self, key: K) -> V {
        // A channel for one answer. It has room for that answer, so the monitor never
        // waits until the caller takes it.
        let (reply, answer) = oneshot::channel();
        let ask = Message::Ask { key, reply };
        self.mailbox.send(ask).expect("memo3: the runtime of this memo has shut down");
        match answer.await.expect("memo3: the runtime of this memo has shut down") {
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
    /// of them. Also if it is called inside a call of this memo's own `f`, because it
    /// would wait for itself. The memo is then dropped.
    pub async fn close(mut self) {
        let works_here = WORKS_FOR.try_with(|memo| *memo == self.number).unwrap_or(false);
        assert!(!works_here, "memo3: close inside f would wait for that call");
        let Some(monitor) = self.monitor.take() else { return };
        // An error means that the monitor has already ended, with a panic or with its
        // runtime. The join below tells which.
        let _ = self.mailbox.send(Message::Close);
        if let Err(Ok(panic)) = monitor.await.map_err(JoinError::try_into_panic) {
            resume_unwind(panic);
        }
    }
}

impl<K, V> Drop for Memo<K, V> {
    fn drop(&mut self) {
        // The abort drops the monitor where it waits for a message. With the monitor, the
        // handles of its calls are dropped, and they abort the calls.
        if let Some(monitor) = self.monitor.take() {
            monitor.abort();
        }
    }
}
// ANCHOR_END: caller

// ANCHOR: monitor
/// The monitor. It owns the map and answers one message at a time. It waits only for the
/// next message.
///
/// Every call of `f` runs in a task of its own. The monitor counts the calls, and ends
/// only after the last one. If the monitor is dropped, so are they.
async fn monitor<K, V, F, S, Called>(
    memo: usize,
    f: F,
    hasher: S,
    messages: UnboundedReceiver<Message<K, V>>,
    mailbox: UnboundedSender<Message<K, V>>, // for the calls
) where
    K: Hash + Eq + Send + Sync + 'static,
    V: Send + Sync + 'static,
    F: Fn(&K) -> Called + Send + Sync + 'static,
    S: BuildHasher,
    Called: Future<Output = V> + Send + 'static,
{
    // `f` is declared last, so it is dropped first. If its Drop panics, the Drops of the
    // map and of the mailbox still cope.
    let mut map = Map::<Entry<K, V>, S>::with_hasher(hasher);
    let mut messages = Mailbox(messages);
    let f = Arc::new(f);
    let call = |under_way: &mut usize, number: usize, key: &Arc<K>| {
        let (f, key, mailbox) = (f.clone(), key.clone(), mailbox.clone());
        let call = WORKS_FOR.scope(memo, async move {
            // `f` is called in here too, so that a panic is caught whether it happens
            // before the first `.await` or after it. When this block has ended, nothing
            // of `f` is left.
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
            // By number, not by key: no code of `K` can panic between a call and its
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

/// A call of `f` that is under way. Its task keeps its memory as long as this handle
/// lives, so this is dropped when the call ends. If it is dropped before that, with the
/// monitor, it aborts the call.
struct Call(AbortHandle);

impl Drop for Call {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The receiving end. A dropped memo leaves messages unread. Each is dropped separately,
/// because two Drops that panic at once would end the process.
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
/// What the monitor knows about one key.
struct Entry<K, V> {
    key: Arc<K>,
    value: Option<Arc<V>>,
    /// The caller whose call of `f` is under way. It sees the panic if `f` panics. `None`
    /// while no call is under way.
    leader: Option<Leader<V>>,
    /// The callers that arrived while `f` was running, in their order.
    waiters: VecDeque<Sender<Answer<V>>>,
}

/// A caller, and the call of `f` for it. Both end at the same time.
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
        // These callers have left. Each has a waker, which is not this crate's code.
        drops.drop(self.leader);
        self.waiters.into_iter().for_each(|waiter| drops.drop(waiter));
        drops.drop(self.value);
        drops.drop(self.key);
    }
}

impl<K, V> Entry<K, V> {
    /// Handles the request of a caller: the caller gets the value, or waits for it, or
    /// starts a call of `f`.
    fn ask(&mut self, reply: Sender<Answer<V>>, call: impl FnOnce(&Arc<K>) -> Call) {
        match &self.value {
            Some(value) => send(reply, Ok(value.clone())),
            // The caller left before the monitor read its request, so it no longer wants
            // the value.
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

    /// Handles the end of a call of `f`. A value goes to all callers. A panic goes only
    /// to the leader, and then the next caller leads.
    fn done(&mut self, answer: Answer<V>, call: impl FnOnce(&Arc<K>) -> Call) {
        let leader = self.leader.take().map(|leader| leader.caller);
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

    /// Removes the waiters that have left, before the queue grows. It then reserves room
    /// for as many as have stayed. So this takes a constant number of steps per request.
    fn make_room(&mut self) {
        for waiter in mem::take(&mut self.waiters) {
            match waiter.is_closed() {
                true => quietly(|| drop(waiter)),
                false => self.waiters.push_back(waiter),
            }
        }
        self.waiters.reserve(self.waiters.len());
    }

    /// Calls `f` for the first of the waiters that have stayed.
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
/// answer is dropped here, and its Drop may panic. So may the waker of a waiting caller,
/// which is not this crate's code.
fn send<V>(reply: Sender<Answer<V>>, answer: Answer<V>) {
    quietly(move || reply.send(answer));
}
// ANCHOR_END: entry

impl<K, V> fmt::Debug for Memo<K, V> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Memo").field("mailbox", &self.mailbox).finish_non_exhaustive()
    }
}
