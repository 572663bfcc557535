//! How many workers a runtime has, checked once at construction.

use std::fmt;

use thiserror::Error;

/// A number of workers, from 1 to [`MOST`](Workers::MOST). A worker is an OS thread of a runtime that runs its
/// tasks (Go: `GOMAXPROCS`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Workers(usize);

/// Why a number cannot be a number of workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum WorkersError {
    /// The number is 0, so nothing would run. (`may` and Go take 0 to mean "one per core"; here that is spelled
    /// out as [`Workers::one_per_core`].)
    #[error("0 workers run nothing; give 1 to {most}", most = Workers::MOST)]
    None,
    /// The number is more than [`Workers::MOST`]. Each worker is an OS thread.
    #[error("{0} workers are {0} OS threads; give 1 to {most}", most = Workers::MOST)]
    TooMany(usize),
}

impl Workers {
    /// The largest number allowed. It exceeds the cores of any machine for which this course is meant.
    pub const MOST: usize = 1024;

    /// One worker.
    pub const ONE: Workers = Workers(1);

    /// Two workers: as few as it takes for one to run units while the other is busy.
    pub const TWO: Workers = Workers(2);

    /// Checks `number` and makes it a number of workers.
    ///
    /// # Errors
    ///
    /// If `number` is 0 or more than [`MOST`](Workers::MOST).
    pub fn new(number: usize) -> Result<Self, WorkersError> {
        match number {
            0 => Err(WorkersError::None),
            1..=Self::MOST => Ok(Workers(number)),
            _ => Err(WorkersError::TooMany(number)),
        }
    }

    /// One worker per core on which this process may run: the default of tokio, `may` and Go.
    #[must_use]
    pub fn one_per_core() -> Self {
        Workers(
            std::thread::available_parallelism().map_or(1, usize::from).min(Self::MOST),
        )
    }

    /// Returns the number, at least 1.
    #[must_use]
    pub const fn number(self) -> usize {
        self.0
    }
}

impl fmt::Display for Workers {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_and_absurdly_many_are_refused() {
        assert_eq!(Workers::new(0), Err(WorkersError::None));
        assert_eq!(Workers::new(1_000_000), Err(WorkersError::TooMany(1_000_000)));
        assert_eq!(Workers::new(7).unwrap().number(), 7);
        assert!(Workers::new(1_000_000).unwrap_err().to_string().contains("1 to 1024"));
    }
}
