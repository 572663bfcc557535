//! Figures: pictures of results and of traces as SVG inside a page, with the same values as a table below.
//!
//! A [`Figure`] is a description: titles, an axis and values, or titles and a trace. It does not know where they come
//! from, so the report and the book use the same code. A value that is missing has a reason instead of a number.
//!
//! | file | idea |
//! |---|---|
//! | `scale.rs` | where a number is on an axis, and the ticks that people read |
//! | `svg.rs` | text, lines, and the frame around them |
//! | `panels.rs` | rows along an axis, each with its name and its value in words |
//! | `dots.rs` | in each row a dot for the median, and a line for the interval |
//! | `bars.rs` | in each row a bar from zero, for numbers whose size matters |
//! | `ends.rs` | in each row a bar along a logarithmic axis, and how it ended |
//! | `lines.rs` | a line for each subject, over a number such as the workers |
//! | `stacked.rs` | in each row a bar from zero, divided into segments |
//! | `strips.rs` | in each row a strip of runs, such as the digits of `zero_one` |
//! | `heat.rs` | a matrix of words with colours |
//! | `hatch.rs` | colours and patterns for things that differ only by name, and their legend |
//! | `lanes.rs` | the lanes of a trace along a time axis |
//! | `html.rs` | the `<figure>` around a picture, and the table of its values |
//! | `words.rs` | numbers as text |
//!
//! The colours are CSS variables, which [`STYLE`] sets for light, dark and paper. A theme that sets the same variables
//! overrides them.

mod bars;
mod dots;
mod ends;
mod hatch;
mod heat;
mod html;
mod lanes;
mod lines;
mod panels;
mod scale;
mod stacked;
mod strips;
mod svg;
pub(crate) mod words;

use green_threads::probe::trace::Trace;
use green_threads::workload::Unit;

use crate::store::Estimate;

pub use words::{bytes, count, duration};

/// The style of all figures. A page contains it once.
pub const STYLE: &str = include_str!("figure.css");

/// A picture of results, and what it says to a reader who cannot see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// An HTML id that no other figure of the page has.
    pub id: String,
    /// A title of a few words.
    pub title: String,
    /// What the picture shows and how to read it, in a sentence or two.
    pub description: String,
    /// The picture itself.
    pub picture: Picture,
}

/// The kinds of picture.
#[derive(Clone, Debug, PartialEq)]
pub enum Picture {
    /// A dot for each median. The axis is logarithmic if the values need it.
    Dots(Rows),
    /// A bar from zero to each median. The axis is always linear, because a bar's length is its value.
    Bars(Rows),
    /// A bar for each median, and how it ended. The axis is logarithmic if the values need it, and the bars begin at its
    /// lower end, wherever that is. So only the end of a bar is a number.
    Ends(Rows),
    /// A bar from zero for each row, divided into segments. The axis is always linear.
    Stacked(Stacked),
    /// A line for each subject.
    Lines(Lines),
    /// A strip of runs for each row.
    Strips(Strips),
    /// The lanes of a trace: those that [`trace::lanes`](crate::trace::lanes()) shows as text.
    Lanes(Trace),
    /// A matrix of words.
    Heat(Heat),
}

/// Rows of values along one axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    /// The axis, which all panels share. So a reader can compare them.
    pub axis: Axis,
    /// The panels, from top to bottom.
    pub panels: Vec<Panel>,
}

/// A group of rows, such as the subjects in one setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Panel<T = Value> {
    /// What the rows have in common. Empty if there is only one panel.
    pub head: String,
    /// The rows: each has a name and a value.
    pub rows: Vec<(String, T)>,
}

/// Bars of several segments along one axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Stacked {
    /// The axis, which all panels share.
    pub axis: Axis,
    /// The names of the segments, from left to right.
    pub segments: Vec<String>,
    /// The panels, from top to bottom. Each row has one value for each segment. A bar is as long as the sum of its
    /// segments, so no segment may count what another one counts.
    pub panels: Vec<Panel<Vec<Value>>>,
}

/// Strips of runs along one axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strips {
    /// What the axis counts, such as `digits`.
    pub label: String,
    /// The names of the two kinds of run.
    pub kinds: [String; 2],
    /// The panels, from top to bottom.
    pub panels: Vec<Panel<Strip>>,
}

/// One strip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Strip {
    /// The lengths of the runs, which alternate between the two kinds. The first run is of the first kind; if the strip
    /// begins with the other kind, the length of the first run is zero.
    Runs(Vec<u64>),
    /// No runs.
    Missing {
        /// A word or two that the picture shows instead, such as `hangs`.
        word: String,
        /// The reason, in a sentence. The table shows it.
        why: String,
    },
}

/// A line for each subject, over a number such as the workers.
#[derive(Clone, Debug, PartialEq)]
pub struct Lines {
    /// The axis from left to right.
    pub over: Axis,
    /// The axis from bottom to top.
    pub axis: Axis,
    /// The lines: each has a name, and values at ascending places of the axis `over`.
    pub lines: Vec<(String, Vec<(f64, Value)>)>,
}

/// A matrix of words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heat {
    /// The heads of the columns. The first column holds the names of the rows. `\n` breaks a line.
    pub heads: Vec<String>,
    /// The rows: each has a name, and one word for each other column.
    pub rows: Vec<(String, Vec<Word>)>,
}

/// What an axis measures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Axis {
    /// The quantity, in a few words.
    pub label: String,
    /// The unit of the numbers.
    pub unit: Unit,
}

/// A value of a picture.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A number with its interval. All of its numbers are finite.
    Measured(Estimate),
    /// A number that something stopped from growing, or that was measured where something stopped the rest.
    Stopped {
        /// The number.
        so_far: Estimate,
        /// Whether it is a lower bound, because its process ended before it could say the number.
        is_least: bool,
        /// How it ended, in words that follow the number, such as `then a limit`.
        end: String,
        /// The reason, in a sentence. The table shows it.
        why: String,
    },
    /// No number.
    Missing {
        /// A word or two that the picture shows instead, such as `hangs`.
        word: String,
        /// The reason, in a sentence. The table shows it.
        why: String,
    },
}

/// The content of one cell of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The text that is shown.
    pub text: String,
    /// How the word is coloured.
    pub mood: Mood,
}

/// What a word means for the reader, shown as a colour. No fact is shown by colour alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// A correct result, or the best one.
    Good,
    /// An ordinary result.
    Plain,
    /// A failure or a wrong result.
    Bad,
    /// A result that the reader can skip.
    Faint,
}

impl Strip {
    /// The runs of a trace of two actors that take turns, such as one of `zero_one`. Runs of the actor `first` are of the
    /// first kind, and all others of the second. What the trace could not hold is left out.
    #[must_use]
    pub fn of(trace: &Trace, first: &str) -> Self {
        let mut runs = vec![0];
        for event in &trace.events {
            // Runs of the first kind have even places.
            if (event.actor == first) != (runs.len() % 2 == 1) {
                runs.push(0);
            }
            if let Some(run) = runs.last_mut() {
                *run += event.end().saturating_sub(event.at);
            }
        }
        Strip::Runs(runs)
    }
}

impl Word {
    /// Makes a word of this text and mood.
    pub fn new(text: impl Into<String>, mood: Mood) -> Self {
        Word { text: text.into(), mood }
    }
}

impl Value {
    /// The number of a measurement that nothing stopped.
    fn estimate(&self) -> Option<&Estimate> {
        match self {
            Value::Measured(estimate) => Some(estimate),
            Value::Stopped { .. } | Value::Missing { .. } => None,
        }
    }

    /// The number, whether something stopped it or not.
    fn so_far(&self) -> Option<&Estimate> {
        match self {
            Value::Measured(estimate) | Value::Stopped { so_far: estimate, .. } => Some(estimate),
            Value::Missing { .. } => None,
        }
    }

    /// The text beside the value in a picture.
    pub(crate) fn text(&self, unit: Unit) -> String {
        match self {
            Value::Measured(estimate) => words::estimated(estimate, unit),
            Value::Stopped { so_far, is_least, end, .. } => {
                let or_more = if *is_least { " or more" } else { "" };
                format!("{}{or_more}, {end}", words::estimated(so_far, unit))
            }
            Value::Missing { word, .. } => word.clone(),
        }
    }
}

/// The numbers that an axis has to cover.
fn numbers<'a>(values: impl Iterator<Item = &'a Value>) -> Vec<f64> {
    values.filter_map(Value::so_far).flat_map(|of| [of.low, of.median, of.high]).collect()
}
