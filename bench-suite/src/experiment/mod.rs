//! The experiments: what is timed, in which settings, and how.
//!
//! An experiment has settings (so many threads, so many keys, this placement), and in each of them all its subjects are
//! measured together, in interleaved rounds (`rounds.rs`). `benches/suite.rs` runs them under criterion.
//!
//! Those of the memos run in this process; those of the runtimes in children, a child for each model (`runtimes/`).
//! What is no time, such as bytes and counts, is observed: [`observations`].

mod beside;
mod memo_herd;
mod memo_hit;
mod memo_http;
mod memo_miss;
mod rounds;
mod runtimes;
mod threads;

use std::collections::BTreeMap;
use std::io;

use green_threads::probe::placement::Placement;

use crate::store::{Cell, Depth, Figure, Found, Unit};
use crate::subject::{self, MEMO1_IS_NOT_SYNC, Memo1, OneThread};
use beside::Beside;
use rounds::{Contestant, Plan};

pub use runtimes::{Observations, observations, timed as runtimes};

/// What hits are compared with: a plain `HashMap` that no thread writes. It stands beside the subjects under this name.
pub const PLAIN_MAP: &str = "HashMap";

/// Every experiment of the memos, at this depth, in the order in which they run.
#[must_use]
pub fn memos(depth: Depth) -> Vec<Box<dyn Experiment>> {
    vec![
        Box::new(memo_hit::MemoHit::<memo_hit::AsUsersGetIt>::new(depth)),
        Box::new(memo_hit::MemoHit::<memo_hit::SameForAll>::new(depth)),
        Box::new(memo_miss::MemoMiss::new(depth)),
        Box::new(memo_herd::MemoHerd::new(depth)),
        Box::new(memo_http::MemoHttp::new(depth)),
    ]
}

/// Something to measure.
pub trait Experiment {
    /// Its name: criterion's group, and the file in the store.
    fn name(&self) -> &'static str;

    /// The group of criterion's in which a setting stands.
    fn group(&self, _: &Setting) -> String {
        self.name().to_string()
    }

    /// How many rounds it runs at its depth.
    fn rounds(&self) -> usize;

    /// The settings of its depth, in the order in which they are measured.
    fn settings(&self) -> Vec<Setting>;

    /// Who takes part in `setting`, and who cannot, with the reason.
    fn entrants(&self, setting: &Setting) -> Vec<(&'static str, Result<(), String>)>;

    /// Measures, in `setting`, all who can take part but those in `without`. Calls `tick` with a share of the whole, at
    /// most 1, from time to time.
    ///
    /// # Errors
    ///
    /// If the operating system refuses the placement.
    fn measure(&mut self, setting: &Setting, without: &[&str], tick: &(dyn Fn(f64) + Sync)) -> io::Result<Vec<Cell>>;
}

/// The figure that says how many cores other programs had while a setting was measured.
pub const OTHERS: &str = "others";

/// Measures `setting` of `experiment`, as [`Experiment::measure`], and notes in each cell that has a time how many cores
/// [other programs](OTHERS) had meanwhile.
///
/// # Errors
///
/// As [`Experiment::measure`].
pub fn measure(
    experiment: &mut dyn Experiment,
    setting: &Setting,
    without: &[&str],
    tick: &(dyn Fn(f64) + Sync),
) -> io::Result<Vec<Cell>> {
    let beside = Beside::begin();
    let mut cells = experiment.measure(setting, without, tick)?;
    if let Some(cores) = beside.and_then(|beside| beside.cores()) {
        for cell in &mut cells {
            if let Found::Figures(figures) = &mut cell.found {
                figures.insert(OTHERS.to_string(), Figure { unit: Unit::Count, rounds: vec![cores] });
            }
        }
    }
    Ok(cells)
}

/// One setting of an experiment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its parameters, by name.
    parameters: BTreeMap<&'static str, String>,
    /// Its name in criterion's ids.
    id: String,
    placement: Placement,
}

impl Setting {
    fn new<const N: usize>(parameters: [(&'static str, String, String); N], placement: Placement) -> Self {
        let parts: Vec<_> = parameters.iter().map(|(_, _, part)| part.clone()).collect();
        let mut parameters: BTreeMap<_, _> = parameters.into_iter().map(|(name, value, _)| (name, value)).collect();
        parameters.insert("placement", placement.name().to_string());
        Setting { parameters, id: format!("{}-{placement}", parts.join("-")), placement }
    }

    /// One whose id does not name its placement, since its group does.
    fn named(mut parameters: BTreeMap<&'static str, String>, id: String, placement: Placement) -> Self {
        parameters.insert("placement", placement.name().to_string());
        Setting { parameters, id, placement }
    }

    /// Its name in criterion's ids: every parameter, briefly.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// A cell of this setting.
    #[must_use]
    pub fn cell(&self, subject: &str, found: Found) -> Cell {
        let setting = self.parameters.iter().map(|(name, value)| (name.to_string(), value.clone())).collect();
        Cell { subject: subject.to_string(), setting, found }
    }

    fn number(&self, parameter: &str) -> usize {
        self.parameters[parameter].parse().expect("the experiment has put a number here")
    }
}

/// Runs the rounds of `contestants` where the setting places them, and makes cells of the samples: the time of one
/// iteration, how many times the reference's it is, and the count if there is one.
fn compete(
    setting: &Setting,
    mut contestants: Vec<Box<dyn Contestant + '_>>,
    plan: Plan,
    count: &str,
    tick: &(dyn Fn(f64) + Sync),
) -> io::Result<Vec<Cell>> {
    let samples = setting.placement.run(|| rounds::run(&mut contestants, plan, tick))?;
    let times: Vec<Vec<f64>> =
        samples.iter().map(|samples| samples.iter().map(|sample| sample.nanoseconds).collect()).collect();
    let plain = contestants.iter().position(|contestant| contestant.name() == PLAIN_MAP);
    let ratios = match plain {
        Some(plain) => rounds::ratios_to(&times, plain),
        None => rounds::ratios_to_best(&times),
    };
    let figure = |unit, rounds| Figure { unit, rounds };
    let cells = contestants.iter().zip(samples).zip(times.into_iter().zip(ratios));
    let cells = cells.map(|((contestant, samples), (times, ratios))| {
        let mut figures = BTreeMap::from([
            ("time".to_string(), figure(Unit::Nanoseconds, times)),
            ("ratio".to_string(), figure(Unit::Ratio, ratios)),
        ]);
        let counts: Vec<f64> = samples.iter().filter_map(|sample| sample.count).collect();
        if !counts.is_empty() {
            figures.insert(count.to_string(), figure(Unit::Count, counts));
        }
        setting.cell(contestant.name(), Found::Figures(figures))
    });
    Ok(cells.collect())
}

/// Every subject; memo1 can take part where one thread is `alone`, and elsewhere cannot.
fn entrants(alone: bool) -> Vec<(&'static str, Result<(), String>)> {
    let can = |name| match name == <Memo1 as OneThread>::NAME && !alone {
        true => Err(MEMO1_IS_NOT_SYNC.to_string()),
        false => Ok(()),
    };
    subject::list().into_iter().map(|(name, _)| (name, can(name))).collect()
}

/// How many threads an experiment runs: one, two, and twice the cores (more threads than cores, on purpose).
fn thread_counts() -> Vec<usize> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut counts = vec![1, 2, 2 * cores];
    counts.sort_unstable();
    counts.dedup();
    counts
}
