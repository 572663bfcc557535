//! Who calls a memo: threads, coroutines or tasks. Each kind has its subjects, its properties
//! ([`properties`](super::matrix::properties)) and its table.

use crate::subject::{self, Names};

/// A kind of callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callers {
    /// Threads of the operating system.
    Threads,
    /// Coroutines of `may`, all on one worker.
    Coroutines,
    /// Tasks of tokio, on the runtime that a situation needs: one thread, one worker, two.
    Tasks,
}

impl Callers {
    /// All kinds, in the order of their tables.
    pub const ALL: [Callers; 3] = [Callers::Threads, Callers::Coroutines, Callers::Tasks];

    /// Its name, in tables and on command lines.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Callers::Threads => "threads",
            Callers::Coroutines => "coroutines",
            Callers::Tasks => "tasks",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|callers| callers.name() == name)
    }

    /// Whom they call: names, and what each is.
    #[must_use]
    pub fn subjects(self) -> Names {
        match self {
            Callers::Threads => subject::list_from_threads(),
            Callers::Coroutines => subject::list_from_coroutines(),
            Callers::Tasks => subject::list_from_tasks(),
        }
    }
}
