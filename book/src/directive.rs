//! Finds the directives of a chapter: `{{#name arguments}}`, outside and inside code. A directive after a backslash is
//! text, as in mdBook.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

/// A directive in the text of a chapter.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Directive<'a> {
    /// The word after the `#`.
    pub(crate) name: &'a str,
    /// The rest, without space around it.
    pub(crate) arguments: &'a str,
    /// Its bytes in the text.
    pub(crate) range: Range<usize>,
    /// Its line, counted from 1.
    pub(crate) line: usize,
    /// Whether nothing else is on its line.
    pub(crate) is_alone: bool,
    /// Whether it is in a fenced code block.
    pub(crate) is_in_code: bool,
}

static DIRECTIVE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(\\)?\{\{\s*#([A-Za-z0-9_-]+)([^}]*)\}\}").expect("this expression is tested"));

/// Every directive of `text`, in order.
pub(crate) fn directives(text: &str) -> impl Iterator<Item = Directive<'_>> {
    let code = code_blocks(text);
    let found = DIRECTIVE.captures_iter(text).filter(|found| found.get(1).is_none());
    found.filter_map(move |found| {
        let (whole, name, arguments) = (found.get(0)?, found.get(2)?, found.get(3)?);
        let before = text[..whole.start()].rsplit('\n').next().unwrap_or("");
        let after = text[whole.end()..].split('\n').next().unwrap_or("");
        Some(Directive {
            name: name.as_str(),
            arguments: arguments.as_str().trim(),
            range: whole.range(),
            line: line_of(text, whole.start()),
            is_alone: before.trim().is_empty() && after.trim().is_empty(),
            is_in_code: code.iter().any(|block| block.contains(&whole.start())),
        })
    })
}

/// The line of a place in `text`, counted from 1.
pub(crate) fn line_of(text: &str, at: usize) -> usize {
    1 + text[..at].matches('\n').count()
}

/// The lines of directives that do not end.
pub(crate) fn endless(text: &str) -> Vec<usize> {
    let known: Vec<Range<usize>> = DIRECTIVE.find_iter(text).map(|found| found.range()).collect();
    let starts = text.match_indices("{{#").map(|(at, _)| at);
    let is_known = |at: &usize| known.iter().any(|range| range.contains(at)) || text[..*at].ends_with('\\');
    starts.filter(|at| !is_known(at)).map(|at| line_of(text, at)).collect()
}

/// The fenced code blocks of `text`, with their fences.
fn code_blocks(text: &str) -> Vec<Range<usize>> {
    let (mut blocks, mut open, mut at) = (Vec::new(), None::<(usize, &str)>, 0);
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim_start_matches([' ', '>']);
        let mark = |mark: char| &trimmed[..trimmed.len() - trimmed.trim_start_matches(mark).len()];
        let fence = [mark('`'), mark('~')].into_iter().find(|fence| fence.len() >= 3);
        match (open, fence) {
            (None, Some(fence)) => open = Some((at, fence)),
            // The closing fence is at least as long as the opening one, and nothing follows it.
            (Some((start, opening)), Some(fence)) if fence.starts_with(opening) && trimmed.trim() == fence => {
                blocks.push(start..at + line.len());
                open = None;
            }
            _ => {}
        }
        at += line.len();
    }
    blocks.extend(open.map(|(start, _)| start..text.len()));
    blocks
}

/// Text that mdBook takes as it is. The preprocessor of mdBook runs after this one, so it would take a `{{#...}}` in an
/// included text for a directive.
pub(crate) fn escaped(text: &str) -> String {
    let line = |line: &str| match line.find("{{#") {
        // mdBook takes everything from the first backslash to the last brace of the line as text.
        Some(at) if line[at..].contains("}}") => format!("{}\\{}", &line[..at], &line[at..]),
        _ => line.to_string(),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_are_found_where_they_are() {
        let text = "# One {{#measure a b}} and {{#measure\n  c \"d e\"}}.\n\n \
                    {{#figure x}} \n\n```rust\n{{#bug f.rs:a}}\n````\n\n`\\{{#figure y}}` {{#end}}\n";
        let found: Vec<_> =
            directives(text).map(|of| (of.name, of.arguments, of.line, of.is_alone, of.is_in_code)).collect();
        let expected = [
            ("measure", "a b", 1, false, false),
            ("measure", "c \"d e\"", 1, false, false),
            ("figure", "x", 4, true, false),
            ("bug", "f.rs:a", 7, true, true),
            ("end", "", 10, false, false),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_shorter_fence_ends_nothing() {
        let text = "````text\n```\n{{#a}}\n```\n````\n{{#b}}\n~~~\n{{#c}}\n";
        let found: Vec<_> = directives(text).map(|of| of.is_in_code).collect();
        assert_eq!(found, [true, false, true]);
    }

    #[test]
    fn an_open_directive_is_found() {
        assert_eq!(endless("{{#a b}}\n\\{{#c\n{{#d\n"), [3]);
    }

    #[test]
    fn text_is_escaped_once_in_a_line() {
        assert_eq!(escaped("a {{#b}} {{#c}}\n{{#d"), "a \\{{#b}} {{#c}}\n{{#d");
    }
}
