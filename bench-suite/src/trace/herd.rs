//! A herd as a trace: callers that ask a memo at the same time, and the calls of `f` that they cause.
//!
//! The callers and `f` record what they do. The memo itself records nothing, so every memo can be shown, yours too.

use std::cell::RefCell;
use std::sync::{Arc, Barrier, OnceLock};
use std::thread::{self, ThreadId};
use std::time::Duration;

use green_threads::probe::trace::{Actor, Recorder, Span, Trace};
use parking_lot::Mutex;

use crate::subject::{Function, Memo, Suite, by_name};

/// What a caller of each key does, and what a call of `f` for each key does. No key is called `f`.
const KEYS: [(&str, &str); Herd::MOST_KEYS] = [
    ("waits for a", "runs f for a"),
    ("waits for b", "runs f for b"),
    ("waits for c", "runs f for c"),
    ("waits for d", "runs f for d"),
    ("waits for e", "runs f for e"),
    ("waits for g", "runs f for g"),
];

/// Callers of one memo. The first asks for key `a`, the second for `b`, and so on; after the last key comes `a` again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Herd {
    /// The name of the memo: one that threads can share.
    pub memo: String,
    /// The number of callers, at least one. Each is an OS thread.
    pub callers: usize,
    /// The number of keys, from 1 to [`MOST_KEYS`](Self::MOST_KEYS). If there are several, the memo has the last one
    /// already, so that it is a hit.
    pub keys: usize,
    /// How long `f` takes.
    pub delay: Duration,
}

thread_local! {
    /// The caller that this thread is, and what it does, while it asks the memo.
    static ASKS: RefCell<Option<(Actor, Option<Span>)>> = const { RefCell::new(None) };
}

impl Herd {
    /// The most keys. Each has a letter.
    pub const MOST_KEYS: usize = 6;

    /// Lets the callers ask, all at once, and returns what they and `f` did; `None` if there is no such memo.
    ///
    /// A caller `waits` until the memo calls `f` on its thread, or else until it `has the value`. If the memo calls `f` on
    /// a thread that is not a caller, that thread is a `memo thread`.
    ///
    /// # Panics
    ///
    /// If the memo panics, or if there are no callers, no keys or too many keys.
    #[must_use]
    pub fn record(&self) -> Option<Trace> {
        let recorder = Arc::new(OnceLock::new());
        let memo = by_name::shared::<Suite, usize, usize>(&self.memo, f(recorder.clone(), self.delay))?;
        if self.keys > 1 {
            // The recorder is not there yet, so this call is not recorded.
            memo.get(&(self.keys - 1));
        }
        let recorder = recorder.get_or_init(|| Recorder::new(true));
        let start = Barrier::new(self.callers);
        thread::scope(|scope| {
            for number in 0..self.callers {
                let (memo, start) = (&*memo, &start);
                let caller = recorder.one_of("caller", number as u64 + 1);
                scope.spawn(move || {
                    start.wait();
                    ask(memo, number % self.keys, &caller);
                });
            }
        });
        recorder.finish()
    }
}

fn ask(memo: &dyn Memo<usize, usize>, key: usize, caller: &Actor) {
    let waits = caller.waits(KEYS[key].0);
    ASKS.set(Some((caller.clone(), Some(waits))));
    memo.get(&key);
    // If `f` ran on this thread, the caller has stopped waiting already.
    ASKS.set(None);
    caller.did("has the value");
}

/// The function whose values the memo remembers.
fn f(recorder: Arc<OnceLock<Recorder>>, delay: Duration) -> Function<usize, usize> {
    let others: Mutex<Vec<ThreadId>> = Mutex::default();
    Box::new(move |key| {
        let Some(recorder) = recorder.get() else { return *key };
        let caller = ASKS.with_borrow_mut(|asks| {
            let (caller, waits) = asks.as_mut()?;
            *waits = None;
            Some(caller.clone())
        });
        let actor = caller.unwrap_or_else(|| recorder.one_of("memo thread", number(&mut others.lock())));
        let _runs = actor.holds(KEYS[*key].1);
        thread::sleep(delay);
        *key
    })
}

/// Returns the number of this thread among `others`, from 1. A new thread is added.
fn number(others: &mut Vec<ThreadId>) -> u64 {
    let this = thread::current().id();
    let found = others.iter().position(|other| *other == this);
    let at = found.unwrap_or_else(|| {
        others.push(this);
        others.len() - 1
    });
    at as u64 + 1
}
