//! `skynet`: a tree of units, each of which has ten children (gopl section 9.8.1: how many units can there be?).
//!
//! An iteration is a whole tree with `n` leaves, where `n` is a power of ten. A leaf sends its number to its
//! parent. Every other unit adds up the numbers of its ten children, and sends the sum to its parent. A million
//! leaves make 1,111,111 units, most of which live for a moment. So this measures how fast units are created, and
//! how many exist at once, which the scheduler decides.
//!
//! A spawn may fail deep in the tree. Then the child's end of the channel is dropped with the child, the parent
//! adds up what its other children send, and no unit spawns any more. So the tree ends on its own, and the answer
//! says how many units there were.

#![allow(unsafe_code, reason = "it spawns coroutines")]

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crossbeam::channel;
use tokio::sync::mpsc as tokio_mpsc;

use super::{
    Ask, Depth, Experiment, Parameter, Quantity, Setting, Shows, Times, Workload,
    in_places,
};
use crate::StackSize;
use crate::coroutine::{self, mpsc};
use crate::probe::Runtime;
use crate::probe::on_a_task;
use crate::probe::protocol::Answer;

pub(super) const WORKLOAD: Workload = Workload {
    experiments: &[Experiment {
        name: "skynet",
        n: "leaves",
        settings,
        shows: Shows::Times(Times {
            caption: "A tree of units, ten children each, that sums the numbers of its leaves. Shown: time of a whole \
                      tree, the ratio to the fastest, and in brackets the units created.",
            columns: &[Parameter::new("leaves", "{} leaves"), Parameter::WORKERS],
            in_brackets: &[UNITS],
            headline: &[&[("leaves", "1000")]],
            ..Times::OF_MODELS
        }),
    }],
    ..Workload::new("skynet", "spawn a tree of units, ten children each", run)
};

const UNITS: Quantity = Quantity::count("units", "units");

fn settings(depth: Depth) -> Vec<Setting> {
    // Large trees run on all cores only: they show whether so many units can be created.
    let large: &[u64] =
        if depth == Depth::Full { &[10_000, 100_000, 1_000_000] } else { &[10_000] };
    let mut settings = in_places(depth, &[("", 1000)]);
    settings.extend(large.iter().map(|&leaves| Setting::new("", leaves).on_every_core()));
    settings
}

/// The number of children of every unit that is not a leaf.
const CHILDREN: u64 = 10;

fn run(runtime: &Runtime, ask: &Ask<'_>) -> io::Result<Answer> {
    let leaves = ask.setup.n;
    let power = leaves
        .checked_ilog(CHILDREN)
        .is_some_and(|height| CHILDREN.pow(height) == leaves);
    if !power {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{leaves} leaves are not a power of {CHILDREN}"),
        ));
    }
    let mut answer = Answer::default();
    for _ in 0..ask.iterations {
        let tree = Arc::new(Tree::default());
        let (sum, time) = match runtime {
            Runtime::Thread { stack } => threads(*stack, leaves, &tree)?,
            Runtime::Coroutine(runtime) => coroutines(runtime, leaves, &tree)?,
            Runtime::Task(runtime) => {
                on_a_task(runtime, tasks(leaves, Arc::clone(&tree)))
            }
        };
        answer.nanoseconds += time.as_nanos() as f64;
        answer = answer.quantity(UNITS, tree.units.load(Relaxed) as f64);
        if let Some(why) = tree.failure.get() {
            answer.failure = Some(why.clone());
            break;
        }
        let right = leaves * (leaves - 1) / 2;
        if sum != right {
            return Err(io::Error::other(format!(
                "the sum of the leaves is {right}, but the tree computed {sum}"
            )));
        }
    }
    Ok(answer)
}

/// The data that all units of a tree share.
#[derive(Default)]
struct Tree {
    /// The number of units spawned so far.
    units: AtomicU64,
    /// The error of the first spawn that failed, if any.
    failure: OnceLock<String>,
}

impl Tree {
    /// Counts a spawned unit. If the spawn failed, keeps the error, unless another unit has already kept one.
    fn count<T>(&self, spawned: io::Result<T>) {
        match spawned {
            Ok(_) => drop(self.units.fetch_add(1, Relaxed)),
            Err(error) => drop(self.failure.set(error.to_string())),
        }
    }

    /// Whether a spawn has failed. The tree then stops growing.
    fn failed(&self) -> bool {
        self.failure.get().is_some()
    }
}

/// Divides the `leaves` leaves that start at `first` among the children of a unit. Returns, for each child, the
/// number of its first leaf and how many leaves it has.
fn children(first: u64, leaves: u64) -> impl Iterator<Item = (u64, u64)> {
    let each = leaves / CHILDREN;
    (0..CHILDREN).map(move |child| (first + child * each, each))
}

// ANCHOR: thread
fn threads(
    stack: StackSize,
    leaves: u64, // of the whole tree
    tree: &Arc<Tree>,
) -> io::Result<(u64, Duration)> {
    fn spawn(
        stack: StackSize,
        first: u64,               // the number of the unit's first leaf
        leaves: u64,              // how many leaves it has
        up: channel::Sender<u64>, // to its parent
        tree: &Arc<Tree>,
    ) {
        let its = Arc::clone(tree);
        let thread = std::thread::Builder::new().stack_size(stack.bytes());
        tree.count(thread.spawn(move || node(stack, first, leaves, &up, &its)));
    }
    fn node(
        stack: StackSize,
        first: u64,
        leaves: u64,
        up: &channel::Sender<u64>, // to the parent
        tree: &Arc<Tree>,
    ) {
        let sum = if leaves == 1 {
            first
        } else {
            let (to_me, sums) = channel::unbounded();
            let below = children(first, leaves);
            for (first, leaves) in below.take_while(|_| !tree.failed()) {
                spawn(stack, first, leaves, to_me.clone(), tree);
            }
            // After this drop only the children hold senders, so the sum ends when the
            // last child has ended.
            drop(to_me);
            sums.into_iter().sum()
        };
        up.send(sum).expect("the parent waits for the sum");
    }
    let tree = Arc::clone(tree);
    let root =
        std::thread::Builder::new().stack_size(stack.bytes()).spawn(move || {
            let start = Instant::now();
            let (to_me, sums) = channel::unbounded();
            spawn(stack, 0, leaves, to_me, &tree);
            (sums.into_iter().sum(), start.elapsed())
        })?;
    Ok(root.join().expect("a unit does not panic"))
}
// ANCHOR_END: thread

// ANCHOR: coroutine
fn coroutines(
    runtime: &'static coroutine::Runtime,
    leaves: u64, // of the whole tree
    tree: &Arc<Tree>,
) -> io::Result<(u64, Duration)> {
    fn spawn(
        runtime: &'static coroutine::Runtime,
        first: u64,            // the number of the unit's first leaf
        leaves: u64,           // how many leaves it has
        up: mpsc::Sender<u64>, // to its parent
        tree: &Arc<Tree>,
    ) {
        let its = Arc::clone(tree);
        let unit = move || node(runtime, first, leaves, &up, &its);
        // SAFETY: across its yields a unit holds ends of a channel and the shared tree,
        // which are `Send`, and nothing of its thread. It spawns its children and does
        // not call them, so no stack is deeper than one level of the tree.
        tree.count(unsafe { runtime.spawn(unit) });
    }
    // ANCHOR: coroutine_node
    fn node(
        runtime: &'static coroutine::Runtime,
        first: u64,
        leaves: u64,
        up: &mpsc::Sender<u64>, // to the parent
        tree: &Arc<Tree>,
    ) {
        let sum = if leaves == 1 {
            first
        } else {
            let (to_me, sums) = mpsc::channel();
            let below = children(first, leaves);
            for (first, leaves) in below.take_while(|_| !tree.failed()) {
                spawn(runtime, first, leaves, to_me.clone(), tree);
            }
            drop(to_me);
            sums.into_iter().sum()
        };
        up.send(sum).expect("the parent waits for the sum");
    }
    // ANCHOR_END: coroutine_node
    let tree = Arc::clone(tree);
    // SAFETY: as above.
    let root = unsafe {
        runtime.spawn(move || {
            let start = Instant::now();
            let (to_me, sums) = mpsc::channel();
            spawn(runtime, 0, leaves, to_me, &tree);
            (sums.into_iter().sum(), start.elapsed())
        })
    }?;
    Ok(root.join()?)
}
// ANCHOR_END: coroutine

// ANCHOR: task
async fn tasks(leaves: u64, tree: Arc<Tree>) -> (u64, Duration) {
    fn spawn(
        first: u64,                           // the number of the unit's first leaf
        leaves: u64,                          // how many leaves it has
        up: tokio_mpsc::UnboundedSender<u64>, // to its parent
        tree: &Arc<Tree>,
    ) {
        let its = Arc::clone(tree);
        tree.count(Ok(tokio::spawn(node(first, leaves, up, its))));
    }
    // Boxed, because otherwise the type of this future would contain itself.
    fn node(
        first: u64,
        leaves: u64,
        up: tokio_mpsc::UnboundedSender<u64>,
        tree: Arc<Tree>,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            let mut sum = 0;
            if leaves == 1 {
                sum = first;
            } else {
                let (to_me, mut sums) = tokio_mpsc::unbounded_channel();
                for (first, leaves) in children(first, leaves) {
                    spawn(first, leaves, to_me.clone(), &tree);
                }
                drop(to_me);
                while let Some(child) = sums.recv().await {
                    sum += child;
                }
            }
            up.send(sum).expect("the parent waits for the sum");
        })
    }
    let start = Instant::now();
    let (to_me, mut sums) = tokio_mpsc::unbounded_channel();
    spawn(0, leaves, to_me, &tree);
    (sums.recv().await.expect("a task can always be spawned"), start.elapsed())
}
// ANCHOR_END: task
