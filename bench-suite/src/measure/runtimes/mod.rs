//! Measures the experiments of the runtimes in child processes, as the [workloads](super::workload) describe them.
//!
//! `timed.rs` measures times, in rounds like those of the memos. `observed.rs` makes observations.

mod observed;
mod timed;

use std::rc::Rc;

use green_threads::probe::protocol::Model;
use green_threads::workload::{Depth, Experiment, Setting, Shows, Workload};

use crate::child::probe::Programs;
use crate::measure::workload;
use crate::store;

pub use observed::Observer;

/// Returns the contests of the runtimes at this depth, in the order in which they run.
pub(super) fn contests(depth: Depth, programs: &Rc<Programs>) -> impl Iterator<Item = timed::Timed> {
    described().filter_map(move |(workload, experiment)| match experiment.shows {
        Shows::Times(times) => Some(timed::Timed::new(workload, experiment, times, depth, Rc::clone(programs))),
        Shows::Observations(_) => None,
    })
}

/// Returns the observers of the runtimes at this depth, in the order in which they run.
#[must_use]
pub fn observers(depth: Depth) -> Vec<Observer> {
    let observer = |(workload, experiment): (_, &'static Experiment)| match experiment.shows {
        Shows::Times(_) => None,
        Shows::Observations(observations) => Some(Observer::new(workload, experiment, observations, depth)),
    };
    described().filter_map(observer).collect()
}

/// Lists every experiment of every workload.
fn described() -> impl Iterator<Item = (&'static Workload, &'static Experiment)> {
    workload::all().flat_map(|workload| workload.experiments.iter().map(move |experiment| (workload, experiment)))
}

/// Returns a setting in the form in which results contain it. `n` is the name of the setting's `n`; empty if it
/// does not vary. Only goroutines are preempted, so only their settings contain the preemption.
fn written(n: &str, setting: &Setting, model: Option<Model>) -> store::Setting {
    let stack = setting.stack.map_or_else(|| "default".to_string(), |bytes| bytes.to_string());
    let preemption = setting.preemption.filter(|_| model == Some(Model::Goroutine));
    let parameters = [
        ("variant", setting.variant.to_string()),
        (n, if n.is_empty() { String::new() } else { setting.n.to_string() }),
        ("workers", setting.workers.to_string()),
        ("stack", stack),
        ("placement", setting.placement.to_string()),
        ("preemption", preemption.map_or_else(String::new, |preemption| preemption.name().to_string())),
    ];
    let given = parameters.into_iter().filter(|(_, value)| !value.is_empty());
    given.map(|(name, value)| (name.to_string(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_experiment_has_a_name_of_its_own() {
        let mut names: Vec<&str> = described().map(|(_, experiment)| experiment.name).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    /// Every child would refuse a setting that names an unknown variant.
    #[test]
    fn every_setting_is_one_of_its_workload() {
        for (workload, experiment) in described() {
            for depth in [Depth::Quick, Depth::Full, Depth::Trial] {
                for setting in (experiment.settings)(depth) {
                    assert!(workload.variants.contains(&setting.variant), "{}: {setting:?}", experiment.name);
                    assert!((1..=workload.most).contains(&setting.n), "{}: {setting:?}", experiment.name);
                    let named = written(experiment.n, &setting, None).len();
                    assert!(experiment.n.is_empty() || named >= 4, "{}: {setting:?}", experiment.name);
                }
            }
        }
    }
}
