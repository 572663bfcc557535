//! `memo_miss`: the memo has no key, and all keys are distinct. What does a miss cost, and do callers of distinct
//! keys wait for each other?
//!
//! `f` does nothing, or keeps its processor busy for 50 µs. It computes and does not sleep, so that on one core
//! several threads are not faster than one, whatever the memo does.

use std::io;
use std::marker::PhantomData;
use std::time::{Duration, Instant};

use green_threads::probe::placement::Placement;
use green_threads::probe::protocol::Answer;
use green_threads::workload::{Depth, Parameter, Times};

use super::rounds::{Contestant, Length, Plan};
use super::together::{timed, together};
use super::{Contest, Tick, Written, all_subjects, compete, thread_counts};
use crate::store::Found;
use crate::subject::Callers::Threads;
use crate::subject::{self, Memo, OneThread, Subject, Visitor};

const NAME: &str = "memo_miss";

const TIMES: Times = Times {
    rows: "memo",
    caption: "The memo has no key, and all keys are distinct. Shown: time of one call as each thread sees it, and the \
              ratio to the fastest. f does nothing, or computes for 50 µs.",
    columns: &[Parameter::new("f", "f {}"), Parameter::new("threads", "{} thread{s}")],
    headline: &[&[("f", "trivial"), ("threads", "1"), ("placement", "free")], &[("f", "trivial"), ("threads", "2")]],
    ..Times::OF_MODELS
};

pub(super) struct MemoMiss {
    depth: Depth,
    settings: Vec<Setting>,
}

#[derive(Clone, Copy)]
struct Setting {
    f: F,
    threads: usize,
    placement: Placement,
}

/// What `f` does, the function whose values the memo keeps.
#[derive(Clone, Copy)]
enum F {
    /// It does nothing.
    Trivial,
    /// It computes for 50 µs.
    Busy,
}

impl F {
    fn busy(self) -> Option<Duration> {
        match self {
            F::Trivial => None,
            F::Busy => Some(Duration::from_micros(50)),
        }
    }
}

impl MemoMiss {
    pub(super) fn new(depth: Depth) -> Self {
        let mut settings = Vec::new();
        for &placement in Placement::POSSIBLE {
            for f in [F::Trivial, F::Busy] {
                settings.extend(thread_counts().into_iter().map(|threads| Setting { f, threads, placement }));
            }
        }
        MemoMiss { depth, settings }
    }
}

impl Contest for MemoMiss {
    fn name(&self) -> &'static str {
        NAME
    }

    fn times(&self) -> Times {
        TIMES
    }

    fn rounds(&self) -> usize {
        self.depth.rounds(10, 31)
    }

    fn settings(&self) -> Vec<Written> {
        let written = |&Setting { f, threads, placement }: &Setting| {
            let (words, id) = match f {
                F::Trivial => ("trivial", "trivial"),
                F::Busy => ("50 µs", "50us"),
            };
            let parameters = [("f", words.to_string()), ("threads", threads.to_string())];
            Written::of_memos(NAME, parameters, &format!("{id}-{threads}t"), placement)
        };
        self.settings.iter().map(written).collect()
    }

    fn entrants(&self, setting: usize) -> Vec<(&'static str, Result<(), String>)> {
        all_subjects(self.settings[setting].threads == 1)
    }

    fn measure(&mut self, setting: usize, without: &[&str], tick: Tick<'_>) -> io::Result<Vec<(&'static str, Found)>> {
        let Setting { f, threads, placement } = self.settings[setting];
        let mut enter = Enter { threads, busy: f.busy(), without, contestants: Vec::new() };
        subject::visit_made_for(Threads, &mut enter);
        let misses = match f {
            F::Trivial => 500,
            F::Busy => 32,
        };
        let plan = Plan { rounds: self.rounds(), length: Length::Iterations(misses) };
        compete(placement, enter.contestants, plan, &TIMES, tick)
    }
}

/// Creates a contestant for each subject that can take part.
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

/// Returns `f`: it computes for the time `busy`, if there is one, and returns the key's length.
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

/// Returns `count` keys for this thread, distinct from each other and from those of other threads.
fn keys(thread: usize, count: u64) -> Vec<String> {
    (0..count).map(|at| format!("https://pages.example/section-{thread}/page-{at:06}.html")).collect()
}

/// Asks for all `keys`. Only this is timed. Creating and dropping the keys and the memo is not.
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
    fn run(&mut self, iterations: u64) -> Answer {
        let (memo, keys) = (S::memo(f(self.busy)), keys(0, iterations));
        let (start, end) = timed(|| ask(&memo, &keys));
        Answer::time(end - start)
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
    fn run(&mut self, iterations: u64) -> Answer {
        let memo = <S as Subject>::memo(f(self.busy));
        let keys: Vec<_> = (0..self.threads).map(|thread| keys(thread, iterations)).collect();
        let time = together(self.threads, |thread| timed(|| ask(&memo, &keys[thread])));
        Answer::time(time)
    }
}
