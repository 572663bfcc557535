//! On which cores threads may run.
//!
//! Placement decides many results: a wake-up across two cores costs ten times as much as one on the same core. The
//! other core must first receive an interrupt, which in a virtual machine goes through the hypervisor. So every
//! time that depends on wake-ups is measured in both placements.

use std::fmt;
use std::io;

use serde::{Deserialize, Serialize};

use crate::system;

/// The cores on which the threads of a measurement run.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Placement {
    /// The operating system chooses the cores.
    Free,
    /// All threads run on one core.
    OneCore,
}

impl Placement {
    /// The placements that this operating system offers, in the order in which tables show them: both on Linux,
    /// and only [`Free`](Placement::Free) elsewhere.
    pub const POSSIBLE: &[Placement] = if cfg!(target_os = "linux") {
        &[Placement::Free, Placement::OneCore]
    } else {
        &[Placement::Free]
    };

    /// Its name in results and on command lines.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Placement::Free => "free",
            Placement::OneCore => "one-core",
        }
    }

    /// Runs `work` on a new thread with this placement. Every thread that `work` starts has it too, because a
    /// thread inherits the cores of its parent. The calling thread keeps its own placement.
    ///
    /// # Errors
    ///
    /// If the operating system refuses the placement (see [`pin_to_one_core`]).
    ///
    /// # Panics
    ///
    /// If `work` panics, with its panic.
    pub fn run<T: Send>(self, work: impl FnOnce() -> T + Send) -> io::Result<T> {
        std::thread::scope(|scope| {
            let placed = scope.spawn(|| {
                if let Placement::OneCore = self {
                    pin_to_one_core()?;
                }
                Ok(work())
            });
            placed.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }
}

impl fmt::Display for Placement {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// Returns the cores on which the calling thread may run, as numbers from 0.
///
/// Source: `sched_getaffinity(2)`.
///
/// # Errors
///
/// If the operating system does not report them, or is not Linux.
pub fn allowed_cores() -> io::Result<Vec<usize>> {
    system::allowed_cores()
}

/// Keeps the calling thread, and the threads that it will start, on one core: the last that it is allowed, because
/// machines tend to handle their interrupts on the first.
///
/// Source: `sched_setaffinity(2)`.
///
/// # Errors
///
/// If the operating system refuses, or is not Linux.
pub fn pin_to_one_core() -> io::Result<()> {
    let Some(&last) = allowed_cores()?.last() else {
        return Err(io::Error::other("the thread is allowed no core at all"));
    };
    pin_to(last)
}

/// Keeps the calling thread, and the threads that it will start, on `core`, which must be one that it is allowed.
///
/// Source: `sched_setaffinity(2)`.
///
/// # Errors
///
/// If the operating system refuses, or is not Linux.
pub fn pin_to(core: usize) -> io::Result<()> {
    system::pin_to(core)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_placed_thread_hands_its_core_on() {
        let before = allowed_cores().unwrap();
        let inherited = Placement::OneCore
            .run(|| std::thread::spawn(allowed_cores).join().unwrap())
            .unwrap()
            .unwrap();
        assert_eq!(inherited, [*before.last().unwrap()]);
        assert_eq!(allowed_cores().unwrap(), before, "the caller stays where it was");
    }

    #[test]
    fn free_is_where_the_caller_is() {
        assert_eq!(
            Placement::Free.run(allowed_cores).unwrap().unwrap(),
            allowed_cores().unwrap()
        );
    }
}
