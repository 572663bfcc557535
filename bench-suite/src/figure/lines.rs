//! A line for each subject, over a number such as the workers. Its name is at its end, so no legend is needed.

use green_threads::workload::Unit;
use maud::{Markup, html};

use super::scale::Scale;
use super::svg::{Anchor, COLOURS, Drawing, FG, MUTED, RULE, line, px, text, widest};
use super::words::number;
use super::{Lines, Value, numbers};
use crate::store::Estimate;

/// The width and the height of the plot, in pixels.
const WIDTH: f64 = 400.0;
const HEIGHT: f64 = 260.0;
/// The height of a name at the end of a line, in pixels.
const NAME: f64 = 17.0;
/// The space around texts, in pixels.
const GAP: f64 = 12.0;

pub(super) fn draw(of: &Lines) -> Drawing {
    let values = of.lines.iter().flat_map(|(_, points)| points).map(|(_, value)| value);
    let scale = Scale::of_positions(&numbers(values), of.axis.unit);
    let places: Vec<f64> = of.lines.iter().flat_map(|(_, points)| points).map(|(place, _)| *place).collect();
    let over = Scale::of_positions(&places, of.over.unit);
    let ticks = scale.ticks();
    let left = widest(ticks.iter().map(|(_, text)| text.as_str())) + GAP;
    let top = 2.0 * GAP;
    let bottom = top + HEIGHT.max(NAME * of.lines.len() as f64);
    let right = left + WIDTH;
    let x = |place: f64| left + WIDTH * over.at(place);
    let y = |number: f64| bottom - (bottom - top) * scale.at(number);
    let names: Vec<String> = of.lines.iter().map(|(name, points)| named(name, points, of)).collect();
    // A line without points has its name at the bottom.
    let end = |points: &[(f64, Value)]| {
        let measured = points.iter().rev().find_map(|(place, value)| Some((*place, value.estimate()?.median)));
        measured.map_or((right, bottom), |(place, median)| (x(place), y(median)))
    };
    let ends: Vec<(f64, f64)> = of.lines.iter().map(|(_, points)| end(points)).collect();
    let at = apart(&ends.iter().map(|end| end.1).collect::<Vec<_>>(), top, bottom);
    let marks = html! {
        (text(0.0, GAP, Anchor::Start, MUTED, &scale.label(&of.axis.label)))
        @for (place, tick) in &ticks {
            @let y = bottom - (bottom - top) * place;
            (line((left, y), (right, y), RULE, 1.0))
            (text(left - 6.0, y + 4.0, Anchor::End, MUTED, tick))
        }
        @for (x, tick) in under(&places, &x, of.over.unit) {
            (line((x, bottom), (x, bottom + 4.0), RULE, 1.0))
            (text(x, bottom + 20.0, Anchor::Middle, MUTED, &tick))
        }
        (text(left + WIDTH / 2.0, bottom + 38.0, Anchor::Middle, MUTED, &over.label(&of.over.label)))
        @for (index, (_, points)) in of.lines.iter().enumerate() {
            @let colour = COLOURS[index % COLOURS.len()];
            (marks(points, colour, &x, &y))
            (line(ends[index], (right + GAP - 2.0, at[index]), colour, 0.6))
            (text(right + GAP, at[index] + 4.0, Anchor::Start, FG, &names[index]))
        }
    };
    let width = right + GAP + widest(names.iter().map(String::as_str));
    Drawing { width, height: bottom + 46.0, marks }
}

/// The intervals, the dots, and the lines between neighbours that were both measured.
fn marks(points: &[(f64, Value)], colour: &str, x: &dyn Fn(f64) -> f64, y: &dyn Fn(f64) -> f64) -> Markup {
    let measured = |(place, value): &(f64, Value)| -> Option<(f64, Estimate)> { Some((x(*place), *value.estimate()?)) };
    html! {
        @for pair in points.windows(2) {
            @if let (Some(from), Some(to)) = (measured(&pair[0]), measured(&pair[1])) {
                (line((from.0, y(from.1.median)), (to.0, y(to.1.median)), colour, 2.0))
            }
        }
        @for (x, of) in points.iter().filter_map(measured) {
            (line((x, y(of.low)), (x, y(of.high)), colour, 2.0))
            circle cx=(px(x)) cy=(px(y(of.median))) r="3.5" fill=(colour) {}
        }
    }
}

/// The ticks of the axis from left to right: the places of the points, as far as their texts have room.
fn under(places: &[f64], x: &dyn Fn(f64) -> f64, unit: Unit) -> Vec<(f64, String)> {
    let mut sorted = places.to_vec();
    sorted.sort_by(f64::total_cmp);
    let mut ticks: Vec<(f64, String)> = Vec::new();
    let mut free = f64::NEG_INFINITY;
    for place in sorted {
        let (x, tick) = (x(place), number(place, unit));
        let half = widest(std::iter::once(tick.as_str())) / 2.0;
        if x - half >= free {
            free = x + half;
            ticks.push((x, tick));
        }
    }
    ticks
}

/// The name at the end of a line, with the word for what is missing and the first place where it is missing.
fn named(name: &str, points: &[(f64, Value)], of: &Lines) -> String {
    let missing = points.iter().find(|(_, value)| value.estimate().is_none());
    let has_points = points.iter().any(|(_, value)| value.estimate().is_some());
    match missing.map(|(place, value)| (place, value.text(of.axis.unit))) {
        None => name.to_string(),
        Some((_, word)) if !has_points => format!("{name} ({word})"),
        Some((place, word)) => format!("{name} ({word} at {})", number(*place, of.over.unit)),
    }
}

/// Where the names are, from top to bottom, so that none covers another: each as near to its line's end as the names
/// above it allow, and all of them between `top` and `bottom`.
fn apart(ends: &[f64], top: f64, bottom: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..ends.len()).collect();
    order.sort_by(|one, other| ends[*one].total_cmp(&ends[*other]));
    let mut at = ends.to_vec();
    let mut free = top;
    for index in &order {
        at[*index] = at[*index].max(free);
        free = at[*index] + NAME;
    }
    let mut free = bottom;
    for index in order.iter().rev() {
        at[*index] = at[*index].min(free);
        free = at[*index] - NAME;
    }
    at
}
