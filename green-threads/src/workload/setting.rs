//! The settings in which a workload is measured.

use serde::{Deserialize, Serialize};

use crate::Workers;
use crate::probe::placement::Placement;
use crate::probe::protocol::Preemption;

/// How much of an experiment is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Depth {
    /// The headline settings, within the time that `cargo bench` promises.
    Quick,
    /// The whole matrix.
    Full,
    /// Everything once, to check that it runs. The numbers mean nothing.
    Trial,
}

impl Depth {
    /// Returns the number of rounds at this depth: `quick`, `full`, or 1 in a trial.
    #[must_use]
    pub fn rounds(self, quick: usize, full: usize) -> usize {
        match self {
            Depth::Quick => quick,
            Depth::Full => full,
            Depth::Trial => 1,
        }
    }

    /// Returns its name in files and tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Depth::Quick => "quick",
            Depth::Full => "full",
            Depth::Trial => "trial",
        }
    }
}

/// One setting of a workload, for all models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The variant of the workload; empty if the workload has none.
    pub variant: &'static str,
    /// The size of the workload, such as a number of units. Each workload defines what it counts.
    pub n: u64,
    /// The number of workers. It does not apply to OS threads.
    pub workers: Workers,
    /// The cores on which it runs.
    pub placement: Placement,
    /// The size of a stack in bytes; `None` if the experiment does not vary it.
    pub stack: Option<usize>,
    /// Whether Go preempts; `None` if the experiment does not vary it.
    pub preemption: Option<Preemption>,
    /// How many times each child is asked, if the result is an observation and not a time.
    pub times: usize,
}

impl Setting {
    /// Creates a setting with one worker and free placement, in which each child is asked once. Everything else
    /// has its default.
    #[must_use]
    pub const fn new(variant: &'static str, n: u64) -> Self {
        Setting {
            variant,
            n,
            workers: Workers::ONE,
            placement: Placement::Free,
            stack: None,
            preemption: None,
            times: 1,
        }
    }

    /// Returns the same setting with one worker for each core.
    #[must_use]
    pub fn on_every_core(self) -> Self {
        Setting { workers: Workers::one_per_core(), ..self }
    }
}

/// Returns one setting for each pair of (variant, n) and each of the [`places`].
#[must_use]
pub fn in_places(depth: Depth, sizes: &[(&'static str, u64)]) -> Vec<Setting> {
    let places = places(depth);
    let place = |&(variant, n)| {
        places.iter().map(move |&(workers, placement)| Setting {
            workers,
            placement,
            ..Setting::new(variant, n)
        })
    };
    sizes.iter().flat_map(place).collect()
}

/// Returns the numbers of workers, each with a placement, for which times are measured: one worker with free
/// placement, one worker for each core with free placement, and one worker with everything on one core. At full
/// depth there is also the fourth combination, one worker for each core with everything on one core.
#[must_use]
pub fn places(depth: Depth) -> Vec<(Workers, Placement)> {
    let (one, all) = (Workers::ONE, Workers::one_per_core());
    let mut places =
        vec![(one, Placement::Free), (all, Placement::Free), (one, Placement::OneCore)];
    if depth == Depth::Full {
        places.push((all, Placement::OneCore));
    }
    places.retain(|(_, placement)| Placement::POSSIBLE.contains(placement));
    places.dedup();
    places
}

/// Returns 1, 2, 4 ... workers, up to twice the number of cores. The last of them are more than can run at once,
/// on purpose.
#[must_use]
pub fn worker_counts() -> Vec<Workers> {
    let most = 2 * Workers::one_per_core().number();
    let counts = std::iter::successors(Some(1), |count| Some(count * 2))
        .take_while(|count| *count <= most);
    counts.filter_map(|count| Workers::new(count).ok()).collect()
}

/// Returns this setting for each number of workers for which observations are made: [`worker_counts`] at full
/// depth, otherwise one worker and one for each core.
#[must_use]
pub fn observed(depth: Depth, setting: Setting) -> Vec<Setting> {
    let mut counts = match depth {
        Depth::Full => worker_counts(),
        Depth::Quick | Depth::Trial => vec![Workers::ONE, Workers::one_per_core()],
    };
    counts.dedup();
    counts.into_iter().map(|workers| Setting { workers, ..setting }).collect()
}
