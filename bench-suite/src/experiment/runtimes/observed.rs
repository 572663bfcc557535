//! A workload whose result is no time: every model in its own child, asked once or a few times.

use std::collections::BTreeMap;
use std::time::Duration;

use green_threads::probe::protocol::{Answer, Model, Preemption, Setup};

use super::plan::{self, Look};
use super::{SYSTEM_CALLS, default_stack, models, workers_of, workload};
use crate::probe::trace::{self, Untraced};
use crate::probe::{Ended, Fate, Programs, Session};
use crate::store::{Cell, Depth, Figure, Found, Observation, Results, Unit};

/// How long a child may be silent before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long where a hang is what is to be seen: whatever does not hang is done in a thousandth of it.
const FORMALITY: Duration = Duration::from_secs(2);

/// The system calls that are told apart; what else there is, is counted as other.
const CALLS: &[&str] =
    &["clone3", "mmap", "mprotect", "munmap", "madvise", "futex", "write", "epoll_wait", "sched_yield"];

/// One thing to observe, of all models.
#[derive(Debug)]
pub struct Observations {
    name: &'static str,
    workload: &'static str,
    depth: Depth,
    cells: Vec<(Look, Model)>,
}

impl Observations {
    pub(super) fn new(name: &'static str, workload: &'static str, depth: Depth) -> Self {
        let looks = plan::observed(name, depth);
        let mut cells: Vec<(Look, Model)> = Vec::new();
        for look in looks {
            // Only Go preempts, so only there is it switched off.
            let only_go = look.preemption != Preemption::Default;
            for model in models(workload, look.workers).filter(|model| !only_go || *model == Model::Goroutine) {
                // Threads have no workers: what differs in nothing else is the same to them.
                let same = |(other, of): &(Look, Model)| {
                    *of == Model::Thread && other.but_for_workers() == look.but_for_workers()
                };
                if model != Model::Thread || !cells.iter().any(same) {
                    cells.push((look, model));
                }
            }
        }
        Observations { name, workload, depth, cells }
    }

    /// Its name: the file in the store.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The workload's name.
    #[must_use]
    pub fn workload(&self) -> &'static str {
        self.workload
    }

    /// How many children it takes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether it takes none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Observes everything, one child after the other, and calls `done` with the name of each, before it starts.
    #[must_use]
    pub fn observe(&self, programs: &Programs, next: &dyn Fn(&str)) -> Results {
        let cells = self.cells.iter().map(|(look, model)| {
            next(&format!("{} {} {model}", self.name, look.variant));
            self.cell(*look, *model, programs)
        });
        let cells = cells.collect();
        Results::new(self.name, self.depth, true, cells)
    }

    fn cell(&self, look: Look, model: Model, programs: &Programs) -> Cell {
        let stack = look.stack.unwrap_or_else(|| default_stack(model, self.workload));
        let setup = Setup {
            workload: self.workload.to_string(),
            variant: look.variant.to_string(),
            model,
            workers: workers_of(model, look.workers),
            stack,
            placement: look.placement,
            n: look.n,
            preemption: look.preemption,
        };
        let words = [
            ("variant", look.variant.to_string()),
            ("n", look.n.to_string()),
            ("workers", look.workers.to_string()),
            ("stack", look.stack.map_or_else(|| "default".to_string(), |bytes| bytes.to_string())),
            ("placement", look.placement.to_string()),
            ("preemption", self.varied_preemption(look, model).to_string()),
        ];
        let setting = words.into_iter().filter(|(_, value)| !value.is_empty());
        Cell {
            subject: model.name().to_string(),
            setting: setting.map(|(name, value)| (name.to_string(), value)).collect(),
            found: self.found(&setup, look, programs),
        }
    }

    /// The name of a goroutine's preemption in the observation that varies it; elsewhere nothing.
    fn varied_preemption(&self, look: Look, model: Model) -> &'static str {
        if self.name == "hog" && model == Model::Goroutine { look.preemption.name() } else { "" }
    }

    fn found(&self, setup: &Setup, look: Look, programs: &Programs) -> Found {
        let workload = workload(self.workload);
        if let Some(why) = workload.cannot(setup) {
            return Found::Absent { why: why.to_string() };
        }
        if let Err(why) = programs.has(setup.model) {
            return Found::Absent { why };
        }
        let patience = if self.name == "lock_across_yield" { FORMALITY } else { PATIENCE };
        // A trial has only to see that it runs.
        let times = if self.depth == Depth::Trial { 1 } else { look.times };
        let seen = match Session::start(programs, setup, patience) {
            Ok(session) if self.name == SYSTEM_CALLS => return system_calls(session, look.n),
            Ok(session) => observe(session, times),
            Err(ended) => stopped(Observation::default(), ended),
        };
        // There a progress of 1 is a destructor that has run; silence is none.
        let silence = (look.variant == "overflow" && !seen.figures.contains_key("progress")).then_some(0);
        Found::Observed(with_progress(seen, silence))
    }
}

fn observe(mut session: Session, times: usize) -> Observation {
    let mut answers: Vec<Answer> = Vec::new();
    for _ in 0..times {
        match session.ask(1) {
            Ok(answer) => answers.push(answer),
            Err(ended) => return stopped(of_answers(&answers), ended),
        }
    }
    with_progress(of_answers(&answers), session.progress())
}

/// The system calls of `units` iterations, for one of them.
fn system_calls(mut session: Session, units: u64) -> Found {
    // The first units set up what all others share.
    if let Err(ended) = session.ask(units) {
        return Found::Observed(stopped(Observation::default(), ended));
    }
    let counts = match trace::ask(&mut session, units) {
        Ok((_, counts)) => counts,
        Err(Untraced::Refused(why)) => return Found::Absent { why },
        Err(Untraced::Ended(ended)) => return Found::Observed(stopped(Observation::default(), ended)),
    };
    let mut figures: BTreeMap<String, Figure> = BTreeMap::new();
    let mut add = |name: &str, count: u64| {
        let figure = figures.entry(name.to_string()).or_insert(Figure { unit: Unit::Count, rounds: vec![0.0] });
        figure.rounds[0] += count as f64 / units as f64;
    };
    for (name, count) in &counts {
        add("all", *count);
        add(if CALLS.contains(&name.as_str()) { name } else { "other" }, *count);
    }
    Found::Observed(Observation { figures, ..Observation::default() })
}

fn of_answers(answers: &[Answer]) -> Observation {
    let mut observation = Observation::default();
    let mut add = |name: &str, number| {
        let figure = Figure { unit: unit(name), rounds: Vec::new() };
        observation.figures.entry(name.to_string()).or_insert(figure).rounds.push(number);
    };
    for answer in answers {
        add("time", answer.nanoseconds);
        answer.figures.iter().for_each(|(name, number)| add(name, *number));
    }
    for answer in answers {
        observation.facts.extend(answer.facts.clone());
        if let Some(failure) = &answer.failure {
            observation.stopped = Some(Fate::Limit(failure.clone()));
        }
    }
    observation
}

/// What was seen until the child ended. How far it had come, by its own last word, is a figure too.
fn stopped(seen: Observation, ended: Ended) -> Observation {
    let seen = with_progress(seen, ended.progress);
    Observation { stopped: Some(ended.fate), facts: BTreeMap::new(), ..seen }
}

fn with_progress(mut seen: Observation, progress: Option<u64>) -> Observation {
    if let Some(progress) = progress {
        seen.figures.insert("progress".to_string(), Figure { unit: Unit::Count, rounds: vec![progress as f64] });
    }
    seen
}

/// The unit of a figure that a workload reports.
fn unit(name: &str) -> Unit {
    // Where noise hides a figure, there is a bound instead: the same name with an end.
    match name.strip_suffix(crate::store::BELOW).unwrap_or(name) {
        "time" | "total" | "first" | "last" | "hog" | "cross" | "half" | "most" => Unit::Nanoseconds,
        "overhead" => Unit::Ratio,
        "resident" | "reserved" | "page_tables" | "kernel" | "depth" | "peak" | "stack_most" | "stack_left" => {
            Unit::Bytes
        }
        _ => Unit::Count,
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::collections::BTreeSet;

    use green_threads::Workers;
    use green_threads::probe::placement::Placement;

    use super::*;

    /// What the claim about Go's preemption is read off.
    #[test]
    fn a_hog_runs_in_both_placements_with_both_loops_and_go_also_without_asynchronous_preemption() {
        for depth in [Depth::Quick, Depth::Full] {
            let hog = Observations::new("hog", "hog", depth);
            let looks = |of: Model| -> Vec<(&str, Placement, Preemption)> {
                let one = |(look, model): &&(Look, Model)| *model == of && look.workers == Workers::ONE;
                hog.cells.iter().filter(one).map(|(look, _)| (look.variant, look.placement, look.preemption)).collect()
            };
            let mut expected = BTreeSet::new();
            for variant in ["calls", "no-calls"] {
                for placement in [Placement::Free, Placement::OneCore] {
                    expected.insert((variant, placement, Preemption::Default));
                }
            }
            for &model in Model::ALL {
                if model == Model::Goroutine {
                    let off = |look: &(&'static str, _, _)| (look.0, look.1, Preemption::AsyncPreemptOff);
                    expected.extend(expected.clone().iter().map(off));
                }
                let found = looks(model);
                assert_eq!(found.len(), expected.len(), "{model}: {found:?}");
                assert_eq!(BTreeSet::from_iter(found), expected, "{model}");
            }
        }
    }
}
