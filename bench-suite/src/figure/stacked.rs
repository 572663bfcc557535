//! A row for each subject: a bar from zero, divided into segments. A legend names them.

use maud::{Markup, html};

use super::hatch::{self, Entry, Fill};
use super::panels::{self, Words};
use super::scale::Scale;
use super::svg::Drawing;
use super::words::number;
use super::{Stacked, Value};

/// The height of a bar, in pixels.
const BAR: f64 = 14.0;
/// The space above the legend, in pixels.
const GAP: f64 = 8.0;
/// The least width of a segment that is not zero, in pixels.
const NARROW: f64 = 1.5;

pub(super) fn draw(of: &Stacked, id: &str) -> Drawing {
    let sums: Vec<f64> = of.rows().filter(|row| is_measured(row)).map(|row| sum(row)).collect();
    let scale = Scale::of_lengths(&sums, of.axis.unit);
    let says = |row: &Vec<Value>| Words { text: words(row, of), is_number: is_measured(row) };
    let mark = |row: &Vec<Value>, at: &dyn Fn(f64) -> f64, y: f64| bars(row, at, y, id);
    let drawing = panels::draw_all(&of.axis, &of.panels, &scale, &says, &mark);
    if sums.is_empty() {
        return drawing;
    }
    let names = of.segments.iter().enumerate();
    let entries: Vec<Entry<'_>> = names.map(|(at, name)| Entry::of(at, Fill::Full, name)).collect();
    let (legend, height, width) = hatch::legend(id, &entries, (0.0, drawing.height + GAP), drawing.width);
    let used: Vec<usize> = (0..of.segments.len()).collect();
    let marks = html! { (hatch::defs(id, &used)) (drawing.marks) (legend) };
    Drawing { width: drawing.width.max(width), height: drawing.height + GAP + height, marks }
}

impl Stacked {
    fn rows(&self) -> impl Iterator<Item = &Vec<Value>> {
        self.panels.iter().flat_map(|panel| &panel.rows).map(|(_, row)| row)
    }
}

/// Whether a row has a segment that was measured.
fn is_measured(row: &[Value]) -> bool {
    row.iter().any(|value| value.estimate().is_some())
}

/// The sum of the medians of a row.
fn sum(row: &[Value]) -> f64 {
    row.iter().filter_map(Value::estimate).map(|of| of.median).sum()
}

/// The words beside a row: the sum, and which segments are missing in it.
pub(super) fn words(row: &[Value], of: &Stacked) -> String {
    if !is_measured(row) {
        return row.first().map_or_else(String::new, |value| value.text(of.axis.unit));
    }
    let sum = number(sum(row), of.axis.unit);
    let missing = row.iter().zip(&of.segments).filter(|(value, _)| value.estimate().is_none());
    match missing.map(|(_, name)| name.as_str()).collect::<Vec<_>>()[..] {
        [] => sum,
        ref names => format!("{sum} without {}", names.join(", ")),
    }
}

/// The segments, one after the other.
fn bars(row: &[Value], at: &dyn Fn(f64) -> f64, y: f64, id: &str) -> Markup {
    let mut end = 0.0;
    let mut bars = Vec::new();
    for (segment, value) in row.iter().enumerate() {
        let Some(estimate) = value.estimate() else { continue };
        let from = end;
        end += estimate.median;
        if estimate.median > 0.0 {
            let width = (at(end) - at(from)).max(NARROW);
            bars.push(hatch::bar(id, segment, Fill::Full, (at(from), y - BAR / 2.0), (width, BAR)));
        }
    }
    html! { @for bar in bars { (bar) } }
}
