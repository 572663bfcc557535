//! What a memo shows of itself: counts of what has happened, and the calls in flight.

use std::fmt;

use super::graph;
use super::running::Running;
use crate::sync::Arc;

/// Counts of what has happened in a memo. See [`Memo::stats`](super::Memo::stats).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Callers that found their value.
    pub hits: u64,
    /// Calls of `f` that have begun.
    pub misses: u64,
    /// Waits that have begun: how often a caller found a call in flight and waited for it.
    pub waits: u64,
    /// Calls of `f` in flight now.
    pub in_flight: u64,
    /// Calls that ended with a panic.
    pub panics: u64,
    /// Callers that left because of a token or a deadline.
    pub cancels: u64,
    /// Callers that were refused because they would have closed a cycle.
    pub cycles: u64,
}

/// A call in flight: its waiters, and the calls that it waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InFlight {
    /// The key of the call, as its `Debug` writes it.
    pub key: String,
    /// The number of callers that wait for the call. The leader is not counted.
    pub waiters: usize,
    /// Whether the call has been told to stop.
    pub told_to_stop: bool,
    /// The keys of the calls that this call waits for. Empty if its `f` is at work.
    pub waits_for: Vec<String>,
}

impl InFlight {
    /// `None` if the call has ended.
    pub(super) fn of(running: &Arc<Running>) -> Option<Self> {
        let (waiters, told_to_stop) = running.in_flight()?;
        Some(InFlight {
            key: running.key.clone(),
            waiters,
            told_to_stop,
            waits_for: graph::waits_for(running),
        })
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
