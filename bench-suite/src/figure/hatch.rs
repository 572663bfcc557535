//! Things that differ only by name: each has a colour and a pattern, and is listed in a legend.

use maud::{Markup, html};

use super::svg::{Anchor, COLOURS, FG, MUTED, px, text, widest};

/// The width of a swatch, and the space around it, in pixels.
const SWATCH: f64 = 22.0;
const GAP: f64 = 7.0;
/// The height of a row of a legend, in pixels.
const ROW: f64 = 20.0;
/// The lines of each pattern, in a square of eight by eight pixels.
const LINES: [&str; COLOURS.len()] = ["", "M0 8L8 0", "M0 0L8 8", "M4 0V8", "M0 4H8", "M0 4H8M4 0V8"];
/// How much of a colour shows in a filled shape, so that a text on it can be read.
const FILL: f64 = 0.3;

/// The patterns of a picture. Their ids begin with `id`, which no other picture of the page has.
pub(super) fn defs(id: &str, used: &[usize]) -> Markup {
    html! {
        @if used.iter().any(|at| !LINES[at % LINES.len()].is_empty()) {
            defs {
                @for (at, lines) in LINES.iter().enumerate() {
                    @if !lines.is_empty() && used.iter().any(|used| used % LINES.len() == at) {
                        pattern id={ (id) "-hatch-" (at) } width="8" height="8" patternUnits="userSpaceOnUse" {
                            path d=(lines) stroke=(COLOURS[at]) stroke-width="1" {}
                        }
                    }
                }
            }
        }
    }
}

/// How a shape is filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fill {
    /// In its colour, with its pattern.
    Full,
    /// Not at all: only a dashed edge shows it.
    Hollow,
}

/// A rectangle with the colour and the pattern of number `at`.
pub(super) fn bar(id: &str, at: usize, fill: Fill, (x, y): (f64, f64), (width, height): (f64, f64)) -> Markup {
    let (colour, lines) = (COLOURS[at % COLOURS.len()], LINES[at % LINES.len()]);
    let [left, top, wide, high] = [x, y, width, height].map(px);
    // The edge is inside of the shape. A narrow shape is all edge.
    let is_narrow = width < 4.0;
    let edge = [x + 0.5, y + 0.5, (width - 1.0).max(0.1), height - 1.0].map(px);
    html! {
        @if is_narrow {
            rect x=(left) y=(top) width=(wide) height=(high) fill=(colour) {}
        } @else {
            @let is_full = fill == Fill::Full;
            rect x=(edge[0]) y=(edge[1]) width=(edge[2]) height=(edge[3]) fill=(if is_full { colour } else { "none" })
                fill-opacity=[is_full.then_some(FILL)] stroke=(colour) stroke-dasharray=[(!is_full).then_some("3 2")] {}
            @if is_full && !lines.is_empty() {
                rect x=(left) y=(top) width=(wide) height=(high)
                    fill={ "url(#" (id) "-hatch-" (at % LINES.len()) ")" } fill-opacity="0.6" {}
            }
        }
    }
}

/// A small shape in the colour of number `at`. Neighbours have different shapes.
pub(super) fn point(at: usize, (x, y): (f64, f64)) -> Markup {
    let colour = COLOURS[at % COLOURS.len()];
    let shape = match at % COLOURS.len() {
        0 => "m0-4.5l4.5 4.5-4.5 4.5-4.5-4.5z",
        1 => "m-3.5-3.5h7v7h-7z",
        2 => "m0-4.5l4.5 8h-9z",
        3 => "m0 4.5l4.5-8h-9z",
        4 => "m-1.5-4.5h3v3h3v3h-3v3h-3v-3h-3v-3h3z",
        _ => "m-2-4.5h4v9h-4z",
    };
    html! { path d={ "M" (px(x)) " " (px(y)) (shape) } fill=(colour) stroke=(FG) stroke-width="0.6" {} }
}

/// An entry of a legend.
pub(super) struct Entry<'a> {
    /// The number of its colour and its pattern; `None` for a remark without a swatch.
    pub(super) at: Option<usize>,
    /// The shapes that have this meaning.
    pub(super) fills: Vec<Fill>,
    pub(super) is_point: bool,
    pub(super) meaning: &'a str,
}

impl<'a> Entry<'a> {
    /// An entry of one bar.
    pub(super) fn of(at: usize, fill: Fill, meaning: &'a str) -> Self {
        Entry { at: Some(at), fills: vec![fill], is_point: false, meaning }
    }
}

/// Draws a legend from the point (`x`, `y`) down, in rows of at most `width` pixels. Returns the height and the widest
/// row too.
pub(super) fn legend(id: &str, entries: &[Entry<'_>], (x, y): (f64, f64), width: f64) -> (Markup, f64, f64) {
    let swatches = |entry: &Entry<'_>| match entry.at {
        Some(_) => (entry.fills.len() as f64 + if entry.is_point { 0.5 } else { 0.0 }) * (SWATCH + GAP),
        None => 0.0,
    };
    let (mut left, mut row, mut widest_row) = (0.0, 0.0, 0.0_f64);
    let mut drawn = Vec::new();
    for entry in entries {
        let long = swatches(entry) + widest(std::iter::once(entry.meaning)) + 2.0 * GAP;
        if left > 0.0 && left + long > width {
            (left, row) = (0.0, row + 1.0);
        }
        let (at, top) = (x + left, y + ROW * row);
        let shapes = html! {
            @if let Some(number) = entry.at {
                @for (place, fill) in entry.fills.iter().enumerate() {
                    (bar(id, number, *fill, (at + place as f64 * (SWATCH + GAP), top + 1.0), (SWATCH, 13.0)))
                }
                @if entry.is_point {
                    (point(number, (at + entry.fills.len() as f64 * (SWATCH + GAP) + 5.0, top + 7.5)))
                }
            }
        };
        let ink = if entry.at.is_some() { FG } else { MUTED };
        drawn.push(html! { (shapes) (text(at + swatches(entry), top + 12.0, Anchor::Start, ink, entry.meaning)) });
        left += long;
        widest_row = widest_row.max(left);
    }
    let height = if entries.is_empty() { 0.0 } else { ROW * (row + 1.0) };
    (html! { @for one in drawn { (one) } }, height, widest_row)
}
