//! The memo on `may`'s coroutines: the monitor is a coroutine, and each call of `f` has a coroutine of its own.

use std::cell::Cell;
use std::collections::VecDeque;
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::io;
use std::mem;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use generator::Error as Unwinding;
use may::coroutine::{Builder, JoinHandle, is_coroutine};
use may::coroutine_local;
use may::sync::SyncFlag;
use may::sync::mpsc::{self, Receiver};

use crate::map::{self, Map};
use crate::panics::{Drops, Payload, caught, quietly};

// ANCHOR: memo
/// [`Memo`](crate::Memo) for coroutines of [`may`]: the monitor is a coroutine, and a
/// caller that waits gives its worker to other coroutines. Threads may call it as well.
///
/// Each call of `f` runs on a coroutine of its own, never on its caller's. So a caller
/// may be cancelled: a call that has begun goes on, and its value is kept.
///
/// Dropping the memo, or [`close`](Memo::close), ends the monitor. Both wait until the
/// last call of `f` has returned. No caller can be waiting then, because each caller
/// borrows the memo while it waits.
///
/// Two drops do not wait. The monitor then ends on its own after the last call. The first
/// is a drop in a coroutine that is being cancelled, which cannot wait. The second is a
/// drop inside a call of this memo's own `f`, which would wait for itself.
///
/// # Deadlocks
///
/// If a call of `f` hands the last owner of the memo to another coroutine or thread, and
/// waits until that one has dropped it: the drop waits for the call. Also if `K`'s
/// `Hash`, `Eq` or `Drop` asks the memo in which it is a key: that code runs on the
/// monitor, which then waits for itself.
///
/// Source: gopl section 9.7, `memo5`, whose monitor and calls are goroutines.
pub struct Memo<K, V> {
    /// Identifies this memo among all memos of the process.
    number: usize,
    mailbox: mpsc::Sender<Message<K, V>>,
    /// `None` once the monitor has been told to end.
    monitor: Option<JoinHandle<()>>,
}

/// The messages to the monitor.
enum Message<K, V> {
    /// A caller wants the value of `key`, on a channel of its own.
    Ask { key: K, reply: Reply<V> },
    /// The call of `f` for entry `number` has ended.
    Done { number: usize, answer: Answer<V> },
    /// The memo is closing: no `Ask` follows.
    Close,
}

/// The value, or the payload of `f`'s panic. The value is shared, and each caller clones
/// it for itself: `V`'s `Clone` may be slow or panic, and neither may happen on the
/// monitor.
type Answer<V> = Result<Arc<V>, Payload>;

/// A channel for one answer. The caller has one `Arc` of it and the monitor the other, so
/// the monitor sees when the caller has left. With `may`'s own channels, a sender learns
/// that only when it sends.
struct OneShot<V> {
    answer: Mutex<Option<Answer<V>>>,
    /// Fires when the answer is there, or when there will be none.
    settled: SyncFlag,
}

/// The monitor's end of the channel.
struct Reply<V>(Arc<OneShot<V>>);

impl<V> OneShot<V> {
    fn new() -> Arc<Self> {
        Arc::new(OneShot { answer: Mutex::new(None), settled: SyncFlag::new() })
    }

    /// Neither side waits for this lock: the caller locks only after the monitor has
    /// unlocked.
    fn answer(&self) -> MutexGuard<'_, Option<Answer<V>>> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the monitor has answered, or has dropped its end.
    fn recv(&self) -> Option<Answer<V>> {
        self.settled.wait();
        self.answer().take()
    }
}

impl<V> Reply<V> {
    fn send(self, answer: Answer<V>) {
        *self.0.answer() = Some(answer);
    }

    /// Whether the caller has been cancelled.
    fn is_closed(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }
}

impl<V> Drop for Reply<V> {
    fn drop(&mut self) {
        self.0.settled.fire();
    }
}

/// If a caller is cancelled just as it is answered, it drops the answer while it unwinds.
/// A payload whose Drop panics would then end the process, so this Drop catches that
/// panic.
impl<V> Drop for OneShot<V> {
    fn drop(&mut self) {
        let answer = self.answer().take();
        quietly(|| drop(answer));
    }
}

coroutine_local! {
    // The number of the memo whose monitor this coroutine is, or whose `f` it calls.
    // Otherwise 0.
    static WORKS_FOR: Cell<usize> = Cell::new(0)
}
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
    /// If there is no stack left for the monitor.
    ///
    /// # Safety
    ///
    /// `f` runs on coroutines, and so do `K`'s `Hash`, `Eq` and `Drop` and `V`'s `Drop`.
    /// The caller promises for them what [`Builder::spawn`] asks: that none holds
    /// anything of its OS thread while it yields (a reference into a `thread_local!`, the
    /// guard of an OS mutex), and that each fits on a stack of the size to which `may` is
    /// set.
    ///
    /// # Example
    ///
    /// The caller that started the call is cancelled. Its call goes on, and a later
    /// caller gets the value.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use may::sync::SyncFlag;
    /// use memo3::coroutine::Memo;
    ///
    /// let (inside, may_return) = (Arc::new(SyncFlag::new()), Arc::new(SyncFlag::new()));
    /// let f = {
    ///     let (inside, may_return) = (inside.clone(), may_return.clone());
    ///     move |key: &u64| {
    ///         assert!(!inside.is_fired(), "f is called once");
    ///         inside.fire();
    ///         may_return.wait();
    ///         key * 2
    ///     }
    /// };
    /// // SAFETY: `f`, keys and values hold nothing of an OS thread, and fit the stack.
    /// let memo = Arc::new(unsafe { Memo::new(f) });
    /// let leader = {
    ///     let memo = memo.clone();
    ///     // SAFETY: as above.
    ///     unsafe { may::coroutine::spawn(move || memo.get(21)) }
    /// };
    /// inside.wait();
    /// // SAFETY: unwinding drops all that the coroutine owns.
    /// unsafe { leader.coroutine().cancel() };
    /// assert!(leader.join().is_err());
    /// may_return.fire();
    /// assert_eq!(memo.get(21), 42);
    /// ```
    pub unsafe fn new<F>(f: F) -> Self
    where
        F: Fn(&K) -> V + Send + Sync + 'static,
    {
        // SAFETY: the caller promises the same.
        unsafe { Memo::with_hasher(f, RandomState::new()) }
    }

    /// As [`new`](Memo::new), with a hash function of the caller's choice. The monitor
    /// hashes the keys of all callers, one after the other, so a faster function than the
    /// standard library's helps all of them.
    ///
    /// # Panics
    ///
    /// As [`new`](Memo::new).
    ///
    /// # Safety
    ///
    /// As for [`new`](Memo::new). The hash function runs on the monitor, too.
    pub unsafe fn with_hasher<F, S>(f: F, hasher: S) -> Self
    where
        F: Fn(&K) -> V + Send + Sync + 'static,
        S: BuildHasher + Send + 'static,
    {
        static MEMOS: AtomicUsize = AtomicUsize::new(0);
        // Relaxed: the numbers only need to differ.
        let number = MEMOS.fetch_add(1, Relaxed) + 1;
        let (mailbox, messages) = mpsc::channel();
        let to_self = mailbox.clone();
        let monitor = move || {
            WORKS_FOR.with(|memo| memo.set(number));
            monitor(number, f, hasher, &messages, &to_self);
        };
        // SAFETY: the caller promises for `f`, `K`, `V` and `S`. What else the monitor
        // runs holds nothing of its thread: it yields only in `recv`, between two
        // messages.
        let monitor = unsafe { spawn("memo3-monitor", monitor) };
        let monitor = monitor.expect("memo3: there is no stack left for the monitor");
        Memo { number, mailbox, monitor: Some(monitor) }
    }

    /// Returns the value of `f` for `key`. The caller waits until the monitor answers. A
    /// caller that is a coroutine is suspended.
    ///
    /// `f` may ask this memo for other keys.
    ///
    /// # Panics
    ///
    /// - If `f` panics and this caller's request started the call: with the payload of
    ///   that panic. The callers that wait for the same key do not see the panic, and the
    ///   monitor calls `f` again for the next of them.
    /// - If there is no stack left to call `f` on, or if the call is cancelled, and this
    ///   caller's request started it.
    /// - If `K`'s `Hash`, `Eq` or `Drop` panics for this key: with the payload of that
    ///   panic.
    ///
    /// # Deadlocks
    ///
    /// If `f`, for some key, asks for that same key, directly or through other keys: `f`
    /// then waits for itself. Also if `f` overflows its stack: then no destructor runs,
    /// and the monitor does not learn of it. Also if `K`'s `Hash`, `Eq` or `Drop` asks
    /// this memo: that code runs on the monitor, which then waits for itself.
    // ANCHOR: get
    pub fn get(&self, key: K) -> V {
        // A channel for one answer. It has room for that answer, so the monitor never
        // waits until the caller takes it.
        let answer = OneShot::new();
        let reply = Reply(answer.clone());
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
    /// of them. Also if it is called inside a call of this memo's own `f`, because it
    /// would wait for itself. The memo is then dropped.
    pub fn close(mut self) {
        assert!(!self.works_here(), "memo3: close inside f would wait for that call");
        if let Err(panic) = self.end() {
            resume_unwind(panic);
        }
    }
}

impl<K, V> Memo<K, V> {
    fn end(&mut self) -> thread::Result<()> {
        let Some(monitor) = self.monitor.take() else { return Ok(()) };
        // An error means that the monitor has already ended with a panic. The join below
        // returns that panic.
        let _ = self.mailbox.send(Message::Close);
        // The monitor waits for this coroutine, or is this coroutine. It ends on its own.
        if self.works_here() {
            return Ok(());
        }
        monitor.join()
    }

    /// Whether the calling coroutine is the monitor, or a call of `f`.
    fn works_here(&self) -> bool {
        is_coroutine() && WORKS_FOR.with(Cell::get) == self.number
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
/// Every call of `f` runs on a coroutine of its own. No scope waits for these coroutines,
/// so the monitor counts them, and ends only after the last call.
fn monitor<K, V, F, S>(
    memo: usize,
    f: F,
    hasher: S,
    messages: &Receiver<Message<K, V>>,
    mailbox: &mpsc::Sender<Message<K, V>>, // for the calls
) where
    K: Hash + Eq + Send + Sync + 'static,
    V: Send + Sync + 'static,
    F: Fn(&K) -> V + Send + Sync + 'static,
    S: BuildHasher,
{
    // `f` is declared last, so it is dropped first. If its Drop panics, the map's Drop
    // still copes.
    let (mut map, f) = (Map::<Entry<K, V>, S>::with_hasher(hasher), Arc::new(f));
    let under_way = Cell::new(0_usize);
    let call = |number: usize, key: &Arc<K>| {
        let (f, key, mailbox) = (f.clone(), key.clone(), mailbox.clone());
        let body = move || {
            WORKS_FOR.with(|works_for| works_for.set(memo));
            let answer = caught(|| Arc::new(f(&key))).map_err(told);
            // Before the message: it is the last that the monitor hears of this call, so
            // nothing of the call may be left after it.
            drop((f, key));
            // An error means that the monitor has ended. Then no caller waits for an
            // answer.
            let _ = mailbox.send(Message::Done { number, answer });
        };
        // SAFETY: the caller that made the memo promised for `f` and `K`. What else the
        // call runs holds nothing of its thread.
        let call = unsafe { spawn("memo3-call", body) };
        under_way.set(under_way.get() + usize::from(call.is_ok()));
        call
    };

    let mut open = true;
    while open || under_way.get() > 0 {
        match messages.recv().expect("the monitor has a sender itself") {
            Message::Ask { key, reply } => match map.find(key) {
                Ok(number) => {
                    map.entry(number).ask(reply, |key| call(number, key));
                    // The call may have failed to begin.
                    map.tidy(number);
                }
                Err(panic) => send(reply, Err(panic)),
            },
            // By number, not by key: no code of `K` can panic between a call and its
            // callers.
            Message::Done { number, answer } => {
                under_way.set(under_way.get() - 1);
                map.entry(number).done(answer, |key| call(number, key));
                map.tidy(number);
            }
            Message::Close => open = false,
        }
    }
}

/// Runs `body` on a coroutine, or returns an error if there is no stack for it.
///
/// # Safety
///
/// As for [`Builder::spawn`].
unsafe fn spawn<B>(name: &str, body: B) -> io::Result<JoinHandle<()>>
where
    B: FnOnce() + Send + 'static,
{
    let builder = Builder::new().name(name.into());
    // If there is no memory for a stack, `may` panics, although it promises an error.
    // SAFETY: the caller's promise.
    let spawned = caught(|| unsafe { builder.spawn(body) });
    spawned.unwrap_or_else(|_| Err(io::ErrorKind::OutOfMemory.into()))
}

/// What the leader of a call is told if the call did not return. A cancellation unwinds
/// too, but it must not continue in the caller, which has not been cancelled.
fn told(panic: Payload) -> Payload {
    match panic.downcast_ref::<Unwinding>() {
        Some(Unwinding::Cancel) => Box::new("memo3: the call of f was cancelled"),
        _ => panic,
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
    leader: Option<Reply<V>>,
    /// The callers that arrived while `f` was running, in their order.
    waiters: VecDeque<Reply<V>>,
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
    fn ask<T>(&mut self, reply: Reply<V>, call: impl Fn(&Arc<K>) -> io::Result<T>) {
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

    /// Calls `f` for the first of the waiters that have stayed. If no stack is left for
    /// its call, that waiter fails as if `f` had panicked.
    fn lead<T>(&mut self, call: impl Fn(&Arc<K>) -> io::Result<T>) {
        while let Some(leader) = self.waiters.pop_front() {
            if leader.is_closed() {
                quietly(|| drop(leader));
                continue;
            }
            match call(&self.key) {
                Ok(_) => {
                    self.leader = Some(leader);
                    return;
                }
                Err(error) => {
                    let panic = format!("memo3: no stack to call f on: {error}");
                    send(leader, Err(Box::new(panic)));
                }
            }
        }
    }
}

/// Sends an answer. If the caller was cancelled while it waited, the answer is dropped
/// here, and its Drop may panic.
fn send<V>(reply: Reply<V>, answer: Answer<V>) {
    quietly(move || reply.send(answer));
}
// ANCHOR_END: entry

impl<K, V> fmt::Debug for Memo<K, V> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Memo").field("mailbox", &self.mailbox).finish_non_exhaustive()
    }
}
