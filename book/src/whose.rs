//! Whose numbers a page shows: the reader's own or those of the reference machine, and how to replace the latter.

use std::collections::BTreeMap;

use bench_suite::distinct;
use bench_suite::report::select::{Source, TraceSource, command};
use bench_suite::store::Machine;
use jiff::Timestamp;
use maud::{Markup, html};

/// The experiments and traces that a page shows, by name.
pub(crate) type Shown = BTreeMap<String, Whose>;

/// Where the results of one experiment come from, or one trace.
#[derive(Debug)]
pub(crate) struct Whose {
    is_own: bool,
    machine: Machine,
    taken_at: Timestamp,
    depth: Option<&'static str>,
    /// Why the reader's own file cannot be read.
    pub(crate) unread: Option<String>,
    /// What makes it the reader's own.
    command: String,
}

impl Whose {
    /// Where the results of an experiment come from. `cargo bench` measures all but the checks, which have a command of
    /// their own.
    pub(crate) fn of(source: &Source) -> Self {
        let (results, experiment) = (source.shown(), source.reference.experiment.as_str());
        let is_apart = command(experiment) == format!("cargo lab {experiment}");
        Whose {
            is_own: source.own.is_some(),
            machine: results.machine.clone(),
            taken_at: results.taken_at,
            depth: Some(results.depth.name()),
            unread: source.unread.clone(),
            command: if is_apart { command(experiment) } else { "cargo bench".to_string() },
        }
    }

    /// Where a trace comes from.
    pub(crate) fn of_trace(source: &TraceSource) -> Self {
        Whose {
            is_own: source.is_own,
            machine: source.shown.machine.clone(),
            taken_at: source.shown.taken_at,
            depth: None,
            unread: source.unread.clone(),
            command: source.shown.command.clone(),
        }
    }
}

/// Some of what a page shows.
type Part<'a> = Vec<(&'a String, &'a Whose)>;

/// The paragraph under the title of a page.
pub(crate) fn note(shown: &Shown) -> String {
    let (own, reference): (Part<'_>, Part<'_>) = shown.iter().partition(|(_, whose)| whose.is_own);
    let unread: Vec<&str> = shown.values().filter_map(|whose| whose.unread.as_deref()).collect();
    let mixed = !own.is_empty() && !reference.is_empty();
    let commands = distinct(reference.iter().map(|(_, whose)| whose.command.clone()));
    let note = html! {
        p.whose {
            @if !own.is_empty() {
                "These numbers were measured on your machine (" (of(&own)) ")"
                @if mixed { ": " (codes(own.iter().map(|(name, _)| name.as_str()))) }
                ". "
            }
            @if !reference.is_empty() {
                @if mixed { "Others come" } @else { "These numbers come" }
                " from the reference machine (" (of(&reference)) ")"
                @if mixed { ": " (codes(reference.iter().map(|(name, _)| name.as_str()))) }
                ". Run " (codes(commands.iter().map(String::as_str)))
                " and build the book again to see your own."
            }
            @for why in unread { " " strong { "Not read:" } " " (one_line(why)) "." }
        }
    };
    note.into_string()
}

/// The machines, dates and depths of this part.
fn of(part: &Part<'_>) -> String {
    let all = || part.iter().map(|(_, whose)| whose);
    let machines = distinct(all().map(|whose| described(&whose.machine)));
    let mut days: Vec<String> = all().map(|whose| day(whose.taken_at)).collect();
    days.sort();
    let days = match (days.first(), days.last()) {
        (Some(first), Some(last)) if first != last => format!("{first} to {last}"),
        (first, _) => first.cloned().unwrap_or_default(),
    };
    let depths = distinct(all().filter_map(|whose| whose.depth));
    let depths = if depths.is_empty() { String::new() } else { format!("; depth {}", depths.join(" and ")) };
    format!("{}; {days}{depths}", machines.join(" and "))
}

/// Names or commands, as code.
fn codes<'a>(all: impl Iterator<Item = &'a str>) -> Markup {
    html! {
        @for (at, code) in all.enumerate() {
            @if at > 0 { ", " }
            code { (code) }
        }
    }
}

/// A machine in a few words.
pub(crate) fn described(machine: &Machine) -> String {
    let cores = machine.cores;
    format!("{}, {cores} core{}, {}", machine.processor, if cores == 1 { "" } else { "s" }, machine.kernel)
}

/// The day of a time, in UTC.
pub(crate) fn day(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d").to_string()
}

/// `text` without line breaks, which would end a paragraph of HTML.
pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Text in which backticks mark code, as HTML.
pub(crate) fn with_code(text: &str) -> Markup {
    html! {
        @for (at, part) in one_line(text).split('`').enumerate() {
            @if at % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

/// Puts `note` under the first heading of the first level of `text`, or before the text if there is none.
pub(crate) fn under_title(text: &str, note: &str) -> String {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        at += line.len();
        if line.starts_with("# ") {
            return format!("{}\n{note}\n\n{}", &text[..at], &text[at..]);
        }
    }
    format!("{note}\n\n{text}")
}
