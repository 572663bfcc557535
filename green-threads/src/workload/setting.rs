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
    /// Everything once, to see that it runs. The numbers mean nothing.
    Trial,
}

impl Depth {
    /// The number of rounds: `quick` or `full` of them, and one in a trial.
    #[must_use]
    pub fn rounds(self, quick: usize, full: usize) -> usize {
        match self {
            Depth::Quick => quick,
            Depth::Full => full,
            Depth::Trial => 1,
        }
    }

    /// Its name in files and tables.
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
    /// How much of it. Each workload says what it counts.
    pub n: u64,
    /// The number of workers. OS threads have none.
    pub workers: Workers,
    /// The cores on which it runs.
    pub placement: Placement,
    /// The size of a stack in bytes, where the experiment varies it.
    pub stack: Option<usize>,
    /// Whether Go preempts, where the experiment varies it.
    pub preemption: Option<Preemption>,
    /// How many times each child is asked, where the result is not a time.
    pub times: usize,
}

impl Setting {
    /// One worker, free placement, everything else by default, asked once.
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

    /// The same with one worker for each core.
    #[must_use]
    pub fn on_every_core(self) -> Self {
        Setting { workers: Workers::one_per_core(), ..self }
    }
}

/// Each of these (variant, n), in all [`places`].
#[must_use]
pub fn in_places(depth: Depth, sizes: &[(&'static str, u64)]) -> Vec<Setting> {
    let places = places(depth);
    let place = |&(variant, n)| {
        places.iter().map(move |&(workers, placement)| Setting { workers, placement, ..Setting::new(variant, n) })
    };
    sizes.iter().flat_map(place).collect()
}

/// The numbers of workers and the placements in which times are measured: one worker and one for each core, with free
/// placement, and one worker with everything on one core. The whole matrix also has the fourth combination.
#[must_use]
pub fn places(depth: Depth) -> Vec<(Workers, Placement)> {
    let (one, all) = (Workers::ONE, Workers::one_per_core());
    let mut places = vec![(one, Placement::Free), (all, Placement::Free), (one, Placement::OneCore)];
    if depth == Depth::Full {
        places.push((all, Placement::OneCore));
    }
    places.retain(|(_, placement)| Placement::POSSIBLE.contains(placement));
    places.dedup();
    places
}

/// 1, 2, 4 ... workers, up to twice the cores. The last ones are more than can run at once, on purpose.
#[must_use]
pub fn worker_counts() -> Vec<Workers> {
    let most = 2 * Workers::one_per_core().number();
    let counts = std::iter::successors(Some(1), |count| Some(count * 2)).take_while(|count| *count <= most);
    counts.filter_map(|count| Workers::new(count).ok()).collect()
}

/// This setting at the numbers of workers at which what is not a time is observed: [`worker_counts`], or at quick depth
/// one worker and one for each core.
#[must_use]
pub fn observed(depth: Depth, setting: Setting) -> Vec<Setting> {
    let mut counts = match depth {
        Depth::Full => worker_counts(),
        Depth::Quick | Depth::Trial => vec![Workers::ONE, Workers::one_per_core()],
    };
    counts.dedup();
    counts.into_iter().map(|workers| Setting { workers, ..setting }).collect()
}
