//! `wakeup`: how long a unit that has been woken waits until it runs (gopl section 9.8.2: who schedules?).
//!
//! A unit, the waker, wakes another by sending to it, and goes on working for `n` nanoseconds before it waits for the
//! answer. An iteration is one wake-up. Where another core takes the wakee, it runs *beside* the waker's work. Where
//! the runtime queues it behind the waker, on the same worker, it waits until the waker is done, whatever the other
//! cores do: that keeps what they share in one core's cache, and costs as long as the waker pleases.
//!
//! While the waker works, the wakee has answered and waits again, if `n` is some ten thousands: shorter, and the next
//! wake-up may find it still awake, as crossbeam's channel tries for some microseconds before it lets a thread sleep.

use std::io;
use std::time::{Duration, Instant};

use crossbeam::channel::bounded;

use super::percentile::nearest_rank;
use super::{Ask, Workload, can};
use crate::StackSize;
use crate::coroutine::{self, mpsc};
use crate::probe::Runtime;
use crate::probe::on_a_task;
use crate::probe::protocol::Answer;

pub(super) const WORKLOAD: Workload = Workload {
    name: "wakeup",
    what: "wake a unit and go on working",
    variants: &[""],
    most: 1_000_000_000,
    lean: false,
    sockets: false,
    run,
    cannot: can,
};

fn run(runtime: &Runtime, ask: &Ask<'_>) -> io::Result<Answer> {
    let (iterations, work) = (ask.iterations, Duration::from_nanos(ask.setup.n));
    let waits = match runtime {
        Runtime::Thread { stack } => threads(*stack, iterations, work)?,
        Runtime::Coroutine(runtime) => coroutines(runtime, iterations, work)?,
        Runtime::Task(runtime) => on_a_task(runtime, tasks(iterations, work)),
    };
    Ok(waits.answer())
}

/// How long the wakee waited, each time.
struct Waits {
    start: Instant,
    time: Duration,
    nanoseconds: Vec<u64>,
    beside: u64,
}

impl Waits {
    fn new() -> Waits {
        Waits { start: Instant::now(), time: Duration::ZERO, nanoseconds: Vec::new(), beside: 0 }
    }

    /// It was woken, the waker stopped working, and the wakee had run at these points in time.
    fn note(&mut self, woken: Instant, worked: Instant, ran: Instant) {
        self.nanoseconds.push((ran - woken).as_nanos() as u64);
        self.beside += u64::from(ran < worked);
    }

    /// There were no more.
    fn ended(mut self) -> Waits {
        self.time = self.start.elapsed();
        self
    }

    fn answer(mut self) -> Answer {
        let share = self.beside as f64 / self.nanoseconds.len().max(1) as f64;
        self.nanoseconds.sort_unstable();
        let percentile = |percent| nearest_rank(&self.nanoseconds, percent);
        Answer::time(self.time)
            .figure("p50", percentile(50))
            .figure("p90", percentile(90))
            .figure("p99", percentile(99))
            .figure("beside", share)
    }
}

/// Keeps the worker busy for this long, and says when it was over.
fn spin(work: Duration) -> Instant {
    let start = Instant::now();
    loop {
        let now = Instant::now();
        if now - start >= work {
            return now;
        }
    }
}

// ANCHOR: thread
fn threads(stack: StackSize, iterations: u64, work: Duration) -> io::Result<Waits> {
    let (wake, wakes) = bounded::<()>(1);
    let (answer, answers) = bounded::<Instant>(1);
    let thread = || std::thread::Builder::new().stack_size(stack.bytes());
    let wakee = thread().spawn(move || {
        while wakes.recv().is_ok() {
            answer.send(Instant::now()).expect("the waker waits for it");
        }
    })?;
    let waker = thread().spawn(move || {
        let mut waits = Waits::new();
        for _ in 0..iterations {
            let woken = Instant::now();
            wake.send(()).expect("the wakee waits for it");
            let worked = spin(work);
            let ran = answers.recv().expect("the wakee answers");
            waits.note(woken, worked, ran);
        }
        waits.ended()
    })?;
    let waits = waker.join().expect("the waker does not panic");
    wakee.join().expect("nor does the wakee");
    Ok(waits)
}
// ANCHOR_END: thread

// ANCHOR: coroutine
fn coroutines(runtime: &'static coroutine::Runtime, iterations: u64, work: Duration) -> io::Result<Waits> {
    let (wake, wakes) = mpsc::channel::<()>();
    let (answer, answers) = mpsc::channel::<Instant>();
    // SAFETY: both hold channels, points in time and numbers across their yields, which are `Send`, and nothing of a
    // thread; their frames are small.
    let wakee = unsafe {
        runtime.spawn(move || {
            while wakes.recv().is_ok() {
                answer.send(Instant::now()).expect("the waker waits for it");
            }
        })
    }?;
    // SAFETY: as above.
    let waker = unsafe {
        runtime.spawn(move || {
            let mut waits = Waits::new();
            for _ in 0..iterations {
                let woken = Instant::now();
                wake.send(()).expect("the wakee waits for it");
                let worked = spin(work);
                let ran = answers.recv().expect("the wakee answers");
                waits.note(woken, worked, ran);
            }
            waits.ended()
        })
    }?;
    let waits = waker.join()?;
    wakee.join()?;
    Ok(waits)
}
// ANCHOR_END: coroutine

// ANCHOR: task
async fn tasks(iterations: u64, work: Duration) -> Waits {
    let (wake, mut wakes) = tokio::sync::mpsc::channel::<()>(1);
    let (answer, mut answers) = tokio::sync::mpsc::channel::<Instant>(1);
    let wakee = tokio::spawn(async move {
        while wakes.recv().await.is_some() {
            answer.send(Instant::now()).await.expect("the waker waits for it");
        }
    });
    let waker = tokio::spawn(async move {
        let mut waits = Waits::new();
        for _ in 0..iterations {
            let woken = Instant::now();
            wake.send(()).await.expect("the wakee waits for it");
            let worked = spin(work);
            let ran = answers.recv().await.expect("the wakee answers");
            waits.note(woken, worked, ran);
        }
        waits.ended()
    });
    let waits = waker.await.expect("the waker does not panic");
    wakee.await.expect("nor does the wakee");
    waits
}
// ANCHOR_END: task
