//! Sheets as text, for a terminal or a pipe.

use std::borrow::Cow;

use anstyle::{AnsiColor, Style};
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement, Table};
use textwrap::Options;
use textwrap::WordSplitter::NoHyphenation;

use super::narrow;
use super::sheet::{Mood, Sheet};

/// The width of everything that is printed, in characters. Only a single word or a single column may be wider.
const WIDTH: usize = 80;

/// Prints `sheet` to standard output. It is in colour if standard output is a terminal that supports colour.
pub fn print(sheet: &Sheet) {
    let bold = Style::new().bold();
    anstream::println!("\n{bold}{}{bold:#}", sheet.title);
    for line in wrapped(&sheet.caption) {
        anstream::println!("{line}");
    }
    for part in narrow::fit(sheet, WIDTH) {
        anstream::println!();
        if !part.title.is_empty() {
            anstream::println!("{bold}{}{bold:#}", part.title);
        }
        anstream::println!("{}", table(&part));
    }
    for note in &sheet.notes {
        anstream::println!();
        for line in wrapped(note) {
            anstream::println!("{line}");
        }
    }
}

/// The table, with its colours.
fn table(sheet: &Sheet) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(&sheet.heads);
    for (name, words) in &sheet.rows {
        let words = words.iter().map(|word| word.text.clone());
        table.add_row(std::iter::once(name.clone()).chain(words));
    }
    for (at, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, narrow::GAP as u16));
        let is_wrapped = |at: usize| sheet.rows.iter().any(|(_, words)| words[at].text.contains('\n'));
        if at > 0 && !sheet.prose && !is_wrapped(at - 1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    // Colours are added last, when the widths of the columns are known. Each line holds its words in the order of
    // the columns, so a search from left to right finds them.
    let heads = sheet.heads.iter().map(|head| head.lines().count()).max().unwrap_or(1);
    let mut lines: Vec<String> = table.lines().map(|line| line.trim_end().to_string()).collect();
    let mut rest = lines.iter_mut().skip(heads);
    for (name, words) in &sheet.rows {
        let texts = || words.iter().map(|word| word.text.as_str()).chain([name.as_str()]);
        for at in 0..texts().map(|text| text.lines().count()).max().unwrap_or(1) {
            let here: Vec<(&str, Mood)> =
                words.iter().map(|word| (word.text.lines().nth(at).unwrap_or(""), word.mood)).collect();
            if let Some(line) = rest.next() {
                *line = painted(line, name.lines().nth(at).unwrap_or(""), &here);
            }
        }
    }
    lines.join("\n")
}

fn painted(line: &str, name: &str, words: &[(&str, Mood)]) -> String {
    let mut painted = name.to_string();
    let mut rest = line.strip_prefix(name).unwrap_or(line);
    for (text, mood) in words.iter().filter(|(text, _)| !text.is_empty()) {
        let Some(at) = rest.find(text) else { break };
        let style = style(*mood);
        painted += &rest[..at];
        painted += &format!("{style}{text}{style:#}");
        rest = &rest[at + text.len()..];
    }
    painted + rest
}

fn style(mood: Mood) -> Style {
    match mood {
        Mood::Good => Style::new().fg_color(Some(AnsiColor::Green.into())),
        Mood::Plain => Style::new(),
        Mood::Bad => Style::new().fg_color(Some(AnsiColor::Red.into())),
        Mood::Faint => Style::new().dimmed(),
    }
}

/// Wraps `text` into lines of at most [`WIDTH`] characters. Line breaks in `text` are kept, and the items of a list
/// stay indented.
fn wrapped(text: &str) -> impl Iterator<Item = Cow<'_, str>> {
    text.lines().flat_map(|line| {
        let indent = if line.starts_with("- ") { "  " } else { "" };
        let options = Options::new(WIDTH).subsequent_indent(indent).word_splitter(NoHyphenation).break_words(false);
        textwrap::wrap(line, options)
    })
}

#[cfg(test)]
mod tests {
    use super::super::sheet::Word;
    use super::*;

    #[test]
    fn colours_change_nothing_but_colours() {
        let sheet = Sheet {
            heads: vec!["memo".into(), "first\nhead".into(), "second".into()],
            rows: vec![
                ("a".into(), vec![Word::new("1", Mood::Good), Word::new("11", Mood::Bad)]),
                ("long name".into(), vec![Word::new("", Mood::Faint), Word::new("1", Mood::Faint)]),
            ],
            ..Sheet::default()
        };
        let text = anstream::adapter::strip_str(&table(&sheet)).to_string();
        let lines =
            ["memo       first  second", "            head", "a              1      11", "long name              1"];
        assert_eq!(text.lines().collect::<Vec<_>>(), lines);
    }
}
