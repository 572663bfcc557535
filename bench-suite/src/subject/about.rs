//! What a memo says about itself.

use super::Callers;

/// What a memo says about itself: everything that tables, workloads and the demo must know before they make one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    /// Its name, in tables and on command lines.
    pub name: &'static str,
    /// What it is, in a line.
    pub what: &'static str,
    /// The callers for which it was made.
    pub made_for: Callers,
    /// Other callers that can call it. The specification tries it from them too, to see what it does there.
    pub also_called_by: &'static [Callers],
    /// Whether this workspace made it. Tables list these memos first.
    pub ours: bool,
    /// Whether `memo_fill` fills it.
    pub filled: bool,
    /// What a hit has to write to memory that other threads use, which is why sharing costs what it costs.
    pub hit_takes: &'static str,
}

impl About {
    /// A memo that was made elsewhere, for threads.
    #[must_use]
    pub const fn new(name: &'static str, what: &'static str) -> Self {
        About { name, what, made_for: Callers::Threads, also_called_by: &[], ours: false, filled: false, hit_takes: "" }
    }

    /// A memo of this workspace, for threads.
    #[must_use]
    pub const fn ours(name: &'static str, what: &'static str) -> Self {
        About { ours: true, ..About::new(name, what) }
    }

    /// It was made for `callers`.
    #[must_use]
    pub const fn made_for(self, callers: Callers) -> Self {
        About { made_for: callers, ..self }
    }

    /// Other `callers` can call it too.
    #[must_use]
    pub const fn also_called_by(self, callers: &'static [Callers]) -> Self {
        About { also_called_by: callers, ..self }
    }

    /// `memo_fill` fills it.
    #[must_use]
    pub const fn filled(self) -> Self {
        About { filled: true, ..self }
    }

    /// A hit takes `what`.
    #[must_use]
    pub const fn hit_takes(self, what: &'static str) -> Self {
        About { hit_takes: what, ..self }
    }

    /// Whether `callers` can call it.
    #[must_use]
    pub fn is_called_by(&self, callers: Callers) -> bool {
        self.made_for == callers || self.also_called_by.contains(&callers)
    }
}
