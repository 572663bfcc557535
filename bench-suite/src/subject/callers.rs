//! The kinds of callers: threads, coroutines or tasks.

/// A kind of callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callers {
    /// OS threads.
    Threads,
    /// Coroutines of `may`.
    Coroutines,
    /// Tasks of tokio.
    Tasks,
}

impl Callers {
    /// All kinds, in the order of their tables.
    pub const ALL: [Callers; 3] = [Callers::Threads, Callers::Coroutines, Callers::Tasks];

    /// Its name, in tables and on command lines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Callers::Threads => "threads",
            Callers::Coroutines => "coroutines",
            Callers::Tasks => "tasks",
        }
    }

    /// The name of one such caller.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        match self {
            Callers::Threads => "thread",
            Callers::Coroutines => "coroutine",
            Callers::Tasks => "task",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|callers| callers.name() == name)
    }
}
