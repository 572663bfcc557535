//! Every subject in every situation, each in a child process.

use std::io;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::Context;
use parking_lot::Mutex;

use super::declared::{Declared, Failure, declared};
use super::property::{self, ON_LINUX, PROPERTIES, Property};
use super::{Outcome, storm, world};
use crate::child::{self, End, Patience};
use crate::coroutine;
use crate::subject::{self, Callers, MEMO1_IS_NOT_SYNC, Registry, Suite};

/// For what a subject promises: far more than it needs, because running out of it is a failure.
const PROMISED: Patience = Patience::new(Duration::from_secs(3), Duration::from_secs(120));

/// For what no subject promises.
const CURIOUS: Patience = Patience::new(Duration::from_secs(1), Duration::from_secs(10));

/// How many situations that are declared to hang are tried at once.
const SLEEPERS: usize = 8;

/// One subject in one situation, with callers of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Situation {
    /// The callers.
    pub callers: Callers,
    /// The subject's name.
    pub subject: &'static str,
    /// The property's id.
    pub property: &'static str,
}

/// The outcome of a situation.
#[derive(Clone, Debug)]
pub struct Tried {
    /// The situation.
    pub situation: Situation,
    /// Its outcome.
    pub outcome: Outcome,
    /// Whether that is the declared outcome; `None` where none is declared.
    pub as_declared: Option<bool>,
}

/// The properties that `callers` try, in the order in which tables show them.
#[must_use]
pub fn properties(callers: Callers) -> Vec<&'static Property> {
    PROPERTIES.iter().filter(|property| property.is_tried_by(callers)).collect()
}

/// Every situation, by callers and then by subject.
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

/// Tries each of `all`, several at once, and returns their outcomes in the same order.
///
/// Those that will hang, as `hangs` says, have a queue of their own: each sleeps until it is killed, and needs no core
/// for that.
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

/// Runs a child with the patience that the `declared` outcome needs, and returns the outcome that its end and its last
/// line mean. If it ends well without a line, something in it ended the process.
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
    let chosen = world::choose::<R>(callers, subject);
    let chosen = chosen.with_context(|| format!("there is no subject {subject:?} of {}", callers.name()))?;
    let outcome = match property::program::<R>(property, &chosen) {
        Some((program, stages)) => world::outcome(program, stages),
        None => Outcome::CannotBe { why: format!("this takes threads, and {MEMO1_IS_NOT_SYNC}") },
    };
    println!("{}", serde_json::to_string(&outcome)?);
    Ok(())
}
