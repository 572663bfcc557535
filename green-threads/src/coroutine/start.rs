//! Starts `may`, once per process.

use std::io;
use std::panic::catch_unwind;
use std::sync::{Mutex, PoisonError};

use thiserror::Error;

use super::found;
use super::room::Room;
use crate::{StackSize, Workers};

/// The settings of the coroutine runtime. They can be given only at its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// How many worker threads run coroutines. `may` starts one more thread, for timers.
    pub workers: Workers,
    /// The size of every coroutine's stack.
    pub stack: StackSize,
    /// How many stacks are made at the start, and the most that are kept for reuse. At least 1, because `may`
    /// takes 0 to mean 1000.
    pub pool: usize,
    /// Whether each worker is pinned to one core.
    pub pinned: bool,
}

impl Config {
    /// How many stacks `may` keeps by default.
    pub const MAY_POOL: usize = 1000;

    /// Settings with these workers, stacks of this size and `may`'s default pool; nothing is pinned.
    #[must_use]
    pub fn new(workers: Workers, stack: StackSize) -> Self {
        Config { workers, stack, pool: Self::MAY_POOL, pinned: false }
    }
}

/// The running coroutine runtime of this process. A reference to it is the permission to spawn.
#[derive(Debug)]
pub struct Runtime {
    config: Config,
    default_workers: usize,
    pub(super) room: Room,
}

/// Why the runtime could not be started.
#[derive(Debug, Error)]
pub enum StartError {
    /// The runtime was started before. It can start once per process, because `may` reads its settings once.
    #[error(
        "the coroutine runtime of this process has already been started, with {} workers and stacks of {}; \
         it reads its settings once, so start another process for other settings",
        .0.workers, .0.stack
    )]
    Again(Config),
    /// Other code started `may` before, with other settings: by a spawn through `may` itself, or through a library
    /// that uses it.
    #[error(
        "`may` is already running, started by other code, with {workers} and {}, not with {} workers and stacks of {}; \
         it reads its settings once, so start this runtime before any other code in the process uses `may`",
        stack_words(*.stack), .wanted.workers, .wanted.stack
    )]
    Before {
        /// The settings that were asked for.
        wanted: Config,
        /// How many workers `may` has, in words. If there are more than were asked for, only that is known.
        workers: String,
        /// The size of its stacks, in bytes. `None` where the operating system does not report it.
        stack: Option<usize>,
    },
    /// [`Config::pool`] is 0.
    #[error("a pool of 0 stacks would mean 1000 to `may`; give 1 or more")]
    NoPool,
    /// The stacks of the pool cannot be mapped.
    #[error("no room for a pool of {pool} stacks of {stack}: {source}")]
    Room {
        /// How many stacks were asked for.
        pool: usize,
        /// The size of each stack.
        stack: StackSize,
        /// The limit that was reached, or the operating system's error.
        source: io::Error,
    },
    /// `may` panicked while it started: the operating system refused a thread or a descriptor.
    #[error(
        "the coroutine runtime could not start its {0} workers: the operating system refused a thread or a descriptor"
    )]
    Refused(Workers),
}

/// The settings with which this module started `may`, if it has.
static STARTED: Mutex<Option<Config>> = Mutex::new(None);

/// Starts the coroutine runtime of this process. When it returns, the workers run and the pool is filled. The
/// runtime lives as long as the process: `may` cannot be stopped.
///
/// Other code may have started `may` before. Then `may` keeps the settings it started with. So this function
/// measures how many workers and which stacks coroutines really have, and returns an error if they differ from
/// what was asked for. Outside Linux it cannot see the stacks, and checks only the workers.
///
/// # Errors
///
/// If the runtime was already started, here or by other code with other settings; if the pool is empty or has no
/// room; if the operating system refuses a thread.
#[allow(
    clippy::disallowed_methods,
    reason = "the code that closes the traps may use them"
)]
pub fn start(config: Config) -> Result<&'static Runtime, StartError> {
    let mut started = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(with) = *started {
        return Err(StartError::Again(with));
    }
    if config.pool == 0 {
        return Err(StartError::NoPool);
    }
    let no_room =
        |source| StartError::Room { pool: config.pool, stack: config.stack, source };
    let room = Room::beside_pool(config.pool, config.stack).map_err(no_room)?;

    // Before anything is set here, `may` returns what it would take by default.
    let default_workers = may::config().get_workers();
    let (pool_before, words_before) =
        (may::config().get_pool_capacity(), may::config().get_stack_size());
    let words = config.stack.bytes() / size_of::<usize>();
    may::config()
        .set_workers(config.workers.number())
        .set_pool_capacity(config.pool)
        .set_stack_size(words);
    may::config().set_worker_pin(config.pinned);
    // The first spawn starts everything, and panics if it cannot. From here on `may` has read its settings.
    let found = catch_unwind(|| {
        let stack = found::stack();
        let is_as_asked = stack.is_none_or(|bytes| bytes == config.stack.bytes());
        if !is_as_asked {
            // Otherwise `may` would discard its stacks, one with each later spawn.
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
        may::config()
            .set_workers(default_workers)
            .set_pool_capacity(pool_before)
            .set_stack_size(words_before);
        return Err(StartError::Before {
            wanted: config,
            workers: worker_words(workers, config.workers),
            stack,
        });
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
        _ => "stacks of a size that this system does not report".into(),
    }
}

impl Runtime {
    /// Returns how many workers `may` would have taken by default.
    #[must_use]
    pub fn default_workers(&self) -> usize {
        self.default_workers
    }

    /// Returns the settings with which the runtime was started.
    #[must_use]
    pub fn config(&self) -> Config {
        self.config
    }
}
