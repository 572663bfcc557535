//! The memo on `may`'s coroutines: the monitor is one, and each call of `f` has one of its own.

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
/// [`Memo`](crate::Memo) for coroutines of [`may`]: the monitor is a coroutine, and a caller that waits gives its
/// worker to others. Threads may call it as well.
///
/// `f` runs on a coroutine of its own for each call, never on its caller. So a caller may
/// be cancelled: a call that has begun goes on, and its value is kept.
///
/// Dropping the memo, or [`close`](Memo::close), ends the monitor. Both wait until the
/// last call of `f` has returned. No caller can be waiting then, since each borrows the
/// memo for as long as it waits.
///
/// Two drops do not wait; the monitor then ends by itself after the last call. The first
/// is a drop in a coroutine that is being cancelled, which can wait for nothing. The
/// second is a drop inside a call of this memo's own `f`, which would wait for itself.
///
/// # Deadlocks
///
/// If a call of `f` hands the last owner of the memo to another coroutine or thread, and
/// waits until that one has dropped it: the drop waits for the call. If `K`'s `Hash`,
/// `Eq` or `Drop` asks the memo in which it is a key: it runs on the monitor, which then
/// waits for itself.
///
/// Source: gopl section 9.7, `memo5`, whose monitor and calls are goroutines.
pub struct Memo<K, V> {
    /// Tells this memo from all others in the process.
    number: usize,
    mailbox: mpsc::Sender<Message<K, V>>,
    /// Taken by whoever ends the monitor.
    monitor: Option<JoinHandle<()>>,
}

/// What the monitor's mailbox takes.
enum Message<K, V> {
    /// A caller wants the value of `key`, on a channel of its own.
    Ask { key: K, reply: Reply<V> },
    /// The call of `f` for entry `number` is over.
    Done { number: usize, answer: Answer<V> },
    /// The memo is going away: no `Ask` will come after this.
    Close,
}

/// The value, or what `f` panicked with. The value is shared, so that each caller makes its own clone
/// by itself: `V`'s `Clone` may be slow or panic, and the monitor must do neither.
type Answer<V> = Result<Arc<V>, Payload>;

/// A channel for one answer. The caller has one `Arc` of it and the monitor the other, so
/// the monitor sees that the caller has left. `may`'s own channels do not tell a sender
/// that, unless it sends.
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

    /// Neither side waits for this lock: the caller locks when the monitor has unlocked.
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

/// A caller that is cancelled just as it is answered drops the answer while it unwinds. A
/// payload whose Drop panics would end the process then.
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
    /// An empty memo of `f`, and its monitor.
    ///
    /// # Panics
    ///
    /// If there is no stack left for the monitor.
    ///
    /// # Safety
    ///
    /// `f` runs on coroutines, and so do `K`'s `Hash`, `Eq` and `Drop` and `V`'s `Drop`. The caller promises for them
    /// what [`Builder::spawn`] asks: that none holds anything of its OS thread while it yields (a reference into a
    /// `thread_local!`, the guard of an OS mutex), and that each fits on a stack of the size to which `may` is set.
    pub unsafe fn new<F>(f: F) -> Self
    where
        F: Fn(&K) -> V + Send + Sync + 'static,
    {
        // SAFETY: the caller promises the same.
        unsafe { Memo::with_hasher(f, RandomState::new()) }
    }

    /// As [`new`](Memo::new), with a hash function of the caller's choice. The monitor hashes for all who ask, one
    /// after the other, so a faster one than the standard library's serves them all.
    ///
    /// # Panics
    ///
    /// As [`new`](Memo::new).
    ///
    /// # Safety
    ///
    /// As for [`new`](Memo::new), and the hash function runs on the monitor, too.
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
        // SAFETY: the caller promises for `f`, `K`, `V` and `S`. What else the monitor runs holds nothing of its
        // thread: it yields only in `recv`, between two messages.
        let monitor = unsafe { spawn("memo3-monitor", monitor) };
        let monitor = monitor.expect("memo3: there is no stack left for the monitor");
        Memo { number, mailbox, monitor: Some(monitor) }
    }

    /// The value of `f` for `key`. The caller waits until the monitor answers: if it is a coroutine, suspended.
    ///
    /// `f` may ask this memo for other keys.
    ///
    /// # Panics
    ///
    /// If `f` panics and this caller's request was the one that called it: with what `f`
    /// panicked with. Those who wait for the same key do not see it; `f` is called anew
    /// for the next of them. Also if there is no stack left to call `f` on, and if that
    /// call is cancelled. And if `K`'s `Hash`, `Eq` or `Drop` panics for this key: with
    /// that.
    ///
    /// # Deadlocks
    ///
    /// If `f`, for some key, asks for that same key, itself or through other keys: it
    /// then waits for itself. And if `f` overflows its stack: no destructor runs then,
    /// and nobody learns of it. And if `K`'s `Hash`, `Eq` or `Drop` asks this memo: it
    /// runs on the monitor, which then waits for itself.
    // ANCHOR: get
    pub fn get(&self, key: K) -> V {
        // A channel for one answer. It has room, so the monitor never waits for a caller
        // to pick it up.
        let answer = OneShot::new();
        let reply = Reply(answer.clone());
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
    /// all. Also inside a call of this memo's own `f`, which would wait for itself: the
    /// memo is dropped then.
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
        // An error would mean that the monitor has ended already, by a panic: the join
        // below tells.
        let _ = self.mailbox.send(Message::Close);
        // The monitor waits for this coroutine, or is this coroutine: it ends by itself.
        if self.works_here() {
            return Ok(());
        }
        monitor.join()
    }

    /// Whether the coroutine that calls this is the monitor, or a call of `f`.
    fn works_here(&self) -> bool {
        is_coroutine() && WORKS_FOR.with(Cell::get) == self.number
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
/// Every call of `f` runs on a coroutine of its own. There is no scope that would wait for them, so the monitor counts
/// them, and ends when the last has.
fn monitor<K, V, F, S>(
    memo: usize,
    f: F,
    hasher: S,
    messages: &Receiver<Message<K, V>>,
    mailbox: &mpsc::Sender<Message<K, V>>,
) where
    K: Hash + Eq + Send + Sync + 'static,
    V: Send + Sync + 'static,
    F: Fn(&K) -> V + Send + Sync + 'static,
    S: BuildHasher,
{
    // `f` is declared last and so dropped first: if its Drop panics, the map's Drop still
    // copes.
    let (mut map, f) = (Map::<Entry<K, V>, S>::with_hasher(hasher), Arc::new(f));
    let under_way = Cell::new(0_usize);
    let call = |number: usize, key: &Arc<K>| {
        let (f, key, mailbox) = (f.clone(), key.clone(), mailbox.clone());
        let body = move || {
            WORKS_FOR.with(|works_for| works_for.set(memo));
            let answer = caught(|| Arc::new(f(&key))).map_err(told);
            // Before the message, which is the last that the monitor hears of this call: nothing of it stays behind.
            drop((f, key));
            // An error means that the monitor has ended. Then no caller waits for an
            // answer.
            let _ = mailbox.send(Message::Done { number, answer });
        };
        // SAFETY: the maker of the memo promised for `f` and `K`. What else the call runs
        // holds nothing of its thread.
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
            // By number, not by key: no code of `K`'s can panic between a call and its
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

/// Runs `body` on a coroutine, and says so where there is no stack for it.
///
/// # Safety
///
/// As for [`Builder::spawn`].
unsafe fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    let builder = Builder::new().name(name.into());
    // Where there is no memory for a stack, `may` panics, though it promises an error.
    // SAFETY: the caller's promise.
    let spawned = caught(|| unsafe { builder.spawn(body) });
    spawned.unwrap_or_else(|_| Err(io::ErrorKind::OutOfMemory.into()))
}

/// What a leader is told of a call that did not return. A cancellation is an unwinding too, and must not go on in the
/// caller, whom nobody has cancelled.
fn told(panic: Payload) -> Payload {
    match panic.downcast_ref::<Unwinding>() {
        Some(Unwinding::Cancel) => Box::new("memo3: the call of f was cancelled"),
        _ => panic,
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
    leader: Option<Reply<V>>,
    /// The callers that came while `f` was running, in their order.
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
    /// A caller asks for the value. It gets the value, or waits for it, or has `f`
    /// called.
    fn ask<T>(&mut self, reply: Reply<V>, call: impl Fn(&Arc<K>) -> io::Result<T>) {
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

    /// Has `f` called for the first of the waiters that have stayed. A waiter fails, as if
    /// `f` had panicked, if no stack is left for its call.
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
