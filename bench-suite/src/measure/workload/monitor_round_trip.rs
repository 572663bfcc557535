//! `monitor_round_trip`: what of memo3's hit is the memo's own, and what is its channels'?
//!
//! The limit is a *bare echo*: a monitor that owns nothing and answers every request with the same value. It listens on
//! the same kind of channel, and each request brings a fresh reply channel, as memo3's do. What the memo takes beyond
//! that is its map, its entries, and its care for panics. The most of it is the map's hash function: so there are two
//! memos, one with the standard library's, which is safe against keys that are chosen to collide, and one with a
//! faster.
//!
//! One caller asks the three in turns, in one process, since in several they would differ by more than is looked for:
//! by where memory happens to lie. The time is that of the first memo's hit; `limit` is the echo's. `over` and
//! `over_foldhash` are the medians of the turns' ratios to it.

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
            caption: "memo3 is asked for a key that it has. Shown: time of one look-up, and the ratio to the fastest. In \
                      brackets: the ratio to a bare echo, which answers over the same kinds of channel and does nothing \
                      else (so it shows what the memo adds to its channels); and that ratio for a memo with a faster hash \
                      function than the standard library's.",
            in_brackets: &[OVER, OVER_FOLDHASH],
            quantities: &[ECHO],
            ..Times::OF_MODELS
        }),
    }],
    ..of_both_memos("monitor_round_trip", "memo3's hit against a bare echo on its channels", run)
};

const ECHO: Quantity = Quantity::time("echo", "the echo");
const OVER: Quantity = Quantity::new("over", Unit::Ratio, "memo3\nover echo");
const OVER_FOLDHASH: Quantity = Quantity::new("over_foldhash", Unit::Ratio, "with\nfoldhash");

/// How many turns each of the three has.
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

/// The key that is there.
const KEY: u64 = 7;

/// What an echo sends, which is what memo3's monitor does.
type Reply = Result<Arc<u64>, Box<dyn Any + Send>>;

/// The times of the turns: of the memo, of the one with the faster hash function, of the echo.
#[derive(Default)]
struct Turns(Vec<[Duration; 3]>);

impl Turns {
    /// Each has had a turn, one after the other, between these points in time.
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
/// Asks the echo for `key`, as memo3's `get` asks the monitor.
fn thread_echo(to_echo: &thread_channel::Sender<(u64, thread_channel::Sender<Reply>)>, key: u64) -> u64 {
    let (reply, answer) = thread_channel::bounded(1);
    to_echo.send((key, reply)).expect("the echo listens");
    *answer.recv().expect("it answers").expect("with a value")
}

fn threads(stack: StackSize, length: u64) -> io::Result<Turns> {
    let (to_echo, requests) = thread_channel::unbounded::<(u64, thread_channel::Sender<Reply>)>();
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
    echo.join().expect("nor does the echo");
    Ok(turns)
}
// ANCHOR_END: thread

// ANCHOR: coroutine
/// A channel for one answer, as memo3's for coroutines are.
#[derive(Default)]
struct OneShot {
    answer: Mutex<Option<Reply>>,
    there: SyncFlag,
}

/// Asks the echo for `key`, as memo3's `get` asks the monitor.
fn coroutine_echo(to_echo: &mpsc::Sender<(u64, Arc<OneShot>)>, key: u64) -> u64 {
    let reply = Arc::new(OneShot::default());
    to_echo.send((key, reply.clone())).expect("the echo listens");
    reply.there.wait();
    let answer = reply.answer.lock().take();
    *answer.expect("it answers").expect("with a value")
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
    // SAFETY: across its yields it holds channels and a number, and nothing of a thread; its frames are small.
    let echo = unsafe { runtime.spawn(echo) }?;
    let caller = move || {
        // SAFETY: `f` does nothing, and keys and values are numbers.
        let memo = unsafe { memo3::coroutine::Memo::new(|key: &u64| *key) };
        // SAFETY: as above; the hash function neither yields nor is deep.
        let faster = unsafe { memo3::coroutine::Memo::with_hasher(|key: &u64| *key, RandomState::default()) };
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
    // SAFETY: as above; besides, it holds the memo, and points in time.
    let turns = unsafe { runtime.spawn(caller) }?.join()?;
    echo.join()?;
    Ok(turns)
}
// ANCHOR_END: coroutine

// ANCHOR: task
/// Asks the echo for `key`, as memo3's `get` asks the monitor.
async fn task_echo(to_echo: &task_channel::UnboundedSender<(u64, oneshot::Sender<Reply>)>, key: u64) -> u64 {
    let (reply, answer) = oneshot::channel();
    to_echo.send((key, reply)).expect("the echo listens");
    *answer.await.expect("it answers").expect("with a value")
}

async fn tasks(length: u64) -> Turns {
    let (to_echo, mut requests) = task_channel::unbounded_channel::<(u64, oneshot::Sender<Reply>)>();
    let echo = tokio::spawn(async move {
        let value = Arc::new(KEY);
        while let Some((_, reply)) = requests.recv().await {
            let _ = reply.send(Ok(value.clone()));
        }
    });
    let caller = tokio::spawn(async move {
        let memo = memo3::task::Memo::new(|key: &u64| std::future::ready(*key));
        let faster = memo3::task::Memo::with_hasher(|key: &u64| std::future::ready(*key), RandomState::default());
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
    echo.await.expect("nor does the echo");
    turns
}
// ANCHOR_END: task
