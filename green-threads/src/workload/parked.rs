//! `parked`: many units that wait (gopl section 9.8.1: what a unit takes, and how many there can be).
//!
//! Each waits in the way of its model and takes no processor. `slope` reads memory twice, with half of the units and
//! with all, and reports the difference for one unit: what the process and the runtime take anyway, and what they keep
//! ready, is in both readings. `how_many` spawns until something stops it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Acquire, Ordering::Release};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Instant;

use tokio::sync::{Notify, mpsc};

use super::{Ask, MOST_UNITS, Workload, can};
use crate::StackSize;
use crate::coroutine;
use crate::probe::memory::{Memory, room_for_others};
use crate::probe::protocol::Answer;
use crate::probe::{Runtime, progress};

pub(super) const WORKLOAD: Workload = Workload {
    name: "parked",
    what: "units that wait: what each takes, and how many there can be",
    variants: &["slope", "how_many"],
    most: MOST_UNITS,
    lean: true,
    sockets: false,
    run,
    cannot: can,
};

/// How many units are spawned between two looks at the memory that is left.
const STRIDE: u64 = 1024;

fn run(runtime: &Runtime, ask: &Ask<'_>) -> io::Result<Answer> {
    let mut parked = Parked::on(runtime, || ());
    match &*ask.setup.variant {
        "slope" => slope(&mut parked, ask.setup.n),
        _ => how_many(parked, ask.setup.n),
    }
}

fn slope(parked: &mut Parked<'_>, n: u64) -> io::Result<Answer> {
    let half = (n / 2).max(1);
    let start = Instant::now();
    parked.more(half)?;
    let first = Memory::at_rest()?;
    parked.more(half)?;
    let time = start.elapsed();
    let second = Memory::at_rest()?;
    let per_unit = |of: fn(&Memory) -> u64| (of(&second) as f64 - of(&first) as f64) / half as f64;
    parked.release();
    Ok(Answer::time(time)
        .figure("resident", per_unit(|memory| memory.resident))
        .figure("reserved", per_unit(|memory| memory.reserved))
        .figure("page_tables", per_unit(|memory| memory.page_tables))
        .figure("kernel", per_unit(|memory| memory.kernel))
        .figure("mappings", per_unit(|memory| memory.mappings))
        .figure("threads", per_unit(|memory| memory.threads)))
}

/// The units stay parked: the process ends with them.
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
    // At a limit even dropping a unit's handle may be too much.
    std::mem::forget(parked);
    let resident = (after.resident as f64 - before.resident as f64) / units.max(1) as f64;
    let answer = Answer::time(time)
        .figure("units", units as f64)
        .figure("mappings", after.mappings as f64)
        .figure("resident", resident);
    Ok(Answer { failure, ..answer })
}

/// Parked units, and how to release them.
pub(super) enum Parked<'a> {
    Threads(Threads),
    Coroutines(Coroutines),
    Tasks(Tasks<'a>),
}

impl<'a> Parked<'a> {
    /// None so far. Each will first do what `before` does.
    pub(super) fn on(runtime: &'a Runtime, before: impl Fn() + Send + Sync + 'static) -> Self {
        let before: Before = Arc::new(before);
        match runtime {
            Runtime::Thread { stack } => Parked::Threads(Threads::new(*stack, before)),
            Runtime::Coroutine(runtime) => Parked::Coroutines(Coroutines::new(runtime, before)),
            Runtime::Task(runtime) => Parked::Tasks(Tasks::new(runtime, before)),
        }
    }

    /// Parks `units` more, and returns when all of them are about to wait.
    pub(super) fn more(&mut self, units: u64) -> io::Result<()> {
        self.as_many_as(units).1
    }

    /// How many of `units` more could be spawned, and why no more.
    fn as_many_as(&mut self, units: u64) -> (u64, io::Result<()>) {
        match self {
            Parked::Threads(threads) => threads.more(units),
            Parked::Coroutines(coroutines) => coroutines.more(units),
            Parked::Tasks(tasks) => tasks.more(units),
        }
    }

    /// Lets all go, and waits for them.
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
        Threads { stack, before, released: Arc::default(), handles: Vec::new(), announce, announced }
    }

    fn more(&mut self, units: u64) -> (u64, io::Result<()>) {
        for spawned in 0..units {
            let (before, announce, released) = (self.before.clone(), self.announce.clone(), self.released.clone());
            let unit = move || {
                before();
                // The main thread waits for it.
                let _ = announce.send(());
                while !released.load(Acquire) {
                    thread::park();
                }
            };
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
        self.handles.drain(..).for_each(|handle| handle.join().expect("a unit that only waits"));
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
        Coroutines { runtime, before, released: Arc::default(), handles: Vec::new(), announce, announced }
    }

    fn more(&mut self, units: u64) -> (u64, io::Result<()>) {
        for spawned in 0..units {
            let (before, announce, released) = (self.before.clone(), self.announce.clone(), self.released.clone());
            let unit = move || {
                before();
                // The main thread waits for it. It is a channel of std: to send on it never suspends the coroutine.
                let _ = announce.send(());
                while !released.load(Acquire) {
                    coroutine::park();
                }
                // `coroutine::park` says why.
                coroutine::yield_now();
            };
            // SAFETY: across its parks it holds what it has captured, all of it `Send`, and nothing of a thread.
            // `before` does nothing, or uses so much of the stack as its setup says, which `stack.rs` chooses to fit,
            // or not: an overflow then is what is to be seen.
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
        self.handles.drain(..).for_each(|handle| handle.join().expect("a unit that only waits"));
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
        Tasks { runtime, before, released: Arc::default(), handles: Vec::new(), announce, announced }
    }

    fn more(&mut self, units: u64) -> (u64, io::Result<()>) {
        for _ in 0..units {
            let (before, announce, released) = (self.before.clone(), self.announce.clone(), self.released.clone());
            let unit = async move {
                before();
                let waiting = released.notified();
                tokio::pin!(waiting);
                // From here on it would not miss the release, even if that came before the first poll.
                waiting.as_mut().enable();
                let _ = announce.send(());
                waiting.await;
            };
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
                handle.await.expect("a unit that only waits");
            }
        });
    }
}
// ANCHOR_END: task
