//! `monitor_round_trip`: which part of the cost of memo3's hit is the memo's own, and which is its channels'?
//!
//! The reference is a *bare echo*: a monitor that owns nothing and answers every request with the same value. It
//! listens on the same kind of channel as memo3's monitor, and each request carries its own new reply channel, as
//! in memo3. What the memo takes beyond that is its map, its entries, and its handling of panics. Most of it is
//! the map's hash function. So there are two memos: one uses the standard library's function, which is safe
//! against keys that are chosen to collide, and the other uses a faster one.
//!
//! One caller asks the two memos and the echo in turns, in one process. In separate processes their memory would
//! be laid out differently, and that alone would change their times by more than the difference that is measured
//! here. The time is that of the first memo's hit, and `echo` is the time of the echo. `over` and `over_foldhash`
//! are the ratios of the two memos' times to the echo's: the median of all turns.

#![allow(unsafe_code, reason = "it spawns coroutines")]

use std::any::Any;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam::channel as thread_channel;
use foldhash::fast::RandomState;
use green_threads::StackSize;
use green_threads::coroutine::{self, SyncFlag, mpsc};
use green_threads::probe::protocol::Answer;
use green_threads::probe::{Runtime, on_a_task};
use green_threads::workload::{Ask, Experiment, Quantity, Shows, Times, Unit, Workload, in_places};
use parking_lot::Mutex;
use tokio::sync::{mpsc as task_channel, oneshot};

use super::of_both_memos;

pub(super) const WORKLOAD: Workload = Workload {
    variants: &[""],
    experiments: &[Experiment {
        name: "monitor_round_trip",
        n: "",
        settings: |depth| in_places(depth, &[("", 1)]),
        shows: Shows::Times(Times {
            caption: "memo3 is asked for a key that it has. Shown: time of one look-up, and the ratio to the fastest. \
                      In brackets: the ratio to a bare echo, which answers over the same kinds of channel and does \
                      nothing else (so it shows what the memo adds to its channels); and that ratio for a memo with a \
                      faster hash function than the standard library's.",
            in_brackets: &[OVER, OVER_FOLDHASH],
            quantities: &[ECHO],
            ..Times::OF_MODELS
        }),
    }],
    ..of_both_memos("monitor_round_trip", "compare memo3's hit with a bare echo on its channels", run)
};

const ECHO: Quantity = Quantity::time("echo", "the echo");
const OVER: Quantity = Quantity::new("over", Unit::Ratio, "memo3\nover echo");
const OVER_FOLDHASH: Quantity = Quantity::new("over_foldhash", Unit::Ratio, "with\nfoldhash");

/// The number of turns that each of the two memos and the echo has.
const TURNS: u64 = 21;

fn run(runtime: &Runtime, ask: &Ask<'_>) -> io::Result<Answer> {
    let length = ask.iterations.div_ceil(TURNS);
    let turns = match runtime {
        Runtime::Thread { stack } => threads(*stack, length)?,
        Runtime::Coroutine(runtime) => coroutines(runtime, length)?,
        Runtime::Task(runtime) => on_a_task(runtime, tasks(length)),
    };
    Ok(turns.answer(ask.iterations, length))
}

/// The key that the caller asks for. The memos have it.
const KEY: u64 = 7;

/// The reply of the echo, which has the same type as that of memo3's monitor.
type Reply = Result<Arc<u64>, Box<dyn Any + Send>>;

/// The times of the turns: of the memo, of the memo with the faster hash function, and of the echo.
#[derive(Default)]
struct Turns(Vec<[Duration; 3]>);

impl Turns {
    /// Notes one turn of each: the points in time at which the three turns began, and the last one ended.
    fn note(&mut self, [begun, second, third, end]: [Instant; 4]) {
        self.0.push([second - begun, third - second, end - third]);
    }

    fn answer(self, iterations: u64, length: u64) -> Answer {
        let one = |of: usize| {
            let all: Duration = self.0.iter().map(|turn| turn[of]).sum();
            all.as_nanos() as f64 / (TURNS * length) as f64
        };
        let over = |of: usize| {
            let mut ratios: Vec<f64> =
                self.0.iter().map(|turn| turn[of].as_secs_f64() / turn[2].as_secs_f64()).collect();
            ratios.sort_by(f64::total_cmp);
            ratios[ratios.len() / 2]
        };
        Answer { nanoseconds: one(0) * iterations as f64, ..Answer::default() }
            .quantity(ECHO, one(2))
            .quantity(OVER, over(0))
            .quantity(OVER_FOLDHASH, over(1))
    }
}

// ANCHOR: thread
/// A request to the echo: the key, and the channel for the reply.
type ThreadAsk = (u64, thread_channel::Sender<Reply>);

/// Asks the echo for `key`, as memo3's `get` asks the monitor.
fn thread_echo(to_echo: &thread_channel::Sender<ThreadAsk>, key: u64) -> u64 {
    let (reply, answer) = thread_channel::bounded(1);
    to_echo.send((key, reply)).expect("the echo listens");
    *answer.recv().expect("the echo answers").expect("with a value")
}

fn threads(stack: StackSize, length: u64) -> io::Result<Turns> {
    let (to_echo, requests) = thread_channel::unbounded::<ThreadAsk>();
    let thread = || std::thread::Builder::new().stack_size(stack.bytes());
    let echo = thread().spawn(move || {
        let value = Arc::new(KEY);
        for (_, reply) in requests {
            let _ = reply.send(Ok(value.clone()));
        }
    })?;
    let caller = thread().spawn(move || {
        let memo = memo3::Memo::new(|key: &u64| *key);
        let faster = memo3::Memo::with_hasher(|key: &u64| *key, RandomState::default());
        let mut turns = Turns::default();
        assert_eq!(memo.get(KEY), faster.get(KEY));
        for _ in 0..TURNS {
            let begun = Instant::now();
            for _ in 0..length {
                assert_eq!(memo.get(KEY), KEY);
            }
            let second = Instant::now();
            for _ in 0..length {
                assert_eq!(faster.get(KEY), KEY);
            }
            let third = Instant::now();
            for _ in 0..length {
                assert_eq!(thread_echo(&to_echo, KEY), KEY);
            }
            turns.note([begun, second, third, Instant::now()]);
        }
        turns
    })?;
    let turns = caller.join().expect("the caller does not panic");
    echo.join().expect("the echo does not panic");
    Ok(turns)
}
// ANCHOR_END: thread

// ANCHOR: coroutine
/// A channel for one answer, like those of memo3 for coroutines.
#[derive(Default)]
struct OneShot {
    answer: Mutex<Option<Reply>>,
    /// Fired when the answer has been stored.
    there: SyncFlag,
}

/// Asks the echo for `key`, as memo3's `get` asks the monitor.
fn coroutine_echo(to_echo: &mpsc::Sender<(u64, Arc<OneShot>)>, key: u64) -> u64 {
    let reply = Arc::new(OneShot::default());
    to_echo.send((key, reply.clone())).expect("the echo listens");
    reply.there.wait();
    let answer = reply.answer.lock().take();
    *answer.expect("the echo answers").expect("with a value")
}

fn coroutines(runtime: &'static coroutine::Runtime, length: u64) -> io::Result<Turns> {
    let (to_echo, requests) = mpsc::channel::<(u64, Arc<OneShot>)>();
    let echo = move || {
        let value = Arc::new(KEY);
        for (_, reply) in requests {
            *reply.answer.lock() = Some(Ok(value.clone()));
            reply.there.fire();
        }
    };
    // SAFETY: across its yields the coroutine holds channels and a number, and nothing of
    // its thread. Its frames are small.
    let echo = unsafe { runtime.spawn(echo) }?;
    let caller = move || {
        // SAFETY: `f` does nothing, and keys and values are numbers.
        let memo = unsafe { memo3::coroutine::Memo::new(|key: &u64| *key) };
        let f = |key: &u64| *key;
        let hasher = RandomState::default();
        // SAFETY: as above. The hash function does not yield, and is not deep.
        let faster = unsafe { memo3::coroutine::Memo::with_hasher(f, hasher) };
        let mut turns = Turns::default();
        assert_eq!(memo.get(KEY), faster.get(KEY));
        for _ in 0..TURNS {
            let begun = Instant::now();
            for _ in 0..length {
                assert_eq!(memo.get(KEY), KEY);
            }
            let second = Instant::now();
            for _ in 0..length {
                assert_eq!(faster.get(KEY), KEY);
            }
            let third = Instant::now();
            for _ in 0..length {
                assert_eq!(coroutine_echo(&to_echo, KEY), KEY);
            }
            turns.note([begun, second, third, Instant::now()]);
        }
        turns
    };
    // SAFETY: as for the echo. This coroutine also holds the memos, and points in time.
    let turns = unsafe { runtime.spawn(caller) }?.join()?;
    echo.join()?;
    Ok(turns)
}
// ANCHOR_END: coroutine

// ANCHOR: task
/// A request to the echo: the key, and the channel for the reply.
type TaskAsk = (u64, oneshot::Sender<Reply>);

/// Asks the echo for `key`, as memo3's `get` asks the monitor.
async fn task_echo(to_echo: &task_channel::UnboundedSender<TaskAsk>, key: u64) -> u64 {
    let (reply, answer) = oneshot::channel();
    to_echo.send((key, reply)).expect("the echo listens");
    *answer.await.expect("the echo answers").expect("with a value")
}

async fn tasks(length: u64) -> Turns {
    let (to_echo, mut requests) = task_channel::unbounded_channel::<TaskAsk>();
    let echo = tokio::spawn(async move {
        let value = Arc::new(KEY);
        while let Some((_, reply)) = requests.recv().await {
            let _ = reply.send(Ok(value.clone()));
        }
    });
    let caller = tokio::spawn(async move {
        let memo = memo3::task::Memo::new(|key: &u64| std::future::ready(*key));
        let f = |key: &u64| std::future::ready(*key);
        let faster = memo3::task::Memo::with_hasher(f, RandomState::default());
        let mut turns = Turns::default();
        assert_eq!(memo.get(KEY).await, faster.get(KEY).await);
        for _ in 0..TURNS {
            let begun = Instant::now();
            for _ in 0..length {
                assert_eq!(memo.get(KEY).await, KEY);
            }
            let second = Instant::now();
            for _ in 0..length {
                assert_eq!(faster.get(KEY).await, KEY);
            }
            let third = Instant::now();
            for _ in 0..length {
                assert_eq!(task_echo(&to_echo, KEY).await, KEY);
            }
            turns.note([begun, second, third, Instant::now()]);
        }
        turns
    });
    let turns = caller.await.expect("the caller does not panic");
    echo.await.expect("the echo does not panic");
    turns
}
// ANCHOR_END: task
