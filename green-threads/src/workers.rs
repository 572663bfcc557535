//! How many workers a runtime has, checked once and then believed.

use std::fmt;

use thiserror::Error;

/// A number of workers: OS threads of a runtime that run its tasks (Go: `GOMAXPROCS`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Workers(usize);

/// Why a number is no number of workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum WorkersError {
    /// Nobody would run anything. (`may` and Go take 0 to mean "as many as there are cores"; here that is
    /// [`Workers::one_per_core`], in words.)
    #[error("0 workers run nothing; give 1 to {most}", most = Workers::MOST)]
    None,
    /// Each worker is an OS thread.
    #[error("{0} workers are {0} OS threads; give 1 to {most}", most = Workers::MOST)]
    TooMany(usize),
}

impl Workers {
    /// The most that can be asked for: more than any machine for which this course is meant has cores.
    pub const MOST: usize = 1024;

    /// One worker.
    pub const ONE: Workers = Workers(1);

    /// So many workers.
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

    /// One for each core on which this process may run: what tokio, `may` and Go take when nobody says.
    #[must_use]
    pub fn one_per_core() -> Self {
        Workers(std::thread::available_parallelism().map_or(1, usize::from).min(Self::MOST))
    }

    /// The number.
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
