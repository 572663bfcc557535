//! Every subject in every situation, each in a child process.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::Context;
use parking_lot::Mutex;

use super::chosen::{self, Kind};
use super::declared::{Declared, Failure, declared};
use super::spec::{self, ON_LINUX, Property};
use super::{CannotBe, Outcome, storm, tasks};
use crate::child::{self, End, Patience};
use crate::coroutine;
use crate::panics::message;
use crate::subject::{self, Callers, MEMO1_IS_NOT_SYNC, Registry, Suite};

/// For what a subject promises: far more than it needs, because to run out of it is a failure.
const PROMISED: Patience = Patience::new(Duration::from_secs(3), Duration::from_secs(120));

/// For what nobody promises.
const CURIOUS: Patience = Patience::new(Duration::from_secs(1), Duration::from_secs(10));

/// How many situations that are declared to hang are tried at once.
const SLEEPERS: usize = 8;

/// One subject in one situation, with callers of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Situation {
    /// Who calls.
    pub callers: Callers,
    /// The subject's name.
    pub subject: &'static str,
    /// The property's id.
    pub property: &'static str,
}

/// What became of a situation.
#[derive(Clone, Debug)]
pub struct Tried {
    /// Who called whom, and what for.
    pub situation: Situation,
    /// What became of it.
    pub outcome: Outcome,
    /// Whether that is what is declared; `None` where nothing is.
    pub as_declared: Option<bool>,
}

/// What is tried with memos that these call, in the order in which tables show it.
#[must_use]
pub fn properties(callers: Callers) -> Vec<&'static Property> {
    match callers {
        Callers::Tasks => tasks::PROPERTIES.iter().collect(),
        _ => spec::PROPERTIES.iter().filter(|property| property.callers.contains(&callers)).collect(),
    }
}

/// Every situation there is: kind by kind, subject by subject.
#[must_use]
pub fn all() -> Vec<Situation> {
    let mut all = Vec::new();
    for callers in Callers::ALL {
        for about in subject::called_by(callers) {
            all.extend(properties(callers).iter().map(|property| Situation {
                callers,
                subject: about.name,
                property: property.id,
            }));
        }
    }
    all
}

/// Tries all `situations`, the storms among them from `seed`, and calls `tried` after each.
///
/// `lab` is the program that can be the child: it hands its arguments after `child conformance` to [`be_child`].
///
/// # Errors
///
/// If a child cannot be started.
pub fn run(lab: &Path, situations: &[Situation], seed: u64, tried: &(dyn Fn(&Tried) + Sync)) -> io::Result<Vec<Tried>> {
    let hangs = |situation: &Situation| situation.declared() == Declared::Fails(Failure::Hangs);
    each(situations, hangs, |situation| {
        let one = try_one(lab, *situation, seed)?;
        tried(&one);
        Ok(one)
    })
}

/// Tries each of `all`, several at once, and returns what became of them, in their order.
///
/// Those that will hang, as `hangs` says, have a queue of their own: each sleeps until it is killed, and needs no core for
/// that.
///
/// # Errors
///
/// If one of them cannot be tried.
pub fn each<T: Sync, U: Send>(
    all: &[T],
    hangs: impl Fn(&T) -> bool,
    attempt: impl Fn(&T) -> io::Result<U> + Sync,
) -> io::Result<Vec<U>> {
    let (hang, end): (Vec<_>, Vec<_>) = all.iter().enumerate().rev().partition(|(_, one)| hangs(one));
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let queues = [(Mutex::new(hang), SLEEPERS), (Mutex::new(end), 2 + cores)];
    let done = Mutex::new(Vec::new());
    let work = |queue: &Mutex<Vec<(usize, &T)>>| -> io::Result<()> {
        loop {
            let next = queue.lock().pop();
            let Some((at, one)) = next else { return Ok(()) };
            let became = attempt(one)?;
            done.lock().push((at, became));
        }
    };
    thread::scope(|scope| {
        let workers = queues.iter().flat_map(|(queue, workers)| std::iter::repeat_n(queue, *workers));
        let workers: Vec<_> = workers.map(|queue| scope.spawn(|| work(queue))).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })?;
    let mut done = done.into_inner();
    done.sort_by_key(|(at, _)| *at);
    Ok(done.into_iter().map(|(_, became)| became).collect())
}

impl Situation {
    fn declared(&self) -> Declared {
        declared(self.callers, self.subject, self.property)
    }
}

/// Tries one situation; `lab` and `seed` as for [`run`].
///
/// # Errors
///
/// If the child cannot be started.
pub fn try_one(lab: &Path, situation: Situation, seed: u64) -> io::Result<Tried> {
    let declared = situation.declared();
    let Situation { callers, subject, property } = situation;
    let mut child = Command::new(lab);
    child.args(["child", "conformance", callers.name(), subject, property, &seed.to_string()]);
    let outcome = outcome(&mut child, declared)?;
    let as_declared = match (&outcome, declared) {
        (Outcome::CannotBe { .. } | Outcome::Undecided, _) | (_, Declared::Nothing) => None,
        (Outcome::Kept, Declared::Kept)
        | (Outcome::Broken { .. }, Declared::Fails(Failure::Breaks))
        | (Outcome::Hangs { .. }, Declared::Fails(Failure::Hangs))
        | (Outcome::Crashes { .. }, Declared::Fails(Failure::Crashes)) => Some(true),
        _ => Some(false),
    };
    Ok(Tried { situation, outcome, as_declared })
}

/// Runs a child with the patience that what is `declared` needs, and says what its end and its last line mean. One that ends
/// well without saying anything has broken off: something in it has ended the process.
///
/// # Errors
///
/// If the child cannot be started.
pub fn outcome(child: &mut Command, declared: Declared) -> io::Result<Outcome> {
    let patience = match declared {
        Declared::Kept | Declared::Fails(Failure::Breaks | Failure::Crashes) => PROMISED,
        Declared::Nothing | Declared::Fails(Failure::Hangs) => CURIOUS,
    };
    let report = child::run(child, patience)?;
    Ok(match report.end {
        End::Hangs { asleep } => Outcome::Hangs { asleep },
        End::Undecided => Outcome::Undecided,
        End::Crashes { signal, .. } => Outcome::Crashes { signal },
        End::Exits { status, .. } => {
            let said = report.stdout.lines().last().and_then(|line| serde_json::from_str(line).ok());
            said.unwrap_or_else(|| Outcome::Broken { how: format!("its process ended itself with status {status}") })
        }
    })
}

/// The child's part: tries one subject in one situation and prints the outcome as a line of JSON.
///
/// # Errors
///
/// If there is no such kind of callers, subject or property.
pub fn be_child(callers: &str, subject: &str, property: &str, seed: u64) -> anyhow::Result<()> {
    be_child_among::<Suite>(callers, subject, property, seed)
}

/// As [`be_child`], with the subjects of another registry.
///
/// # Errors
///
/// As [`be_child`].
pub fn be_child_among<R: Registry>(callers: &str, subject: &str, property: &str, seed: u64) -> anyhow::Result<()> {
    let callers = Callers::named(callers).with_context(|| format!("there are no callers of the kind {callers:?}"))?;
    let known = properties(callers).into_iter().find(|known| known.id == property);
    let property = known.with_context(|| format!("there is no property {property:?} of {}", callers.name()))?.id;
    if cfg!(not(target_os = "linux")) && ON_LINUX.contains(&property) {
        println!("{}", serde_json::to_string(&Outcome::CannotBe { why: "only Linux can try this".into() })?);
        return Ok(());
    }
    storm::choose(seed);
    if callers == Callers::Coroutines && property == "abort-storm" {
        coroutine::workers(2);
    }
    // The situations panic on purpose, in any number of threads; the outcome says what matters.
    std::panic::set_hook(Box::new(|_| {}));
    let kind = chosen::choose::<R>(callers, subject);
    let kind = kind.with_context(|| format!("there is no subject {subject:?} of {}", callers.name()))?;
    println!("{}", serde_json::to_string(&attempt::<R>(callers, kind, property))?);
    Ok(())
}

/// Tries the subject that was chosen.
fn attempt<R: Registry>(callers: Callers, kind: Kind, property: &'static str) -> Outcome {
    let shared = move || caught(|| spec::try_shared::<chosen::Shared<R>>(property));
    let outcome = match (kind, callers) {
        (Kind::Tasks, _) => caught(|| tasks::attempt::<chosen::Awaited<R>>(property)),
        // The whole program runs on a coroutine, and its herds are then of coroutines.
        (Kind::Shared, Callers::Coroutines) => coroutine::spawn(shared)
            .join()
            .unwrap_or_else(|error| Some(Outcome::Broken { how: format!("its coroutine ended: {error}") })),
        (Kind::Shared, _) => shared(),
        (Kind::OneThread, _) => caught(|| spec::try_alone::<chosen::Alone<R>>(property))
            .or_else(|| Some(Outcome::CannotBe { why: format!("this takes threads, and {MEMO1_IS_NOT_SYNC}") })),
    };
    outcome.expect("the property is known")
}

/// The outcome of a program that ends, well or by a panic.
fn caught(program: impl FnOnce() -> Option<anyhow::Result<()>>) -> Option<Outcome> {
    match catch_unwind(AssertUnwindSafe(program)) {
        Ok(None) => None,
        Ok(Some(Ok(()))) => Some(Outcome::Kept),
        Ok(Some(Err(error))) => Some(match error.downcast_ref() {
            Some(CannotBe(why)) => Outcome::CannotBe { why: (*why).into() },
            None => Outcome::Broken { how: format!("{error:#}") },
        }),
        Err(panic) => Some(Outcome::Broken { how: format!("panicked: {}", message(&*panic)) }),
    }
}
