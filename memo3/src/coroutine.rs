//! The memo on `may`'s coroutines: the monitor is one, and each call of `f` has one of its own.

use std::any::Any;
use std::cell::Cell;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::thread;

use generator::Error as Ended;
use may::coroutine::{Builder, JoinHandle};
use may::sync::mpmc;
use may::sync::mpsc::{self, Receiver};

// ANCHOR: memo
/// [`Memo`](crate::Memo) for coroutines of [`may`]: the monitor is a coroutine, and a caller that waits gives its
/// worker to others. Threads may call it as well.
///
/// `f` runs on a coroutine of its own for each call, never on its caller: a caller that is cancelled stops nobody, and
/// the value it asked for is kept.
///
/// Dropping the memo, or [`close`](Memo::close), ends the monitor. Both wait until the last call of `f` has returned
/// (but for a drop in a coroutine that is being cancelled, which can wait for nothing: the monitor then ends by
/// itself). No caller can be waiting then, since each borrows the memo for as long as it waits.
///
/// Source: gopl section 9.7, `memo5`, whose monitor and calls are goroutines.
pub struct Memo<K, V> {
    mailbox: mpsc::Sender<Message<K, V>>,
    /// Taken by whoever ends the monitor.
    monitor: Option<JoinHandle<()>>,
}

/// What the monitor's mailbox takes.
enum Message<K, V> {
    /// A caller wants the value of `key`, on a channel of its own.
    Ask { key: K, reply: mpmc::Sender<Answer<V>> },
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
        let (mailbox, messages) = mpsc::channel();
        let to_self = mailbox.clone();
        let monitor = move || monitor(&Arc::new(f), hasher, &messages, &to_self);
        // SAFETY: the caller promises for `f`, `K`, `V` and `S`. What else the monitor runs holds nothing of its
        // thread: it yields only in `recv`, between two messages.
        let monitor = unsafe { spawn("memo3-monitor", monitor) };
        Memo { mailbox, monitor: Some(monitor.expect("memo3: there is no stack left for the monitor")) }
    }

    /// The value of `f` for `key`. The caller waits until the monitor answers: if it is a coroutine, suspended.
    ///
    /// `f` may ask this memo for other keys.
    ///
    /// # Panics
    ///
    /// If `f` panics and this caller's request was the one that called it: with what `f` panicked with. Those who wait
    /// for the same key do not see it; `f` is called anew for the next of them. Also if there is no stack left to call
    /// `f` on, and if that call is cancelled.
    ///
    /// # Deadlocks
    ///
    /// If `f`, for some key, asks for that same key, itself or through other keys: it then waits for itself. And if `f`
    /// overflows its stack: no destructor runs then, and nobody learns of it.
    // ANCHOR: get
    pub fn get(&self, key: K) -> V {
        // A channel for one answer. It has room, so the monitor never waits for a caller to pick it up. It is of the
        // kind for many receivers, though there is one: a coroutine that is cancelled in the `recv` of the other kind,
        // just when it is woken, never comes to rest and takes its worker along (`may` 0.3.51). The monitor's own
        // mailbox can be of the other kind, since nobody cancels the monitor.
        let (reply, answer) = mpmc::channel();
        self.mailbox.send(Message::Ask { key, reply }).expect("the monitor listens until the memo is gone");
        let answer = answer.recv().or_else(|_| {
            // It looks for a value, and then whether there is still a sender. In between, the answer may have been sent
            // and the sender dropped, and it says that nobody will answer (`may` 0.3.51). A second look finds the
            // answer.
            answer.recv()
        });
        match answer.expect("the monitor answers every request") {
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
/// Every call of `f` runs on a coroutine of its own. There is no scope that would wait for them, so the monitor counts
/// them, and ends when the last has.
fn monitor<K, V, F, S>(f: &Arc<F>, hasher: S, messages: &Receiver<Message<K, V>>, mailbox: &mpsc::Sender<Message<K, V>>)
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Send + Sync + 'static,
    F: Fn(&K) -> V + Send + Sync + 'static,
    S: BuildHasher,
{
    let under_way = Cell::new(0_usize);
    let call = |number: usize, key: &Arc<K>| {
        let (f, key, mailbox) = (f.clone(), key.clone(), mailbox.clone());
        let body = move || {
            let answer = catch_unwind(AssertUnwindSafe(|| f(&key))).map(Arc::new).map_err(told);
            // Before the message, which is the last that the monitor hears of this call: nothing of it stays behind.
            drop((f, key));
            // An error means that the monitor has ended, and it ends only when nobody waits for an answer.
            let _ = mailbox.send(Message::Done { number, answer });
        };
        // SAFETY: whoever made the memo promised for `f` and `K`. What else the call runs holds nothing of its thread.
        let call = unsafe { spawn("memo3-call", body) };
        under_way.set(under_way.get() + usize::from(call.is_ok()));
        call
    };

    // The map: from a key to the number of its entry.
    let mut numbers = HashMap::with_hasher(hasher);
    let mut entries = Vec::new();
    let mut open = true;
    while open || under_way.get() > 0 {
        match messages.recv().expect("the monitor has a sender itself") {
            Message::Ask { key, reply } => {
                // `K`'s `Hash`, `Eq` and `Drop` run on this coroutine, and may panic. Then the one who asked shall see
                // it, and nobody else.
                match catch_unwind(AssertUnwindSafe(|| find(&mut numbers, &mut entries, key))) {
                    Ok(number) => entries[number].ask(reply, |key| call(number, key)),
                    Err(panic) => drop(reply.send(Err(panic))),
                }
            }
            // By number, not by key: no code of `K`'s can panic between a call and those who wait for it.
            Message::Done { number, answer } => {
                under_way.set(under_way.get() - 1);
                entries[number].done(answer, |key| call(number, key));
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
    let spawned = catch_unwind(AssertUnwindSafe(|| unsafe { builder.spawn(body) }));
    spawned.unwrap_or_else(|_| Err(io::ErrorKind::OutOfMemory.into()))
}

/// What a leader is told of a call that did not return. A cancellation is an unwinding too, and must not go on in the
/// caller, whom nobody has cancelled.
fn told(panic: Box<dyn Any + Send>) -> Box<dyn Any + Send> {
    match panic.downcast_ref::<Ended>() {
        Some(Ended::Cancel) => Box::new("memo3: the call of f was cancelled"),
        _ => panic,
    }
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
    callers: VecDeque<mpmc::Sender<Answer<V>>>,
}

impl<K, V> Entry<K, V> {
    /// A caller asks for the value: it gets it, or waits for it, and if it is the first it has `f` called.
    fn ask<T>(&mut self, reply: mpmc::Sender<Answer<V>>, call: impl Fn(&Arc<K>) -> io::Result<T>) {
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

    /// Has `f` called for the first of the callers. One for whom there is no stack left fails, as if `f` had panicked.
    fn lead<T>(&mut self, call: impl Fn(&Arc<K>) -> io::Result<T>) {
        while let Some(leader) = self.callers.front() {
            match call(&self.key) {
                Ok(_) => return,
                Err(error) => {
                    send(leader, Err(Box::new(format!("memo3: no stack to call f on: {error}"))));
                    self.callers.pop_front();
                }
            }
        }
    }
}

/// Sends an answer. An error means that the caller was cancelled while it waited; then nobody misses it.
fn send<V>(reply: &mpmc::Sender<Answer<V>>, answer: Answer<V>) {
    let _ = reply.send(answer);
}
// ANCHOR_END: entry

impl<K, V> fmt::Debug for Memo<K, V> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Memo").field("mailbox", &self.mailbox).finish_non_exhaustive()
    }
}
