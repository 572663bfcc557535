//! `ring`: a token goes round a ring of `n` units (gopl exercise 9.5, with more than two units).
//!
//! An iteration is one hop. The token carries the number of hops that are left, and the unit that receives it with
//! none left stops the clock. At any time one unit works and the others wait. So more workers cannot help, but
//! they may harm: if the next unit waits on another core, that core must be woken.

#![allow(unsafe_code, reason = "it spawns coroutines")]

use std::io;
use std::time::{Duration, Instant};

use tokio::sync::mpsc as tokio_mpsc;

use super::slot::{Receiver, Sender, slot};
use super::{
    Ask, Depth, Experiment, Parameter, Setting, Shows, Times, Workload, in_places,
};
use crate::StackSize;
use crate::coroutine::{self, mpsc};
use crate::probe::Runtime;
use crate::probe::on_a_task;
use crate::probe::protocol::Answer;

pub(super) const WORKLOAD: Workload = Workload {
    experiments: &[Experiment {
        name: "ring",
        n: "units",
        settings,
        shows: Shows::Times(Times {
            caption: "A token goes round a ring of units. Shown: time of one hop, and the ratio to the fastest.",
            columns: &[Parameter::new("units", "{} unit{s}"), Parameter::WORKERS],
            headline: &[&[("units", "100")]],
            ..Times::OF_MODELS
        }),
    }],
    ..Workload::new("ring", "pass a token round a ring of units", run)
};

fn settings(depth: Depth) -> Vec<Setting> {
    match depth {
        Depth::Full => in_places(depth, &[("", 2), ("", 10), ("", 100), ("", 1000)]),
        Depth::Quick | Depth::Trial => {
            in_places(depth, &[("", 2), ("", 100), ("", 1000)])
        }
    }
}

fn run(runtime: &Runtime, ask: &Ask<'_>) -> io::Result<Answer> {
    let (units, hops) = (ask.setup.n, ask.iterations);
    if units < 2 {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("a ring needs at least 2 units, not {units}"),
        ));
    }
    let time = match runtime {
        Runtime::Thread { stack } => threads(*stack, units, hops)?,
        Runtime::Coroutine(runtime) => coroutines(runtime, units, hops)?,
        Runtime::Task(runtime) => on_a_task(runtime, tasks(units, hops)),
    };
    Ok(Answer::time(time))
}

/// The token that goes round the ring.
#[derive(Debug)]
struct Token {
    started: Instant,
    hops_left: u64,
}

impl Token {
    /// Creates the token that the first unit sends. It already has one hop less than `hops`, because the first hop
    /// is done when the second unit receives it. Returns `None` if `hops` is 0.
    fn new(hops: u64) -> Option<Token> {
        Some(Token { started: Instant::now(), hops_left: hops.checked_sub(1)? })
    }

    /// Returns the token with one hop less; or, if no hop was left, the time that all hops took.
    fn hop(self) -> Result<Token, Duration> {
        match self.hops_left.checked_sub(1) {
            Some(hops_left) => Ok(Token { hops_left, ..self }),
            None => Err(self.started.elapsed()),
        }
    }
}

// ANCHOR: thread
fn threads(stack: StackSize, units: u64, hops: u64) -> io::Result<Duration> {
    fn pass_on(received: &Receiver<Token>, next: &Sender<Token>) -> Option<Duration> {
        // The unit that stops the clock ends and drops its sender. Then the next unit
        // ends, and so on round the ring.
        while let Some(token) = received.recv() {
            match token.hop() {
                Ok(token) => next.send(token).expect("the next unit waits for it"),
                Err(time) => return Some(time),
            }
        }
        None
    }
    let (to_second, mut received) = slot();
    let mut handles = Vec::new();
    for _ in 1..units {
        let (next, from_me) = slot();
        let from_last = std::mem::replace(&mut received, from_me);
        let thread = std::thread::Builder::new().stack_size(stack.bytes());
        handles.push(thread.spawn(move || pass_on(&from_last, &next))?);
    }
    // The first unit is spawned last: it closes the ring, and sends the token.
    handles.push(std::thread::Builder::new().stack_size(stack.bytes()).spawn(
        move || {
            to_second.send(Token::new(hops)?).expect("the second waits for the token");
            pass_on(&received, &to_second)
        },
    )?);
    let ends = handles.into_iter().map(|unit| unit.join().expect("units do not panic"));
    Ok(ends.flatten().sum())
}
// ANCHOR_END: thread

// ANCHOR: coroutine
fn coroutines(
    runtime: &'static coroutine::Runtime,
    units: u64,
    hops: u64, // of the token, in all
) -> io::Result<Duration> {
    fn pass_on(
        received: &mpsc::Receiver<Token>, // from the unit before
        next: &mpsc::Sender<Token>,       // to the unit after
    ) -> Option<Duration> {
        while let Ok(token) = received.recv() {
            match token.hop() {
                Ok(token) => next.send(token).expect("the next unit waits for it"),
                Err(time) => return Some(time),
            }
        }
        None
    }
    let (to_second, mut received) = mpsc::channel();
    let mut handles = Vec::new();
    for _ in 1..units {
        let (next, from_me) = mpsc::channel();
        let from_last = std::mem::replace(&mut received, from_me);
        // SAFETY: across its yields the coroutine holds ends of channels, which are
        // `Send`, and nothing of its thread. Its frames are small.
        handles.push(unsafe { runtime.spawn(move || pass_on(&from_last, &next)) }?);
    }
    // SAFETY: as above.
    let first = unsafe {
        runtime.spawn(move || {
            to_second.send(Token::new(hops)?).expect("the second waits for the token");
            pass_on(&received, &to_second)
        })
    }?;
    handles.push(first);
    let ends = handles.into_iter().map(coroutine::JoinHandle::join);
    Ok(ends.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().sum())
}
// ANCHOR_END: coroutine

// ANCHOR: task
async fn tasks(units: u64, hops: u64) -> Duration {
    async fn pass_on(
        mut received: tokio_mpsc::Receiver<Token>, // from the unit before
        next: tokio_mpsc::Sender<Token>,           // to the unit after
    ) -> Option<Duration> {
        while let Some(token) = received.recv().await {
            match token.hop() {
                Ok(token) => next.send(token).await.expect("the next unit waits for it"),
                Err(time) => return Some(time),
            }
        }
        None
    }
    let (to_second, mut received) = tokio_mpsc::channel(1);
    let mut handles = Vec::new();
    for _ in 1..units {
        let (next, from_me) = tokio_mpsc::channel(1);
        let from_last = std::mem::replace(&mut received, from_me);
        handles.push(tokio::spawn(pass_on(from_last, next)));
    }
    handles.push(tokio::spawn(async move {
        to_second.send(Token::new(hops)?).await.expect("the second waits for the token");
        pass_on(received, to_second).await
    }));
    let mut time = Duration::ZERO;
    for handle in handles {
        time += handle.await.expect("a unit does not panic").unwrap_or_default();
    }
    time
}
// ANCHOR_END: task
