//! Observes a workload whose result is not a time. Every model runs in its own child process, and the suite asks
//! each child once or a few times.

use std::collections::BTreeMap;

use green_threads::probe::protocol::{Answer, Model, Setup};
use green_threads::workload::{Depth, Experiment, Observations, Quantity, Setting, Workload};

use super::written;
use crate::child::probe::system_calls::{self, Untraced};
use crate::child::probe::{NoAnswer, Programs, Session, Stop};
use crate::store::{Cell, Found, Observation, Results, Series};

/// Makes the observations of one experiment, for all models.
#[derive(Debug)]
pub struct Observer {
    workload: &'static Workload,
    experiment: &'static Experiment,
    observations: Observations,
    depth: Depth,
    cells: Vec<(Setting, Model)>,
}

impl Observer {
    pub(super) fn new(
        workload: &'static Workload,
        experiment: &'static Experiment,
        observations: Observations,
        depth: Depth,
    ) -> Self {
        let mut cells: Vec<(Setting, Model)> = Vec::new();
        for setting in (experiment.settings)(depth) {
            for model in workload.models_in(&setting) {
                // OS threads have no workers. So of settings that differ in nothing but the workers, observe them
                // in one only.
                let same = |(other, of): &(Setting, Model)| {
                    *of == Model::Thread && Setting { workers: setting.workers, ..*other } == setting
                };
                if model != Model::Thread || !cells.iter().any(same) {
                    cells.push((setting, model));
                }
            }
        }
        Observer { workload, experiment, observations, depth, cells }
    }

    /// Returns the name of the experiment.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.experiment.name
    }

    /// Returns the name of the workload.
    #[must_use]
    pub fn workload(&self) -> &'static str {
        self.workload.name
    }

    /// Returns how many children it starts: one for each setting and model.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Returns whether it starts no child.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Observes everything, one child after the other. Before each child starts, it calls `next` with the child's name.
    #[must_use]
    pub fn observe(&self, programs: &Programs, next: &dyn Fn(&str)) -> Results {
        let cells = self.cells.iter().map(|(setting, model)| {
            next(&format!("{} {} {model}", self.experiment.name, setting.variant));
            Cell {
                subject: model.name().to_string(),
                setting: written(self.experiment.n, setting, Some(*model)),
                found: self.found(setting, *model, programs),
            }
        });
        let cells = cells.collect();
        Results::new(self.experiment.name, self.depth, true, cells)
    }

    fn found(&self, setting: &Setting, model: Model, programs: &Programs) -> Found {
        let setup = self.workload.setup(model, setting);
        if let Some(why) = self.workload.cannot(&setup) {
            return Found::Absent { why: why.to_string() };
        }
        if let Err(why) = programs.has(model) {
            return Found::Absent { why };
        }
        match Session::start(programs, &setup, self.observations.patience) {
            Ok(session) if self.observations.traced => self.system_calls(session, &setup),
            Ok(session) => {
                // A trial only checks that the workload runs.
                let times = if self.depth == Depth::Trial { 1 } else { setting.times };
                Found::Observed(self.observe_child(session, times))
            }
            Err(ended) => Found::Observed(stopped(Observation::default(), ended)),
        }
    }

    fn observe_child(&self, mut session: Session, times: usize) -> Observation {
        let mut answers: Vec<Answer> = Vec::new();
        for _ in 0..times {
            match session.ask(1) {
                Ok(answer) => answers.push(answer),
                Err(ended) => return stopped(self.observation(&answers), ended),
            }
        }
        with_progress(self.observation(&answers), session.progress())
    }

    fn observation(&self, answers: &[Answer]) -> Observation {
        let mut quantities = super::super::quantities(answers, |name| self.observations.quantity(name));
        if !answers.is_empty() {
            let times = answers.iter().map(|answer| answer.nanoseconds).collect();
            quantities.insert(Quantity::TIME.name.to_string(), Series { unit: Quantity::TIME.unit, rounds: times });
        }
        Observation {
            quantities,
            facts: answers.iter().flat_map(|answer| answer.facts.clone()).collect(),
            stopped: answers.iter().find_map(|answer| answer.failure.clone()).map(Stop::Limit),
        }
    }

    /// Counts the system calls of one iteration: traces `n` iterations and divides their calls by `n`.
    fn system_calls(&self, mut session: Session, setup: &Setup) -> Found {
        let units = setup.n;
        // Not traced: the first units also set up what all later units share.
        if let Err(ended) = session.ask(units) {
            return Found::Observed(stopped(Observation::default(), ended));
        }
        let counts = match system_calls::ask(&mut session, units) {
            Ok((_, counts)) => counts,
            Err(Untraced::Refused(why)) => return Found::Absent { why },
            Err(Untraced::Ended(ended)) => return Found::Observed(stopped(Observation::default(), ended)),
        };
        let mut answer = Answer::default();
        let mut add = |name: &str, count: u64| {
            *answer.quantities.entry(name.to_string()).or_default() += count as f64 / units as f64;
        };
        for (name, count) in &counts {
            add("all", *count);
            // Calls without a column of their own are counted together, as `other`.
            add(self.observations.quantity(name).map_or("other", |_| name), *count);
        }
        let quantities = super::super::quantities([&answer], |name| self.observations.quantity(name));
        Found::Observed(Observation { quantities, ..Observation::default() })
    }
}

/// Completes an observation whose child ended too early. Adds why it ended and the last progress that it reported,
/// and drops the facts.
fn stopped(seen: Observation, ended: NoAnswer) -> Observation {
    let seen = with_progress(seen, ended.progress);
    Observation { stopped: Some(ended.why), facts: BTreeMap::new(), ..seen }
}

fn with_progress(mut seen: Observation, progress: Option<u64>) -> Observation {
    if let Some(progress) = progress {
        let Quantity { name, unit, .. } = Quantity::PROGRESS;
        seen.quantities.insert(name.to_string(), Series { unit, rounds: vec![progress as f64] });
    }
    seen
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::collections::BTreeSet;

    use green_threads::Workers;
    use green_threads::probe::placement::Placement;
    use green_threads::probe::protocol::Preemption;

    use super::super::observers;
    use super::*;

    /// The claim about Go's preemption needs all these settings.
    #[test]
    fn a_hog_runs_in_both_placements_with_both_loops_and_go_also_without_asynchronous_preemption() {
        for depth in [Depth::Quick, Depth::Full] {
            let hog = observers(depth).into_iter().find(|observer| observer.name() == "hog").unwrap();
            let settings = |of: Model| -> Vec<(&str, Placement, Preemption)> {
                let one = |(setting, model): &&(Setting, Model)| *model == of && setting.workers == Workers::ONE;
                let of_one = hog.cells.iter().filter(one);
                of_one
                    .map(|(setting, _)| (setting.variant, setting.placement, setting.preemption.unwrap_or_default()))
                    .collect()
            };
            let mut expected = BTreeSet::new();
            for variant in ["calls", "no-calls"] {
                for placement in [Placement::Free, Placement::OneCore] {
                    expected.insert((variant, placement, Preemption::Default));
                }
            }
            for &model in Model::ALL {
                if model == Model::Goroutine {
                    let off = |on: &(&'static str, _, _)| (on.0, on.1, Preemption::AsyncPreemptOff);
                    expected.extend(expected.clone().iter().map(off));
                }
                let found = settings(model);
                assert_eq!(found.len(), expected.len(), "{model}: {found:?}");
                assert_eq!(BTreeSet::from_iter(found), expected, "{model}");
            }
        }
    }
}
