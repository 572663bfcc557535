//! `runtime_hit`: the memo has every key, and `n` callers look the keys up. What does a look-up cost on each
//! runtime?
//!
//! An iteration is one look-up, by any of the callers. The time runs from when the first caller starts to when the
//! last one ends.

#![allow(unsafe_code, reason = "it spawns coroutines")]

use std::io;
use std::sync::{Arc, Barrier};
use std::time::Instant;

use green_threads::StackSize;
use green_threads::coroutine::{self, SyncFlag};
use green_threads::probe::protocol::Answer;
use green_threads::probe::{Runtime, on_a_task};
use green_threads::workload::{Ask, Experiment, Parameter, Shows, Times, Workload, in_places};

use super::{ALGORITHMS, of_both_memos};
use crate::measure::together::first_start_to_last_end;
use crate::subject::{
    AsyncMemo, AsyncSubject, Memo, Memo2, Memo2Coroutine, Memo2Task, Memo3, Memo3Coroutine, Memo3Task, Subject,
};

pub(super) const WORKLOAD: Workload = Workload {
    experiments: &[Experiment {
        name: "runtime_hit",
        n: "callers",
        settings: |depth| in_places(depth, &[("memo2", 1), ("memo3", 1), ("memo2", 16), ("memo3", 16)]),
        shows: Shows::Times(Times {
            caption: "The memo has every key. Shown: time of one look-up, and the ratio to the fastest. With several \
                      callers it is the time of all their look-ups divided by their number. In memo2 the caller looks \
                      the key up itself; in memo3 it asks the monitor.",
            columns: &[Parameter::new("callers", "{} caller{s}"), Parameter::WORKERS],
            split: "variant",
            headline: &[&[("callers", "1"), ("workers", "1")]],
            ..Times::OF_MODELS
        }),
    }],
    ..of_both_memos("runtime_hit", "look up keys that memo2 or memo3 has", run)
};

/// The number of keys.
const KEYS: usize = 100;

fn run(runtime: &Runtime, ask: &Ask<'_>) -> io::Result<Answer> {
    let callers = ask.setup.n;
    // The number of look-ups of each caller, rounded up.
    let times = ask.iterations.div_ceil(callers);
    let first = ask.setup.variant == ALGORITHMS[0];
    let spans = match runtime {
        Runtime::Thread { stack } if first => threads::<Memo2>(*stack, callers, times)?,
        Runtime::Thread { stack } => threads::<Memo3>(*stack, callers, times)?,
        Runtime::Coroutine(runtime) if first => coroutines::<Memo2Coroutine>(runtime, callers, times)?,
        Runtime::Coroutine(runtime) => coroutines::<Memo3Coroutine>(runtime, callers, times)?,
        Runtime::Task(runtime) if first => on_a_task(runtime, tasks::<Memo2Task>(callers, times)),
        Runtime::Task(runtime) => on_a_task(runtime, tasks::<Memo3Task>(callers, times)),
    };
    let all = first_start_to_last_end(&spans);
    // Because of the rounding, the callers may have made a few look-ups more than were asked for.
    let share = ask.iterations as f64 / (callers * times) as f64;
    Ok(Answer { nanoseconds: all.as_nanos() as f64 * share, ..Answer::default() })
}

type Spans = Vec<(Instant, Instant)>;

fn keys() -> Arc<[String]> {
    (0..KEYS).map(|page| format!("https://pages.example/{page:04}.html")).collect()
}

/// Lists the keys that one caller asks for. Each caller begins at a different key.
fn turns(keys: &[String], caller: u64, times: u64) -> impl Iterator<Item = &String> + Send {
    let first = caller as usize * 37 % keys.len();
    keys.iter().cycle().skip(first).take(times as usize)
}

// ANCHOR: thread
fn threads<S: Subject>(stack: StackSize, callers: u64, times: u64) -> io::Result<Spans> {
    let keys = keys();
    let memo = Arc::new(S::memo::<String, u64>(Box::new(|key| key.len() as u64)));
    for key in keys.iter() {
        memo.get(key);
    }
    let start = Arc::new(Barrier::new(callers as usize));
    let mut handles = Vec::new();
    for caller in 0..callers {
        let (keys, memo, start) = (keys.clone(), memo.clone(), start.clone());
        let asks = move || {
            start.wait();
            let begun = Instant::now();
            for key in turns(&keys, caller, times) {
                std::hint::black_box(memo.get(key));
            }
            (begun, Instant::now())
        };
        handles.push(std::thread::Builder::new().stack_size(stack.bytes()).spawn(asks)?);
    }
    let mut spans = Vec::new();
    for caller in handles {
        spans.push(caller.join().expect("a caller does not panic"));
    }
    Ok(spans)
}
// ANCHOR_END: thread

// ANCHOR: coroutine
fn coroutines<S: Subject>(
    runtime: &'static coroutine::Runtime,
    callers: u64,
    times: u64, // look-ups of each caller
) -> io::Result<Spans> {
    let keys = keys();
    let memo = Arc::new(S::memo::<String, u64>(Box::new(|key| key.len() as u64)));
    for key in keys.iter() {
        memo.get(key);
    }
    let start = Arc::new(SyncFlag::new());
    let mut handles = Vec::new();
    for caller in 0..callers {
        let (keys, memo, start) = (keys.clone(), memo.clone(), start.clone());
        let asks = move || {
            start.wait();
            let begun = Instant::now();
            for key in turns(&keys, caller, times) {
                std::hint::black_box(memo.get(key));
            }
            (begun, Instant::now())
        };
        // SAFETY: across its waits the coroutine holds the memo, its keys and points in
        // time, and nothing of its thread. Its frames are small.
        handles.push(unsafe { runtime.spawn(asks) }?);
    }
    start.fire();
    handles.into_iter().map(|caller| Ok(caller.join()?)).collect()
}
// ANCHOR_END: coroutine

// ANCHOR: task
async fn tasks<S: AsyncSubject>(callers: u64, times: u64) -> Spans {
    let keys = keys();
    let memo = S::memo::<String, u64>(Box::new(|key: &String| {
        let length = key.len() as u64;
        Box::pin(std::future::ready(length))
    }));
    let memo = Arc::new(memo);
    for key in keys.iter() {
        memo.get(key).await;
    }
    let start = Arc::new(tokio::sync::Barrier::new(callers as usize));
    let mut handles = Vec::new();
    for caller in 0..callers {
        let (keys, memo, start) = (keys.clone(), memo.clone(), start.clone());
        handles.push(tokio::spawn(async move {
            start.wait().await;
            let begun = Instant::now();
            for key in turns(&keys, caller, times) {
                std::hint::black_box(memo.get(key).await);
            }
            (begun, Instant::now())
        }));
    }
    let mut spans = Vec::new();
    for caller in handles {
        spans.push(caller.await.expect("a caller does not panic"));
    }
    spans
}
// ANCHOR_END: task
