//! The lanes of a trace along a time axis: a bar for each span, and a small shape for each moment.

use std::collections::BTreeSet;

use green_threads::probe::trace::{Clock, Trace};
use green_threads::workload::Unit;
use maud::{Markup, html};

use super::hatch::{self, Entry, Fill};
use super::svg::{Anchor, Drawing, FG, MUTED, RULE, line, px, text, widest};
use super::words::{count, number};
use crate::trace::picture::{Axis, Lane, Mark, Picture};

/// The width of the whole picture, unless the names of the lanes are long, and the least width of the plot, in pixels.
const WIDTH: f64 = 680.0;
const LEAST: f64 = 360.0;
/// The height of a lane and of a bar in it, in pixels.
const LANE: f64 = 24.0;
const BAR: f64 = 18.0;
/// The least width of a bar, in pixels.
const NARROW: f64 = 1.5;
/// The space around texts, in pixels.
const GAP: f64 = 10.0;
/// The most characters of a name and of an entry of the legend.
const MOST_NAME: usize = 24;
const MOST_WORDS: usize = 60;
/// The most rows of the table.
const MOST_ROWS: usize = 100;

pub(super) fn draw(trace: &Trace, id: &str) -> Drawing {
    if trace.events.is_empty() {
        let says = "The trace has no events.";
        let width = widest(std::iter::once(says));
        return Drawing { width, height: LANE, marks: text(0.0, 16.0, Anchor::Start, MUTED, says) };
    }
    let (picture, axis) = (Picture::of(trace), Axis::of(trace));
    let groups = picture.groups();
    let names: Vec<String> = picture.lanes.iter().map(|lane| cut(&lane.name, MOST_NAME)).collect();
    let ticks: Vec<(u64, String)> = axis.ticks().map(|tick| (tick, count(axis.label(tick) as f64))).collect();
    let left = widest(names.iter().map(String::as_str)) + GAP;
    let remark = widest(picture.lanes.iter().map(|lane| &*lane.remark));
    let beside = (remark + 2.0 * GAP).max(widest(ticks.iter().map(|(_, tick)| tick.as_str())) / 2.0);
    let plot = (WIDTH - left - beside).max(LEAST);
    let (right, bottom) = (left + plot, LANE * picture.lanes.len() as f64 + 4.0);
    let x = |at: u64| left + plot * (at as f64 / axis.end as f64);
    let mut used: Vec<usize> = picture.used().iter().map(|(key, ..)| groups[*key]).collect();
    used.dedup();
    let words: Vec<String> = picture.legend.iter().map(|key| cut(&key.meaning, MOST_WORDS)).collect();
    let mut entries: Vec<Entry<'_>> =
        picture.used().iter().map(|(key, ..)| entry(&picture, *key, groups[*key], &words[*key])).collect();
    let is_off = entries.iter().any(|entry| entry.fills.contains(&Fill::Hollow));
    let is_on = entries.iter().any(|entry| entry.fills.contains(&Fill::Full));
    let dropped = format!("{} further events are not in the trace: it was full.", count(trace.dropped as f64));
    let more = format!("and {} more lanes", count(picture.more as f64));
    let mut remarks = Vec::new();
    if is_off && is_on {
        remarks.push("(dashed: not running)");
    }
    if trace.dropped > 0 {
        remarks.push(&dropped);
    }
    let remark = |meaning| Entry { at: None, fills: Vec::new(), is_point: false, meaning };
    entries.extend(remarks.into_iter().map(remark));
    let more_height = if picture.more > 0 { 18.0 } else { 0.0 };
    let under = bottom + 44.0 + more_height;
    let (legend, legend_height, legend_width) = hatch::legend(id, &entries, (0.0, under), WIDTH);
    let marks = html! {
        (hatch::defs(id, &used))
        @for (tick, label) in &ticks {
            (line((x(*tick), 0.0), (x(*tick), bottom), RULE, 1.0))
            (text(x(*tick), bottom + 15.0, Anchor::Middle, MUTED, label))
        }
        (text(left + plot / 2.0, bottom + 32.0, Anchor::Middle, MUTED, &unit(&axis)))
        @for (at, (lane, name)) in picture.lanes.iter().zip(&names).enumerate() {
            @let middle = LANE * (at as f64 + 0.5) + 1.0;
            (line((left, middle), (right, middle), RULE, 0.5))
            (text(left - GAP, middle + 4.0, Anchor::End, FG, name))
            (draw_lane(lane, middle, id, &groups, &x, right))
            (text(right + GAP, middle + 4.0, Anchor::Start, MUTED, &lane.remark))
        }
        @if picture.more > 0 { (text(0.0, bottom + 50.0, Anchor::Start, MUTED, &more)) }
        (legend)
    };
    let width = (right + beside).max(legend_width).max(widest([more.as_str()].into_iter()));
    Drawing { width, height: under + legend_height, marks }
}

/// The words under the time axis.
fn unit(axis: &Axis) -> String {
    if axis.unit == "steps" { "steps".to_string() } else { format!("time in {}", axis.unit) }
}

/// The legend's entry for this key, with the shapes that the lanes use for it.
fn entry<'a>(picture: &Picture<'_>, key: usize, group: usize, meaning: &'a str) -> Entry<'a> {
    let marks = || picture.lanes.iter().flat_map(|lane| &lane.marks).filter(|mark| mark.key == key);
    let fills: BTreeSet<Fill> = marks().filter(|mark| mark.event.until.is_some()).map(fill).collect();
    let is_point = marks().any(|mark| mark.event.until.is_none());
    Entry { at: Some(group), fills: fills.into_iter().collect(), is_point, meaning }
}

fn fill(mark: &Mark<'_>) -> Fill {
    if mark.is_off { Fill::Hollow } else { Fill::Full }
}

/// Draws the spans of a lane, the labels for which they have room, and then its moments.
fn draw_lane(lane: &Lane<'_>, middle: f64, id: &str, groups: &[usize], x: &dyn Fn(u64) -> f64, right: f64) -> Markup {
    let spans = lane.marks.iter().filter_map(|mark| Some((mark, mark.event.until?)));
    let moments = || lane.marks.iter().filter(|mark| mark.event.until.is_none());
    // What a label must not cover: the moments and other labels.
    let mut taken: Vec<(f64, f64)> = moments().map(|mark| (x(mark.event.at) - 6.0, x(mark.event.at) + 6.0)).collect();
    let (mut drawn, mut seen) = (Vec::new(), BTreeSet::new());
    let mut labels = Vec::new();
    for (mark, until) in spans {
        let width = (x(until) - x(mark.event.at)).max(NARROW);
        let from = x(mark.event.at).min(right - width);
        // Marks that look the same are drawn once, so that a thousand events on a pixel need no space in the page.
        if !seen.insert((mark.key, px(from), px(width))) {
            continue;
        }
        drawn.push(hatch::bar(id, groups[mark.key], fill(mark), (from, middle - BAR / 2.0), (width, BAR)));
        let wide = widest(std::iter::once(mark.label.as_str()));
        let centre = from + width / 2.0;
        let label = (centre - wide / 2.0, centre + wide / 2.0);
        if wide + 6.0 <= width && taken.iter().all(|other| other.1 <= label.0 || label.1 <= other.0) {
            taken.push(label);
            labels.push(text(centre, middle + 4.0, Anchor::Middle, FG, &mark.label));
        }
    }
    for mark in moments() {
        let at = x(mark.event.at);
        if seen.insert((mark.key, px(at), String::new())) {
            drawn.push(hatch::point(groups[mark.key], (at, middle)));
        }
    }
    html! {
        @for one in drawn { (one) }
        @for label in labels { (label) }
    }
}

/// The table of the events on these lanes.
pub(super) fn table(trace: &Trace) -> Markup {
    let time = |time: u64| match trace.clock {
        Clock::Nanoseconds if time == 0 => "0".to_string(),
        Clock::Nanoseconds => number(time as f64, Unit::Nanoseconds),
        Clock::Steps => count(time as f64),
    };
    let picture = Picture::of(trace);
    let mut rows: Vec<(&Lane<'_>, &Mark<'_>)> =
        picture.lanes.iter().flat_map(|lane| lane.marks.iter().map(move |mark| (lane, mark))).collect();
    let more = (rows.len().saturating_sub(MOST_ROWS)) as f64;
    rows.truncate(MOST_ROWS);
    html! {
        table {
            thead { tr { @for head in ["", "what", "from", "to"] { th { (head) } } } }
            tbody {
                @for (lane, mark) in rows {
                    tr {
                        th { (lane.name) }
                        td { (mark.label) @if !mark.detail.is_empty() { " " (mark.detail) } }
                        td { (time(mark.event.at)) }
                        td { @if let Some(until) = mark.event.until { (time(until)) } }
                    }
                }
                @if more > 0.0 { tr { td colspan="4" { "and " (count(more)) " more" } } }
            }
        }
    }
}

/// Shortens `text` to at most `most` characters.
fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some(_) => text.chars().take(most - 1).chain(['…']).collect(),
        None => text.to_string(),
    }
}
