//! `stack`: how much a unit's stack holds, what it costs, and what happens at its end (gopl section 9.8.1).
//!
//! - `touch`: 100 units use `n` bytes of their stacks, return to the top, and wait. How much of each stack stays
//!   resident?
//! - `deepest`: how deep does a recursion get before it overflows the stack?
//! - `overflow`: what happens to the process, what does the joiner see, and which destructors run?
//! - `growing`: a recursion deeper than any fixed stack, for models whose stacks can grow.
//! - `default`: how large is a thread's stack if the program does not choose its size?
//!
//! A task has no stack: it runs on its worker's stack, and keeps nothing there while it waits.

#![allow(unsafe_code, reason = "it spawns coroutines")]

use std::hint::black_box;
use std::io;
use std::time::Instant;

use super::parked::Parked;
use super::{
    Ask, Depth, Experiment, Fact, Observations, Parameter, Quantity, Setting, Shows,
    Table, Workload,
};
use crate::StackSize;
use crate::coroutine;
use crate::probe::memory::{Memory, mapping_of};
use crate::probe::protocol::{Answer, Model, Setup};
use crate::probe::{Runtime, on_a_task, progress};
use crate::system;

pub(super) const WORKLOAD: Workload = Workload {
    variants: &["touch", "deepest", "overflow", "growing", "default"],
    most: 1 << 30,
    lean: true,
    experiments: &[Experiment {
        name: "stack",
        n: "n",
        settings,
        shows: Shows::Observations(Observations::new(&[
            TOUCH, DEEPEST, OVERFLOW, GROWING, DEFAULT,
        ])),
    }],
    cannot,
    ..Workload::new("stack", "use a stack, fill it, and run over its end", run)
};

const RESIDENT: Quantity = Quantity::bytes("resident", "resident");
const RESERVED: Quantity = Quantity::bytes("reserved", "reserved").neither();
const DEPTH: Quantity = Quantity::bytes("depth", "depth").more();
const JOINER: Fact = Fact { name: "joiner", head: "its joiner saw" };
const STACK: Parameter = Parameter::bytes("stack", "stack");

const TOUCH: Table = Table {
    variant: "touch",
    caption: "100 units that have used this much of their stack and wait. Shown: the resident memory of each.",
    parameters: &[STACK, Parameter::bytes("n", "used")],
    quantities: &[RESIDENT],
    facts: &[],
};

const DEEPEST: Table = Table {
    variant: "deepest",
    caption: "Recursion until the stack is full. Shown: how deep it got, and what happened then.",
    parameters: &[STACK],
    quantities: &[Quantity::PROGRESS.under("came to"), DEPTH],
    facts: &[JOINER],
};

const OVERFLOW: Table = Table {
    variant: "overflow",
    caption: "Recursion without end. Shown: what happens to the process, what the joiner sees, and which \
              destructors run.",
    parameters: &[STACK],
    quantities: &[Quantity::PROGRESS.under("destructors\nthat ran")],
    facts: &[JOINER],
};

const GROWING: Table = Table {
    variant: "growing",
    caption: "Recursion beyond any fixed stack, where stacks grow. Go's grow by themselves, and `stacker` lets a \
              thread's stack grow. For Go also: the stack at its deepest, and what is left of it after the return and \
              40 collections.",
    parameters: &[Parameter::bytes("n", "wanted")],
    quantities: &[
        DEPTH,
        RESIDENT,
        Quantity::bytes("stack_most", "stack at\nits deepest").neither(),
        Quantity::bytes("stack_left", "stack\nleft"),
    ],
    facts: &[],
};

const DEFAULT: Table = Table {
    variant: "default",
    caption: "The stack of a thread whose size the program does not choose: the addresses of its mapping.",
    parameters: &[],
    quantities: &[RESERVED],
    facts: &[],
};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// The bytes that `touch` uses of each stack that has room for them.
const TOUCHED: &[usize] =
    &[KIB, 4 * KIB, 16 * KIB, 32 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB];

fn settings(depth: Depth) -> Vec<Setting> {
    let sizes: &[usize] = if depth == Depth::Full {
        &[
            4 * KIB,
            8 * KIB,
            16 * KIB,
            32 * KIB,
            64 * KIB,
            256 * KIB,
            MIB,
            2 * MIB,
            8 * MIB,
        ]
    } else {
        &[64 * KIB, 2 * MIB]
    };
    let sized = |variant, n: usize, stack| Setting {
        stack: Some(stack),
        ..Setting::new(variant, n as u64)
    };
    let mut settings = Vec::new();
    for &stack in sizes {
        // The bytes that are used must leave room for the frames around them.
        let touched = TOUCHED.iter().filter(|bytes| **bytes + 2 * KIB <= stack);
        settings.extend(touched.map(|&bytes| sized("touch", bytes, stack)));
    }
    settings.extend(sizes.iter().map(|&stack| sized("deepest", 512, stack)));
    settings.push(sized("overflow", 512, 64 * KIB));
    settings.push(Setting::new("default", 1));
    settings.push(sized("growing", 64 * MIB, 64 * KIB));
    settings
}

fn cannot(setup: &Setup) -> Option<&'static str> {
    match (&*setup.variant, setup.model) {
        (_, Model::TaskCurrentThread) => {
            Some("its worker is the main thread, whose stack the operating system sizes")
        }
        ("growing", Model::Coroutine) => {
            Some("`stacker` knows the stacks of threads only")
        }
        ("growing", Model::Task) => {
            Some("a task has no stack of its own that could grow")
        }
        ("default", Model::Coroutine) => {
            Some("the size of its stack is always chosen, for the whole process")
        }
        ("default", Model::Task) => Some("a task has no stack of its own"),
        ("default", Model::Goroutine) => Some("its stack begins small and grows"),
        _ => None,
    }
}

/// The number of units in `touch`.
const UNITS: u64 = 100;

/// Bytes of locals in each frame of a recursion.
const FRAME: usize = 512;

fn run(runtime: &Runtime, ask: &Ask<'_>) -> io::Result<Answer> {
    let bytes = ask.setup.n as usize;
    let stack = ask.setup.stack;
    match &*ask.setup.variant {
        "touch" => touch(runtime, bytes),
        "deepest" => overflow(runtime, move || tell_depths(stack)),
        "overflow" => overflow(runtime, || {
            progress(0);
            let _guard = Guard;
            descend(here(), usize::MAX, &mut |_| ());
        }),
        "growing" => growing(bytes),
        _ => by_default(),
    }
}

fn touch(runtime: &Runtime, bytes: usize) -> io::Result<Answer> {
    let mut parked = Parked::on(runtime, move || descend(here(), bytes, &mut |_| ()));
    let start = Instant::now();
    // The first units also set up what all units share, so only the second batch is counted.
    parked.more(UNITS)?;
    let first = Memory::at_rest()?;
    parked.more(UNITS)?;
    let second = Memory::at_rest()?;
    let time = start.elapsed();
    parked.release();
    Ok(Answer::time(time).quantity(
        RESIDENT,
        (second.resident as f64 - first.resident as f64) / UNITS as f64,
    ))
}

/// Runs `dive`, which overflows its stack, on a unit. If the process survives that, reports what the joiner saw.
fn overflow(
    runtime: &Runtime,
    dive: impl FnOnce() + Send + 'static,
) -> io::Result<Answer> {
    let start = Instant::now();
    let joiner = match runtime {
        Runtime::Thread { stack } => thread(*stack, dive)?,
        Runtime::Coroutine(runtime) => coroutine(runtime, dive)?,
        Runtime::Task(runtime) => on_a_task(runtime, async { task(dive).await }),
    };
    Ok(Answer::time(start.elapsed()).fact(JOINER, joiner))
}

// ANCHOR: thread
fn thread(stack: StackSize, dive: impl FnOnce() + Send + 'static) -> io::Result<String> {
    let thread = std::thread::Builder::new().stack_size(stack.bytes()).spawn(dive)?;
    Ok(thread.join().map_or_else(|_| "a panic".to_string(), |()| "no error".to_string()))
}
// ANCHOR_END: thread

// ANCHOR: coroutine
fn coroutine(
    runtime: &'static coroutine::Runtime,
    dive: impl FnOnce() + Send + 'static, // overflows its stack
) -> io::Result<String> {
    // SAFETY: `dive` never yields, so nothing is held across a yield. It does overflow
    // its stack, on purpose. Its frames are 512 bytes, far less than the guard page, so
    // the overflow hits the guard page, and `may` ends the coroutine there. No other code
    // uses what the coroutine held.
    let coroutine = unsafe { runtime.spawn(dive) }?;
    let end = coroutine.join();
    Ok(end.map_or_else(|error| error.to_string(), |()| "no error".to_string()))
}
// ANCHOR_END: coroutine

// ANCHOR: task
async fn task(dive: impl FnOnce() + Send + 'static) -> String {
    let task = tokio::spawn(async { dive() });
    task.await.map_or_else(|_| "a panic".to_string(), |()| "no error".to_string())
}
// ANCHOR_END: task

// ANCHOR: guard
/// A guard that reports a progress of 1 when it is dropped.
struct Guard;

impl Drop for Guard {
    fn drop(&mut self) {
        progress(1);
    }
}
// ANCHOR_END: guard

/// Returns an address on the stack of the calling thread or coroutine.
#[inline(never)]
fn here() -> usize {
    let local = 0_u8;
    (&raw const *black_box(&local)).addr()
}

// ANCHOR: descend
/// Recurses until `bytes` of stack are in use below `top`, and calls `at` with each
/// depth, in bytes.
#[inline(never)]
fn descend(top: usize, bytes: usize, at: &mut dyn FnMut(usize)) {
    let mut locals = [0_u8; FRAME];
    let depth = top.saturating_sub(black_box(&mut locals).as_ptr().addr());
    at(depth);
    if depth < bytes {
        descend(top, bytes, at);
    }
    // This use keeps the frame alive, so that the compiler does not turn the call above
    // into a jump.
    black_box(&mut locals);
}
// ANCHOR_END: descend

/// Recurses forever, and reports the depth each time it is 1/64 of `stack` deeper.
fn tell_depths(stack: usize) {
    let (mut told, step) = (0, stack / 64);
    descend(here(), usize::MAX, &mut |depth| {
        if depth >= told + step {
            told = depth;
            tell(depth);
        }
    });
}

/// Does what [`progress`] does with hardly any stack: near the end of the stack there is no room for a formatter.
#[inline(never)]
fn tell(depth: usize) {
    const BEFORE: &[u8] = b"{\"progress\":";
    let mut line = [b' '; 40];
    line[..BEFORE.len()].copy_from_slice(BEFORE);
    let (mut at, mut rest) = (line.len() - 3, depth);
    loop {
        line[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
        at -= 1;
    }
    line[38..].copy_from_slice(b"}\n");
    system::write_to_stdout(&line);
}

/// Recurses to `bytes` on a thread, on stack segments that `stacker` adds.
fn growing(bytes: usize) -> io::Result<Answer> {
    let before = Memory::now()?;
    let start = Instant::now();
    let (depth, resident) = grow(bytes, 0)?;
    let time = start.elapsed();
    Ok(Answer::time(time)
        .quantity(DEPTH, depth as f64)
        .quantity(RESIDENT, resident as f64 - before.resident as f64))
}

/// Recurses from a depth of `depth` to one of `bytes`. Returns the depth reached, and the resident memory at that
/// depth.
#[inline(never)]
fn grow(bytes: usize, depth: usize) -> io::Result<(usize, u64)> {
    /// If less than this is left of a segment, `stacker` adds a new one. In bytes.
    const RED_ZONE: usize = 64 << 10;
    /// The size of a new segment, in bytes.
    const SEGMENT: usize = 1 << 20;
    let mut locals = [1_u8; FRAME];
    black_box(&mut locals);
    let end = if depth < bytes {
        stacker::maybe_grow(RED_ZONE, SEGMENT, || grow(bytes, depth + FRAME))
    } else {
        Memory::now().map(|memory| (depth, memory.resident))
    };
    black_box(&mut locals);
    end
}

/// Spawns a thread without choosing a stack size, and reads the size of the mapping that contains its locals.
fn by_default() -> io::Result<Answer> {
    let start = Instant::now();
    let reserved = std::thread::spawn(|| mapping_of(here()))
        .join()
        .expect("the thread does not panic")?;
    Ok(Answer::time(start.elapsed()).quantity(RESERVED, reserved as f64))
}
