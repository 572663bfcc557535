//! `cargo lab trace herd`: records the callers of a memo, and the calls of `f` that they cause.

use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::ensure;
use bench_suite::child::{self, End, Patience};
use bench_suite::place;
use bench_suite::store::KeptTrace;
use bench_suite::subject::{self, Callers, Subject, Visitor};
use bench_suite::trace;
use clap::builder::PossibleValuesParser;
use clap::value_parser;

use super::Output;

/// The defaults, as the name of a trace leaves them out.
const CALLERS: u8 = 6;
const KEYS: u8 = 3;
const DELAY: u16 = 10;

/// Record callers that ask a memo at the same time, and the calls of `f` that they cause.
///
/// Each caller is an OS thread. The keys are called a, b, c and so on. The first caller asks for a, the second for b, and
/// so on; after the last key comes a again. If there are several keys, the memo has the last one already, so that it is
/// a hit. Each memo is recorded in a process of its own.
#[derive(clap::Args)]
pub(super) struct Herd {
    /// The memo to ask. Give this option several times to compare memos.
    #[arg(long, value_name = "NAME", default_value = "memo2", value_parser = PossibleValuesParser::new(memos()))]
    memo: Vec<String>,
    /// How many callers ask: 1 to 64.
    #[arg(long, value_name = "N", default_value_t = CALLERS, value_parser = value_parser!(u8).range(1..=64))]
    callers: u8,
    /// How many keys they ask for: 1 to 6.
    #[arg(long, value_name = "N", default_value_t = KEYS)]
    #[arg(value_parser = value_parser!(u8).range(1..=trace::Herd::MOST_KEYS as i64))]
    keys: u8,
    /// How long `f` takes, in milliseconds: at most 1000.
    #[arg(long, value_name = "MS", default_value_t = DELAY, value_parser = value_parser!(u16).range(0..=1000))]
    delay: u16,
    #[command(flatten)]
    output: Output,
}

/// The memos that threads can share.
fn memos() -> Vec<&'static str> {
    struct Shared(Vec<&'static str>);
    impl Visitor for Shared {
        fn shared<S: Subject>(&mut self) {
            self.0.push(<S as Subject>::NAME);
        }
    }
    let mut shared = Shared(Vec::new());
    subject::visit_made_for(Callers::Threads, &mut shared);
    shared.0
}

impl Herd {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let recorded = self.memo.iter().map(|memo| self.record(memo).map_err(|error| format!("{memo}: {error:#}")));
        self.output.show(recorded.collect(), "")
    }

    /// Records the callers of `memo` in a child process, because a student's memo may hang.
    fn record(&self, memo: &str) -> anyhow::Result<KeptTrace> {
        let Herd { callers, keys, delay, .. } = self;
        // If the memo runs one call after the other, no thread is awake while `f` sleeps.
        let asleep = Duration::from_secs(3) + Duration::from_millis(u64::from(*delay));
        let mut child = Command::new(place::lab());
        child.args(["child", "herd", memo]).args([callers.to_string(), keys.to_string(), delay.to_string()]);
        let child = child::run(&mut child, Patience::new(asleep, Duration::from_secs(60)))?;
        ensure!(matches!(child.end, End::Exits { status: 0, .. }), "{}", child.end);
        let trace = serde_json::from_str(&child.stdout)?;
        let title = format!("herd: {memo}, {callers} caller{}, {keys} key{}", plural(*callers), plural(*keys));
        Ok(KeptTrace::new(&self.name(memo), &title, &self.command(memo), trace))
    }

    /// The name under which the trace is kept. It is a file name on every system.
    fn name(&self, memo: &str) -> String {
        let others = self.others().map(|(option, value)| format!("-{option}-{value}"));
        ["herd-".to_string(), memo.replace("::", "-")].into_iter().chain(others).collect()
    }

    fn command(&self, memo: &str) -> String {
        let others = self.others().map(|(option, value)| format!(" --{option} {value}"));
        [format!("cargo lab trace herd --memo {memo}")].into_iter().chain(others).collect()
    }

    /// The options that differ from their defaults.
    fn others(&self) -> impl Iterator<Item = (&'static str, u16)> {
        let all = [
            ("callers", self.callers.into(), CALLERS.into()),
            ("keys", self.keys.into(), KEYS.into()),
            ("delay", self.delay, DELAY),
        ];
        all.into_iter().filter(|(_, value, default)| value != default).map(|(option, value, _)| (option, value))
    }
}

fn plural(number: u8) -> &'static str {
    if number == 1 { "" } else { "s" }
}
