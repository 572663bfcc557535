//! What is said between the suite and a child: lines of JSON.
//!
//! The child's one argument is its [`Setup`]. It first says [`Line::Ready`], or [`Line::Refused`] and ends with exit
//! status 2. Then it is asked by lines of one number, the iterations that criterion wants, and says [`Line::Answer`] to
//! each; where its input ends, so does it. [`Line::Progress`] may come at any time, so that a crash leaves a number.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::placement::Placement;
use super::quantity::{Fact, Quantity};

/// What runs the units of a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Model {
    /// OS threads, by std.
    Thread,
    /// Stackful coroutines, by `may`.
    Coroutine,
    /// Tasks of tokio's multi-thread runtime.
    Task,
    /// Tasks of tokio's current-thread runtime, which has one worker: the thread that waits.
    TaskCurrentThread,
    /// Goroutines, by the Go twin.
    Goroutine,
}

impl Model {
    /// All, in the order in which tables show them.
    pub const ALL: &[Model] =
        &[Model::Thread, Model::Coroutine, Model::Task, Model::TaskCurrentThread, Model::Goroutine];

    /// Its name in results and on command lines.
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preemption {
    /// As the runtime does when nothing is set. Only Go's does: at calls since 1.2, anywhere by a signal since 1.14.
    #[default]
    Default,
    /// Go, as before 1.14: not by a signal (`GODEBUG=asyncpreemptoff=1`), so only at calls.
    AsyncPreemptOff,
}

impl Preemption {
    /// Its name in results and setups.
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
    /// Which of its variants; empty if it has none.
    pub variant: String,
    /// On what.
    pub model: Model,
    /// How many workers; 0 for OS threads, which the kernel schedules.
    pub workers: usize,
    /// The size of a stack, in bytes: of each thread, of each coroutine, of each of tokio's workers. Go ignores it.
    pub stack: usize,
    /// On which cores. Whoever starts the child places it; the child checks.
    pub placement: Placement,
    /// How much of it: the workload says of what.
    pub n: u64,
    /// Whether the runtime preempts. The parent tells Go's by the environment, and the child checks; the other runtimes
    /// know only the default.
    #[serde(default, skip_serializing_if = "Preemption::is_default")]
    pub preemption: Preemption,
}

/// What a child says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// The runtime runs, and does what was asked of it.
    Ready(Ready),
    /// It does not, for this reason.
    Refused(String),
    /// So far has it come.
    Progress(u64),
    /// What came of the iterations.
    Answer(Answer),
}

/// What a child has proved of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// How many units ran at once.
    pub parallelism: usize,
    /// How many OS threads the process has.
    pub threads: usize,
}

/// What came of a number of iterations.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The time of all of them, by the clock of those who worked.
    pub nanoseconds: f64,
    /// The quantities that the workload reports, by name.
    #[serde(default)]
    pub quantities: BTreeMap<String, f64>,
    /// The facts that the workload reports, by name.
    #[serde(default)]
    pub facts: BTreeMap<String, String>,
    /// The wait of each iteration, in nanoseconds, in the order in which they came, where a workload is about how waits
    /// are distributed. Percentiles of many answers cannot be made from those of each, so the suite pools these. At
    /// most [`MOST_WAITS`](Answer::MOST_WAITS).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits: Vec<u64>,
    /// Why the rest could not be done, where something could not.
    #[serde(default)]
    pub failure: Option<String>,
}

impl Answer {
    /// How many waits an answer can hold: they must fit into one line, which has 64 KiB.
    pub const MOST_WAITS: u64 = 4096;

    /// A time and nothing else.
    #[must_use]
    pub fn time(time: std::time::Duration) -> Self {
        Answer { nanoseconds: time.as_nanos() as f64, ..Answer::default() }
    }

    /// The end of the name of a quantity that is a bound: `kernel_below` is a number that `kernel` is less than, where
    /// noise hides how much it is.
    pub const BELOW: &str = "_below";

    /// The same with one more quantity.
    #[must_use]
    pub fn quantity(mut self, quantity: Quantity, number: f64) -> Self {
        self.quantities.insert(quantity.name.to_string(), number);
        self
    }

    /// The same with one more quantity of which only a bound is known: it is below `number`.
    #[must_use]
    pub fn bound(mut self, quantity: Quantity, number: f64) -> Self {
        self.quantities.insert(format!("{}{}", quantity.name, Self::BELOW), number);
        self
    }

    /// The same with one more fact.
    #[must_use]
    pub fn fact(mut self, fact: Fact, text: impl Into<String>) -> Self {
        self.facts.insert(fact.name.to_string(), text.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The Go twin reads and writes these words: they are the protocol.
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
        };
        let json = r#"{"workload":"ping_pong","variant":"","model":"task-current-thread","workers":1,"stack":65536,"placement":"one-core","n":2}"#;
        assert_eq!(serde_json::to_string(&setup).unwrap(), json);
        assert_eq!(serde_json::from_str::<Setup>(json).unwrap(), setup);
        let off = Setup { preemption: Preemption::AsyncPreemptOff, ..setup };
        let json = json.replace("\"n\":2}", "\"n\":2,\"preemption\":\"asyncpreemptoff\"}");
        assert_eq!(serde_json::to_string(&off).unwrap(), json);
        assert_eq!(serde_json::from_str::<Setup>(&json).unwrap(), off);

        let answer = Answer { nanoseconds: 1.5, ..Answer::default() }
            .quantity(Quantity::count("units", "units"), 3.0)
            .fact(Fact { name: "joiner", head: "its joiner saw" }, "a panic");
        for (line, json) in [
            (Line::Ready(Ready { parallelism: 2, threads: 5 }), r#"{"ready":{"parallelism":2,"threads":5}}"#),
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
        let short: Line = serde_json::from_str(r#"{"answer":{"nanoseconds":1}}"#).unwrap();
        assert_eq!(short, Line::Answer(Answer { nanoseconds: 1.0, ..Answer::default() }));
        let waits: Line = serde_json::from_str(r#"{"answer":{"nanoseconds":9,"waits":[5,4]}}"#).unwrap();
        assert_eq!(waits, Line::Answer(Answer { nanoseconds: 9.0, waits: vec![5, 4], ..Answer::default() }));
    }
}
