//! Checks what mdBook does not check: that each anchor exists, that all Rust comes from files that a compiler sees, and
//! that each link has a target.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::Context;
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::{Rawtext, ScriptData};
use html5ever::tokenizer::{BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer};
use mdbook_driver::MDBook;
use mdbook_driver::book::{BookItem, Chapter};

/// Returns a complaint for each include whose anchor does not appear in its file exactly once, with a start and an
/// end. mdBook prints nothing if the anchor is missing and the rest of the file if it does not end, and logs
/// neither. (It does log a missing *file*.)
pub(crate) fn anchors(book: &MDBook) -> Vec<String> {
    let source = book.root.join(&book.config.book.src);
    chapters(book).flat_map(|chapter| anchors_of(chapter, &source)).collect()
}

fn chapters(book: &MDBook) -> impl Iterator<Item = &Chapter> {
    book.iter().filter_map(|item| match item {
        BookItem::Chapter(chapter) => Some(chapter),
        _ => None,
    })
}

/// Returns a complaint for each block of Rust that includes nothing. No compiler has seen such a block.
pub(crate) fn snippets(book: &MDBook) -> Vec<String> {
    chapters(book).flat_map(snippets_of).collect()
}

fn snippets_of(chapter: &Chapter) -> Vec<String> {
    let name = chapter.path.as_deref().unwrap_or(Path::new(&chapter.name)).display();
    let mut complaints = Vec::new();
    // The line on which a block of Rust begins, and whether it includes something.
    let mut block: Option<(usize, bool)> = None;
    for (at, line) in chapter.content.lines().enumerate() {
        match &mut block {
            None if line.trim_start().starts_with("```rust") => block = Some((at + 1, false)),
            None => {}
            Some((begins, false)) if line.trim() == "```" => {
                complaints.push(format!(
                    "{name}:{begins}: this Rust is in no file; move it to one, such as book/tests/answers.rs, and \
                     include it"
                ));
                block = None;
            }
            Some(_) if line.trim() == "```" => block = None,
            Some((_, includes)) => *includes |= line.contains("{{#include") || line.contains("{{#bug"),
        }
    }
    complaints
}

fn anchors_of(chapter: &Chapter, source: &Path) -> Vec<String> {
    let Some(chapter_path) = &chapter.path else { return Vec::new() };
    let folder = source.join(chapter_path).parent().map(Path::to_path_buf).unwrap_or_default();
    let mut complaints = Vec::new();
    for include in includes(&chapter.content) {
        let Some((file, anchor)) = include.split_once(':') else { continue };
        // `file:7` and `file::9` are line numbers.
        if anchor.starts_with(|first: char| first.is_ascii_digit() || first == ':') {
            continue;
        }
        let Ok(text) = fs::read_to_string(folder.join(file)) else { continue };
        let count = |mark| anchor_lines(&text, mark, anchor).len();
        let (starts, ends) = (count("ANCHOR:"), count("ANCHOR_END:"));
        if (starts, ends) != (1, 1) {
            let chapter = chapter_path.display();
            complaints.push(format!("{chapter}: {include}: {starts} lines start this anchor and {ends} end it"));
        }
    }
    complaints
}

/// The lines of `text`, counted from 0, that have `mark` and then the name `anchor`.
pub(crate) fn anchor_lines(text: &str, mark: &str, anchor: &str) -> Vec<usize> {
    let is_it =
        |line: &str| line.split_once(mark).is_some_and(|(_, name)| name.split_whitespace().next() == Some(anchor));
    text.lines().enumerate().filter(|(_, line)| is_it(line)).map(|(at, _)| at).collect()
}

/// Returns the argument of each `{{#include ...}}`.
fn includes(markdown: &str) -> impl Iterator<Item = &str> {
    let directives = markdown.split("{{#include").skip(1);
    directives.filter_map(|rest| rest.split_once("}}")).map(|(argument, _)| argument.trim())
}

/// Returns a complaint for each link in the pages under `root` whose file or place in the book does not exist.
/// Links out of the book are not checked.
///
/// # Errors
///
/// If the book cannot be read.
pub(crate) fn links(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut pages = BTreeMap::new();
    read_pages(root, root, &mut pages)?;

    let mut complaints = Vec::new();
    for (path, page) in &pages {
        for link in &page.links {
            // A link with a scheme (`https:`), a host (`//`) or the site's root as its start leaves the book.
            let (file, place) = link.split_once('#').unwrap_or((link, ""));
            let is_elsewhere = file.starts_with('/') || file.split('/').next().is_some_and(|first| first.contains(':'));
            if is_elsewhere {
                continue;
            }
            let target = match file {
                "" => path.clone(),
                _ => normal(&path.parent().unwrap_or(Path::new("")).join(file)),
            };
            let leads_somewhere = match pages.get(&target) {
                Some(page) => place.is_empty() || page.ids.contains(place),
                None => root.join(&target).is_file(),
            };
            if !leads_somewhere {
                complaints.push(format!("{}: link to nowhere: {link}", path.display()));
            }
        }
    }
    Ok(complaints)
}

/// Removes each `a/..` and `.` from `path`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => drop(normal.pop()),
            Component::CurDir => {}
            other => normal.push(other),
        }
    }
    normal
}

/// The links of a page, and the ids in it to which links can lead.
#[derive(Default)]
struct Page {
    links: Vec<String>,
    ids: HashSet<String>,
}

/// Reads every page under `folder` into `pages`, keyed by its path from `root`.
fn read_pages(root: &Path, folder: &Path, pages: &mut BTreeMap<PathBuf, Page>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            read_pages(root, &path, pages)?;
        } else if path.extension().is_some_and(|extension| extension == "html") {
            let html = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            pages.insert(path.strip_prefix(root)?.to_path_buf(), read_page(&html));
        }
    }
    Ok(())
}

fn read_page(html: &str) -> Page {
    let queue = BufferQueue::default();
    queue.push_back(StrTendril::from(html));
    let tokenizer = Tokenizer::new(Sink::default(), Default::default());
    let _ = tokenizer.feed(&queue);
    tokenizer.end();
    tokenizer.sink.0.into_inner()
}

/// Collects the links and ids of a page from its tags.
#[derive(Default)]
struct Sink(RefCell<Page>);

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let Token::TagToken(Tag { kind: TagKind::StartTag, name, attrs, .. }) = token else {
            return TokenSinkResult::Continue;
        };
        let mut page = self.0.borrow_mut();
        for attr in attrs {
            match &*attr.name.local {
                "href" | "src" => page.links.push(attr.value.to_string()),
                "id" => drop(page.ids.insert(attr.value.to_string())),
                _ => {}
            }
        }
        // The text inside these two tags is not HTML.
        match &*name {
            "script" => TokenSinkResult::RawData(ScriptData),
            "style" => TokenSinkResult::RawData(Rawtext),
            _ => TokenSinkResult::Continue,
        }
    }
}
