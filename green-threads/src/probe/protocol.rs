//! The protocol between the suite and a child process: lines of JSON.
//!
//! - The child gets its [`Setup`] as its one argument.
//! - It first writes [`Line::Ready`]; or it writes [`Line::Refused`] and ends with exit status 2.
//! - Then the suite asks with lines of one number each: how many iterations to run. The child answers each with a
//!   [`Line::Answer`].
//! - It may write [`Line::Progress`] at any time, so that the suite knows a number even if the child crashes.
//! - It ends when its input ends.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use super::placement::Placement;
use super::quantity::{Fact, Quantity};
use super::trace::Trace;

/// The runtime model: what kind of unit a workload uses, and what runs the units.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Model {
    /// OS threads, by std.
    Thread,
    /// Stackful coroutines, by `may`.
    Coroutine,
    /// Tasks of tokio's multi-thread runtime.
    Task,
    /// Tasks of tokio's current-thread runtime, which has one worker: the thread that calls `block_on`.
    TaskCurrentThread,
    /// Goroutines, by the Go twin.
    Goroutine,
}

impl Model {
    /// All models, in the order in which tables show them.
    pub const ALL: &[Model] = &[
        Model::Thread,
        Model::Coroutine,
        Model::Task,
        Model::TaskCurrentThread,
        Model::Goroutine,
    ];

    /// Returns its name in results and on command lines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Model::Thread => "thread",
            Model::Coroutine => "coroutine",
            Model::Task => "task",
            Model::TaskCurrentThread => "task-current-thread",
            Model::Goroutine => "goroutine",
        }
    }
}

impl fmt::Display for Model {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// Whether a runtime may take its worker away from a unit that runs.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Preemption {
    /// The runtime's default. Only Go's runtime preempts: at function calls since Go 1.2, and anywhere, by a
    /// signal, since Go 1.14.
    #[default]
    Default,
    /// Go preempts only at function calls, as before Go 1.14: no signal is sent (`GODEBUG=asyncpreemptoff=1`).
    AsyncPreemptOff,
}

impl Preemption {
    /// Returns its name in results and setups.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Preemption::Default => "default",
            Preemption::AsyncPreemptOff => "asyncpreemptoff",
        }
    }

    fn is_default(&self) -> bool {
        *self == Preemption::Default
    }
}

/// What one child measures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setup {
    /// The workload's name.
    pub workload: String,
    /// The variant of the workload; empty if it has none.
    pub variant: String,
    /// The model that runs it.
    pub model: Model,
    /// The number of workers; 0 for OS threads, which the kernel schedules.
    pub workers: usize,
    /// The size of a stack, in bytes: of each thread, of each coroutine, of each of tokio's workers. Go ignores it.
    pub stack: usize,
    /// The cores that the child may use. The parent places the child, and the child checks the placement.
    pub placement: Placement,
    /// The size of the workload, such as a number of units. Each workload defines what it counts.
    pub n: u64,
    /// Whether the runtime preempts. The parent sets it for Go in the environment, and the child checks it. The
    /// other runtimes accept only the default.
    #[serde(default, skip_serializing_if = "Preemption::is_default")]
    pub preemption: Preemption,
    /// Whether each answer brings a [`Trace`]. Only some workloads record one, and the Go twin records none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub trace: bool,
}

/// One line that a child writes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// The runtime runs as the setup asks.
    Ready(Ready),
    /// The child cannot do what it was asked, for this reason.
    Refused(String),
    /// The highest count reached so far.
    Progress(u64),
    /// The result of the iterations.
    Answer(Answer),
}

/// What a child has found out about itself before it measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// The number of units that can run at once, as proved by running them.
    pub parallelism: usize,
    /// The number of OS threads in the process.
    pub threads: usize,
}

/// The result of a number of iterations.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The time of all iterations together. Units read the clock, unless the workload says otherwise.
    pub nanoseconds: f64,
    /// The quantities that the workload reports, by name.
    #[serde(default)]
    pub quantities: BTreeMap<String, f64>,
    /// The facts that the workload reports, by name.
    #[serde(default)]
    pub facts: BTreeMap<String, String>,
    /// The wait of each iteration in nanoseconds, in the order of the iterations; empty unless the workload shows
    /// how waits are distributed. There are at most [`MOST_WAITS`](Answer::MOST_WAITS). The answer contains all
    /// waits, not percentiles, because the percentiles of many answers together cannot be computed from the
    /// percentiles of each: the suite pools the waits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits: Vec<u64>,
    /// Why the workload could not do all of its work; `None` if it did.
    #[serde(default)]
    pub failure: Option<String>,
    /// What the units did, when and on which thread; `None` unless the setup asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<Trace>,
}

impl Line {
    /// Writes the line to the standard output and flushes it, so that the parent has it
    /// even if this process crashes next.
    pub(crate) fn say(&self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        serde_json::to_writer(&mut out, self)?;
        out.write_all(b"\n")?;
        out.flush()
    }
}

/// Reports how far a workload has come, so that the parent knows the number even if this
/// process crashes. The workload decides what `so_far` counts.
pub(crate) fn progress(so_far: u64) {
    // An error means that the parent has ended. Then nothing reads the number.
    let _ = Line::Progress(so_far).say();
}

impl Answer {
    /// How many waits an answer can hold: they must fit into one line of at most 64 KiB.
    pub const MOST_WAITS: u64 = 4096;

    /// Creates an answer with a time and nothing else.
    #[must_use]
    pub fn time(time: std::time::Duration) -> Self {
        Answer { nanoseconds: time.as_nanos() as f64, ..Answer::default() }
    }

    /// The suffix in the name of a quantity that is an upper bound: if noise hides the value of `kernel`, the
    /// answer has a `kernel_below`, which `kernel` is less than.
    pub const BELOW: &str = "_below";

    /// Adds a quantity to the answer.
    #[must_use]
    pub fn quantity(mut self, quantity: Quantity, number: f64) -> Self {
        self.quantities.insert(quantity.name.to_string(), number);
        self
    }

    /// Adds a quantity of which only an upper bound is known: it is below `number`.
    #[must_use]
    pub fn bound(mut self, quantity: Quantity, number: f64) -> Self {
        self.quantities.insert(format!("{}{}", quantity.name, Self::BELOW), number);
        self
    }

    /// Adds a fact to the answer.
    #[must_use]
    pub fn fact(mut self, fact: Fact, text: impl Into<String>) -> Self {
        self.facts.insert(fact.name.to_string(), text.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks the JSON texts literally, because the Go twin reads and writes the same words.
    #[test]
    fn the_words_of_the_protocol() {
        let setup = Setup {
            workload: "ping_pong".into(),
            variant: String::new(),
            model: Model::TaskCurrentThread,
            workers: 1,
            stack: 65536,
            placement: Placement::OneCore,
            n: 2,
            preemption: Preemption::Default,
            trace: false,
        };
        let json = r#"{"workload":"ping_pong","variant":"","model":"task-current-thread","workers":1,"stack":65536,"placement":"one-core","n":2}"#;
        assert_eq!(serde_json::to_string(&setup).unwrap(), json);
        assert_eq!(serde_json::from_str::<Setup>(json).unwrap(), setup);
        let off = Setup { preemption: Preemption::AsyncPreemptOff, ..setup.clone() };
        let traced = Setup { trace: true, ..setup };
        for (setup, more) in
            [(off, r#""preemption":"asyncpreemptoff"}"#), (traced, r#""trace":true}"#)]
        {
            let json = json.replace('}', &format!(",{more}"));
            assert_eq!(serde_json::to_string(&setup).unwrap(), json);
            assert_eq!(serde_json::from_str::<Setup>(&json).unwrap(), setup);
        }

        let answer = Answer { nanoseconds: 1.5, ..Answer::default() }
            .quantity(Quantity::count("units", "units"), 3.0)
            .fact(Fact { name: "joiner", head: "its joiner saw" }, "a panic");
        for (line, json) in [
            (
                Line::Ready(Ready { parallelism: 2, threads: 5 }),
                r#"{"ready":{"parallelism":2,"threads":5}}"#,
            ),
            (Line::Refused("no".into()), r#"{"refused":"no"}"#),
            (Line::Progress(7), r#"{"progress":7}"#),
            (
                Line::Answer(answer),
                r#"{"answer":{"nanoseconds":1.5,"quantities":{"units":3.0},"facts":{"joiner":"a panic"},"failure":null}}"#,
            ),
        ] {
            assert_eq!(serde_json::to_string(&line).unwrap(), json);
            assert_eq!(serde_json::from_str::<Line>(json).unwrap(), line);
        }
        let short: Line =
            serde_json::from_str(r#"{"answer":{"nanoseconds":1}}"#).unwrap();
        assert_eq!(short, Line::Answer(Answer { nanoseconds: 1.0, ..Answer::default() }));
        let waits: Line =
            serde_json::from_str(r#"{"answer":{"nanoseconds":9,"waits":[5,4]}}"#)
                .unwrap();
        assert_eq!(
            waits,
            Line::Answer(Answer {
                nanoseconds: 9.0,
                waits: vec![5, 4],
                ..Answer::default()
            })
        );
    }
}
