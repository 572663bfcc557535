//! A workload whose result is time: every model in its own child, asked in interleaved rounds.

use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use green_threads::probe::protocol::{Answer, Model, Preemption, Setup};
use green_threads::workload::percentile::nearest_rank;

use super::super::rounds::{self, Contestant, Length, Plan, Run};
use super::super::{Experiment, Setting};
use super::plan::{self, Point};
use super::{default_stack, models, workers_of, workload};
use crate::probe::{Ended, Fate, Programs, Session};
use crate::store::{Cell, Depth, Figure, Found, Observation, Unit};

/// How long a child may be silent before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long a model runs in a round.
const ROUND: Duration = Duration::from_millis(10);

/// A model of which one iteration takes longer than this does not take part in the rounds of the others: it would make
/// them so long that the machine's speed moves within one. It has [rounds of its own](SLOW_ROUNDS).
const SLOW: Duration = Duration::from_millis(250);

/// How many rounds the slow models have, after those of the others, and of one iteration each. Their times have no
/// ratio, because nothing fast was measured beside them.
const SLOW_ROUNDS: usize = 3;

/// A timed workload.
pub(super) struct Timed {
    workload: &'static str,
    depth: Depth,
    points: Vec<(Setting, Point)>,
    programs: Rc<Programs>,
}

/// Who takes part: a model, or something that is measured beside the models.
struct Entrant {
    name: &'static str,
    model: Model,
    variant: &'static str,
}

impl Timed {
    pub(super) fn new(workload: &'static str, depth: Depth, programs: Rc<Programs>) -> Self {
        let points = plan::timed(workload, depth).into_iter().map(|point| (setting(workload, point), point)).collect();
        Timed { workload, depth, points, programs }
    }

    fn point(&self, setting: &Setting) -> Point {
        let (_, point) = self.points.iter().find(|(known, _)| known == setting).expect("a setting of this experiment");
        *point
    }

    fn setup(&self, entrant: &Entrant, point: Point) -> Setup {
        Setup {
            workload: self.workload.to_string(),
            variant: entrant.variant.to_string(),
            model: entrant.model,
            workers: workers_of(entrant.model, point.workers),
            stack: default_stack(entrant.model, self.workload),
            placement: point.placement,
            n: point.n,
            preemption: Preemption::Default,
        }
    }
}

fn setting(workload: &str, point: Point) -> Setting {
    let n = match workload {
        "spawn" => Some(("batch", "batch")),
        "ring" => Some(("units", "units")),
        "pipeline" => Some(("stages", "stages")),
        "skynet" => Some(("leaves", "leaves")),
        "runtime_hit" => Some(("callers", "callers")),
        _ => None,
    };
    let mut parameters = BTreeMap::from([("workers", point.workers.to_string()), ("stack", "default".to_string())]);
    let mut id = Vec::new();
    if !point.variant.is_empty() {
        parameters.insert("variant", point.variant.to_string());
        id.push(point.variant.to_string());
    }
    if let Some((name, word)) = n {
        parameters.insert(name, point.n.to_string());
        id.push(format!("{}-{word}", point.n));
    }
    let id = if id.is_empty() { "all".to_string() } else { id.join("-") };
    Setting::named(parameters, id, point.placement)
}

/// The models, and what stands beside them to be compared with.
fn entrants(workload: &str, point: Point) -> Vec<Entrant> {
    let mut entrants: Vec<Entrant> = models(workload, point.workers)
        .map(|model| Entrant { name: model.name(), model, variant: point.variant })
        .collect();
    let mut beside = |name, model, variant| entrants.push(Entrant { name, model, variant });
    match (workload, point.variant) {
        ("ping_pong", _) => beside("thread, spinning", Model::Thread, "spinning"),
        ("switch", "yield") => {
            beside("generator", Model::Coroutine, "raw-generator");
            beside("corosensei", Model::Coroutine, "raw-corosensei");
        }
        _ => {}
    }
    entrants
}

impl Experiment for Timed {
    fn name(&self) -> &'static str {
        self.workload
    }

    fn group(&self, setting: &Setting) -> String {
        let Point { workers, placement, .. } = self.point(setting);
        let several = if workers.number() == 1 { "" } else { "s" };
        format!("{}-{workers}-worker{several}-{placement}", self.workload)
    }

    fn rounds(&self) -> usize {
        self.depth.rounds(11, 31)
    }

    fn settings(&self) -> Vec<Setting> {
        self.points.iter().map(|(setting, _)| setting.clone()).collect()
    }

    fn entrants(&self, setting: &Setting) -> Vec<(&'static str, Result<(), String>)> {
        let point = self.point(setting);
        let workload = workload(self.workload);
        let can = |entrant: &Entrant| match workload.cannot(&self.setup(entrant, point)) {
            Some(why) => Err(why.to_string()),
            None => self.programs.has(entrant.model),
        };
        entrants(self.workload, point).iter().map(|entrant| (entrant.name, can(entrant))).collect()
    }

    fn measure(&mut self, setting: &Setting, _: &[&str], tick: &(dyn Fn(f64) + Sync)) -> io::Result<Vec<Cell>> {
        let point = self.point(setting);
        let able = self.entrants(setting);
        let mut racers: Vec<Racer> = entrants(self.workload, point)
            .iter()
            .filter(|entrant| able.iter().any(|(name, can)| *name == entrant.name && can.is_ok()))
            .map(|entrant| Racer::start(&self.programs, entrant.name, &self.setup(entrant, point)))
            .collect();
        let length = match self.depth {
            Depth::Trial => Length::Iterations(1),
            Depth::Quick | Depth::Full => Length::About(ROUND),
        };
        let plan = Plan { rounds: self.rounds(), length };
        let mut running: Vec<Box<dyn Contestant + '_>> =
            racers.iter_mut().filter(|racer| racer.races()).map(|racer| Box::new(racer) as _).collect();
        let samples = rounds::run(&mut running, plan, tick);
        let names: Vec<&str> = running.iter().map(|racer| racer.name()).collect();
        let mut times: BTreeMap<&str, Vec<f64>> = names
            .into_iter()
            .zip(samples.iter().map(|samples| samples.iter().map(|sample| sample.nanoseconds).collect()))
            .collect();
        drop(running);
        times.extend(slow_rounds(&mut racers, SLOW_ROUNDS.min(self.rounds())));
        Ok(cells(setting, &racers, &times))
    }
}

/// The rounds of the slow racers: each once, then each once more.
fn slow_rounds(racers: &mut [Racer], rounds: usize) -> BTreeMap<&'static str, Vec<f64>> {
    let mut times: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for _ in 0..rounds {
        for racer in racers.iter_mut().filter(|racer| racer.is_slow()) {
            // One that ends now has no time, and its cell says what became of it.
            if let Some(nanoseconds) = racer.ask(1).map(|answer| answer.nanoseconds) {
                times.entry(racer.name).or_default().push(nanoseconds);
            }
        }
    }
    times
}

/// A model in its child. When that has ended, so has the racer: what it answers then is nothing, and is not shown.
struct Racer {
    name: &'static str,
    session: Option<Session>,
    ended: Option<Ended>,
    /// The nanoseconds of one iteration that was not the first, or of the first if that was fast.
    one: f64,
    /// All answers, the last ones of which are the rounds'.
    answers: Vec<Answer>,
}

impl Racer {
    /// Starts the child, and asks it once: what cannot be done at all is found out here. One that was slow is asked once
    /// more, since the first iteration also warms it up.
    fn start(programs: &Programs, name: &'static str, setup: &Setup) -> Racer {
        let mut racer = Racer { name, session: None, ended: None, one: 0.0, answers: Vec::new() };
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

    /// Whether it takes part in the rounds of the slow ones.
    fn is_slow(&self) -> bool {
        self.ended.is_none() && self.takes_long()
    }

    fn takes_long(&self) -> bool {
        self.one >= SLOW.as_nanos() as f64
    }

    fn ask(&mut self, iterations: u64) -> Option<&Answer> {
        match self.session.as_mut()?.ask(iterations) {
            Ok(answer) => {
                if let Some(failure) = &answer.failure {
                    self.stop(Ended { fate: Fate::Limit(failure.clone()), progress: None });
                }
                self.answers.push(answer);
                self.answers.last()
            }
            Err(ended) => {
                self.stop(ended);
                None
            }
        }
    }

    fn stop(&mut self, ended: Ended) {
        self.ended = Some(ended);
        self.session = None;
    }
}

impl Contestant for &mut Racer {
    fn name(&self) -> &'static str {
        self.name
    }

    fn run(&mut self, iterations: u64) -> Run {
        // One that has ended is out of the race; a time long enough ends its calibration.
        let time = self
            .ask(iterations)
            .map_or(Duration::from_secs(1), |answer| Duration::from_nanos(answer.nanoseconds.max(1.0) as u64));
        Run { time, count: None }
    }
}

/// What was found of each racer: `times` has those of its rounds, in which nothing stopped it.
fn cells(setting: &Setting, racers: &[Racer], times: &BTreeMap<&str, Vec<f64>>) -> Vec<Cell> {
    let raced: Vec<&str> = racers.iter().filter(|racer| racer.races()).map(|racer| racer.name).collect();
    let ratios = rounds::ratios_to_best(&raced.iter().map(|name| times[name].clone()).collect::<Vec<_>>());
    let ratios: BTreeMap<&str, Vec<f64>> = raced.into_iter().zip(ratios).collect();
    let found = |racer: &Racer| match &racer.ended {
        Some(ended) => Found::Observed(Observation {
            figures: figures(racer.answers.last().map_or(&[], std::slice::from_ref)),
            facts: BTreeMap::new(),
            stopped: Some(ended.fate.clone()),
        }),
        None => {
            let times = times[racer.name].clone();
            let mut figures = figures(&racer.answers[racer.answers.len() - times.len()..]);
            figures.insert("time".to_string(), Figure { unit: Unit::Nanoseconds, rounds: times });
            if let Some(ratios) = ratios.get(racer.name) {
                figures.insert("ratio".to_string(), Figure { unit: Unit::Ratio, rounds: ratios.clone() });
            }
            Found::Figures(figures)
        }
    };
    racers.iter().map(|racer| setting.cell(racer.name, found(racer))).collect()
}

/// The figures of these answers, with a number for each answer; and the percentiles of the waits of all of them.
fn figures(answers: &[Answer]) -> BTreeMap<String, Figure> {
    let mut figures: BTreeMap<String, Figure> = BTreeMap::new();
    for (name, number) in answers.iter().flat_map(|answer| &answer.figures) {
        let figure = figures.entry(name.clone()).or_insert(Figure { unit: unit(name), rounds: Vec::new() });
        figure.rounds.push(*number);
    }
    figures.extend(percentiles(answers));
    figures
}

/// The percentiles of all waits together, as one number each; none if nothing has waited. The 99th percentile of one
/// round has a wait or two beyond it, and is luck; of all rounds together it has a good many.
fn percentiles(answers: &[Answer]) -> Vec<(String, Figure)> {
    let mut waits: Vec<u64> = answers.iter().flat_map(|answer| answer.waits.iter().copied()).collect();
    if waits.is_empty() {
        return Vec::new();
    }
    waits.sort_unstable();
    let of_all = |(name, percent): (&str, usize)| {
        (name.to_string(), Figure { unit: Unit::Nanoseconds, rounds: vec![nearest_rank(&waits, percent)] })
    };
    [("p50", 50), ("p90", 90), ("p99", 99)].into_iter().map(of_all).collect()
}

/// The unit of a figure that a timed workload reports.
fn unit(name: &str) -> Unit {
    match name {
        "limit" => Unit::Nanoseconds,
        "over" | "over_foldhash" => Unit::Ratio,
        "beside" | "handed" => Unit::Share,
        _ => Unit::Count,
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use green_threads::Workers;
    use green_threads::probe::placement::Placement;

    use super::*;
    use crate::probe::twin::Twin;

    /// A racer whose child takes so many milliseconds for its first, its second, its third ... iteration, as it says,
    /// and for all that follow as long as for the last of these.
    fn racer(folder: &Path, name: &'static str, milliseconds: &[u32]) -> Racer {
        let path = folder.join(name);
        let times: Vec<String> = milliseconds.iter().map(ToString::to_string).collect();
        let script = format!(
            "#!/bin/sh\necho '{{\"ready\":{{\"parallelism\":1,\"threads\":1}}}}'\nset -- {}\n\
             while read iterations; do echo \"{{\\\"answer\\\":{{\\\"nanoseconds\\\":$(($1 * 1000000 * iterations)),\
             \\\"figures\\\":{{\\\"asked\\\":$iterations}}}}}}\"; [ $# -gt 1 ] && shift; done\n",
            times.join(" ")
        );
        std::fs::write(&path, script).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let setup = Setup {
            workload: "skynet".to_string(),
            variant: String::new(),
            model: Model::Task,
            workers: 1,
            stack: 1 << 21,
            placement: Placement::Free,
            n: 1,
            preemption: Preemption::Default,
        };
        Racer::start(&Programs { lab: path, twin: Twin::Skipped("it is not needed".to_string()) }, name, &setup)
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

        let mut times = slow_rounds(&mut racers, SLOW_ROUNDS);
        assert_eq!(times["slow"], [5e8, 4e8, 6e8], "neither the first iteration nor the second is a round");
        times.extend(["fast", "slow only at first"].map(|name| (name, vec![1e6; 2])));
        let point = Point { variant: "", n: 1, workers: Workers::ONE, placement: Placement::Free };
        for racer in racers.iter_mut().filter(|racer| racer.races()) {
            racer.ask(1);
            racer.ask(1);
        }
        for cell in cells(&setting("skynet", point), &racers, &times) {
            let Found::Figures(figures) = &cell.found else { panic!("{cell:?}") };
            let slow = cell.subject.contains("slow") && cell.subject != "slow only at first";
            assert_eq!(figures.contains_key("ratio"), !slow, "{cell:?}");
            assert_eq!(figures["time"].rounds.len(), if slow { SLOW_ROUNDS } else { 2 }, "{cell:?}");
            assert_eq!(figures["asked"].rounds.len(), figures["time"].rounds.len(), "{cell:?}");
        }
    }

    #[test]
    fn a_yield_has_no_setting_in_which_it_hands_over_to_nobody() {
        let programs = Programs { lab: "lab".into(), twin: Twin::Skipped("it is not needed".to_string()) };
        let switch = Timed::new("switch", Depth::Full, Rc::new(programs));
        let workers = |variant: &str| -> Vec<usize> {
            let points = switch.points.iter().filter(|(_, point)| point.variant == variant);
            points.map(|(_, point)| point.workers.number()).collect()
        };
        assert!(!workers("yield").is_empty() && workers("yield").iter().all(|workers| *workers == 1));
        assert_eq!(workers("yield-alone"), workers("park"), "a unit may yield alone anywhere");
    }

    #[test]
    fn a_percentile_is_of_all_waits_together() {
        // Each answer has one long wait, which is its 99th percentile. Of all 200 waits two may be longer than that.
        let answer = |long: u64| Answer {
            waits: (0..50).map(|at| if at == 7 { long } else { 10 + at }).collect(),
            ..Answer::default()
        };
        let answers: Vec<Answer> = [1_000, 2_000, 3_000, 4_000].map(answer).into();
        let found = figures(&answers);
        let mut all: Vec<u64> = answers.iter().flat_map(|answer| answer.waits.clone()).collect();
        all.sort_unstable();
        for (name, percent) in [("p50", 50), ("p90", 90), ("p99", 99)] {
            assert_eq!(found[name], Figure { unit: Unit::Nanoseconds, rounds: vec![nearest_rank(&all, percent)] });
        }
        assert_eq!(found["p99"].rounds, [2_000.0]);
        assert!(figures(&[Answer::default()]).is_empty());
    }
}
