//! `wakeup`: how long a woken unit waits until it runs (gopl section 9.8.2: who schedules?).
//!
//! One unit, the waker, wakes another unit, the wakee, by sending to it. The waker then works on until `n`
//! nanoseconds after the start of the send, however long the send took. Then it waits for the wakee's answer. An
//! iteration is one wake-up. The result has the wait of each iteration, from just before the send until the wakee
//! runs.
//!
//! If another core takes the wakee, the wakee runs *beside* the waker's work. If the runtime queues the wakee
//! behind the waker, on the same worker, the wakee waits until the waker has finished, even if other cores are
//! idle. That keeps the data that they share in one core's cache, but the wait is as long as the waker's work.
//!
//! `n` should be several ten thousand. Then the wakee has answered and sleeps again while the waker still works.
//! If `n` is smaller, the next wake-up may find the wakee still awake, because crossbeam's channel spins for some
//! microseconds before it lets a thread sleep.

#![allow(unsafe_code, reason = "it spawns coroutines")]

use std::io;
use std::time::{Duration, Instant};

use crossbeam::channel::bounded;

use super::{
    Ask, Experiment, Quantity, Setting, Shows, Times, Unit, Workload, in_places,
    percentile,
};
use crate::coroutine::{self, mpsc};
use crate::probe::Runtime;
use crate::probe::on_a_task;
use crate::probe::protocol::Answer;
use crate::probe::trace::Recorder;
use crate::{StackSize, Workers};

pub(super) const WORKLOAD: Workload = Workload {
    most: 1_000_000_000,
    experiments: &[Experiment {
        name: "wakeup",
        n: "",
        settings: |depth| in_places(depth, &[("", 50_000)]),
        shows: Shows::Times(Times {
            caption: "A unit wakes another unit and works on until 50 µs later. Shown: how long the woken unit waits \
                      until it runs (median / 99th percentile, of the waits of all rounds together), and how often it \
                      ran before its waker had finished, which takes another worker.",
            instead: &[percentile::P50, percentile::P99, BESIDE],
            quantities: &[percentile::P90],
            ..Times::OF_MODELS
        }),
    }],
    recorded: Some(|| Setting {
        workers: Workers::TWO,
        times: 5,
        ..Setting::new("", 50_000)
    }),
    ..Workload::new("wakeup", "wake a unit, and work on", run)
};

/// The share of the wake-ups after which the woken unit ran before its waker had finished.
const BESIDE: Quantity = Quantity::new("beside", Unit::Share, "beside");

fn run(runtime: &Runtime, ask: &Ask<'_>) -> io::Result<Answer> {
    let (iterations, work) = (ask.iterations, Duration::from_nanos(ask.setup.n));
    if iterations > Answer::MOST_WAITS {
        let most = Answer::MOST_WAITS;
        return Err(io::Error::other(format!(
            "an answer holds at most {most} wake-ups, not {iterations}"
        )));
    }
    let waits = match runtime {
        Runtime::Thread { stack } => threads(*stack, iterations, work, ask.trace)?,
        Runtime::Coroutine(runtime) => coroutines(runtime, iterations, work, ask.trace)?,
        Runtime::Task(runtime) => {
            on_a_task(runtime, tasks(iterations, work, ask.trace.clone()))
        }
    };
    Ok(waits.answer())
}

/// How long the wakee waited, in each iteration.
struct Waits {
    start: Instant,
    time: Duration,
    nanoseconds: Vec<u64>,
    beside: u64,
}

impl Waits {
    fn new() -> Waits {
        Waits {
            start: Instant::now(),
            time: Duration::ZERO,
            nanoseconds: Vec::new(),
            beside: 0,
        }
    }

    /// Notes one wake-up: when the waker began the send, when it had finished its work, and when the wakee ran.
    fn note(&mut self, woken: Instant, worked: Instant, ran: Instant) {
        self.nanoseconds.push((ran - woken).as_nanos() as u64);
        self.beside += u64::from(ran < worked);
    }

    /// Notes the time of all iterations.
    fn ended(mut self) -> Waits {
        self.time = self.start.elapsed();
        self
    }

    fn answer(self) -> Answer {
        let share = self.beside as f64 / self.nanoseconds.len().max(1) as f64;
        Answer { waits: self.nanoseconds, ..Answer::time(self.time) }
            .quantity(BESIDE, share)
    }
}

/// Keeps the worker busy until `until`, and returns the time at which it stopped. If `until` has already passed,
/// because the send took longer, it returns at once.
fn spin(until: Instant) -> Instant {
    loop {
        let now = Instant::now();
        if now >= until {
            return now;
        }
    }
}

// ANCHOR: thread
fn threads(
    stack: StackSize,
    iterations: u64, // wake-ups
    work: Duration,  // of the waker, after each
    trace: &Recorder,
) -> io::Result<Waits> {
    let (as_wakee, as_waker) = (trace.actor("wakee"), trace.actor("waker"));
    let (wake, wakes) = bounded::<()>(1);
    let (answer, answers) = bounded::<Instant>(1);
    let thread = || std::thread::Builder::new().stack_size(stack.bytes());
    let wakee = thread().spawn(move || {
        while wakes.recv().is_ok() {
            as_wakee.did("ran");
            answer.send(Instant::now()).expect("the waker waits for the answer");
        }
    })?;
    let waker = thread().spawn(move || {
        let mut waits = Waits::new();
        for _ in 0..iterations {
            let woken = Instant::now();
            wake.send(()).expect("the wakee waits for the wake-up");
            let works = as_waker.holds("works");
            let worked = spin(woken + work);
            drop(works);
            let ran = answers.recv().expect("the wakee answers");
            waits.note(woken, worked, ran);
        }
        waits.ended()
    })?;
    let waits = waker.join().expect("the waker does not panic");
    wakee.join().expect("the wakee does not panic");
    Ok(waits)
}
// ANCHOR_END: thread

// ANCHOR: coroutine
fn coroutines(
    runtime: &'static coroutine::Runtime,
    iterations: u64, // wake-ups
    work: Duration,  // of the waker, after each
    trace: &Recorder,
) -> io::Result<Waits> {
    let (as_wakee, as_waker) = (trace.actor("wakee"), trace.actor("waker"));
    let (wake, wakes) = mpsc::channel::<()>();
    let (answer, answers) = mpsc::channel::<Instant>();
    // SAFETY: across their yields both coroutines hold channels, points in time, numbers
    // and their names in the trace, which are `Send`, and nothing of their thread. Their
    // frames are small.
    let wakee = unsafe {
        runtime.spawn(move || {
            while wakes.recv().is_ok() {
                as_wakee.did("ran");
                answer.send(Instant::now()).expect("the waker waits for the answer");
            }
        })
    }?;
    // SAFETY: as above.
    let waker = unsafe {
        runtime.spawn(move || {
            let mut waits = Waits::new();
            // ANCHOR: waker
            for _ in 0..iterations {
                let woken = Instant::now();
                wake.send(()).expect("the wakee waits for the wake-up");
                let works = as_waker.holds("works");
                let worked = spin(woken + work);
                drop(works);
                let ran = answers.recv().expect("the wakee answers");
                waits.note(woken, worked, ran);
            }
            // ANCHOR_END: waker
            waits.ended()
        })
    }?;
    let waits = waker.join()?;
    wakee.join()?;
    Ok(waits)
}
// ANCHOR_END: coroutine

// ANCHOR: task
async fn tasks(iterations: u64, work: Duration, trace: Recorder) -> Waits {
    let (as_wakee, as_waker) = (trace.actor("wakee"), trace.actor("waker"));
    let (wake, mut wakes) = tokio::sync::mpsc::channel::<()>(1);
    let (answer, mut answers) = tokio::sync::mpsc::channel::<Instant>(1);
    let wakee = tokio::spawn(async move {
        while wakes.recv().await.is_some() {
            as_wakee.did("ran");
            answer.send(Instant::now()).await.expect("the waker waits for the answer");
        }
    });
    let waker = tokio::spawn(async move {
        let mut waits = Waits::new();
        for _ in 0..iterations {
            let woken = Instant::now();
            wake.send(()).await.expect("the wakee waits for the wake-up");
            let works = as_waker.holds("works");
            let worked = spin(woken + work);
            drop(works);
            let ran = answers.recv().await.expect("the wakee answers");
            waits.note(woken, worked, ran);
        }
        waits.ended()
    });
    let waits = waker.await.expect("the waker does not panic");
    wakee.await.expect("the wakee does not panic");
    waits
}
// ANCHOR_END: task

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_work_ends_a_fixed_time_after_the_wake_up() {
        let woken = Instant::now();
        // The send took longer than the work should take, so the work ends at once.
        let until = woken.checked_sub(Duration::from_secs(3600)).unwrap_or(woken);
        assert!(spin(until) >= woken);
        let until = woken + Duration::from_millis(1);
        assert!(spin(until) >= until);
    }

    #[test]
    fn the_answer_has_every_wait() {
        let mut waits = Waits::new();
        let woken = waits.start;
        for (ran, worked) in [(5, 50), (60, 50), (7, 50), (70, 50)] {
            waits.note(
                woken,
                woken + Duration::from_micros(worked),
                woken + Duration::from_micros(ran),
            );
        }
        let answer = waits.ended().answer();
        assert_eq!(answer.waits, [5_000, 60_000, 7_000, 70_000]);
        assert_eq!(answer.quantities["beside"], 0.5);
    }
}
