//! What the file of a trace holds.

use green_threads::probe::trace::Trace;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::machine::Machine;

/// The version of the schema below. It grows by one whenever an older reader could misread a new file.
pub const TRACE_SCHEMA: u32 = 1;

/// A trace that is kept in a store, and how it was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptTrace {
    /// The value of [`TRACE_SCHEMA`] in the program that wrote this trace.
    pub schema: u32,
    /// The name of the trace, which is also the name of its file, such as `hog-calls-coroutine-2`.
    pub name: String,
    /// What was recorded, in words, such as `hog (calls): coroutine, 2 workers`.
    pub title: String,
    /// The command that records this trace anew.
    pub command: String,
    /// The time at which the recording ended.
    pub taken_at: Timestamp,
    /// The machine on which it was recorded, and the build that recorded it.
    pub machine: Machine,
    /// The trace itself.
    pub trace: Trace,
}

impl KeptTrace {
    /// A trace that this build recorded on this machine. The time is now.
    #[must_use]
    pub fn new(name: &str, title: &str, command: &str, trace: Trace) -> Self {
        KeptTrace {
            schema: TRACE_SCHEMA,
            name: name.to_string(),
            title: title.to_string(),
            command: command.to_string(),
            taken_at: Timestamp::now(),
            machine: Machine::this(),
            trace,
        }
    }
}
