//! A figure that is described by what it selects: an experiment, subjects, a quantity, and the parameters that are
//! fixed, that make panels, or that run along an axis; or traces.

use green_threads::workload::{Quantity, Shows, Unit};
use serde::Deserialize;

use super::fault::Fault;
use super::find::{self, PLACEMENT};
use super::sources::{Source, Sources};
use crate::distinct;
use crate::figure::{Axis, Figure, Heat, Lines, Mood, Panel, Picture, Rows, Stacked, Strip, Strips, Value, Word};
use crate::report::conformance;
use crate::report::shows;
use crate::store::Setting;

/// The description of a figure, as `figures.toml` of the book contains it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Described {
    /// A title of a few words.
    pub title: String,
    /// What to see, in a sentence.
    pub description: String,
    /// The kind of picture.
    pub kind: Kind,
    /// The experiment that it shows. Empty if it shows traces.
    #[serde(default)]
    pub experiment: String,
    /// The quantity; `None` for the time.
    pub quantity: Option<String>,
    /// The quantities that are the segments of a stacked bar. None of them counts what another one counts.
    pub quantities: Option<Vec<String>>,
    /// The subjects, or the properties of a heat map, in this order; `None` for all of them.
    pub rows: Option<Vec<String>>,
    /// The parameters that are fixed.
    #[serde(default, rename = "where")]
    pub fixed: Setting,
    /// The parameter whose values have a panel each. `None` stands for the placement if it is not fixed.
    pub panels: Option<String>,
    /// The parameter along the axis of lines.
    pub over: Option<String>,
    /// The subjects of a heat map, in this order; `None` for all of them.
    pub columns: Option<Vec<String>>,
    /// The trace whose lanes are shown, or what its actors did on which thread.
    pub trace: Option<String>,
    /// The traces whose runs are shown as strips. Two actors take turns in each.
    pub traces: Option<Vec<String>>,
    /// What the axis of strips counts, such as `digits`.
    pub counts: Option<String>,
    /// In a heat map of a trace, what the actors should do.
    pub good: Option<String>,
}

/// The kinds of picture that can be described.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A dot for each median, with its interval.
    Dots,
    /// A bar from zero to each median.
    Bars,
    /// A bar to each median, and how it ended.
    Ends,
    /// A bar of several quantities.
    Stacked,
    /// A line for each subject, over a parameter.
    Lines,
    /// The outcomes of the conformance matrix, or what the actors of a trace did on which thread.
    Heat,
    /// The runs of two actors that take turns, for each trace.
    Strips,
    /// The lanes of a trace.
    Lanes,
}

impl Described {
    /// The figure, with the reader's own numbers if there are any. `id` is its HTML id.
    ///
    /// # Errors
    ///
    /// If the description names something that the reference set does not have, leaves out a parameter that has
    /// several values, or has a field that this kind of picture does not use.
    pub fn figure(&self, id: &str, sources: &Sources) -> Result<Figure, Fault> {
        let uses: &[&str] = match self.kind {
            Kind::Dots | Kind::Bars | Kind::Ends => &["experiment", "rows", "where", "quantity", "panels"],
            Kind::Stacked => &["experiment", "rows", "where", "quantities", "panels"],
            Kind::Lines => &["experiment", "rows", "where", "quantity", "over"],
            Kind::Heat if self.trace.is_some() => &["trace", "good"],
            Kind::Heat => &["experiment", "rows", "where", "columns", "trace"],
            Kind::Strips => &["traces", "counts"],
            Kind::Lanes => &["trace"],
        };
        let given = [
            ("experiment", !self.experiment.is_empty()),
            ("rows", self.rows.is_some()),
            ("where", !self.fixed.is_empty()),
            ("quantity", self.quantity.is_some()),
            ("quantities", self.quantities.is_some()),
            ("panels", self.panels.is_some()),
            ("over", self.over.is_some()),
            ("columns", self.columns.is_some()),
            ("trace", self.trace.is_some()),
            ("traces", self.traces.is_some()),
            ("counts", self.counts.is_some()),
            ("good", self.good.is_some()),
        ];
        if let Some((name, _)) = given.iter().find(|(name, given)| *given && !uses.contains(name)) {
            return Err(Fault::Figure(format!("a figure of this kind has no `{name}`; it has {}", uses.join(", "))));
        }
        let picture = match self.kind {
            Kind::Dots => self.of_results(sources, |source| Ok(Picture::Dots(self.rows(source)?)))?,
            Kind::Bars => self.of_results(sources, |source| Ok(Picture::Bars(self.rows(source)?)))?,
            Kind::Ends => self.of_results(sources, |source| Ok(Picture::Ends(self.rows(source)?)))?,
            Kind::Stacked => self.of_results(sources, |source| Ok(Picture::Stacked(self.stacked(source)?)))?,
            Kind::Lines => self.of_results(sources, |source| Ok(Picture::Lines(self.lines(source)?)))?,
            Kind::Heat => match &self.trace {
                Some(trace) => Picture::Heat(Heat::of(&sources.trace(trace)?.shown.trace, self.good.as_deref())),
                None => self.of_results(sources, |source| Ok(Picture::Heat(self.heat(source)?)))?,
            },
            Kind::Strips => Picture::Strips(self.strips(sources)?),
            Kind::Lanes => match &self.trace {
                Some(trace) => Picture::Lanes(sources.trace(trace)?.shown.trace),
                None => return Err(Fault::Figure("lanes need the name of a trace: `trace`".to_string())),
            },
        };
        let (title, description) = (self.title.clone(), self.description.clone());
        Ok(Figure { id: id.to_string(), title, description, picture })
    }

    /// The names of the traces that it shows.
    #[must_use]
    pub fn traces(&self) -> Vec<&str> {
        self.trace.iter().chain(self.traces.iter().flatten()).map(String::as_str).collect()
    }

    /// The picture that `draw` makes of the results that are shown. A figure that the reference set cannot fill is a
    /// fault, whatever the reader has measured.
    fn of_results(
        &self,
        sources: &Sources,
        draw: impl Fn(&Source) -> Result<Picture, Fault>,
    ) -> Result<Picture, Fault> {
        let source = sources.of(&self.experiment)?;
        let picture = draw(&source.only_reference())?;
        if source.own.is_some() { draw(&source) } else { Ok(picture) }
    }

    /// A strip for each trace. The names of the kinds are those of the two actors.
    fn strips(&self, sources: &Sources) -> Result<Strips, Fault> {
        let (Some(traces), Some(label)) = (&self.traces, self.counts.clone()) else {
            let needs = "strips need the names of traces and what their axis counts: `traces` and `counts`";
            return Err(Fault::Figure(needs.to_string()));
        };
        let (mut kinds, mut rows) = (None, Vec::new());
        for name in traces {
            let kept = sources.trace(name)?.shown;
            let mut actors = distinct(kept.trace.events.iter().map(|event| event.actor.clone()));
            actors.sort();
            let Ok::<[String; 2], _>(actors) = actors.try_into() else {
                return Err(Fault::Figure(format!("trace `{name}` cannot be a strip, because it has not two actors")));
            };
            if kinds.get_or_insert_with(|| actors.clone()) != &actors {
                return Err(Fault::Figure(format!("trace `{name}` has other actors than the first one")));
            }
            // Its title is `WORKLOAD: MODEL`.
            let row = kept.title.split_once(": ").map_or(kept.title.as_str(), |(_, model)| model).to_string();
            rows.push((row, Strip::of(&kept.trace, &actors[0])));
        }
        let kinds = kinds.ok_or_else(|| Fault::Figure("`traces` names no trace".to_string()))?;
        Ok(Strips { label, kinds, panels: vec![Panel { head: String::new(), rows }] })
    }

    /// The axis of the quantity, and the quantity's name.
    fn axis(&self, source: &Source) -> Result<(Axis, &str), Fault> {
        let name = self.quantity.as_deref().unwrap_or(Quantity::TIME.name);
        let (unit, label) = find::quantity(&source.reference, name)?;
        Ok((Axis { label, unit }, name))
    }

    /// The subjects, each with its setting without the parameter `free`.
    fn subjects(&self, source: &Source, free: &[&str]) -> Result<Vec<(String, Setting)>, Fault> {
        let reference = &source.reference;
        let all = || distinct(reference.cells.iter().map(|cell| cell.subject.clone()));
        let mut subjects = Vec::new();
        for subject in self.rows.clone().unwrap_or_else(all) {
            let mut settings = match find::settings(reference, &subject, &self.fixed, free) {
                // Not every subject runs in every setting. Only a subject that the description names must.
                Err(Fault::Cell { .. }) if self.rows.is_none() => continue,
                settings => settings?,
            };
            if settings.len() > 1 {
                let known = settings.iter().filter_map(|setting| setting.get(PLACEMENT).cloned()).collect();
                let (experiment, parameter) = (self.experiment.clone(), PLACEMENT.to_string());
                return Err(Fault::Ambiguous { experiment, subject, parameter, known });
            }
            subjects.extend(settings.pop().map(|setting| (subject, setting)));
        }
        match subjects.is_empty() {
            true => Err(Fault::Figure(format!("no subject has {}", find::in_words(&self.fixed)))),
            false => Ok(subjects),
        }
    }

    /// Rows of values, in panels.
    fn rows(&self, source: &Source) -> Result<Rows, Fault> {
        let (axis, quantity) = self.axis(source)?;
        let panels = self.panels(source, |subject, setting| find::value(source, subject, setting, quantity))?;
        self.has_something(source, panels.iter().flat_map(|panel| &panel.rows).map(|(_, value)| value))?;
        Ok(Rows { axis, panels })
    }

    /// Bars of several quantities, in panels.
    fn stacked(&self, source: &Source) -> Result<Stacked, Fault> {
        let quantities = self.quantities.as_deref().unwrap_or_default();
        let described: Vec<(Unit, String)> =
            quantities.iter().map(|name| find::quantity(&source.reference, name)).collect::<Result<_, _>>()?;
        let Some((unit, _)) = described.first().filter(|_| described.len() > 1) else {
            return Err(Fault::Figure("a stacked bar needs two `quantities` or more".to_string()));
        };
        if described.iter().any(|(other, _)| other != unit) {
            return Err(Fault::Figure("these `quantities` have different units, so they have no sum".to_string()));
        }
        let values = |subject: &str, setting: &Setting| -> Vec<Value> {
            quantities.iter().map(|name| find::value(source, subject, setting, name)).collect()
        };
        let panels = self.panels(source, values)?;
        self.has_something(source, panels.iter().flat_map(|panel| &panel.rows).flat_map(|(_, values)| values))?;
        let segments: Vec<String> = described.iter().map(|(_, label)| label.clone()).collect();
        Ok(Stacked { axis: Axis { label: segments.join(" + "), unit: *unit }, segments, panels })
    }

    /// A row for each subject, in a panel for each value of a parameter. `of` makes what a row contains.
    fn panels<T>(&self, source: &Source, of: impl Fn(&str, &Setting) -> T) -> Result<Vec<Panel<T>>, Fault> {
        let is_placed = source.reference.cells.iter().any(|cell| cell.setting.contains_key(PLACEMENT));
        let unplaced = (is_placed && !self.fixed.contains_key(PLACEMENT)).then_some(PLACEMENT);
        let Some(panels) = self.panels.as_deref().or(unplaced) else {
            let row = |(subject, setting): &(String, Setting)| (find::named(source, subject), of(subject, setting));
            let rows = self.subjects(source, &[])?.iter().map(row).collect();
            return Ok(vec![Panel { head: String::new(), rows }]);
        };
        let subjects = self.subjects(source, &[panels])?;
        let values = values(source, &subjects, panels);
        let panel = |value: &String| {
            let rows = subjects.iter().filter_map(|(subject, setting)| {
                let setting = with(setting, panels, value);
                exists(source, subject, &setting).then(|| (find::named(source, subject), of(subject, &setting)))
            });
            let head = if values.len() > 1 { self.head(panels, value) } else { String::new() };
            Panel { head, rows: rows.collect() }
        };
        Ok(values.iter().map(panel).filter(|panel| !panel.rows.is_empty()).collect())
    }

    /// A figure in which the reference set has nothing is described wrongly.
    fn has_something<'a>(&self, source: &Source, mut values: impl Iterator<Item = &'a Value>) -> Result<(), Fault> {
        let is_nothing = |value: &Value| matches!(value, Value::Missing { word, .. } if [find::NOT_MEASURED, find::NONE].contains(&&**word));
        match source.own.is_none() && values.all(is_nothing) {
            true => Err(Fault::Figure(format!("`{}` has no numbers in these settings", self.experiment))),
            false => Ok(()),
        }
    }

    /// Lines over a parameter.
    fn lines(&self, source: &Source) -> Result<Lines, Fault> {
        let (axis, quantity) = self.axis(source)?;
        let Some(over) = self.over.as_deref() else {
            return Err(Fault::Figure("lines need the parameter along their axis: `over`".to_string()));
        };
        let subjects = self.subjects(source, &[over])?;
        let mut lines = Vec::new();
        for (subject, setting) in &subjects {
            let mut points = Vec::new();
            for value in values(source, &subjects, over) {
                let setting = with(setting, over, &value);
                let place: f64 = value.parse().map_err(|_| {
                    Fault::Figure(format!("`{over}` cannot be an axis, because {value} is not a number"))
                })?;
                if exists(source, subject, &setting) {
                    points.push((place, find::value(source, subject, &setting, quantity)));
                }
            }
            points.sort_by(|one, other| one.0.total_cmp(&other.0));
            lines.push((find::named(source, subject), points));
        }
        self.has_something(source, lines.iter().flat_map(|(_, points)| points).map(|(_, value)| value))?;
        let parameter = self.parameter(over);
        let unit = parameter.map_or(Unit::Count, |parameter| parameter.unit);
        // The head of a column of times is a sentence with the value in it.
        let head = parameter.filter(|_| matches!(shows(&self.experiment), Some(Shows::Observations(_))));
        let label = head.map_or(over, |parameter| parameter.head).replace('\n', " ");
        Ok(Lines { over: Axis { label, unit }, axis, lines })
    }

    /// A matrix of outcomes: a row for each memo, a column for each property.
    fn heat(&self, source: &Source) -> Result<Heat, Fault> {
        if self.experiment != "conformance" {
            return Err(Fault::Figure(
                "a heat map shows a trace or the experiment `conformance`, and no other".to_string(),
            ));
        }
        find::check(&source.reference, &self.fixed, &[])?;
        let cells: Vec<_> = source.reference.cells.iter().filter(|cell| self.is_fixed(&cell.setting)).collect();
        let callers = distinct(cells.iter().filter_map(|cell| cell.setting.get("callers").cloned()));
        let known = || distinct(cells.iter().map(|cell| cell.subject.clone()));
        if callers.len() > 1 {
            let (experiment, subject) = (self.experiment.clone(), "these memos".to_string());
            return Err(Fault::Ambiguous { experiment, subject, parameter: "callers".to_string(), known: callers });
        }
        let experiment = || self.experiment.clone();
        let subjects = self.columns.clone().unwrap_or_else(known);
        if let Some(subject) = subjects.iter().find(|subject| !known().contains(subject)) {
            return Err(Fault::Subject { experiment: experiment(), subject: subject.clone(), known: known() });
        }
        let all = distinct(cells.iter().filter_map(|cell| cell.setting.get("property").cloned()));
        let properties = self.rows.clone().unwrap_or_else(|| all.clone());
        if let Some(value) = properties.iter().find(|property| !all.contains(property)) {
            let (parameter, value) = ("property".to_string(), value.clone());
            return Err(Fault::Value { experiment: experiment(), parameter, value, known: all });
        }
        let word = |subject: &String, property: &String| {
            let is_it = |setting: &Setting| self.is_fixed(setting) && setting.get("property") == Some(property);
            let found = source.shown().cells.iter().find(|cell| cell.subject == *subject && is_it(&cell.setting));
            found.map_or_else(|| Word::new("-", Mood::Faint), conformance::word)
        };
        let row =
            |property: &String| (property.clone(), subjects.iter().map(|subject| word(subject, property)).collect());
        let heads = std::iter::once("property".to_string()).chain(subjects.iter().map(|name| conformance::head(name)));
        Ok(Heat { heads: heads.collect(), rows: properties.iter().map(row).collect() })
    }

    fn is_fixed(&self, setting: &Setting) -> bool {
        self.fixed.iter().all(|(name, value)| setting.get(name) == Some(value))
    }

    /// What a panel shows, in words.
    fn head(&self, parameter: &str, value: &str) -> String {
        match (parameter, value) {
            (PLACEMENT, "free") => return "free placement".to_string(),
            (PLACEMENT, "one-core") => return "one core".to_string(),
            _ => {}
        }
        let of_times = matches!(shows(&self.experiment), Some(Shows::Times(_)));
        match self.parameter(parameter) {
            Some(described) if of_times => crate::report::columns::parameter(&described, value),
            _ => format!("{parameter} {value}"),
        }
    }

    /// How tables describe a parameter.
    fn parameter(&self, name: &str) -> Option<green_threads::workload::Parameter> {
        let all = match shows(&self.experiment)? {
            Shows::Times(times) => times.columns.to_vec(),
            Shows::Observations(of) => of.tables.iter().flat_map(|table| table.parameters).copied().collect(),
        };
        all.into_iter().find(|parameter| parameter.name == name)
    }
}

/// The values of `parameter` in the results that are shown, or in the reference if none of these subjects is shown.
fn values(source: &Source, subjects: &[(String, Setting)], parameter: &str) -> Vec<String> {
    let of = |results: &crate::store::Results| {
        let cells = results.cells.iter().filter(|cell| {
            let is_it = |(subject, setting): &(String, Setting)| {
                let mut own = cell.setting.clone();
                own.remove(parameter);
                cell.subject == *subject && own == *setting
            };
            subjects.iter().any(is_it)
        });
        distinct(cells.filter_map(|cell| cell.setting.get(parameter).cloned()))
    };
    let shown = of(source.shown());
    if shown.is_empty() { of(&source.reference) } else { shown }
}

fn with(setting: &Setting, parameter: &str, value: &str) -> Setting {
    let mut setting = setting.clone();
    setting.insert(parameter.to_string(), value.to_string());
    setting
}

/// Whether a row exists: some subjects have no cell in some panels, even in the reference.
fn exists(source: &Source, subject: &str, setting: &Setting) -> bool {
    [source.shown(), &source.reference].iter().any(|results| find::cell(results, subject, setting).is_some())
}
