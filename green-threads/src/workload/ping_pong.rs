//! `ping_pong`: two units pass a ball back and forth (gopl exercise 9.5).
//!
//! An iteration is one round trip, timed by the unit that serves. Each direction has its own channel with room for
//! one ball. Coroutines use an unbounded channel, because `may` has no bounded one; it never holds more than one
//! ball here. The threads' channel makes a waiting thread sleep at once. The variant `spinning` uses a channel
//! that spins first (`slot.rs` explains the difference).

#![allow(unsafe_code, reason = "it spawns coroutines")]

use std::io;
use std::time::{Duration, Instant};

use crossbeam::channel::bounded;

use super::slot::slot;
use super::{Ask, Beside, Experiment, Shows, Times, Workload, in_places};
use crate::StackSize;
use crate::coroutine::{self, mpsc};
use crate::probe::Runtime;
use crate::probe::on_a_task;
use crate::probe::protocol::{Answer, Model, Setup};

pub(super) const WORKLOAD: Workload = Workload {
    variants: &["", "spinning"],
    experiments: &[Experiment {
        name: "ping_pong",
        n: "",
        settings: |depth| in_places(depth, &[("", 2)]),
        shows: Shows::Times(Times {
            caption: "Two units pass a ball back and forth over two channels. Shown: time of a round trip, and the \
                      ratio to the fastest (gopl exercise 9.5). Spinning threads try for some microseconds before they \
                      sleep. Whether the other thread is awake to answer in that time is luck; if it is, the trip can \
                      be a hundred times shorter.",
            beside: &[Beside {
                name: "thread, spinning",
                at: "",
                model: Model::Thread,
                variant: "spinning",
            }],
            ..Times::OF_MODELS
        }),
    }],
    cannot,
    ..Workload::new("ping_pong", "pass a ball back and forth between two units", run)
};

fn cannot(setup: &Setup) -> Option<&'static str> {
    let own = setup.variant == "spinning" && setup.model != Model::Thread;
    own.then_some("its channels never spin: a waiting unit hands over to the scheduler")
}

fn run(runtime: &Runtime, ask: &Ask<'_>) -> io::Result<Answer> {
    let time = match runtime {
        Runtime::Thread { stack } if ask.setup.variant == "spinning" => {
            spinning_threads(*stack, ask.iterations)?
        }
        Runtime::Thread { stack } => threads(*stack, ask.iterations)?,
        Runtime::Coroutine(runtime) => coroutines(runtime, ask.iterations)?,
        Runtime::Task(runtime) => on_a_task(runtime, tasks(ask.iterations)),
    };
    Ok(Answer::time(time))
}

// ANCHOR: thread
fn threads(stack: StackSize, iterations: u64) -> io::Result<Duration> {
    let (ping, pinged) = slot::<()>();
    let (pong, ponged) = slot::<()>();
    let thread = || std::thread::Builder::new().stack_size(stack.bytes());
    let returning = thread().spawn(move || {
        while pinged.recv().is_some() {
            pong.send(()).expect("the server waits for the ball");
        }
    })?;
    let serving = thread().spawn(move || {
        let start = Instant::now();
        for _ in 0..iterations {
            ping.send(()).expect("the returner still runs");
            ponged.recv().expect("the returner still runs");
        }
        start.elapsed()
        // Here `ping` is dropped, which ends the other thread's loop.
    })?;
    let time = serving.join().expect("the server does not panic");
    returning.join().expect("the returner does not panic");
    Ok(time)
}
// ANCHOR_END: thread

/// The same as [`threads`], with channels that spin before they sleep.
fn spinning_threads(stack: StackSize, iterations: u64) -> io::Result<Duration> {
    let (ping, pinged) = bounded::<()>(1);
    let (pong, ponged) = bounded::<()>(1);
    let thread = || std::thread::Builder::new().stack_size(stack.bytes());
    let returning = thread().spawn(move || {
        while pinged.recv().is_ok() {
            pong.send(()).expect("the server waits for the ball");
        }
    })?;
    let serving = thread().spawn(move || {
        let start = Instant::now();
        for _ in 0..iterations {
            ping.send(()).expect("the returner still runs");
            ponged.recv().expect("the returner still runs");
        }
        start.elapsed()
        // Here `ping` is dropped, which ends the other thread's loop.
    })?;
    let time = serving.join().expect("the server does not panic");
    returning.join().expect("the returner does not panic");
    Ok(time)
}

// ANCHOR: coroutine
fn coroutines(
    runtime: &'static coroutine::Runtime,
    iterations: u64, // round trips
) -> io::Result<Duration> {
    let (ping, pinged) = mpsc::channel::<()>();
    let (pong, ponged) = mpsc::channel::<()>();
    // SAFETY: across their yields both coroutines hold channels, which are `Send`, and a
    // point in time, and nothing of their thread. Neither calls anything deep.
    let returning = unsafe {
        runtime.spawn(move || {
            while pinged.recv().is_ok() {
                pong.send(()).expect("the server waits for the ball");
            }
        })
    }?;
    // SAFETY: as above.
    let serving = unsafe {
        runtime.spawn(move || {
            let start = Instant::now();
            for _ in 0..iterations {
                ping.send(()).expect("the returner still runs");
                ponged.recv().expect("the returner still runs");
            }
            start.elapsed()
        })
    }?;
    let time = serving.join()?;
    returning.join()?;
    Ok(time)
}
// ANCHOR_END: coroutine

// ANCHOR: task
async fn tasks(iterations: u64) -> Duration {
    let (ping, mut pinged) = tokio::sync::mpsc::channel::<()>(1);
    let (pong, mut ponged) = tokio::sync::mpsc::channel::<()>(1);
    let returning = tokio::spawn(async move {
        while pinged.recv().await.is_some() {
            pong.send(()).await.expect("the server waits for the ball");
        }
    });
    let serving = tokio::spawn(async move {
        let start = Instant::now();
        for _ in 0..iterations {
            ping.send(()).await.expect("the returner still runs");
            ponged.recv().await.expect("the returner still runs");
        }
        start.elapsed()
    });
    let time = serving.await.expect("the server does not panic");
    returning.await.expect("the returner does not panic");
    time
}
// ANCHOR_END: task
