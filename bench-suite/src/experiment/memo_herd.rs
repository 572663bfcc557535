//! `memo_herd`: many callers of one cold key. How long from the value being there until the last caller has it, and how
//! often was `f` called?

use std::io;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use green_threads::probe::placement::Placement;
use parking_lot::{Condvar, Mutex};

use super::rounds::{Contestant, Length, Plan, Run};
use super::{Experiment, Setting, compete, entrants};
use crate::store::{Cell, Depth};
use crate::subject::{self, Memo, OneThread, Subject, Visitor};

pub(super) struct MemoHerd {
    depth: Depth,
}

impl MemoHerd {
    pub(super) fn new(depth: Depth) -> Self {
        MemoHerd { depth }
    }
}

impl Experiment for MemoHerd {
    fn name(&self) -> &'static str {
        "memo_herd"
    }

    fn rounds(&self) -> usize {
        self.depth.rounds(11, 51)
    }

    fn settings(&self) -> Vec<Setting> {
        let herds: &[usize] = if self.depth != Depth::Full { &[2, 16, 256] } else { &[1, 2, 4, 16, 64, 256, 1024] };
        let setting = |callers: &usize, placement| {
            Setting::new([("callers", callers.to_string(), callers.to_string())], placement)
        };
        Placement::POSSIBLE
            .iter()
            .flat_map(|placement| herds.iter().map(move |callers| setting(callers, *placement)))
            .collect()
    }

    fn entrants(&self, _: &Setting) -> Vec<(&'static str, Result<(), String>)> {
        entrants(false)
    }

    fn measure(&mut self, setting: &Setting, without: &[&str], tick: &(dyn Fn(f64) + Sync)) -> io::Result<Vec<Cell>> {
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
        let mut enter = Enter { callers: setting.number("callers"), without, contestants: Vec::new() };
        subject::visit(&mut enter);
        compete(
            setting,
            enter.contestants,
            Plan { rounds: self.rounds(), length: Length::Iterations(1) },
            "calls",
            tick,
        )
    }
}

/// Opens when all callers have said that they are about to ask, and remembers when that was.
#[derive(Default)]
struct Gate {
    announced: Mutex<(usize, Option<Instant>)>,
    opened: Condvar,
}

impl Gate {
    /// One more caller is about to ask.
    fn announce(&self, callers: usize) {
        let mut announced = self.announced.lock();
        announced.0 += 1;
        if announced.0 == callers {
            announced.1 = Some(Instant::now());
            self.opened.notify_all();
        }
    }

    /// Sleeps until the gate opens, and says when it did.
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

    /// `f` returns when all callers have come, so each of them is a waiter, or on its last steps to become one. The
    /// clock starts when `f` may return and stops when the last caller has its value. The threads are made before.
    fn run(&mut self, iterations: u64) -> Run {
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
        Run { time, count: Some(calls.load(Relaxed) / iterations) }
    }
}
