//! `parked`: many units that wait (gopl section 9.8.1: how much memory a unit takes, and how many units there can
//! be).
//!
//! Each unit waits in the way of its model and uses no processor time. `slope` reads the memory with half of the
//! units and with all of them, and reports the difference for one unit: both readings contain what the process and
//! the runtime take anyway and what they keep ready, so that cancels out. `how_many` spawns units until something
//! stops it.
//!
//! The kernel reports its own memory for the whole machine, so the difference also contains what other processes
//! do. Therefore the second half of the units is parked in four steps. What a unit takes is the same in each step;
//! what other processes do is not. If the steps differ so much that the slope may be noise, the answer has
//! `kernel_below` instead of `kernel`: each unit takes less than this number of bytes. (This does not notice other
//! memory that grows or shrinks evenly over all steps.)

#![allow(unsafe_code, reason = "it spawns coroutines")]

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Acquire, Ordering::Release};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Instant;

use tokio::sync::{Notify, mpsc};

use super::{
    Ask, Depth, Experiment, Observations, Parameter, Quantity, Setting, Shows, Table,
    Workload,
};
use crate::StackSize;
use crate::coroutine;
use crate::probe::memory::{Memory, room_for_others};
use crate::probe::protocol::Answer;
use crate::probe::{Runtime, progress};

pub(super) const WORKLOAD: Workload = Workload {
    variants: &["slope", "how_many"],
    lean: true,
    experiments: &[Experiment {
        name: "parked",
        n: "n",
        settings,
        shows: Shows::Observations(Observations::new(&[SLOPE, HOW_MANY])),
    }],
    ..Workload::new(
        "parked",
        "park units: how much memory each takes, and how many there can be",
        run,
    )
};

const RESIDENT: Quantity = Quantity::bytes("resident", "resident");
const PAGE_TABLES: Quantity = Quantity::bytes("page_tables", "page\ntables");
const KERNEL: Quantity = Quantity::bytes("kernel", "kernel");
const RESERVED: Quantity = Quantity::bytes("reserved", "reserved");
const MAPPINGS: Quantity = Quantity::count("mappings", "mappings").less();
const THREADS: Quantity = Quantity::count("threads", "threads").less();
const UNITS: Quantity = Quantity::count("units", "units").more().reported();

const SLOPE: Table = Table {
    variant: "slope",
    caption: "Units that wait. Shown: what each of them takes, which is the difference between n units and half as \
              many. Resident memory has been touched, reserved memory is addresses. Neither includes page tables or \
              the kernel's own memory. The kernel reports its memory for the whole machine. Where other processes hide \
              what a unit takes, a bound is shown.",
    parameters: &[Parameter::new("n", "units")],
    quantities: &[RESIDENT, PAGE_TABLES, KERNEL, RESERVED, MAPPINGS, THREADS],
    facts: &[],
};

const HOW_MANY: Table = Table {
    variant: "how_many",
    caption: "As many waiting units as possible, up to a million. Shown: how many there were, what stopped them, and \
              what each took. A process that crashed had at least as many as it reported last.",
    parameters: &[],
    quantities: &[UNITS, RESIDENT, MAPPINGS.under("mappings\nof all")],
    facts: &[],
};

fn settings(_: Depth) -> Vec<Setting> {
    [("slope", 1000), ("slope", 10_000), ("how_many", 1_000_000)]
        .map(|(variant, n)| Setting::new(variant, n).on_every_core())
        .into()
}

/// How many units are spawned between two checks of the memory that is left.
const STRIDE: u64 = 1024;

fn run(runtime: &Runtime, ask: &Ask<'_>) -> io::Result<Answer> {
    let mut parked = Parked::on(runtime, || ());
    match &*ask.setup.variant {
        "slope" => slope(&mut parked, ask.setup.n),
        _ => how_many(parked, ask.setup.n),
    }
}

/// The number of steps in which the second half of the units is parked.
const STEPS: u64 = 4;

fn slope(parked: &mut Parked<'_>, n: u64) -> io::Result<Answer> {
    let half = (n / 2).max(1);
    let start = Instant::now();
    parked.more(half)?;
    let mut readings = Readings { units: vec![0], memory: vec![Memory::at_rest()?] };
    for end in steps(half) {
        parked.more(end - readings.units[readings.units.len() - 1])?;
        readings.units.push(end);
        readings.memory.push(Memory::at_rest()?);
    }
    let time = start.elapsed();
    parked.release();
    let mut answer = Answer::time(time);
    for (quantity, each) in [
        (RESIDENT, readings.own(|memory| memory.resident)),
        (RESERVED, readings.own(|memory| memory.reserved)),
        (PAGE_TABLES, readings.own(|memory| memory.page_tables)),
        (KERNEL, readings.shared(|memory| memory.kernel)),
    ] {
        answer = match each {
            Each::Takes(bytes) => answer.quantity(quantity, bytes),
            Each::Below(bytes) => answer.bound(quantity, bytes),
        };
    }
    // A runtime may give back a mapping or a thread of its own between the readings. Then report 0, not less.
    let count = |of: fn(&Memory) -> u64| readings.each(of).max(0.0);
    Ok(answer
        .quantity(MAPPINGS, count(|memory| memory.mappings))
        .quantity(THREADS, count(|memory| memory.threads)))
}

/// Returns how many of `half` units are parked after each step.
fn steps(half: u64) -> impl Iterator<Item = u64> {
    let steps = STEPS.min(half);
    (1..=steps).map(move |step| half * step / steps)
}

/// Readings of the process's memory, each with more parked units than the one before.
struct Readings {
    units: Vec<u64>,
    memory: Vec<Memory>,
}

/// How much memory each unit takes, in bytes.
#[derive(Debug, PartialEq)]
enum Each {
    /// This much.
    Takes(f64),
    /// Less than this. How much less is not known.
    Below(f64),
}

impl Readings {
    /// Returns the growth per unit between the reading `from` and the reading `to`.
    fn between(&self, from: usize, to: usize, of: fn(&Memory) -> u64) -> f64 {
        let units = self.units[to] - self.units[from];
        (of(&self.memory[to]) as f64 - of(&self.memory[from]) as f64) / units as f64
    }

    /// Returns the growth per unit between the first reading and the last.
    fn each(&self, of: fn(&Memory) -> u64) -> f64 {
        self.between(0, self.units.len() - 1, of)
    }

    /// Evaluates memory that the kernel reports exactly, for this process alone. A negative growth means that the
    /// process has given back memory of its own, which hides what the units take.
    fn own(&self, of: fn(&Memory) -> u64) -> Each {
        let each = self.each(of);
        if each < 0.0 { Each::Below(-each) } else { Each::Takes(each) }
    }

    /// Evaluates memory that the kernel reports for the whole machine.
    ///
    /// The noise is half the range of the steps' slopes. For four samples, that is about twice the standard error
    /// of their mean. It is at least 64 KiB divided by the number of units: the kernel takes such memory in blocks
    /// of pages, and keeps some blocks ready on each core.
    fn shared(&self, of: fn(&Memory) -> u64) -> Each {
        const BLOCKS: f64 = 65536.0;
        let each = self.each(of);
        let slopes = (1..self.units.len()).map(|to| self.between(to - 1, to, of));
        let (least, most) = slopes.fold((each, each), |(least, most), slope| {
            (slope.min(least), slope.max(most))
        });
        let noise =
            ((most - least) / 2.0).max(BLOCKS / self.units[self.units.len() - 1] as f64);
        if each > noise { Each::Takes(each) } else { Each::Below(noise.max(each.abs())) }
    }
}

/// Parks units until `most` are parked or something stops it. The units stay parked until the process ends.
fn how_many(mut parked: Parked<'_>, most: u64) -> io::Result<Answer> {
    let before = Memory::now()?;
    let start = Instant::now();
    let mut units = 0;
    let failure = loop {
        if units >= most {
            break None;
        }
        if let Err(error) = room_for_others() {
            break Some(error.to_string());
        }
        let (spawned, end) = parked.as_many_as(STRIDE.min(most - units));
        units += spawned;
        if let Err(error) = end {
            break Some(error.to_string());
        }
        progress(units);
    };
    let time = start.elapsed();
    let after = Memory::now()?;
    // Forget the handles: at a limit, even dropping a unit's handle may fail.
    std::mem::forget(parked);
    let resident = (after.resident as f64 - before.resident as f64) / units.max(1) as f64;
    let answer = Answer::time(time)
        .quantity(UNITS, units as f64)
        .quantity(MAPPINGS, after.mappings as f64)
        .quantity(RESIDENT, resident);
    Ok(Answer { failure, ..answer })
}

/// Parked units of one model. They wait until they are released.
pub(super) enum Parked<'a> {
    Threads(Threads),
    Coroutines(Coroutines),
    Tasks(Tasks<'a>),
}

impl<'a> Parked<'a> {
    /// Creates an empty set of units on `runtime`. Each unit calls `before` and then waits.
    pub(super) fn on(
        runtime: &'a Runtime,
        before: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        let before: Before = Arc::new(before);
        match runtime {
            Runtime::Thread { stack } => Parked::Threads(Threads::new(*stack, before)),
            Runtime::Coroutine(runtime) => {
                Parked::Coroutines(Coroutines::new(runtime, before))
            }
            Runtime::Task(runtime) => Parked::Tasks(Tasks::new(runtime, before)),
        }
    }

    /// Parks `units` more units, and returns when all of them are about to wait.
    pub(super) fn more(&mut self, units: u64) -> io::Result<()> {
        self.as_many_as(units).1
    }

    /// Spawns up to `units` more units. Returns how many it could spawn, and the error that stopped it, if any.
    fn as_many_as(&mut self, units: u64) -> (u64, io::Result<()>) {
        match self {
            Parked::Threads(threads) => threads.more(units),
            Parked::Coroutines(coroutines) => coroutines.more(units),
            Parked::Tasks(tasks) => tasks.more(units),
        }
    }

    /// Releases all units, and waits until they have ended.
    pub(super) fn release(&mut self) {
        match self {
            Parked::Threads(threads) => threads.release(),
            Parked::Coroutines(coroutines) => coroutines.release(),
            Parked::Tasks(tasks) => tasks.release(),
        }
    }
}

type Before = Arc<dyn Fn() + Send + Sync>;

// ANCHOR: thread
pub(super) struct Threads {
    stack: StackSize,
    before: Before,
    released: Arc<AtomicBool>,
    handles: Vec<thread::JoinHandle<()>>,
    announce: Sender<()>,
    announced: Receiver<()>,
}

impl Threads {
    fn new(stack: StackSize, before: Before) -> Self {
        let (announce, announced) = channel();
        let (released, handles) = (Arc::default(), Vec::new());
        Threads { stack, before, released, handles, announce, announced }
    }

    fn more(&mut self, units: u64) -> (u64, io::Result<()>) {
        for spawned in 0..units {
            let (before, announce) = (self.before.clone(), self.announce.clone());
            let released = self.released.clone();
            // ANCHOR: thread_unit
            let unit = move || {
                before();
                // An error would mean that the main thread no longer waits.
                let _ = announce.send(());
                while !released.load(Acquire) {
                    thread::park();
                }
            };
            // ANCHOR_END: thread_unit
            match thread::Builder::new().stack_size(self.stack.bytes()).spawn(unit) {
                Ok(handle) => self.handles.push(handle),
                Err(error) => return (spawned, Err(error)),
            }
        }
        self.announced.iter().take(units as usize).for_each(drop);
        (units, Ok(()))
    }

    fn release(&mut self) {
        self.released.store(true, Release);
        self.handles.iter().for_each(|handle| handle.thread().unpark());
        for handle in self.handles.drain(..) {
            handle.join().expect("a unit that only waits does not panic");
        }
    }
}
// ANCHOR_END: thread

// ANCHOR: coroutine
pub(super) struct Coroutines {
    runtime: &'static coroutine::Runtime,
    before: Before,
    released: Arc<AtomicBool>,
    handles: Vec<coroutine::JoinHandle<()>>,
    announce: Sender<()>,
    announced: Receiver<()>,
}

impl Coroutines {
    fn new(runtime: &'static coroutine::Runtime, before: Before) -> Self {
        let (announce, announced) = channel();
        let (released, handles) = (Arc::default(), Vec::new());
        Coroutines { runtime, before, released, handles, announce, announced }
    }

    fn more(&mut self, units: u64) -> (u64, io::Result<()>) {
        for spawned in 0..units {
            let (before, announce) = (self.before.clone(), self.announce.clone());
            let released = self.released.clone();
            let unit = move || {
                before();
                // The main thread waits for this message. The channel is one of std:
                // sending on it never suspends the coroutine.
                let _ = announce.send(());
                while !released.load(Acquire) {
                    coroutine::park();
                }
                // The documentation of `coroutine::park` explains this yield.
                coroutine::yield_now();
            };
            // SAFETY: across its parks the coroutine holds what it has captured, all of
            // it `Send`, and nothing of its thread. `before` does nothing, or uses as
            // much of the stack as its setup says. `stack.rs` chooses that amount so that
            // it fits, or so that it does not: then the overflow is what the workload
            // should show.
            match unsafe { self.runtime.spawn(unit) } {
                Ok(handle) => self.handles.push(handle),
                Err(error) => return (spawned, Err(error)),
            }
        }
        self.announced.iter().take(units as usize).for_each(drop);
        (units, Ok(()))
    }

    fn release(&mut self) {
        self.released.store(true, Release);
        self.handles.iter().for_each(|handle| handle.coroutine().unpark());
        for handle in self.handles.drain(..) {
            handle.join().expect("a unit that only waits does not panic");
        }
    }
}
// ANCHOR_END: coroutine

// ANCHOR: task
pub(super) struct Tasks<'a> {
    runtime: &'a tokio::runtime::Runtime,
    before: Before,
    released: Arc<Notify>,
    handles: Vec<tokio::task::JoinHandle<()>>,
    announce: mpsc::UnboundedSender<()>,
    announced: mpsc::UnboundedReceiver<()>,
}

impl<'a> Tasks<'a> {
    fn new(runtime: &'a tokio::runtime::Runtime, before: Before) -> Self {
        let (announce, announced) = mpsc::unbounded_channel();
        let (released, handles) = (Arc::default(), Vec::new());
        Tasks { runtime, before, released, handles, announce, announced }
    }

    fn more(&mut self, units: u64) -> (u64, io::Result<()>) {
        for _ in 0..units {
            let (before, announce) = (self.before.clone(), self.announce.clone());
            let released = self.released.clone();
            // ANCHOR: task_unit
            let unit = async move {
                before();
                let waiting = released.notified();
                tokio::pin!(waiting);
                // From here on this task cannot miss the release, even if that happens
                // before the first poll.
                waiting.as_mut().enable();
                let _ = announce.send(());
                waiting.await;
            };
            // ANCHOR_END: task_unit
            self.handles.push(self.runtime.spawn(unit));
        }
        self.runtime.block_on(async {
            for _ in 0..units {
                self.announced.recv().await;
            }
        });
        (units, Ok(()))
    }

    fn release(&mut self) {
        self.released.notify_waiters();
        self.runtime.block_on(async {
            for handle in self.handles.drain(..) {
                handle.await.expect("a unit that only waits does not panic");
            }
        });
    }
}
// ANCHOR_END: task

#[cfg(test)]
mod tests {
    use super::*;

    /// Readings in which the kernel uses this many bytes, with 1,000 more units each time.
    fn readings(kernel: [u64; 5]) -> Readings {
        let at = |kernel| Memory {
            resident: 0,
            reserved: 0,
            page_tables: 0,
            kernel,
            mappings: 0,
            threads: 0,
        };
        Readings {
            units: vec![0, 1_000, 2_000, 3_000, 4_000],
            memory: kernel.map(at).into(),
        }
    }

    #[test]
    fn what_the_steps_agree_on_is_a_figure_and_the_rest_is_noise() {
        let kernel = |kernel: [u64; 5]| readings(kernel).shared(|memory| memory.kernel);
        const MB: u64 = 1_000_000;
        assert_eq!(
            kernel([50 * MB, 60 * MB, 71 * MB, 80 * MB, 90 * MB]),
            Each::Takes(10_000.0)
        );
        // Another process took 3 MB, and gave back 4 MB later.
        assert_eq!(
            kernel([50 * MB, 53 * MB, 53 * MB, 49 * MB, 49 * MB]),
            Each::Below(3_500.0)
        );
        // Another process gave back 20 MB at every step, which hides what the units took.
        assert_eq!(
            kernel([90 * MB, 70 * MB, 50 * MB, 30 * MB, 10 * MB]),
            Each::Below(20_000.0)
        );
        // Nothing changed. The units may still have taken some pages that the kernel kept ready.
        assert_eq!(kernel([50 * MB; 5]), Each::Below(16.384));
    }

    #[test]
    fn what_is_our_own_is_exact_and_never_negative() {
        let own = |kernel: [u64; 5]| readings(kernel).own(|memory| memory.kernel);
        assert_eq!(own([0, 1, 2, 3, 4_000]), Each::Takes(1.0));
        assert_eq!(own([7; 5]), Each::Takes(0.0));
        assert_eq!(own([8_000, 0, 0, 0, 4_000]), Each::Below(1.0));
    }

    #[test]
    fn the_steps_end_with_all_units() {
        assert_eq!(steps(500).collect::<Vec<_>>(), [125, 250, 375, 500]);
        assert_eq!(steps(7).collect::<Vec<_>>(), [1, 3, 5, 7]);
        assert_eq!(steps(2).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(steps(1).collect::<Vec<_>>(), [1]);
    }
}
