//! Sheets as one page for a browser. The page has no script and loads nothing else.

use jiff::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::sheet::{Mood, Sheet};
use crate::figure::{self, Figure};
use crate::store::{Machine, Results};

const STYLE: &str = include_str!("page.css");

/// What a page shows, from top to bottom. What is empty is left out.
#[derive(Default)]
pub(super) struct Page {
    pub(super) title: String,
    /// The files that could not be read, each with the reason.
    pub(super) unread: Vec<String>,
    /// The name of each machine, its description, and when it was measured.
    pub(super) machines: Vec<(String, Machine, Timestamp)>,
    pub(super) headlines: Vec<Headline>,
    pub(super) claims: Vec<Sheet>,
    pub(super) differences: Vec<Sheet>,
    /// Tables of several machines.
    pub(super) beside: Vec<Sheet>,
    pub(super) sections: Vec<Section>,
}

/// A figure at the top of the page, and what stands out in it.
pub(super) struct Headline {
    pub(super) sentence: Option<String>,
    pub(super) figure: Figure,
}

/// The results of one experiment.
pub(super) struct Section {
    pub(super) figures: Vec<Figure>,
    pub(super) sheets: Vec<Sheet>,
    pub(super) results: Results,
}

impl Page {
    /// The page as HTML.
    pub(super) fn html(&self) -> String {
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { (self.title) }
                    style { (PreEscaped(STYLE)) (PreEscaped(figure::STYLE)) }
                }
                body {
                    h1 { (self.title) }
                    (self.links())
                    @for why in &self.unread { p.bad { "Left out: " (why) } }
                    @for (name, described, taken_at) in &self.machines {
                        details { summary { (name) ", measured " (day(*taken_at)) } (machine(described)) }
                    }
                    @for Headline { sentence, figure } in &self.headlines {
                        @if let Some(sentence) = sentence { p.headline { (sentence) } }
                        (figure.html())
                    }
                    (group("claims", "Claims", &self.claims))
                    (group("differences", "Differences", &self.differences))
                    (group("beside", "Side by side", &self.beside))
                    @for section in &self.sections { (section.html()) }
                }
            }
        };
        page.into_string()
    }

    fn links(&self) -> Markup {
        html! {
            nav {
                @if !self.claims.is_empty() { a href="#claims" { "claims" } " " }
                @if !self.differences.is_empty() { a href="#differences" { "differences" } " " }
                @for section in &self.sections {
                    a href={ "#" (section.results.experiment) } { (section.results.experiment) } " "
                }
            }
        }
    }
}

impl Section {
    fn html(&self) -> Markup {
        let results = &self.results;
        html! {
            section id=(results.experiment) {
                h2 { code { (results.experiment) } }
                p.taken { "Measured " (day(results.taken_at)) ", depth " (results.depth.name()) "." }
                @for figure in &self.figures { (figure.html()) }
                @for sheet in &self.sheets { (table(sheet)) }
                details { summary { "Machine and build" } (machine(&results.machine)) }
            }
        }
    }
}

/// Several tables under one heading.
fn group(id: &str, heading: &str, sheets: &[Sheet]) -> Markup {
    html! {
        @if !sheets.is_empty() {
            section id=(id) { h2 { (heading) } @for sheet in sheets { (table(sheet)) } }
        }
    }
}

fn day(taken_at: Timestamp) -> String {
    taken_at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

fn table(sheet: &Sheet) -> Markup {
    html! {
        h3 { (sheet.title) }
        p { (sheet.caption) }
        div.wide {
            table.prose[sheet.prose] {
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
