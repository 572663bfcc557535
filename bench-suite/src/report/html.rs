//! Sheets as one page for a browser. The page has no script and loads nothing else.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::sheet::{Mood, Sheet};
use crate::figure::{self, Figure};
use crate::store::{Machine, Results};

const STYLE: &str = include_str!("page.css");

/// The page with the figures and the sheets of all `results`, and with the machine on which each was measured.
/// `unread` lists the files that could not be read.
pub(super) fn page(results: &[(Vec<Figure>, Vec<Sheet>, Results)], unread: &[String]) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "The lab's results" }
                style { (PreEscaped(STYLE)) (PreEscaped(figure::STYLE)) }
            }
            body {
                h1 { "The lab's results" }
                nav {
                    @for (_, _, results) in results { a href={ "#" (results.experiment) } { (results.experiment) } " " }
                }
                @for why in unread { p.bad { "Left out: " (why) } }
                @for (figures, sheets, results) in results {
                    section id=(results.experiment) {
                        h2 { code { (results.experiment) } }
                        p.taken {
                            "Measured " (results.taken_at.strftime("%Y-%m-%d %H:%M UTC")) ", depth "
                            (results.depth.name()) "."
                        }
                        @for figure in figures { (figure.html()) }
                        @for sheet in sheets { (table(sheet)) }
                        details { summary { "Machine and build" } (machine(&results.machine)) }
                    }
                }
            }
        }
    };
    page.into_string()
}

fn table(sheet: &Sheet) -> Markup {
    html! {
        h3 { (sheet.title) }
        p { (sheet.caption) }
        div.wide {
            table {
                thead { tr { @for head in &sheet.heads { th { @for line in head.lines() { (line) br; } } } } }
                tbody {
                    @for (name, words) in &sheet.rows {
                        tr {
                            th { (name) }
                            @for word in words { td class=(class(word.mood)) { (word.text) } }
                        }
                    }
                }
            }
        }
        @for note in &sheet.notes { p.note { @for line in note.lines() { (line) br; } } }
    }
}

fn class(mood: Mood) -> &'static str {
    match mood {
        Mood::Good => "good",
        Mood::Plain => "plain",
        Mood::Bad => "bad",
        Mood::Faint => "faint",
    }
}

fn machine(machine: &Machine) -> Markup {
    html! {
        dl {
            dt { "Processor" }
            dd { (machine.processor) ", " (machine.cores) " online, " (machine.allowed_cores) " allowed" }
            @if let Some(bytes) = machine.memory_bytes { dt { "Memory" } dd { (bytes) " bytes" } }
            dt { "Kernel" } dd { (machine.kernel) }
            dt { "Compiler" } dd { (machine.rustc) " (" (machine.profile) ")" }
            dt { "Crates" } dd { @for (name, version) in &machine.crates { (name) " " (version) br; } }
            dt { "Limits" } dd { @for (name, value) in &machine.limits { (name) ": " (value) br; } }
        }
    }
}
