//! Checks `robust::Memo` against a model. One caller after another asks, forgets, brings a cancelled token, panics,
//! and asks from inside `f`, also in cycles.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, Weak};

use memo2::robust::{Call, Error, Memo, Token};
use proptest::prelude::*;
use proptest::test_runner::Config;
use rusty_fork::rusty_fork_test;

/// What a caller does.
#[derive(Clone, Copy, Debug)]
enum Step {
    Get(u8),
    GetCancelled(u8),
    Forget(u8),
}

/// What a call of `f` does.
#[derive(Clone, Copy, Debug)]
enum Action {
    Give,
    GiveNotKept,
    Panic,
    /// Asks for another key, and returns its value plus one. If it is refused, it returns its own number.
    Ask(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..5u8).prop_map(Step::Get),
        1 => (0..5u8).prop_map(Step::GetCancelled),
        2 => (0..5u8).prop_map(Step::Forget),
    ]
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        3 => Just(Action::Give),
        1 => Just(Action::GiveNotKept),
        1 => Just(Action::Panic),
        4 => (0..5u8).prop_map(Action::Ask),
    ]
}

/// The outcome of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    Value(u64),
    Refused(Error),
    Panicked,
    Forgotten(bool),
}

/// The actions of the calls. The calls take them in order, and begin again after the last.
struct Actions {
    actions: Vec<Action>,
    calls: u64,
}

impl Actions {
    /// The number of the next call, and its action.
    fn next(&mut self) -> (u64, Action) {
        self.calls += 1;
        (self.calls, self.actions[self.calls as usize % self.actions.len()])
    }
}

/// Marks the values of calls that are not kept.
const NOT_KEPT: u64 = 1 << 32;

/// The model. It has no threads. To find a wait for itself, it looks for the key among the calls that have begun.
struct Model {
    kept: BTreeMap<u8, u64>,
    actions: Actions,
    /// The keys whose calls have begun and not ended, the outermost first.
    begun: Vec<u8>,
    refused: Vec<Error>,
    hits: u64,
    panics: u64,
    cancels: u64,
    cycles: u64,
}

impl Model {
    fn step(&mut self, step: Step) -> Outcome {
        match step {
            Step::Get(key) => self.get(key),
            Step::GetCancelled(key) if self.kept.contains_key(&key) => self.get(key),
            Step::GetCancelled(key) => {
                self.cancels += 1;
                Outcome::Refused(Error::Cancelled {
                    key: key.to_string(),
                    waits_for: vec![],
                })
            }
            Step::Forget(key) => Outcome::Forgotten(self.kept.remove(&key).is_some()),
        }
    }

    fn get(&mut self, key: u8) -> Outcome {
        if let Some(value) = self.kept.get(&key) {
            self.hits += 1;
            return Outcome::Value(*value);
        }
        if let Some(at) = self.begun.iter().position(|begun| *begun == key) {
            self.cycles += 1;
            let asks = self.begun[self.begun.len() - 1];
            let path = std::iter::once(&asks)
                .chain(&self.begun[at..])
                .map(u8::to_string)
                .collect();
            return Outcome::Refused(Error::Cycle { path });
        }
        self.begun.push(key);
        let (call, action) = self.actions.next();
        let outcome = match action {
            Action::Give => Outcome::Value(call),
            Action::GiveNotKept => Outcome::Value(call | NOT_KEPT),
            Action::Panic => Outcome::Panicked,
            Action::Ask(other) => match self.get(other) {
                Outcome::Value(value) => Outcome::Value((value & !NOT_KEPT) + 1),
                Outcome::Refused(error) => {
                    self.refused.push(error);
                    Outcome::Value(call)
                }
                outcome => outcome,
            },
        };
        self.begun.pop();
        match outcome {
            Outcome::Value(value) if value & NOT_KEPT == 0 => {
                _ = self.kept.insert(key, value);
            }
            Outcome::Panicked => self.panics += 1,
            _ => {}
        }
        outcome
    }
}

type F = Box<dyn Fn(&Call, &u8) -> u64 + Send + Sync>;

struct Real {
    memo: Memo<u8, u64, F>,
    /// The errors that calls got when they asked. A caller from outside does not see them.
    refused: Mutex<Vec<Error>>,
}

impl Real {
    fn new(actions: Vec<Action>) -> Arc<Self> {
        let actions = Mutex::new(Actions { actions, calls: 0 });
        Arc::new_cyclic(|weak: &Weak<Real>| {
            let weak = weak.clone();
            let f: F = Box::new(move |call, _| {
                let (number, action) = actions.lock().unwrap().next();
                match action {
                    Action::Give => number,
                    Action::GiveNotKept => number | NOT_KEPT,
                    Action::Panic => resume_unwind(Box::new("as planned")),
                    Action::Ask(other) => {
                        let real = weak.upgrade().unwrap();
                        match call.get(&real.memo, &other) {
                            Ok(value) => (value & !NOT_KEPT) + 1,
                            Err(error) => {
                                real.refused.lock().unwrap().push(error);
                                number
                            }
                        }
                    }
                }
            });
            Real {
                memo: Memo::new(f).keep_if(|value| value & NOT_KEPT == 0),
                refused: Mutex::default(),
            }
        })
    }

    fn step(&self, step: Step) -> Outcome {
        let cancelled = Token::new();
        cancelled.cancel();
        let got = match step {
            Step::Get(key) => catch_unwind(AssertUnwindSafe(|| self.memo.get(&key))),
            Step::GetCancelled(key) => {
                catch_unwind(AssertUnwindSafe(|| self.memo.get_until(&key, &cancelled)))
            }
            Step::Forget(key) => return Outcome::Forgotten(self.memo.forget(&key)),
        };
        match got {
            Ok(Ok(value)) => Outcome::Value(value),
            Ok(Err(error)) => Outcome::Refused(error),
            Err(_) => Outcome::Panicked,
        }
    }
}

fn check(actions: Vec<Action>, steps: &[Step]) {
    let mut model = Model {
        kept: BTreeMap::new(),
        actions: Actions { actions: actions.clone(), calls: 0 },
        begun: Vec::new(),
        refused: Vec::new(),
        hits: 0,
        panics: 0,
        cancels: 0,
        cycles: 0,
    };
    let real = Real::new(actions);
    for step in steps {
        assert_eq!(real.step(*step), model.step(*step), "{step:?}");
        assert_eq!(*real.refused.lock().unwrap(), model.refused, "{step:?}");
        let stats = real.memo.stats();
        assert_eq!(
            (
                stats.hits,
                stats.misses,
                stats.waits,
                stats.in_flight,
                stats.panics,
                stats.cancels,
                stats.cycles
            ),
            (
                model.hits,
                model.actions.calls,
                0,
                0,
                model.panics,
                model.cancels,
                model.cycles
            ),
            "after {step:?}"
        );
    }
}

rusty_fork_test! {
    #![rusty_fork(timeout_ms = 600000)]

    #[test]
    fn agrees_with_the_model() {
        let config = Config { cases: 2_000, failure_persistence: None, ..Config::default() };
        let histories = (prop::collection::vec(action(), 1..12), prop::collection::vec(step(), 0..40));
        proptest!(config, |((actions, steps) in histories)| check(actions, &steps));
    }
}
