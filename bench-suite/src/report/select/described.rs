//! A figure that is described by what it selects: an experiment, subjects, a quantity, and the parameters that are
//! fixed, that make panels, or that run along an axis.

use green_threads::workload::{Quantity, Shows, Unit};
use serde::Deserialize;

use super::fault::Fault;
use super::find::{self, PLACEMENT};
use super::sources::{Source, Sources};
use crate::figure::{Axis, Figure, Heat, Lines, Mood, Panel, Picture, Rows, Value, Word};
use crate::report::conformance;
use crate::report::sheet::distinct;
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
    /// The experiment that it shows.
    pub experiment: String,
    /// The quantity; `None` for the time.
    pub quantity: Option<String>,
    /// The subjects, in this order; `None` for all of them.
    pub rows: Option<Vec<String>>,
    /// The parameters that are fixed.
    #[serde(default, rename = "where")]
    pub fixed: Setting,
    /// The parameter whose values have a panel each. `None` stands for the placement if it is not fixed.
    pub panels: Option<String>,
    /// The parameter along the axis of lines.
    pub over: Option<String>,
    /// The properties that a heat map shows; `None` for all of them.
    pub columns: Option<Vec<String>>,
}

/// The kinds of picture that can be described.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A dot for each median, with its interval.
    Dots,
    /// A bar from zero to each median.
    Bars,
    /// A line for each subject, over a parameter.
    Lines,
    /// The outcomes of the conformance matrix.
    Heat,
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
            Kind::Dots | Kind::Bars => &["quantity", "panels"],
            Kind::Lines => &["quantity", "over"],
            Kind::Heat => &["columns"],
        };
        let given = [
            ("quantity", self.quantity.is_some()),
            ("panels", self.panels.is_some()),
            ("over", self.over.is_some()),
            ("columns", self.columns.is_some()),
        ];
        if let Some((name, _)) = given.iter().find(|(name, given)| *given && !uses.contains(name)) {
            return Err(Fault::Figure(format!("a figure of this kind has no `{name}`; it has {}", uses.join(", "))));
        }
        let source = sources.of(&self.experiment)?;
        // A figure that the reference set cannot fill is a fault, whatever the reader has measured.
        let mut picture = self.picture(&source.only_reference())?;
        if source.own.is_some() {
            picture = self.picture(&source)?;
        }
        let (title, description) = (self.title.clone(), self.description.clone());
        Ok(Figure { id: id.to_string(), title, description, picture })
    }

    fn picture(&self, source: &Source) -> Result<Picture, Fault> {
        Ok(match self.kind {
            Kind::Dots => Picture::Dots(self.rows(source)?),
            Kind::Bars => Picture::Bars(self.rows(source)?),
            Kind::Lines => Picture::Lines(self.lines(source)?),
            Kind::Heat => Picture::Heat(self.heat(source)?),
        })
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
        let is_placed = source.reference.cells.iter().any(|cell| cell.setting.contains_key(PLACEMENT));
        let unplaced = (is_placed && !self.fixed.contains_key(PLACEMENT)).then_some(PLACEMENT);
        let Some(panels) = self.panels.as_deref().or(unplaced) else {
            let row = |(subject, setting): &(String, Setting)| {
                (subject.clone(), find::value(source, subject, setting, quantity))
            };
            let rows = self.subjects(source, &[])?.iter().map(row).collect();
            return self.checked(source, Rows { axis, panels: vec![Panel { head: String::new(), rows }] });
        };
        let subjects = self.subjects(source, &[panels])?;
        let values = values(source, &subjects, panels);
        let panel = |value: &String| {
            let rows = subjects.iter().filter_map(|(subject, setting)| {
                let setting = with(setting, panels, value);
                exists(source, subject, &setting)
                    .then(|| (subject.clone(), find::value(source, subject, &setting, quantity)))
            });
            let head = if values.len() > 1 { self.head(panels, value) } else { String::new() };
            Panel { head, rows: rows.collect() }
        };
        let panels = values.iter().map(panel).filter(|panel| !panel.rows.is_empty()).collect();
        self.checked(source, Rows { axis, panels })
    }

    fn checked(&self, source: &Source, rows: Rows) -> Result<Rows, Fault> {
        let values = rows.panels.iter().flat_map(|panel| &panel.rows).map(|(_, value)| value);
        self.has_something(source, values).map(|()| rows)
    }

    /// A figure in which the reference set has nothing is described wrongly.
    fn has_something<'a>(&self, source: &Source, mut values: impl Iterator<Item = &'a Value>) -> Result<(), Fault> {
        let is_nothing = |value: &Value| matches!(value, Value::Missing { word, .. } if word == "not measured");
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
            lines.push((subject.clone(), points));
        }
        self.has_something(source, lines.iter().flat_map(|(_, points)| points).map(|(_, value)| value))?;
        let unit = self.parameter(over).map_or(Unit::Count, |parameter| parameter.unit);
        Ok(Lines { over: Axis { label: over.to_string(), unit }, axis, lines })
    }

    /// A matrix of outcomes: a row for each memo, a column for each property.
    fn heat(&self, source: &Source) -> Result<Heat, Fault> {
        if self.experiment != "conformance" {
            return Err(Fault::Figure("a heat map shows the experiment `conformance` and no other".to_string()));
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
        let subjects = self.rows.clone().unwrap_or_else(known);
        if let Some(subject) = subjects.iter().find(|subject| !known().contains(subject)) {
            return Err(Fault::Subject { experiment: experiment(), subject: subject.clone(), known: known() });
        }
        let all = distinct(cells.iter().filter_map(|cell| cell.setting.get("property").cloned()));
        let properties = self.columns.clone().unwrap_or_else(|| all.clone());
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
            |subject: &String| (subject.clone(), properties.iter().map(|property| word(subject, property)).collect());
        let heads = std::iter::once("memo".to_string());
        let heads = heads.chain(properties.iter().map(|property| property.replace('-', "-\n")));
        Ok(Heat { heads: heads.collect(), rows: subjects.iter().map(row).collect() })
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
