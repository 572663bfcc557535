//! `memo_herd`: many callers of one cold key. How long does it take from the moment when `f` may return
//! until the last caller has the value, and how often is `f` called?

use std::io;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use green_threads::probe::placement::Placement;
use green_threads::probe::protocol::Answer;
use green_threads::workload::{Depth, Parameter, Quantity, Times};
use parking_lot::{Condvar, Mutex};

use super::rounds::{Contestant, Length, Plan};
use super::{Contest, Tick, Written, all_subjects, compete};
use crate::store::Found;
use crate::subject::Callers::Threads;
use crate::subject::{self, Memo, OneThread, Subject, Visitor};

const NAME: &str = "memo_herd";

const CALLS: Quantity = Quantity::count("calls", "calls of f").less();

const TIMES: Times = Times {
    rows: "memo",
    caption: "Many callers of one cold key. Shown: time from the moment when f may return until the last caller has \
              the value, the ratio to the fastest, and in brackets the calls of f.",
    columns: &[Parameter::new("callers", "{} caller{s}")],
    in_brackets: &[CALLS],
    expected: Some(1.0),
    headline: &[&[("callers", "16")], &[("callers", "256")]],
    ..Times::OF_MODELS
};

pub(super) struct MemoHerd {
    depth: Depth,
    settings: Vec<Setting>,
}

#[derive(Clone, Copy)]
struct Setting {
    callers: usize,
    placement: Placement,
}

impl MemoHerd {
    pub(super) fn new(depth: Depth) -> Self {
        let herds: &[usize] = if depth == Depth::Full { &[1, 2, 4, 16, 64, 256, 1024] } else { &[2, 16, 256] };
        let at = |&placement| herds.iter().map(move |&callers| Setting { callers, placement });
        MemoHerd { depth, settings: Placement::POSSIBLE.iter().flat_map(at).collect() }
    }
}

impl Contest for MemoHerd {
    fn name(&self) -> &'static str {
        NAME
    }

    fn times(&self) -> Times {
        TIMES
    }

    fn rounds(&self) -> usize {
        self.depth.rounds(11, 51)
    }

    fn settings(&self) -> Vec<Written> {
        let written = |&Setting { callers, placement }: &Setting| {
            Written::of_memos(NAME, [("callers", callers.to_string())], &callers.to_string(), placement)
        };
        self.settings.iter().map(written).collect()
    }

    fn entrants(&self, _: usize) -> Vec<(&'static str, Result<(), String>)> {
        all_subjects(false)
    }

    fn measure(&mut self, setting: usize, without: &[&str], tick: Tick<'_>) -> io::Result<Vec<(&'static str, Found)>> {
        struct Enter<'a> {
            callers: usize,
            without: &'a [&'a str],
            contestants: Vec<Box<dyn Contestant>>,
        }
        impl Visitor for Enter<'_> {
            fn shared<S: Subject>(&mut self) {
                if !self.without.contains(&<S as Subject>::NAME) {
                    self.contestants.push(Box::new(Herd::<S> { callers: self.callers, subject: PhantomData }));
                }
            }
            fn one_thread<S: OneThread>(&mut self) {}
        }
        let Setting { callers, placement } = self.settings[setting];
        let mut enter = Enter { callers, without, contestants: Vec::new() };
        subject::visit_made_for(Threads, &mut enter);
        let plan = Plan { rounds: self.rounds(), length: Length::Iterations(1) };
        compete(placement, enter.contestants, plan, &TIMES, tick)
    }
}

/// A gate that opens when all callers have announced that they are about to ask. It remembers when it opened.
#[derive(Default)]
struct Gate {
    /// How many callers have announced themselves, and when the gate opened.
    announced: Mutex<(usize, Option<Instant>)>,
    opened: Condvar,
}

impl Gate {
    /// Announces one more caller. The last of `callers` opens the gate.
    fn announce(&self, callers: usize) {
        let mut announced = self.announced.lock();
        announced.0 += 1;
        if announced.0 == callers {
            announced.1 = Some(Instant::now());
            self.opened.notify_all();
        }
    }

    /// Sleeps until the gate is open, and returns when it opened.
    fn open(&self) -> Instant {
        let mut announced = self.announced.lock();
        loop {
            match announced.1 {
                Some(opened) => return opened,
                None => self.opened.wait(&mut announced),
            }
        }
    }
}

struct Herd<S> {
    callers: usize,
    subject: PhantomData<fn() -> S>,
}

impl<S: Subject> Contestant for Herd<S> {
    fn name(&self) -> &'static str {
        <S as Subject>::NAME
    }

    /// Runs `iterations` herds. `f` returns only when all callers have announced themselves. So each caller waits
    /// then, or is about to. The clock starts when `f` may return, and stops when the last caller has its value.
    /// It does not include the creation of the threads.
    fn run(&mut self, iterations: u64) -> Answer {
        let mut time = Duration::ZERO;
        let calls = Arc::new(AtomicU64::new(0));
        for _ in 0..iterations {
            let gate = Arc::new(Gate::default());
            let memo = <S as Subject>::memo({
                let (gate, calls) = (gate.clone(), calls.clone());
                Box::new(move |key: &u64| {
                    calls.fetch_add(1, Relaxed);
                    gate.open();
                    *key
                })
            });
            let last = thread::scope(|scope| {
                let caller = || {
                    gate.announce(self.callers);
                    memo.get(&7);
                    Instant::now()
                };
                let callers: Vec<_> = (0..self.callers).map(|_| scope.spawn(caller)).collect();
                let join = |caller: thread::ScopedJoinHandle<'_, Instant>| {
                    caller.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                };
                callers.into_iter().map(join).max()
            });
            time += last.map_or(Duration::ZERO, |last| last - gate.open());
        }
        Answer::time(time).quantity(CALLS, (calls.load(Relaxed) / iterations) as f64)
    }
}
