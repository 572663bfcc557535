//! What can be seen of a memo from outside.

use std::fmt;

use super::graph;
use super::running::Running;
use crate::sync::Arc;

/// What has happened in a memo, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Callers who found their value.
    pub hits: u64,
    /// Calls of `f` that were begun.
    pub misses: u64,
    /// Times that a caller began to wait for a call that was in flight.
    pub waits: u64,
    /// Calls of `f` that are being made now.
    pub in_flight: u64,
    /// Calls that ended by a panic.
    pub panics: u64,
    /// Callers who left because of a token or a deadline.
    pub cancels: u64,
    /// Callers who were refused because they would have closed a cycle.
    pub cycles: u64,
}

/// A call that is being made: its waiters, and the calls that it waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InFlight {
    /// Its key, as its `Debug` writes it.
    pub key: String,
    /// How many callers wait for it, beside the leader that makes it.
    pub waiters: usize,
    /// Whether it has been told to stop.
    pub told_to_stop: bool,
    /// The keys of the calls that it waits for itself. Empty if its `f` is at work.
    pub waits_for: Vec<String>,
}

impl InFlight {
    /// `None` if it has ended.
    pub(super) fn of(running: &Arc<Running>) -> Option<Self> {
        let (waiters, told_to_stop) = running.in_flight()?;
        Some(InFlight { key: running.key.clone(), waiters, told_to_stop, waits_for: graph::waits_for(running) })
    }
}

impl fmt::Display for InFlight {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: ", self.key)?;
        match &self.waits_for[..] {
            [] => out.write_str("at work")?,
            keys => write!(out, "waits for {}", keys.join(" and "))?,
        }
        match self.waiters {
            0 => {}
            1 => out.write_str(", 1 waiter")?,
            waiters => write!(out, ", {waiters} waiters")?,
        }
        if self.told_to_stop { out.write_str(", told to stop") } else { Ok(()) }
    }
}
