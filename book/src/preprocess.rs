//! The preprocessor: replaces the directives of the chapters by numbers, figures, claims, outputs and listings, and moves
//! included listings to the left edge. `cargo book` runs it in its own process, and mdBook as an external command, with
//! the same pages as a result.

use std::cell::OnceCell;
use std::fmt::Write;
use std::io;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use bench_suite::figure::STYLE;
use bench_suite::report::select::{Address, Sources};
use mdbook_driver::book::{Book, Chapter};
use mdbook_preprocessor::errors::Result;
use mdbook_preprocessor::{Preprocessor, PreprocessorContext};

use crate::complaints::Complaints;
use crate::directive::{Directive, directives, endless, escaped};
use crate::figures::Figures;
use crate::output::{self, Asked};
use crate::whose::{self, Shown, Whose};
use crate::{bug, claim, listing};

/// The name of the preprocessor in `book.toml`.
pub(crate) const NAME: &str = "results";

/// The directives of this preprocessor, and those of mdBook.
const OURS: [&str; 5] = ["figure", "measure", "claim", "output", "bug"];
const THEIRS: [&str; 5] = ["include", "rustdoc_include", "playground", "playpen", "title"];

/// The preprocessor, as mdBook calls it in this process. Faults are complaints, so that the build reports all of them.
pub(crate) struct Results(pub(crate) Complaints);

impl Preprocessor for Results {
    fn name(&self) -> &str {
        NAME
    }

    fn run(&self, context: &PreprocessorContext, mut book: Book) -> Result<Book> {
        self.0.extend(expand(&context.root.join(&context.config.book.src), &mut book));
        Ok(book)
    }
}

/// The preprocessor as an external command: reads a book from standard input, and writes it to standard output.
///
/// # Errors
///
/// If the input is not a book of this version of mdBook, or if the book has faults.
pub(crate) fn external() -> anyhow::Result<()> {
    let (context, mut book) = mdbook_preprocessor::parse_input(io::stdin())
        .context("mdBook runs this command; it is not meant for a terminal, and needs mdBook 0.5")?;
    let faults = expand(&context.root.join(&context.config.book.src), &mut book);
    for fault in &faults {
        eprintln!("{fault}");
    }
    ensure!(faults.is_empty(), "the book has {} fault(s); see above", faults.len());
    Ok(serde_json::to_writer(io::stdout().lock(), &book)?)
}

/// Replaces every directive in `book`, whose chapters are in `folder`. Returns the faults, each with its file and line.
fn expand(folder: &Path, book: &mut Book) -> Vec<String> {
    let (figures, mut faults) = Figures::read(folder);
    let sources = OnceCell::new();
    let mut pages = Pages { folder, figures: &figures, sources: &sources, faults: Vec::new(), notices: Vec::new() };
    book.for_each_chapter_mut(|chapter| pages.chapter(chapter));
    if figures.is_some() {
        match pages.sources() {
            Ok(sources) => faults.extend(figures.faults(sources)),
            Err(error) => faults.push(format!("{error:#}")),
        }
    }
    faults.append(&mut pages.faults);
    pages.notices.sort();
    pages.notices.dedup();
    for notice in &pages.notices {
        eprintln!("note: {notice}");
    }
    faults
}

struct Pages<'a> {
    folder: &'a Path,
    figures: &'a Figures,
    /// Found when the first chapter needs it. A book without numbers needs no results.
    sources: &'a OnceCell<Sources>,
    faults: Vec<String>,
    notices: Vec<String>,
}

/// What a page has shown so far.
#[derive(Default)]
struct Page {
    shown: Shown,
    figures: Vec<String>,
}

impl<'a> Pages<'a> {
    fn sources(&self) -> anyhow::Result<&'a Sources> {
        if self.sources.get().is_none() {
            let _ = self.sources.set(Sources::here()?);
        }
        self.sources.get().context("the results were found just now")
    }

    fn chapter(&mut self, chapter: &mut Chapter) {
        let Some(path) = chapter.source_path.clone() else { return };
        let folder = self.folder.join(&path).parent().map(Path::to_path_buf).unwrap_or_default();
        let (mut text, mut at, mut page) = (String::new(), 0, Page::default());
        let mut faults: Vec<(usize, String)> = Vec::new();
        for directive in directives(&chapter.content) {
            // mdBook would print a listing with the indentation of its file.
            let ours = match directive.name {
                "include" if directive.is_in_code => listing::indented(&folder, directive.arguments),
                _ => None,
            };
            if ours.is_none() && THEIRS.contains(&directive.name) {
                continue;
            }
            text += &chapter.content[at..directive.range.start];
            at = directive.range.end;
            let replaced = match ours {
                Some(listing) => Ok(escaped(&listing)),
                None => self.replaced(&directive, &folder, &mut page),
            };
            match replaced {
                Ok(replacement) => text += &replacement,
                Err(error) => faults.push((directive.line, format!("{error:#}"))),
            }
        }
        text += &chapter.content[at..];
        let open = endless(&chapter.content).into_iter();
        faults.extend(open.map(|line| (line, "this directive does not end".to_string())));
        faults.sort();
        self.faults.extend(faults.into_iter().map(|(line, fault)| format!("{}:{line}: {fault}", path.display())));
        self.notices.extend(
            page.shown
                .values()
                .filter_map(|whose| whose.unread.as_ref().map(|why| format!("{why}; the reference is used"))),
        );
        chapter.content = match page.shown.is_empty() {
            true => text,
            false => whose::under_title(&text, &whose::note(&page.shown)),
        };
    }

    /// The text that replaces a directive.
    fn replaced(&mut self, directive: &Directive<'_>, folder: &Path, page: &mut Page) -> anyhow::Result<String> {
        let Directive { name, arguments, is_alone, is_in_code, .. } = *directive;
        ensure!(OURS.contains(&name), "there is no directive `{name}`; there are {}", OURS.join(", "));
        let is_block = name != "measure";
        ensure!(is_alone || !is_block, "{{{{#{name}}}}} needs a line of its own");
        match name {
            "bug" => ensure!(is_in_code, "{{{{#bug}}}} belongs into a code block"),
            _ => ensure!(!is_in_code, "{{{{#{name}}}}} cannot be in a code block; a backslash before it makes it text"),
        }
        match name {
            "bug" => bug::listing(folder, arguments).map(|text| escaped(&text)),
            "claim" => Ok(format!("\n{}\n", claim::html(arguments, self.sources()?, &mut page.shown)?)),
            "figure" => {
                ensure!(!page.figures.iter().any(|id| id == arguments), "this page has figure `{arguments}` already");
                let figure = self.figures.html(arguments, self.sources()?, &mut page.shown)?;
                let style = if page.figures.is_empty() { format!("<style>\n{STYLE}</style>\n") } else { String::new() };
                page.figures.push(arguments.to_string());
                Ok(format!("\n{style}{figure}\n"))
            }
            "output" => output::markdown(&Asked::parse(arguments)?, self.sources()?, &mut self.notices),
            _ => {
                let (address, sources) = (address(arguments)?, self.sources()?);
                let text = address.find(sources)?.text();
                page.shown.insert(address.experiment.clone(), Whose::of(&*sources.of(&address.experiment)?));
                Ok(inline(&text))
            }
        }
    }
}

/// The address in `EXPERIMENT SUBJECT[/SUBJECT] [QUANTITY] [NAME=VALUE ...]`.
fn address(arguments: &str) -> anyhow::Result<Address> {
    let words = shlex::split(arguments).context("a quotation mark has no end")?;
    let (pairs, names): (Vec<&String>, Vec<&String>) = words.iter().partition(|word| word.contains('='));
    let (experiment, subject, quantity) = match &*names {
        [experiment, subject] => (experiment, subject, None),
        [experiment, subject, quantity] => (experiment, subject, Some(quantity.to_string())),
        _ => bail!("a measure is `EXPERIMENT SUBJECT[/SUBJECT] [QUANTITY] [NAME=VALUE ...]`, not `{arguments}`"),
    };
    let (subject, by) = subject.split_once('/').map_or((subject.as_str(), None), |(of, by)| (of, Some(by.to_string())));
    let pair = |pair: &&String| pair.split_once('=').map(|(name, value)| (name.to_string(), value.to_string()));
    let setting = pairs.iter().filter_map(pair).collect();
    Ok(Address { experiment: experiment.to_string(), subject: subject.to_string(), by, quantity, setting })
}

/// Text for the middle of a sentence or for a cell of a table, as Markdown.
fn inline(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '<' | '>' | '&' | '|' => drop(write!(escaped, "&#{};", u32::from(c))),
            c if c.is_whitespace() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read() {
        let address = address("memo_miss memo2/memo2::coarse calls f=\"50 µs\" threads=1").unwrap();
        assert_eq!((address.experiment.as_str(), address.subject.as_str()), ("memo_miss", "memo2"));
        assert_eq!((address.by.as_deref(), address.quantity.as_deref()), (Some("memo2::coarse"), Some("calls")));
        let setting: Vec<_> = address.setting.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(setting, [("f", "50 µs"), ("threads", "1")]);
        for wrong in ["", "memo_hit", "a b c d", "a \"b"] {
            assert!(super::address(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn text_in_a_cell_of_a_table_ends_no_cell() {
        assert_eq!(inline("< 1 | 2\n3"), "&#60; 1 &#124; 2 3");
    }
}
