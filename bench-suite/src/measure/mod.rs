//! What the suite measures, in which settings, and how.
//!
//! A [`Contest`] has settings. In each of them it times all its subjects together, in interleaved rounds
//! (`rounds.rs`). The contests of the memos run in this process. Those of the runtimes run in child processes, one
//! for each model (`runtimes/`). Anything that is not a time (bytes, counts, how a child ended) is an observation,
//! which an [`Observer`] makes.
//!
//! The [workloads](workload) themselves describe what is measured of the runtimes.

mod beside;
mod memo_herd;
mod memo_hit;
mod memo_http;
mod memo_miss;
mod rounds;
mod runtimes;
mod together;
pub mod workload;

use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;

use green_threads::probe::placement::Placement;
use green_threads::probe::protocol::Answer;
use green_threads::workload::{Depth, Quantity, Shows, Times, Unit, Workload};

use crate::child::probe::Programs;
use crate::store::{self, Cell, Found, Series};
use crate::subject::Callers::Threads;
use crate::subject::{self, MEMO1_IS_NOT_SYNC, Memo1, OneThread};
use beside::Beside;
use rounds::{Contestant, Plan};

pub use crate::subject::PLAIN_MAP;
pub use runtimes::{Observer, observers};

/// The number of cores, on average, that other programs used while a setting was measured.
pub const OTHERS: Quantity = Quantity::count("others", "cores of\nothers");

/// The ratio of a time to the reference subject's time in the same round.
pub const RATIO: Quantity = Quantity::new("ratio", Unit::Ratio, "ratio");

/// Returns the contests of the memos at this depth, in the order in which they run.
#[must_use]
pub fn memos(depth: Depth) -> Vec<Box<dyn Contest>> {
    vec![
        Box::new(memo_hit::MemoHit::<memo_hit::AsUsersGetIt>::new(depth)),
        Box::new(memo_hit::MemoHit::<memo_hit::SameForAll>::new(depth)),
        Box::new(memo_miss::MemoMiss::new(depth)),
        Box::new(memo_herd::MemoHerd::new(depth)),
        Box::new(memo_http::MemoHttp::new(depth)),
    ]
}

/// Returns the contests of the runtimes at this depth, in the order in which they run.
#[must_use]
pub fn runtimes(depth: Depth, programs: &Rc<Programs>) -> Vec<Box<dyn Contest>> {
    runtimes::contests(depth, programs).map(|contest| Box::new(contest) as Box<dyn Contest>).collect()
}

/// Lists the experiments of the memos: each name, and how tables show the results. The order is that of the
/// reports.
#[must_use]
pub fn of_memos() -> Vec<(&'static str, Shows)> {
    memos(Depth::Quick).iter().map(|contest| (contest.name(), Shows::Times(contest.times()))).collect()
}

/// Lists the experiments of the runtimes: each name, and how tables show the results. The order is that of the
/// reports.
#[must_use]
pub fn of_runtimes() -> Vec<(&'static str, Shows)> {
    workload::all()
        .flat_map(|workload| workload.experiments)
        .map(|described| (described.name, described.shows))
        .collect()
}

/// The name of the workload that an experiment measures; `None` if it measures no workload.
#[must_use]
pub fn workload_of(experiment: &str) -> Option<&'static str> {
    let measures = |workload: &&Workload| workload.experiments.iter().any(|described| described.name == experiment);
    workload::all().find(measures).map(|workload| workload.name)
}

/// An experiment that times its subjects together, in each of its settings. The methods identify a setting by its
/// index in [`settings`](Contest::settings).
pub trait Contest {
    /// Returns the name of the experiment.
    fn name(&self) -> &'static str;

    /// Returns how tables show its times.
    fn times(&self) -> Times;

    /// Returns the number of rounds at its depth.
    fn rounds(&self) -> usize;

    /// Returns the settings at its depth, in the order in which they are measured.
    fn settings(&self) -> Vec<Written>;

    /// Lists the subjects in a setting. A subject that cannot take part has the reason as its error.
    fn entrants(&self, setting: usize) -> Vec<(&'static str, Result<(), String>)>;

    /// Times all subjects of a setting that can take part, except those in `without`. Calls `tick` from time to
    /// time with the share of the work that is done, from 0 to 1.
    ///
    /// # Errors
    ///
    /// If the operating system refuses the placement.
    fn measure(&mut self, setting: usize, without: &[&str], tick: Tick<'_>) -> io::Result<Vec<(&'static str, Found)>>;
}

/// A callback that receives the share of the work that is done, from 0 to 1.
pub type Tick<'a> = &'a (dyn Fn(f64) + Sync);

/// Subjects that are not measured, each with the reason.
pub type Without = [(&'static str, String)];

/// A setting in the form in which results and criterion's ids contain it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its parameters, by name.
    pub setting: store::Setting,
    /// The criterion group to which it belongs.
    pub group: String,
    /// Its name within that group.
    pub id: String,
}

impl Written {
    /// Creates a setting of a memo experiment. The whole experiment is one group, so the id contains the
    /// placement, too.
    fn of_memos<const N: usize>(
        experiment: &str,
        parameters: [(&str, String); N],
        id: &str,
        placement: Placement,
    ) -> Self {
        let parameters = parameters.into_iter().chain([("placement", placement.to_string())]);
        Written {
            setting: parameters.map(|(name, value)| (name.to_string(), value)).collect(),
            group: experiment.to_string(),
            id: format!("{id}-{placement}"),
        }
    }
}

/// Lists the subjects in a setting of `contest`. A subject that is not measured has the reason as its error.
#[must_use]
pub fn entrants(contest: &dyn Contest, setting: usize, without: &Without) -> Vec<(&'static str, Result<(), String>)> {
    let left_out = |subject| without.iter().find(|(left_out, _)| *left_out == subject);
    let entrant = |(subject, can)| (subject, left_out(subject).map_or(can, |(_, why)| Err(why.clone())));
    contest.entrants(setting).into_iter().map(entrant).collect()
}

/// Measures a setting of `contest`, and returns a cell for each subject, whether it was measured or not. Each cell
/// that has a time also has the number of cores that [other programs](OTHERS) used meanwhile.
///
/// # Errors
///
/// As [`Contest::measure`].
pub fn measure(contest: &mut dyn Contest, setting: usize, without: &Without, tick: Tick<'_>) -> io::Result<Vec<Cell>> {
    let entrants = entrants(contest, setting, without);
    let Written { setting: written, .. } = contest.settings().swap_remove(setting);
    let without: Vec<&str> = without.iter().map(|(subject, _)| *subject).collect();
    let beside = Beside::begin();
    let mut measured: BTreeMap<&str, Found> = contest.measure(setting, &without, tick)?.into_iter().collect();
    if let Some(cores) = beside.and_then(|beside| beside.cores()) {
        for found in measured.values_mut() {
            if let Found::Quantities(quantities) = found {
                quantities.insert(OTHERS.name.to_string(), Series { unit: OTHERS.unit, rounds: vec![cores] });
            }
        }
    }
    let cell = |(subject, can): (&str, Result<(), String>)| {
        let found = match can {
            Err(why) => Found::Absent { why },
            Ok(()) => measured.remove(subject)?,
        };
        Some(Cell { subject: subject.to_string(), setting: written.clone(), found })
    };
    Ok(entrants.into_iter().filter_map(cell).collect())
}

/// Runs the rounds of `contestants` with this placement. Returns, for each contestant, the time of one iteration,
/// the ratio of that time to the reference's time, and the number that it counted, if the experiment counts.
fn compete(
    placement: Placement,
    mut contestants: Vec<Box<dyn Contestant + '_>>,
    plan: Plan,
    shown: &Times,
    tick: Tick<'_>,
) -> io::Result<Vec<(&'static str, Found)>> {
    let laps = placement.run(|| rounds::run(&mut contestants, plan, tick))?;
    let times: Vec<Vec<f64>> = laps.iter().map(|laps| laps.iter().map(|lap| lap.nanoseconds).collect()).collect();
    let plain = contestants.iter().position(|contestant| contestant.name() == PLAIN_MAP);
    let ratios = match plain {
        Some(plain) => rounds::ratios_to(&times, plain),
        None => rounds::ratios_to_best(&times),
    };
    let found = contestants.iter().zip(laps).zip(times.into_iter().zip(ratios));
    let found = found.map(|((contestant, laps), (times, ratios))| {
        let mut all = quantities(laps.iter().map(|lap| &lap.answer), |name| shown.quantity(name));
        all.extend(store::named([(Quantity::TIME, times), (RATIO, ratios)]));
        (contestant.name(), Found::Quantities(all))
    });
    Ok(found.collect())
}

/// Collects the quantities of these answers, each with one number per answer. `described` finds the description of
/// a quantity by its name.
fn quantities<'a>(
    answers: impl IntoIterator<Item = &'a Answer>,
    described: impl Fn(&str) -> Option<&'static Quantity>,
) -> BTreeMap<String, Series> {
    let mut quantities: BTreeMap<String, Series> = BTreeMap::new();
    for (name, number) in answers.into_iter().flat_map(|answer| &answer.quantities) {
        // If noise hides a quantity, the answer has a bound instead: the same name with a suffix.
        let quantity = described(name.strip_suffix(Answer::BELOW).unwrap_or(name));
        debug_assert!(quantity.is_some(), "a workload reports {name:?}, which it does not describe");
        let unit = quantity.map_or(Unit::Count, |quantity| quantity.unit);
        quantities.entry(name.clone()).or_insert(Series { unit, rounds: Vec::new() }).rounds.push(*number);
    }
    quantities
}

/// Lists every subject that threads call. memo1 takes part only in settings with one thread, in which that thread
/// is `alone`.
fn all_subjects(alone: bool) -> Vec<(&'static str, Result<(), String>)> {
    let can = |name| match name == <Memo1 as OneThread>::NAME && !alone {
        true => Err(MEMO1_IS_NOT_SYNC.to_string()),
        false => Ok(()),
    };
    subject::made_for(Threads).into_iter().map(|about| (about.name, can(about.name))).collect()
}

/// Returns the numbers of threads in the experiments of the memos: one, two, and twice the number of cores (more
/// threads than cores, on purpose).
fn thread_counts() -> Vec<usize> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut counts = vec![1, 2, 2 * cores];
    counts.sort_unstable();
    counts.dedup();
    counts
}
