//! `memo_miss`: no key is in the memo, and all are distinct. What does it cost to bring one in, and do callers of
//! distinct keys wait for each other?
//!
//! `f` does nothing, or keeps its processor busy for 50 µs. It computes and does not sleep, so that on one core no memo
//! can be faster than one thread.

use std::io;
use std::marker::PhantomData;
use std::time::{Duration, Instant};

use green_threads::probe::placement::Placement;

use super::rounds::{Contestant, Length, Plan, Run};
use super::threads::{timed, together};
use super::{Experiment, Setting, compete, entrants, thread_counts};
use crate::store::{Cell, Depth};
use crate::subject::{self, Memo, OneThread, Subject, Visitor};

pub(super) struct MemoMiss {
    depth: Depth,
}

impl MemoMiss {
    pub(super) fn new(depth: Depth) -> Self {
        MemoMiss { depth }
    }
}

/// The busy `f`, and how long it is.
const BUSY: (&str, Duration) = ("50us", Duration::from_micros(50));
/// The other one.
const TRIVIAL: &str = "trivial";

impl Experiment for MemoMiss {
    fn name(&self) -> &'static str {
        "memo_miss"
    }

    fn rounds(&self) -> usize {
        self.depth.rounds(10, 31)
    }

    fn settings(&self) -> Vec<Setting> {
        let mut settings = Vec::new();
        for &placement in Placement::POSSIBLE {
            for f in [TRIVIAL, BUSY.0] {
                for threads in thread_counts() {
                    let parameters =
                        [("f", f.to_string(), f.to_string()), ("threads", threads.to_string(), format!("{threads}t"))];
                    settings.push(Setting::new(parameters, placement));
                }
            }
        }
        settings
    }

    fn entrants(&self, setting: &Setting) -> Vec<(&'static str, Result<(), String>)> {
        entrants(setting.number("threads") == 1)
    }

    fn measure(&mut self, setting: &Setting, without: &[&str], tick: &(dyn Fn(f64) + Sync)) -> io::Result<Vec<Cell>> {
        let busy = (setting.parameters["f"] == BUSY.0).then_some(BUSY.1);
        let mut enter = Enter { threads: setting.number("threads"), busy, without, contestants: Vec::new() };
        subject::visit(&mut enter);
        let misses = if busy.is_some() { 32 } else { 500 };
        compete(
            setting,
            enter.contestants,
            Plan { rounds: self.rounds(), length: Length::Iterations(misses) },
            "",
            tick,
        )
    }
}

/// Makes a contestant of each subject that can take part.
struct Enter<'a> {
    threads: usize,
    busy: Option<Duration>,
    without: &'a [&'a str],
    contestants: Vec<Box<dyn Contestant>>,
}

impl Visitor for Enter<'_> {
    fn shared<S: Subject>(&mut self) {
        if !self.without.contains(&<S as Subject>::NAME) {
            self.contestants.push(Box::new(Shared::<S> {
                threads: self.threads,
                busy: self.busy,
                subject: PhantomData,
            }));
        }
    }
    fn one_thread<S: OneThread>(&mut self) {
        if self.threads == 1 {
            self.contestants.push(Box::new(Alone::<S> { busy: self.busy, subject: PhantomData }));
        }
    }
}

/// `f`: the key's length, after as much work as is asked for.
fn f(busy: Option<Duration>) -> subject::Function<String, u64> {
    Box::new(move |key| {
        if let Some(busy) = busy {
            let start = Instant::now();
            while start.elapsed() < busy {
                std::hint::spin_loop();
            }
        }
        key.len() as u64
    })
}

/// Distinct keys for each thread.
fn keys(thread: usize, count: u64) -> Vec<String> {
    (0..count).map(|at| format!("https://pages.example/section-{thread}/page-{at:06}.html")).collect()
}

/// Asks for all `keys`. Only this is timed: making keys and memo, and dropping them, is not.
fn ask(memo: &impl Memo<String, u64>, keys: &[String]) {
    for key in keys {
        std::hint::black_box(memo.get(key));
    }
}

struct Alone<S> {
    busy: Option<Duration>,
    subject: PhantomData<fn() -> S>,
}

impl<S: OneThread> Contestant for Alone<S> {
    fn name(&self) -> &'static str {
        S::NAME
    }
    fn run(&mut self, iterations: u64) -> Run {
        let (memo, keys) = (S::memo(f(self.busy)), keys(0, iterations));
        let (start, end) = timed(|| ask(&memo, &keys));
        Run { time: end - start, count: None }
    }
}

struct Shared<S> {
    threads: usize,
    busy: Option<Duration>,
    subject: PhantomData<fn() -> S>,
}

impl<S: Subject> Contestant for Shared<S> {
    fn name(&self) -> &'static str {
        <S as Subject>::NAME
    }
    fn run(&mut self, iterations: u64) -> Run {
        let memo = <S as Subject>::memo(f(self.busy));
        let keys: Vec<_> = (0..self.threads).map(|thread| keys(thread, iterations)).collect();
        let time = together(self.threads, |thread| timed(|| ask(&memo, &keys[thread])));
        Run { time, count: None }
    }
}
