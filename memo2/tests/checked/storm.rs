//! A storm on `robust::Memo`: threads ask, leave, cancel, forget, and ask from inside `f`, in an order drawn from a
//! seed, and some of their calls panic. However they meet, what is said at the end of [`run`] and in [`World`] must
//! hold.
//!
//! The same storm runs on shuttle's threads, in schedules that it chooses, and on real ones.

use std::iter::Sum;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Weak};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::checker::sync::atomic::AtomicU64;
use crate::checker::sync::atomic::Ordering::Relaxed;
use crate::checker::sync::{Mutex, MutexGuard, PoisonError};
use crate::checker::thread;
use crate::robust::{Call, Error, Memo, Token};

/// How big a storm is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) threads: u64,
    pub(crate) steps: u64,
    pub(crate) keys: u64,
}

/// What was done in a storm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) values: u64,
    pub(crate) panics: u64,
    pub(crate) cancelled: u64,
    pub(crate) forgotten: u64,
}

impl Sum for Tally {
    fn sum<I: Iterator<Item = Tally>>(all: I) -> Tally {
        all.fold(Tally::default(), |all, one| Tally {
            values: all.values + one.values,
            panics: all.panics + one.panics,
            cancelled: all.cancelled + one.cancelled,
            forgotten: all.forgotten + one.forgotten,
        })
    }
}

type F = Box<dyn Fn(&Call, &u64) -> Value + Send + Sync>;

/// What a call of `f` gives.
#[derive(Clone)]
struct Value {
    key: u64,
    /// When its call began.
    began: u64,
    /// Its call saw that it was cancelled, so nobody may get this.
    stopped: bool,
    /// Counts the values that are alive.
    _alive: Arc<()>,
}

/// Nobody forgets this key, so it has at most one call at a time.
const KEPT: u64 = 0;

struct World {
    memo: Memo<u64, Value, F>,
    size: Size,
    /// Ticks once for each call of `f` and for each time that a key is forgotten.
    clock: AtomicU64,
    /// For each key, the time before it was last forgotten. Who asks after that gets no value of an earlier call.
    forgotten: Vec<AtomicU64>,
    /// How many calls for the key [`KEPT`] are being made.
    inside: AtomicU64,
    /// How many calls have panicked.
    panics: AtomicU64,
    tokens: Vec<Mutex<Token>>,
}

/// Runs one, and says what was done in it.
pub(crate) fn run(seed: u64, size: Size) -> Tally {
    let alive = Arc::new(());
    let world = Arc::new_cyclic(|weak: &Weak<World>| {
        let (weak, alive) = (weak.clone(), alive.clone());
        let f: F = Box::new(move |call, key| weak.upgrade().expect("a caller is in it").f(seed, call, *key, &alive));
        World {
            memo: Memo::new(f).keep_if(|value: &Value| !value.began.is_multiple_of(8)),
            size,
            clock: AtomicU64::new(1),
            forgotten: (0..size.keys).map(|_| AtomicU64::new(0)).collect(),
            inside: AtomicU64::new(0),
            panics: AtomicU64::new(0),
            tokens: (0..2).map(|_| Mutex::new(Token::new())).collect(),
        }
    });
    let threads = (0..size.threads).map(|thread| {
        let world = world.clone();
        thread::spawn(move || world.thread(&mut StdRng::seed_from_u64(seed ^ (thread << 32))))
    });
    let threads: Vec<_> = threads.collect();
    let tally: Tally = threads.into_iter().map(|thread| thread.join().unwrap()).sum();

    let stats = world.memo.stats();
    assert_eq!(stats.in_flight, 0);
    assert!(world.memo.in_flight().is_empty());
    assert_eq!(stats.panics, world.panics.load(Relaxed), "each panic is counted");
    assert!(tally.cancelled <= stats.cancels, "{tally:?}, {stats:?}");
    drop(world);
    assert_eq!(Arc::strong_count(&alive), 1, "no value outlives its memo");
    tally
}

impl World {
    fn thread(&self, random: &mut StdRng) -> Tally {
        let mut tally = Tally::default();
        for _ in 0..self.size.steps {
            let key = random.random_range(0..self.size.keys);
            let token = &self.tokens[random.random_range(0..self.tokens.len())];
            match random.random_range(0..10) {
                0 => {
                    // The next ones to ask bring a token that lasts.
                    let cancelled = std::mem::take(&mut *open(token));
                    cancelled.cancel();
                }
                1 if key != KEPT => {
                    let before = self.clock.fetch_add(1, Relaxed);
                    self.memo.forget(&key);
                    self.forgotten[key as usize].fetch_max(before, Relaxed);
                    tally.forgotten += 1;
                }
                2..6 => {
                    let token = open(token).clone();
                    match self.ask(key, |memo| memo.get_until(&key, &token)) {
                        None => tally.panics += 1,
                        Some(Ok(())) => tally.values += 1,
                        Some(Err(error)) => {
                            assert!(matches!(error, Error::Cancelled { .. }), "{error}");
                            assert!(token.is_cancelled(), "nobody has cancelled this one: {error}");
                            tally.cancelled += 1;
                        }
                    }
                }
                _ => match self.ask(key, |memo| memo.get(&key)) {
                    None => tally.panics += 1,
                    Some(Ok(())) => tally.values += 1,
                    Some(Err(error)) => panic!("a caller from outside that brings nothing gets an error: {error}"),
                },
            }
        }
        tally
    }

    /// Asks for `key`, and looks at what comes. `None` if it was a panic of `f`.
    fn ask(
        &self,
        key: u64,
        ask: impl FnOnce(&Memo<u64, Value, F>) -> Result<Value, Error>,
    ) -> Option<Result<(), Error>> {
        let earliest = self.forgotten[key as usize].load(Relaxed);
        match catch_unwind(AssertUnwindSafe(|| ask(&self.memo))) {
            Ok(got) => Some(got.map(|value| {
                assert_eq!(value.key, key, "every key has its own value");
                assert!(!value.stopped, "nobody gets what is left of a call that was stopped");
                assert!(value.began > earliest, "nobody gets a value from before it was forgotten");
            })),
            Err(panic) if panic.is::<Planned>() => None,
            Err(panic) => resume_unwind(panic),
        }
    }

    fn f(&self, seed: u64, call: &Call, key: u64, alive: &Arc<()>) -> Value {
        if key == KEPT {
            assert_eq!(self.inside.fetch_add(1, Relaxed), 0, "one call at a time");
        }
        let began = self.clock.fetch_add(1, Relaxed);
        let mut random = StdRng::seed_from_u64(seed ^ began);
        let mut stopped = false;
        for _ in 0..random.random_range(0..4) {
            stopped = call.is_cancelled();
            if stopped {
                break;
            }
            thread::yield_now();
        }
        if !stopped && random.random_range(0..4) == 0 {
            // Whatever comes of it: a value, a cycle, a cancellation, or a panic that goes through this call too.
            let other = random.random_range(0..self.size.keys);
            if let Ok(value) = catch_unwind(AssertUnwindSafe(|| call.get(&self.memo, &other))).unwrap_or_else(|panic| {
                self.leave(key);
                self.panics.fetch_add(1, Relaxed);
                resume_unwind(panic)
            }) {
                assert_eq!(value.key, other);
            }
        }
        self.leave(key);
        if random.random_range(0..8) == 0 {
            self.panics.fetch_add(1, Relaxed);
            resume_unwind(Box::new(Planned));
        }
        Value { key, began, stopped: stopped || call.is_cancelled(), _alive: alive.clone() }
    }

    fn leave(&self, key: u64) {
        if key == KEPT {
            self.inside.fetch_sub(1, Relaxed);
        }
    }
}

/// shuttle's threads share one OS thread, where the panic of one looks like a panic of all, and poisons what it should
/// not.
fn open<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the storm's own panics carry.
struct Planned;

/// Several storms, one after another, each from a seed of its own.
#[allow(dead_code, reason = "the schedules are many, their storm is one")]
pub(crate) fn several(first: u64, storms: u64, size: Size) -> Tally {
    (first..first + storms).map(|seed| run(seed, size)).sum()
}
