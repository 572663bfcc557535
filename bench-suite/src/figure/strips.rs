//! A row for each subject: a strip of runs of two kinds. The longest run is marked.

use std::collections::BTreeMap;
use std::fmt::Write;

use green_threads::workload::Unit;
use maud::{Markup, html};

use super::panels::{self, Words};
use super::scale::Scale;
use super::svg::{ACCENT, Anchor, Drawing, FG, RULE, line, px, text, widest};
use super::words::count;
use super::{Axis, Strip, Strips};

/// The height of a strip, in pixels.
const STRIP: f64 = 11.0;
/// The least width of the mark of the longest run, in pixels.
const NARROW: f64 = 3.0;
/// How many shades a pixel can have, from one kind to the other.
const SHADES: u64 = 8;
/// The height of the legend, in pixels.
const LEGEND: f64 = 24.0;
/// The width of a swatch of the legend, and the space around it, in pixels.
const SWATCH: f64 = 22.0;
const GAP: f64 = 7.0;
/// The most runs that the table lists.
const MOST_RUNS: usize = 12;

pub(super) fn draw(of: &Strips) -> Drawing {
    let axis = Axis { label: of.label.clone(), unit: Unit::Count };
    let strips = of.panels.iter().flat_map(|panel| &panel.rows).filter_map(|(_, strip)| runs(strip));
    let lengths: Vec<f64> = strips.map(|runs| runs.iter().sum::<u64>() as f64).collect();
    let scale = Scale::of_lengths(&lengths, Unit::Count);
    let says = |strip: &Strip| Words { text: words(strip), is_number: runs(strip).is_some() };
    let mark = |strip: &Strip, at: &dyn Fn(f64) -> f64, y: f64| match runs(strip) {
        Some(runs) if runs.iter().any(|run| *run > 0) => marks(runs, at, y),
        _ => html! {},
    };
    let drawing = panels::draw_all(&axis, &of.panels, &scale, &says, &mark);
    if lengths.iter().all(|length| *length == 0.0) {
        return drawing;
    }
    let (legend, width) = legend(of, drawing.height + 8.0);
    let marks = html! { (drawing.marks) (legend) };
    Drawing { width: drawing.width.max(width), height: drawing.height + 8.0 + LEGEND, marks }
}

fn runs(strip: &Strip) -> Option<&[u64]> {
    match strip {
        Strip::Runs(runs) => Some(runs),
        Strip::Missing { .. } => None,
    }
}

/// The words beside a strip.
fn words(strip: &Strip) -> String {
    match strip {
        Strip::Runs(runs) => match longest(runs) {
            Some((_, length)) => format!("longest {}", count(length as f64)),
            None => "no runs".to_string(),
        },
        Strip::Missing { word, .. } => word.clone(),
    }
}

/// Where the longest run begins, and its length. Of several it is the first.
fn longest(runs: &[u64]) -> Option<(u64, u64)> {
    let mut longest = None;
    let mut start = 0;
    for run in runs.iter().copied().filter(|run| *run > 0) {
        if longest.is_none_or(|(_, length)| run > length) {
            longest = Some((start, run));
        }
        start += run;
    }
    longest
}

/// Draws a strip with at most one mark for each pixel. The shade of a pixel is the share of the first kind in it.
fn marks(runs: &[u64], at: &dyn Fn(f64) -> f64, y: f64) -> Markup {
    let total: u64 = runs.iter().sum();
    let (left, right) = (at(0.0), at(total as f64));
    let pixels = ((right - left).ceil() as usize).max(1);
    // The path of each shade: a horizontal stroke for each stretch of equal pixels.
    let mut paths: BTreeMap<u64, String> = BTreeMap::new();
    let mut shades = shades(runs, total, pixels).into_iter().enumerate().peekable();
    while let Some((from, shade)) = shades.next() {
        let mut until = from + 1;
        while shades.next_if(|(_, next)| *next == shade).is_some() {
            until += 1;
        }
        if shade > 0 {
            // The last pixel of a strip may be a part of one.
            let (from, until) = (left + from as f64, (left + until as f64).min(right));
            let _ = write!(paths.entry(shade).or_default(), "M{} {}H{}", px(from), px(y - 2.0), px(until));
        }
    }
    let (start, length) = longest(runs).unwrap_or((0, 0));
    let (from, until) = (at(start as f64), at((start + length) as f64));
    let until = until.max(from + NARROW).min(right.max(left + NARROW));
    let from = from.min(until - NARROW);
    html! {
        (line((left, y - 2.0), (right, y - 2.0), RULE, STRIP))
        @for (shade, path) in paths {
            path d=(path) stroke=(ACCENT) stroke-width=(STRIP) stroke-opacity=[opacity(shade)] fill="none" {}
        }
        (line((from, y + 6.5), (until, y + 6.5), FG, 3.0))
    }
}

fn opacity(shade: u64) -> Option<f64> {
    (shade < SHADES).then_some(shade as f64 / SHADES as f64)
}

/// The share of the first kind in each pixel, from 0 to [`SHADES`].
fn shades(runs: &[u64], total: u64, pixels: usize) -> Vec<u64> {
    let mut firsts = vec![0.0_f64; pixels];
    let pixel = |place: u64| place as f64 / total as f64 * pixels as f64;
    let mut start = 0;
    for (at, run) in runs.iter().enumerate() {
        let end = start + run;
        if at % 2 == 0 && *run > 0 {
            let (from, until) = (pixel(start), pixel(end));
            let places = from as usize..(until.ceil() as usize).min(pixels);
            for place in places {
                let left = place as f64;
                firsts[place] += (until.min(left + 1.0) - from.max(left)).max(0.0);
            }
        }
        start = end;
    }
    firsts.into_iter().map(|share| (share * SHADES as f64).round() as u64).map(|shade| shade.min(SHADES)).collect()
}

/// The legend from `y` down, and its width.
fn legend(of: &Strips, y: f64) -> (Markup, f64) {
    let names = [of.kinds[0].as_str(), of.kinds[1].as_str(), "the longest run"];
    let starts: Vec<f64> = names
        .iter()
        .scan(0.0, |left, name| {
            let start = *left;
            *left += SWATCH + GAP + widest(std::iter::once(*name)) + 2.0 * GAP;
            Some(start)
        })
        .collect();
    let swatches = [(ACCENT, STRIP), (RULE, STRIP), (FG, 3.0)];
    let y = y + 8.0;
    let marks = html! {
        @for ((name, start), (colour, height)) in names.iter().zip(&starts).zip(swatches) {
            (line((*start, y), (start + SWATCH, y), colour, height))
            (text(start + SWATCH + GAP, y + 4.0, Anchor::Start, FG, name))
        }
    };
    (marks, starts[2] + SWATCH + GAP + widest(std::iter::once(names[2])))
}

/// The table of the strips.
pub(super) fn table(of: &Strips) -> Markup {
    let heads = ["", "", "runs", "median", "longest begins at", "the first runs"];
    html! {
        table {
            thead { tr { @for head in heads { th { (head) } } } }
            @for panel in &of.panels {
                tbody {
                    @if !panel.head.is_empty() { tr { th colspan=(heads.len()) { strong { (panel.head) } } } }
                    @for (name, strip) in &panel.rows {
                        tr { th { (name) } td { (words(strip)) } (cells(strip)) }
                    }
                }
            }
        }
    }
}

fn cells(strip: &Strip) -> Markup {
    let runs = match strip {
        Strip::Runs(runs) => runs,
        Strip::Missing { why, .. } => return html! { td.why colspan="4" { (why) } },
    };
    let mut sorted: Vec<u64> = runs.iter().copied().filter(|run| *run > 0).collect();
    let first: Vec<String> = sorted.iter().take(MOST_RUNS).map(|run| count(*run as f64)).collect();
    let more = if sorted.len() > MOST_RUNS { ", …" } else { "" };
    sorted.sort_unstable();
    html! {
        td { (count(sorted.len() as f64)) }
        td { @if !sorted.is_empty() { (count(sorted[(sorted.len() - 1) / 2] as f64)) } }
        td { @if let Some((start, _)) = longest(runs) { (count(start as f64)) } }
        td { (first.join(", ")) (more) }
    }
}
