//! Measures a workload whose result is a time. Every model runs in its own child process, and the suite asks the
//! children in interleaved rounds.

use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use green_threads::probe::protocol::{Answer, Model, Setup};
use green_threads::workload::percentile::{P50, P90, P99, nearest_rank};
use green_threads::workload::{Depth, Experiment, Quantity, Setting, Times, Workload};

use super::super::rounds::{self, Contestant, Lap, Length, Plan};
use super::super::{Contest, RATIO, Tick, Written, quantities};
use super::written;
use crate::child::probe::{NoAnswer, Programs, Session, Stop};
use crate::store::{self, Found, Observation, Series};

/// How long a child may be silent before it counts as hung.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long a model runs in a round.
const ROUND: Duration = Duration::from_millis(10);

/// A model is slow if one iteration takes at least this long. A slow model does not take part in the rounds of the
/// others, because it would make them so long that the machine's speed changes within a round. It has [separate
/// rounds](SLOW_ROUNDS).
const SLOW: Duration = Duration::from_millis(250);

/// The number of rounds of the slow models. These rounds follow those of the others, and are of one iteration
/// each. Their times have no ratio, because nothing fast was measured beside them.
const SLOW_ROUNDS: usize = 3;

/// The timed experiment of a workload.
pub(in super::super) struct Timed {
    workload: &'static Workload,
    experiment: &'static Experiment,
    times: Times,
    depth: Depth,
    settings: Vec<Setting>,
    programs: Rc<Programs>,
}

/// A subject: a model, or something that is measured beside the models.
struct Entrant {
    name: &'static str,
    model: Model,
    variant: &'static str,
}

impl Timed {
    pub(super) fn new(
        workload: &'static Workload,
        experiment: &'static Experiment,
        times: Times,
        depth: Depth,
        programs: Rc<Programs>,
    ) -> Self {
        let mut settings = (experiment.settings)(depth);
        // Sorted, so that the settings of one criterion group follow each other.
        settings.sort_by_key(|setting| (setting.placement, setting.workers));
        Timed { workload, experiment, times, depth, settings, programs }
    }

    fn subjects(&self, setting: &Setting) -> Vec<Entrant> {
        let variant = setting.variant;
        let models = self.workload.models_in(setting).map(|model| Entrant { name: model.name(), model, variant });
        let beside = self.times.beside.iter().filter(|beside| beside.at == variant);
        let beside = beside.map(|beside| Entrant { name: beside.name, model: beside.model, variant: beside.variant });
        models.chain(beside).collect()
    }

    fn setup(&self, entrant: &Entrant, setting: &Setting) -> Setup {
        self.workload.setup(entrant.model, &Setting { variant: entrant.variant, ..*setting })
    }

    /// Checks whether a subject can take part. The error is the reason why it cannot.
    fn can(&self, entrant: &Entrant, setting: &Setting) -> Result<(), String> {
        match self.workload.cannot(&self.setup(entrant, setting)) {
            Some(why) => Err(why.to_string()),
            None => self.programs.has(entrant.model),
        }
    }

    /// Collects the quantities of these answers, and the percentiles of all their waits together.
    fn quantities(&self, answers: &[&Answer]) -> BTreeMap<String, Series> {
        let mut quantities = quantities(answers.iter().copied(), |name| self.times.quantity(name));
        quantities.extend(store::named(percentiles(answers)));
        quantities
    }
}

impl Contest for Timed {
    fn name(&self) -> &'static str {
        self.experiment.name
    }

    fn times(&self) -> Times {
        self.times
    }

    fn rounds(&self) -> usize {
        self.depth.rounds(11, 31)
    }

    fn settings(&self) -> Vec<Written> {
        let name = |setting: &Setting| {
            let Setting { variant, n, workers, placement, .. } = setting;
            let size = if self.experiment.n.is_empty() { String::new() } else { format!("{n}-{}", self.experiment.n) };
            let id: Vec<&str> = [*variant, &size].into_iter().filter(|part| !part.is_empty()).collect();
            let several = if workers.number() == 1 { "" } else { "s" };
            Written {
                setting: written(self.experiment.n, setting, None),
                group: format!("{}-{workers}-worker{several}-{placement}", self.experiment.name),
                id: if id.is_empty() { "all".to_string() } else { id.join("-") },
            }
        };
        self.settings.iter().map(name).collect()
    }

    fn entrants(&self, setting: usize) -> Vec<(&'static str, Result<(), String>)> {
        let setting = &self.settings[setting];
        self.subjects(setting).iter().map(|entrant| (entrant.name, self.can(entrant, setting))).collect()
    }

    fn measure(&mut self, setting: usize, _: &[&str], tick: Tick<'_>) -> io::Result<Vec<(&'static str, Found)>> {
        let setting = self.settings[setting];
        let mut racers: Vec<Racer> = self
            .subjects(&setting)
            .iter()
            .filter(|entrant| self.can(entrant, &setting).is_ok())
            .map(|entrant| Racer::start(&self.programs, entrant.name, &self.setup(entrant, &setting)))
            .collect();
        let length = match self.depth {
            Depth::Trial => Length::Iterations(1),
            Depth::Quick | Depth::Full => Length::About(ROUND),
        };
        let plan = Plan { rounds: self.rounds(), length };
        let mut running: Vec<Box<dyn Contestant + '_>> =
            racers.iter_mut().filter(|racer| racer.races()).map(|racer| Box::new(racer) as _).collect();
        let laps = rounds::run(&mut running, plan, tick);
        let names: Vec<&str> = running.iter().map(|racer| racer.name()).collect();
        drop(running);
        let mut laps: BTreeMap<&str, Vec<Lap>> = names.into_iter().zip(laps).collect();
        laps.extend(slow_rounds(&mut racers, SLOW_ROUNDS.min(self.rounds())));
        Ok(self.found(&racers, &laps))
    }
}

impl Timed {
    /// Returns what was found for each racer. `laps` contains the laps of a racer, if nothing stopped it.
    fn found(&self, racers: &[Racer], laps: &BTreeMap<&str, Vec<Lap>>) -> Vec<(&'static str, Found)> {
        let times = |name: &str| -> Vec<f64> { laps[name].iter().map(|lap| lap.nanoseconds).collect() };
        let raced: Vec<&str> = racers.iter().filter(|racer| racer.races()).map(|racer| racer.name).collect();
        let ratios = rounds::ratios_to_best(&raced.iter().map(|name| times(name)).collect::<Vec<_>>());
        let ratios: BTreeMap<&str, Vec<f64>> = raced.into_iter().zip(ratios).collect();
        let found = |racer: &Racer| match &racer.ended {
            Some(ended) => Found::Observed(Observation {
                quantities: self.quantities(&racer.last.iter().collect::<Vec<_>>()),
                facts: BTreeMap::new(),
                stopped: Some(ended.why.clone()),
            }),
            None => {
                let answers: Vec<&Answer> = laps[racer.name].iter().map(|lap| &lap.answer).collect();
                let mut quantities = self.quantities(&answers);
                let ratio = ratios.get(racer.name).map(|ratios| (RATIO, ratios.clone()));
                quantities.extend(store::named([(Quantity::TIME, times(racer.name))].into_iter().chain(ratio)));
                Found::Quantities(quantities)
            }
        };
        racers.iter().map(|racer| (racer.name, found(racer))).collect()
    }
}

/// Runs the rounds of the slow racers. In each round every slow racer runs one iteration.
fn slow_rounds(racers: &mut [Racer], rounds: usize) -> BTreeMap<&'static str, Vec<Lap>> {
    let mut laps: BTreeMap<&str, Vec<Lap>> = BTreeMap::new();
    for _ in 0..rounds {
        for racer in racers.iter_mut().filter(|racer| racer.is_slow()) {
            // A racer whose child ends now has no lap. Its cell says why the child ended.
            if let Some(answer) = racer.ask(1) {
                laps.entry(racer.name).or_default().push(Lap::new(answer, 1));
            }
        }
    }
    laps
}

/// A model in its child process. When the child has ended, the racer has ended, too: it gives no more answers, and
/// tables show no time for it.
struct Racer {
    name: &'static str,
    session: Option<Session>,
    ended: Option<NoAnswer>,
    /// The nanoseconds of the first iteration; if that was slow, of the second.
    one: f64,
    /// The last answer.
    last: Option<Answer>,
}

impl Racer {
    /// Starts the child and asks it for one iteration, which shows whether it can do the work at all. If that was
    /// slow, asks for one more, because the first iteration also warms the child up.
    fn start(programs: &Programs, name: &'static str, setup: &Setup) -> Racer {
        let mut racer = Racer { name, session: None, ended: None, one: 0.0, last: None };
        match Session::start(programs, setup, PATIENCE) {
            Ok(session) => racer.session = Some(session),
            Err(ended) => racer.ended = Some(ended),
        }
        racer.one = racer.ask(1).map_or(0.0, |answer| answer.nanoseconds);
        if racer.is_slow() {
            racer.one = racer.ask(1).map_or(0.0, |answer| answer.nanoseconds);
        }
        racer
    }

    /// Whether it takes part in the rounds.
    fn races(&self) -> bool {
        self.ended.is_none() && !self.takes_long()
    }

    /// Whether it takes part in the rounds of the slow racers.
    fn is_slow(&self) -> bool {
        self.ended.is_none() && self.takes_long()
    }

    fn takes_long(&self) -> bool {
        self.one >= SLOW.as_nanos() as f64
    }

    fn ask(&mut self, iterations: u64) -> Option<Answer> {
        match self.session.as_mut()?.ask(iterations) {
            Ok(answer) => {
                if let Some(failure) = &answer.failure {
                    self.stop(NoAnswer { why: Stop::Limit(failure.clone()), progress: None });
                }
                self.last = Some(answer.clone());
                Some(answer)
            }
            Err(ended) => {
                self.stop(ended);
                None
            }
        }
    }

    fn stop(&mut self, ended: NoAnswer) {
        self.ended = Some(ended);
        self.session = None;
    }
}

impl Contestant for &mut Racer {
    fn name(&self) -> &'static str {
        self.name
    }

    fn run(&mut self, iterations: u64) -> Answer {
        // A racer that has ended returns a time that is long enough to end its calibration.
        self.ask(iterations).unwrap_or_else(|| Answer::time(Duration::from_secs(1)))
    }
}

/// Returns the percentiles of all waits together, as one number each; none if there are no waits. In one round
/// only one or two waits are above the 99th percentile, so its value is luck. In all rounds together many are.
fn percentiles(answers: &[&Answer]) -> Vec<(Quantity, Vec<f64>)> {
    let mut waits: Vec<u64> = answers.iter().flat_map(|answer| answer.waits.iter().copied()).collect();
    if waits.is_empty() {
        return Vec::new();
    }
    waits.sort_unstable();
    [(P50, 50), (P90, 90), (P99, 99)].map(|(quantity, percent)| (quantity, vec![nearest_rank(&waits, percent)])).into()
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use green_threads::workload::{Shows, Unit};

    use super::*;
    use crate::child::probe::twin::Twin;
    use crate::measure::workload;

    /// Returns the contest of this workload, without a Go twin.
    fn contest(name: &str, lab: &Path) -> Timed {
        let workload = workload::all().find(|workload| workload.name == name).unwrap();
        let experiment = &workload.experiments[0];
        let Shows::Times(times) = experiment.shows else { panic!("{name} is not timed") };
        let programs =
            Programs { lab: lab.to_path_buf(), twin: Twin::Skipped("this test does not need it".to_string()) };
        Timed::new(workload, experiment, times, Depth::Full, Rc::new(programs))
    }

    /// Starts a racer whose child reports these milliseconds for its first, second, third ... request, per
    /// iteration. For all later requests it reports the last of these times.
    fn racer(folder: &Path, name: &'static str, milliseconds: &[u32]) -> Racer {
        let path = folder.join(name);
        let times: Vec<String> = milliseconds.iter().map(ToString::to_string).collect();
        let script = format!(
            "#!/bin/sh\necho '{{\"ready\":{{\"parallelism\":1,\"threads\":1}}}}'\nset -- {}\n\
             while read iterations; do echo \"{{\\\"answer\\\":{{\\\"nanoseconds\\\":$(($1 * 1000000 * iterations)),\
             \\\"quantities\\\":{{\\\"units\\\":$iterations}}}}}}\"; [ $# -gt 1 ] && shift; done\n",
            times.join(" ")
        );
        std::fs::write(&path, script).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let skynet = contest("skynet", &path);
        let setup = skynet.workload.setup(Model::Task, &Setting::new("", 1));
        Racer::start(&skynet.programs, name, &setup)
    }

    #[test]
    fn a_slow_model_has_warm_rounds_and_no_ratio() {
        let folder = tempfile::tempdir().unwrap();
        let mut racers = [
            ("slow", &[900, 700, 500, 400, 600][..]),
            ("slow only at first", &[900, 1]),
            ("fast", &[1]),
            ("another slow one", &[300]),
        ]
        .map(|(name, milliseconds)| racer(folder.path(), name, milliseconds));
        assert_eq!(racers.each_ref().map(Racer::races), [false, true, true, false]);
        assert_eq!(racers.each_ref().map(Racer::is_slow), [true, false, false, true]);

        let mut laps = slow_rounds(&mut racers, SLOW_ROUNDS);
        let slow: Vec<f64> = laps["slow"].iter().map(|lap| lap.nanoseconds).collect();
        assert_eq!(slow, [5e8, 4e8, 6e8], "neither the first iteration nor the second is a round");
        for racer in racers.iter_mut().filter(|racer| racer.races()) {
            let two = (0..2).map(|_| Lap::new(racer.ask(1).unwrap(), 1)).collect();
            laps.insert(racer.name, two);
        }
        for (subject, found) in contest("skynet", folder.path()).found(&racers, &laps) {
            let Found::Quantities(quantities) = &found else { panic!("{subject}: {found:?}") };
            let slow = subject.contains("slow") && subject != "slow only at first";
            assert_eq!(quantities.contains_key("ratio"), !slow, "{subject}");
            assert_eq!(quantities["time"].rounds.len(), if slow { SLOW_ROUNDS } else { 2 }, "{subject}");
            assert_eq!(quantities["units"].rounds.len(), quantities["time"].rounds.len(), "{subject}");
        }
    }

    #[test]
    fn a_yield_has_no_setting_in_which_it_hands_over_to_nobody() {
        let switch = contest("switch", Path::new("lab"));
        let workers = |variant: &str| -> Vec<usize> {
            let settings = switch.settings.iter().filter(|setting| setting.variant == variant);
            settings.map(|setting| setting.workers.number()).collect()
        };
        assert!(!workers("yield").is_empty() && workers("yield").iter().all(|workers| *workers == 1));
        assert_eq!(workers("yield-alone"), workers("park"), "a unit may yield alone anywhere");
    }

    #[test]
    fn a_percentile_is_of_all_waits_together() {
        // Each answer has one long wait, which is its 99th percentile. Of all 200 waits together, two are above
        // the 99th percentile.
        let answer = |long: u64| Answer {
            waits: (0..50).map(|at| if at == 7 { long } else { 10 + at }).collect(),
            ..Answer::default()
        };
        let answers: Vec<Answer> = [1_000, 2_000, 3_000, 4_000].map(answer).into();
        let wakeup = contest("wakeup", Path::new("lab"));
        let found = wakeup.quantities(&answers.iter().collect::<Vec<_>>());
        let mut all: Vec<u64> = answers.iter().flat_map(|answer| answer.waits.clone()).collect();
        all.sort_unstable();
        for (name, percent) in [("p50", 50), ("p90", 90), ("p99", 99)] {
            assert_eq!(found[name], Series { unit: Unit::Nanoseconds, rounds: vec![nearest_rank(&all, percent)] });
        }
        assert_eq!(found["p99"].rounds, [2_000.0]);
        assert!(wakeup.quantities(&[&Answer::default()]).is_empty());
    }
}
