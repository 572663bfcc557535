//! Starting `may`, once.

use std::io;
use std::panic::catch_unwind;
use std::sync::{Mutex, PoisonError};

use thiserror::Error;

use super::found;
use super::room::Room;
use crate::{StackSize, Workers};

/// What can be set, and only before the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// How many worker threads run coroutines. Besides them there is one thread more, for timers.
    pub workers: Workers,
    /// The size of every coroutine's stack.
    pub stack: StackSize,
    /// How many stacks are made at the start, and at most kept for reuse. At least 1, since `may` takes 0 to mean 1000.
    pub pool: usize,
    /// Whether each worker is pinned to a core.
    pub pinned: bool,
}

impl Config {
    /// How many stacks `may` keeps when nobody says.
    pub const MAY_POOL: usize = 1000;

    /// These workers and this stack; `may`'s pool; nothing pinned.
    #[must_use]
    pub fn new(workers: Workers, stack: StackSize) -> Self {
        Config { workers, stack, pool: Self::MAY_POOL, pinned: false }
    }
}

/// The running coroutine runtime of this process: the permission to spawn.
#[derive(Debug)]
pub struct Runtime {
    config: Config,
    default_workers: usize,
    pub(super) room: Room,
}

/// Why the runtime is not started.
#[derive(Debug, Error)]
pub enum StartError {
    /// It can be started once in a process, since `may` reads its settings once.
    #[error(
        "the coroutine runtime of this process has been started already, with {} workers and stacks of {}; \
         it reads its settings once, so another one needs another process",
        .0.workers, .0.stack
    )]
    Again(Config),
    /// Other code has started `may` before, with other settings: a spawn by `may` itself, or by a library that uses it.
    #[error(
        "`may` runs already, started by other code, with {workers} and {}, not with {} workers and stacks of {}; \
         it reads its settings once, so start this runtime before anything else of the process uses `may`",
        stack_words(*.stack), .wanted.workers, .wanted.stack
    )]
    Before {
        /// What was asked for.
        wanted: Config,
        /// How many workers it has, in words. Of more than were asked for this finds one more.
        workers: String,
        /// The bytes of its stacks. `None` where the operating system does not tell.
        stack: Option<usize>,
    },
    /// A pool of none.
    #[error("a pool of 0 stacks: `may` would take that for 1000; give 1 or more")]
    NoPool,
    /// The pool cannot be mapped.
    #[error("no room for a pool of {pool} stacks of {stack}: {source}")]
    Room {
        /// How many stacks were asked for.
        pool: usize,
        /// Of which size.
        stack: StackSize,
        /// What the operating system, or its limit, says.
        source: io::Error,
    },
    /// `may` panicked while it started: the operating system refused a thread or a descriptor.
    #[error(
        "the coroutine runtime could not start its {0} workers: the operating system refused a thread or a descriptor"
    )]
    Refused(Workers),
}

/// With what `may` has been started, if it has.
static STARTED: Mutex<Option<Config>> = Mutex::new(None);

/// Starts the coroutine runtime of this process. When it returns, the workers run and the pool is filled. It lives as
/// long as the process: `may` cannot be stopped.
///
/// Other code can have started `may` before. Then its settings stay what they were, so this looks with how many workers
/// and with which stacks coroutines really run, and is an error if these are not the ones that were asked for. Outside
/// Linux it cannot see the stacks, and looks at the workers alone.
///
/// # Errors
///
/// If it has been started already, here or by other code with other settings; if the pool has no room; if the operating
/// system refuses a thread.
#[allow(clippy::disallowed_methods, reason = "what closes the traps may pass by them")]
pub fn start(config: Config) -> Result<&'static Runtime, StartError> {
    let mut started = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(with) = *started {
        return Err(StartError::Again(with));
    }
    if config.pool == 0 {
        return Err(StartError::NoPool);
    }
    let no_room = |source| StartError::Room { pool: config.pool, stack: config.stack, source };
    let room = Room::beside_pool(config.pool, config.stack).map_err(no_room)?;

    // Asked before it is told, `may` says what it would have taken.
    let default_workers = may::config().get_workers();
    let (pool_before, words_before) = (may::config().get_pool_capacity(), may::config().get_stack_size());
    let words = config.stack.bytes() / size_of::<usize>();
    may::config().set_workers(config.workers.number()).set_pool_capacity(config.pool).set_stack_size(words);
    may::config().set_worker_pin(config.pinned);
    // The first spawn starts everything, and panics if it cannot. From here on `may` has read its settings.
    let found = catch_unwind(|| {
        let stack = found::stack();
        let is_as_asked = stack.is_none_or(|bytes| bytes == config.stack.bytes());
        if !is_as_asked {
            // Otherwise `may` would throw its stacks away, one with each spawn that follows.
            may::config().set_stack_size(words_before);
        }
        let workers = found::workers(config.workers);
        (is_as_asked && workers == config.workers.number(), workers, stack)
    });
    let Ok((is_as_asked, workers, stack)) = found else {
        *started = Some(config);
        return Err(StartError::Refused(config.workers));
    };
    if !is_as_asked {
        may::config().set_workers(default_workers).set_pool_capacity(pool_before).set_stack_size(words_before);
        return Err(StartError::Before { wanted: config, workers: worker_words(workers, config.workers), stack });
    }
    *started = Some(config);
    Ok(Box::leak(Box::new(Runtime { config, default_workers, room })))
}

fn worker_words(found: usize, wanted: Workers) -> String {
    match found {
        more if more > wanted.number() => format!("more than {wanted} workers"),
        1 => "1 worker".into(),
        fewer => format!("{fewer} workers"),
    }
}

fn stack_words(bytes: Option<usize>) -> String {
    match bytes.map(StackSize::new) {
        Some(Ok(stack)) => format!("stacks of {stack}"),
        _ => "stacks that cannot be seen here".into(),
    }
}

impl Runtime {
    /// How many workers `may` would have taken, had nobody said.
    #[must_use]
    pub fn default_workers(&self) -> usize {
        self.default_workers
    }

    /// With what it was started.
    #[must_use]
    pub fn config(&self) -> Config {
        self.config
    }
}
