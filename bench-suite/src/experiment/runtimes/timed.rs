//! A workload whose result is time: every model in its own child, asked in interleaved rounds.

use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use green_threads::probe::protocol::{Answer, Model, Setup};

use super::super::rounds::{self, Contestant, Length, Plan, Run};
use super::super::{Experiment, Setting};
use super::plan::{self, Point};
use super::{default_stack, models, workers_of, workload};
use crate::probe::{Ended, Fate, Programs, Session};
use crate::store::{Cell, Depth, Estimate, Figure, Found, Observation, Unit};

/// How long a child may be silent before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long a model runs in a round.
const ROUND: Duration = Duration::from_millis(10);

/// A model of which one iteration takes longer than this is measured once, before the rounds, and not in them: it would
/// make them so long that the machine's speed moves within one.
const SLOW: Duration = Duration::from_millis(250);

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
        let mut timed = Timed { workload, depth, points, programs };
        // A point at which no model can be is no setting.
        let points = std::mem::take(&mut timed.points);
        timed.points = points.into_iter().filter(|(_, point)| timed.is_possible(*point)).collect();
        timed
    }

    /// Whether some model can be measured at `point`.
    fn is_possible(&self, point: Point) -> bool {
        let workload = super::workload(self.workload);
        models(self.workload, point.workers).any(|model| {
            let entrant = Entrant { name: model.name(), model, variant: point.variant };
            workload.cannot(&self.setup(&entrant, point)).is_none()
        })
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
        let times: Vec<(&str, Vec<f64>)> = names
            .into_iter()
            .zip(samples.iter().map(|samples| samples.iter().map(|sample| sample.nanoseconds).collect()))
            .collect();
        drop(running);
        Ok(cells(setting, racers, times))
    }
}

/// A model in its child. When that has ended, so has the racer: what it answers then is nothing, and is not shown.
struct Racer {
    name: &'static str,
    session: Option<Session>,
    ended: Option<Ended>,
    /// The nanoseconds of one iteration, the first.
    first: f64,
    /// The figures of each answer, the last ones of which are the rounds'.
    figures: Vec<BTreeMap<String, f64>>,
}

impl Racer {
    /// Starts the child, and asks it once: what cannot be done at all is found out here.
    fn start(programs: &Programs, name: &'static str, setup: &Setup) -> Racer {
        let mut racer = Racer { name, session: None, ended: None, first: 0.0, figures: Vec::new() };
        match Session::start(programs, setup, PATIENCE) {
            Ok(session) => racer.session = Some(session),
            Err(ended) => racer.ended = Some(ended),
        }
        racer.first = racer.ask(1).map_or(0.0, |answer| answer.nanoseconds);
        racer
    }

    /// Whether it takes part in the rounds.
    fn races(&self) -> bool {
        self.ended.is_none() && self.first < SLOW.as_nanos() as f64
    }

    fn ask(&mut self, iterations: u64) -> Option<Answer> {
        match self.session.as_mut()?.ask(iterations) {
            Ok(answer) => {
                self.figures.push(answer.figures.clone());
                if let Some(failure) = &answer.failure {
                    self.stop(Ended { fate: Fate::Limit(failure.clone()), progress: None });
                }
                Some(answer)
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

fn cells(setting: &Setting, racers: Vec<Racer>, times: Vec<(&str, Vec<f64>)>) -> Vec<Cell> {
    let (names, times): (Vec<&str>, Vec<Vec<f64>>) = times
        .into_iter()
        .filter(|(name, _)| racers.iter().any(|racer| racer.name == *name && racer.ended.is_none()))
        .unzip();
    let ratios = rounds::ratios_to_best(&times);
    let best = times.iter().map(|times| Estimate::of(times).median).fold(f64::INFINITY, f64::min);
    let figure = |unit, rounds| Figure { unit, rounds };
    let found = |racer: Racer| match racer.ended {
        Some(ended) => Found::Observed(Observation {
            figures: racer
                .figures
                .last()
                .into_iter()
                .flatten()
                .map(|(name, number)| (name.clone(), one(name, *number)))
                .collect(),
            facts: BTreeMap::new(),
            stopped: Some(ended.fate),
        }),
        None if !racer.races() => {
            let mut figures: BTreeMap<String, Figure> =
                racer.figures[0].iter().map(|(name, number)| (name.clone(), one(name, *number))).collect();
            figures.insert("time".to_string(), figure(Unit::Nanoseconds, vec![racer.first]));
            if best.is_finite() {
                figures.insert("ratio".to_string(), figure(Unit::Ratio, vec![racer.first / best]));
            }
            Found::Figures(figures)
        }
        None => {
            let at = names.iter().position(|name| *name == racer.name).expect("a racer that has not ended has times");
            let mut figures = BTreeMap::from([
                ("time".to_string(), figure(Unit::Nanoseconds, times[at].clone())),
                ("ratio".to_string(), figure(Unit::Ratio, ratios[at].clone())),
            ]);
            let of_rounds = &racer.figures[racer.figures.len() - times[at].len()..];
            for name in of_rounds.first().into_iter().flat_map(BTreeMap::keys) {
                let rounds = of_rounds.iter().filter_map(|figures| figures.get(name).copied()).collect();
                figures.insert(name.clone(), figure(unit(name), rounds));
            }
            Found::Figures(figures)
        }
    };
    racers.into_iter().map(|racer| setting.cell(racer.name, found(racer))).collect()
}

fn one(name: &str, number: f64) -> Figure {
    Figure { unit: unit(name), rounds: vec![number] }
}

/// The unit of a figure that a timed workload reports.
fn unit(name: &str) -> Unit {
    match name {
        "p50" | "p90" | "p99" | "limit" => Unit::Nanoseconds,
        "over" | "over_foldhash" => Unit::Ratio,
        "beside" | "handed" => Unit::Share,
        _ => Unit::Count,
    }
}
