//! A storm on `robust::Memo`: threads ask, leave, cancel, forget, and ask from inside `f`, in an order drawn from a
//! seed, and some of their calls panic. However they meet, the assertions here must hold: those at the end of
//! [`run`], and those of [`World`].
//!
//! The same storm runs on shuttle's threads, in schedules that shuttle chooses, and on real threads.

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

/// The size of a storm: `threads` take `steps` each, on `keys` different keys.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) threads: u64,
    pub(crate) steps: u64,
    pub(crate) keys: u64,
}

/// How often each outcome occurred in a storm.
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

/// The value that a call of `f` returns.
#[derive(Clone)]
struct Value {
    key: u64,
    /// The time on [`World::clock`] when its call began.
    began: u64,
    /// Whether its call saw that it was cancelled. If so, no caller may get this value.
    stopped: bool,
    /// Counts the values that are alive.
    _alive: Arc<()>,
}

/// No thread forgets this key, so it has at most one call at a time.
const KEPT: u64 = 0;

struct World {
    memo: Memo<u64, Value, F>,
    size: Size,
    /// Ticks once for each call of `f` and once each time a key is forgotten.
    clock: AtomicU64,
    /// For each key, the time just before it was last forgotten. A caller that asks after that gets no value of an
    /// earlier call.
    forgotten: Vec<AtomicU64>,
    /// How many calls for the key [`KEPT`] are in flight.
    inside: AtomicU64,
    /// How many calls have panicked.
    panics: AtomicU64,
    tokens: Vec<Mutex<Token>>,
}

/// Runs one storm.
pub(crate) fn run(seed: u64, size: Size) -> Tally {
    let alive = Arc::new(());
    let world = Arc::new_cyclic(|weak: &Weak<World>| {
        let (weak, alive) = (weak.clone(), alive.clone());
        let f: F = Box::new(move |call, key| {
            weak.upgrade().expect("a caller owns the world").f(seed, call, *key, &alive)
        });
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
        thread::spawn(move || {
            world.thread(&mut StdRng::seed_from_u64(seed ^ (thread << 32)))
        })
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
                    // The next callers bring a token that is not cancelled.
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
                            assert!(
                                token.is_cancelled(),
                                "only a cancelled token makes its caller leave: {error}"
                            );
                            tally.cancelled += 1;
                        }
                    }
                }
                _ => match self.ask(key, |memo| memo.get(&key)) {
                    None => tally.panics += 1,
                    Some(Ok(())) => tally.values += 1,
                    Some(Err(error)) => panic!(
                        "a caller from outside without limits got an error: {error}"
                    ),
                },
            }
        }
        tally
    }

    /// Asks for `key`, and checks what it gets. Returns `None` if `f` panicked.
    fn ask(
        &self,
        key: u64,
        ask: impl FnOnce(&Memo<u64, Value, F>) -> Result<Value, Error>,
    ) -> Option<Result<(), Error>> {
        let earliest = self.forgotten[key as usize].load(Relaxed);
        match catch_unwind(AssertUnwindSafe(|| ask(&self.memo))) {
            Ok(got) => Some(got.map(|value| {
                assert_eq!(value.key, key, "every key has its own value");
                assert!(
                    !value.stopped,
                    "no caller gets the value of a call that was told to stop"
                );
                assert!(
                    value.began > earliest,
                    "no caller gets a value from before its key was forgotten"
                );
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
            // Any outcome is fine: a value, a cycle, a cancellation, or a panic, which then also goes through this
            // call.
            let other = random.random_range(0..self.size.keys);
            if let Ok(value) =
                catch_unwind(AssertUnwindSafe(|| call.get(&self.memo, &other)))
                    .unwrap_or_else(|panic| {
                        self.leave(key);
                        self.panics.fetch_add(1, Relaxed);
                        resume_unwind(panic)
                    })
            {
                assert_eq!(value.key, other);
            }
        }
        self.leave(key);
        if random.random_range(0..8) == 0 {
            self.panics.fetch_add(1, Relaxed);
            resume_unwind(Box::new(Planned));
        }
        Value {
            key,
            began,
            stopped: stopped || call.is_cancelled(),
            _alive: alive.clone(),
        }
    }

    fn leave(&self, key: u64) {
        if key == KEPT {
            self.inside.fetch_sub(1, Relaxed);
        }
    }
}

/// shuttle's threads share one OS thread. There, the panic of one thread looks like a panic of all, and poisons
/// locks that it should not.
fn open<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The payload of the storm's own panics.
struct Planned;

/// Runs several storms, one after another, each from a seed of its own.
#[allow(dead_code, reason = "the schedules run one storm many times")]
pub(crate) fn several(first: u64, storms: u64, size: Size) -> Tally {
    (first..first + storms).map(|seed| run(seed, size)).sum()
}
