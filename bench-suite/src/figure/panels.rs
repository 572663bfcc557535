//! Panels of rows along one axis. Each row has its name on the left and its value in words on the right.

use maud::{Markup, html};

use super::scale::Scale;
use super::svg::{Anchor, Drawing, FG, MUTED, RULE, line, text, widest};
use super::{Axis, Panel, Rows, Value};
use crate::store::Estimate;

/// The width of the plot, in pixels.
const PLOT: f64 = 400.0;
/// The height of a row, in pixels.
const ROW: f64 = 20.0;
/// The height of the head of a panel, in pixels.
const HEAD: f64 = 28.0;
/// The height of the ticks below each panel, in pixels.
const TICKS: f64 = 20.0;
/// The height of the label of the axis, in pixels.
const LABEL: f64 = 22.0;
/// The space between a text and what is beside it, in pixels.
const GAP: f64 = 12.0;
/// The distance from the middle of a row down to the baseline of its text, in pixels.
const BASELINE: f64 = 4.0;

/// Draws a row, given the place of a number from left to right and the middle of the row.
pub(super) type Mark<'a, T = Estimate> = &'a dyn Fn(&T, &dyn Fn(f64) -> f64, f64) -> Markup;

/// Draws `rows` with `mark` for each value that has a number. A missing value has its word on the right, and no mark.
pub(super) fn draw(rows: &Rows, scale: &Scale, mark: Mark<'_>) -> Drawing {
    let row = |value: &Value, at: &dyn Fn(f64) -> f64, y: f64| match value.so_far() {
        Some(estimate) => mark(estimate, at, y),
        None => html! {},
    };
    let says = |value: &Value| Words { text: value.text(rows.axis.unit), is_number: value.so_far().is_some() };
    draw_all(&rows.axis, &rows.panels, scale, &says, &row)
}

/// What is on the right of a row.
pub(super) struct Words {
    pub(super) text: String,
    /// Whether the row has a number, or a word that says why it has none.
    pub(super) is_number: bool,
}

/// Draws panels of any rows along one axis. For each row, `says` gives its words, and `mark` draws it.
pub(super) fn draw_all<T>(
    axis: &Axis,
    panels: &[Panel<T>],
    scale: &Scale,
    says: &dyn Fn(&T) -> Words,
    mark: Mark<'_, T>,
) -> Drawing {
    let all = || panels.iter().flat_map(|panel| &panel.rows);
    let values: Vec<String> = all().map(|(_, row)| says(row).text).collect();
    let left = widest(all().map(|(name, _)| name.as_str())) + GAP;
    let right = left + PLOT;
    let at = |number: f64| left + PLOT * scale.at(number);
    let ticks = scale.ticks();
    let mut drawn = Vec::new();
    let mut y = 0.0;
    for panel in panels {
        if !panel.head.is_empty() {
            y += HEAD;
            drawn.push(html! { g font-weight="600" { (text(left, y - 8.0, Anchor::Start, FG, &panel.head)) } });
        }
        let bottom = y + ROW * panel.rows.len() as f64;
        drawn.push(html! {
            @for (place, tick) in &ticks {
                @let x = left + PLOT * place;
                (line((x, y), (x, bottom + 3.0), RULE, 1.0))
                (text(x, bottom + 16.0, Anchor::Middle, MUTED, tick))
            }
            @for (row, (name, value)) in panel.rows.iter().enumerate() {
                @let middle = y + ROW * (row as f64 + 0.5);
                @let words = says(value);
                @let colour = if words.is_number { FG } else { MUTED };
                (text(left - GAP, middle + BASELINE, Anchor::End, FG, name))
                (line((left, middle), (right, middle), RULE, 0.5))
                (mark(value, &at, middle))
                (text(right + GAP, middle + BASELINE, Anchor::Start, colour, &words.text))
            }
        });
        y = bottom + TICKS;
    }
    let heads = panels.iter().map(|panel| panel.head.as_str());
    let beside = widest(values.iter().map(String::as_str)) + GAP;
    let marks = html! {
        @for marks in drawn { (marks) }
        (text(left + PLOT / 2.0, y + LABEL - 8.0, Anchor::Middle, MUTED, &scale.label(&axis.label)))
    };
    Drawing { width: left + (PLOT + beside).max(widest(heads)), height: y + LABEL, marks }
}

impl Rows {
    pub(super) fn values(&self) -> impl Iterator<Item = &Value> {
        self.panels.iter().flat_map(|panel| &panel.rows).map(|(_, value)| value)
    }
}
