//! Whose numbers a page shows: the reader's own or those of the reference machine, and how to replace the latter.

use std::collections::BTreeMap;
use std::rc::Rc;

use bench_suite::report::select::{Source, command};
use bench_suite::store::{Machine, Results};
use jiff::Timestamp;
use maud::{Markup, html};

/// The experiments that a page shows.
pub(crate) type Shown = BTreeMap<String, Rc<Source>>;

/// The paragraph under the title of a page.
pub(crate) fn note(shown: &Shown) -> String {
    let (own, reference): (Vec<_>, Vec<_>) = shown.values().partition(|source| source.own.is_some());
    let unread: Vec<&str> = shown.values().filter_map(|source| source.unread.as_deref()).collect();
    let mixed = !own.is_empty() && !reference.is_empty();
    let note = html! {
        p.whose {
            @if !own.is_empty() {
                "These numbers were measured on your machine (" (of(&own)) ")"
                @if mixed { ": " (names(&own)) }
                ". "
            }
            @if !reference.is_empty() {
                @if mixed { "Others come" } @else { "These numbers come" }
                " from the reference machine (" (of(&reference)) ")"
                @if mixed { ": " (names(&reference)) }
                ". Run " (commands(&reference)) " and build the book again to see your own."
            }
            @for why in unread { " " strong { "Not read:" } " " (one_line(why)) "." }
        }
    };
    note.into_string()
}

/// The machines, dates and depths of these results.
fn of(sources: &[&Rc<Source>]) -> String {
    let results = || sources.iter().map(|source| source.shown());
    let mut machines: Vec<String> = Vec::new();
    for machine in results().map(|results| described(&results.machine)) {
        if !machines.contains(&machine) {
            machines.push(machine);
        }
    }
    let mut days: Vec<String> = results().map(|results| day(results.taken_at)).collect();
    days.sort();
    let days = match (days.first(), days.last()) {
        (Some(first), Some(last)) if first != last => format!("{first} to {last}"),
        (first, _) => first.cloned().unwrap_or_default(),
    };
    let mut depths: Vec<&str> = results().map(|results: &Results| results.depth.name()).collect();
    depths.sort_unstable();
    depths.dedup();
    format!("{}; {days}; depth {}", machines.join(" and "), depths.join(" and "))
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

/// The names of these experiments.
fn names(sources: &[&Rc<Source>]) -> Markup {
    html! {
        @for (at, source) in sources.iter().enumerate() {
            @if at > 0 { ", " }
            code { (source.reference.experiment) }
        }
    }
}

/// The commands that measure these experiments: `cargo bench`, and the checks that have a command of their own.
fn commands(sources: &[&Rc<Source>]) -> Markup {
    let mut commands: Vec<String> = Vec::new();
    for source in sources {
        let experiment = source.reference.experiment.as_str();
        let is_apart = command(experiment) == format!("cargo lab {experiment}");
        let command = if is_apart { command(experiment) } else { "cargo bench".to_string() };
        if !commands.contains(&command) {
            commands.push(command);
        }
    }
    html! {
        @for (at, command) in commands.iter().enumerate() {
            @if at > 0 { " and " }
            code { (command) }
        }
    }
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
