//! Whose numbers a page shows: the reader's own or those of the reference machine, and how to replace the latter.

use std::collections::BTreeMap;

use bench_suite::distinct;
use bench_suite::report::select::{Source, TraceSource, command};
use bench_suite::store::Machine;
use jiff::Timestamp;
use maud::{Markup, PreEscaped, html};

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
    command: Command,
}

/// What a reader runs to replace numbers of the reference machine, in the order in which the note lists them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Command {
    /// `cargo bench`, which measures every experiment but the checks.
    Bench,
    /// The command of a check.
    Check(String),
    /// The command that records this trace. It is long, so it is under the figure and not in the note.
    Trace(String),
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
            command: if is_apart { Command::Check(command(experiment)) } else { Command::Bench },
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
            command: Command::Trace(source.shown.command.clone()),
        }
    }

    /// Whether it is a trace.
    fn is_trace(&self) -> bool {
        matches!(self.command, Command::Trace(_))
    }
}

/// The paragraph under a figure of traces: where they were recorded, and how a reader records them.
pub(crate) fn recorded<'a>(traces: impl Iterator<Item = &'a Whose> + Clone) -> Markup {
    let machine = |is_own| if is_own { "your machine" } else { "the reference machine" };
    let machines = distinct(traces.clone().map(|whose| machine(whose.is_own)));
    let commands = traces.filter_map(|whose| match &whose.command {
        Command::Trace(command) => Some(command.as_str()),
        _ => None,
    });
    html! { p.recorded { "Recorded on " (machines.join(" and on ")) " by " (codes(commands)) "." } }
}

/// Some of what a page shows.
type Part<'a> = Vec<(&'a String, &'a Whose)>;

/// The paragraph under the title of a page.
pub(crate) fn note(shown: &Shown) -> String {
    // Each trace says under its figure whose it is. So the note speaks of the experiments, if the page has any.
    let (traces, experiments): (Part<'_>, Part<'_>) = shown.iter().partition(|(_, whose)| whose.is_trace());
    let part = if experiments.is_empty() { &traces } else { &experiments };
    let (own, reference): (Part<'_>, Part<'_>) = part.iter().partition(|(_, whose)| whose.is_own);
    let unread: Vec<&str> = shown.values().filter_map(|whose| whose.unread.as_deref()).collect();
    let is_mixed = !own.is_empty() && !reference.is_empty();
    // The shorter of two lists says it, too.
    let lists_own = own.len() <= reference.len();
    let names = |part: &Part<'_>| codes(part.iter().map(|(name, _)| name.as_str()));
    let commands = commands(shown);
    let note = html! {
        p.whose {
            @if !own.is_empty() {
                "These numbers were measured on your machine (" (of(&own)) ")"
                @if is_mixed && lists_own { ": " (names(&own)) }
                "."
            }
            @if !reference.is_empty() {
                @if is_mixed { " Others come" } @else { "These numbers come" }
                " from the reference machine (" (of(&reference)) ")"
                @if is_mixed && !lists_own { ": " (names(&reference)) }
                "."
            }
            @if let Some(commands) = commands {
                " Run " (commands) ", and build the book again to see your own."
            }
            @for why in unread { " " strong { "Not read:" } " " (one_line(why)) "." }
        }
    };
    note.into_string()
}

/// The commands that replace what is not the reader's own: at most two, so that the note stays short. `None` if
/// everything is.
fn commands(shown: &Shown) -> Option<Markup> {
    let reference = shown.values().filter(|whose| !whose.is_own);
    let mut commands: Vec<&Command> = reference.map(|whose| &whose.command).collect();
    commands.sort();
    let words = commands.into_iter().map(|command| match command {
        Command::Bench => html! { code { "cargo bench" } },
        Command::Check(command) => html! { code { (command) } },
        Command::Trace(_) => html! { "the commands under the figures of traces" },
    });
    let words = distinct(words.map(Markup::into_string));
    let words: Vec<String> = words.into_iter().take(2).collect();
    (!words.is_empty()).then(|| PreEscaped(words.join(" and ")))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn whose(is_own: bool, command: Command) -> Whose {
        Whose {
            is_own,
            machine: Machine::this(),
            taken_at: Timestamp::UNIX_EPOCH,
            depth: Some("quick"),
            unread: None,
            command,
        }
    }

    /// However much a page shows, its note names two commands and the shorter one of two lists.
    #[test]
    fn a_note_is_short() {
        let check = |name: &str| Command::Check(format!("cargo lab {name}"));
        let trace = |at: usize| Command::Trace(format!("cargo lab trace hog --workers {at}"));
        let mut shown = Shown::from([("race".to_string(), whose(false, check("race")))]);
        shown.insert("conformance".to_string(), whose(false, check("conformance")));
        shown.extend((0..9).map(|at| (format!("hog-{at}"), whose(false, trace(at)))));
        shown.extend((0..9).map(|at| (format!("memo_{at}"), whose(false, Command::Bench))));
        let run = "Run <code>cargo bench</code> and <code>cargo lab conformance</code>, and build the book again";
        let said = note(&shown);
        assert!(said.contains(run) && said.matches("<code>").count() == 2, "{said}");

        shown.insert("spawn".to_string(), whose(true, Command::Bench));
        let said = note(&shown);
        assert!(said.contains("): <code>spawn</code>. Others come from") && said.contains(run), "{said}");
        shown.values_mut().filter(|whose| whose.command == Command::Bench).for_each(|whose| whose.is_own = true);
        let said = note(&shown);
        assert!(said.contains("): <code>conformance</code>, <code>race</code>. Run <code>cargo lab conf"), "{said}");
        shown.values_mut().for_each(|whose| whose.is_own = true);
        assert!(!note(&shown).contains("Run"), "{}", note(&shown));
    }
}
