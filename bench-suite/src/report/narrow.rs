//! Makes a sheet narrow enough for a terminal, without losing a word.

use textwrap::Options;
use textwrap::WordSplitter::NoHyphenation;

use super::sheet::{Sheet, Word};
use crate::distinct;

/// The space between two columns, in characters.
pub(super) const GAP: usize = 2;

/// The width up to which a column is never wrapped. Numbers are shorter than this.
const SENTENCE: usize = 30;

/// The width to which a column of sentences may shrink.
const LEAST: usize = 20;

/// Splits `sheet` into parts that are at most `width` characters wide, if that is possible.
///
/// First, long sentences are wrapped. If that is not enough, columns that say in which setting a row was measured become
/// titles of parts, as few parts as possible. If that is not enough either, each part has some of the columns, and
/// repeats the names of the rows.
pub(super) fn fit(sheet: &Sheet, width: usize) -> Vec<Sheet> {
    let sheet = wrap(sheet.clone(), width);
    let parts =
        if total(&sheet) > width { by_setting(&sheet, width) } else { vec![Sheet { title: String::new(), ..sheet }] };
    parts.iter().flat_map(|part| by_columns(part, width)).collect()
}

/// The width of each column of `sheet`, the column of names included.
fn widths(sheet: &Sheet) -> Vec<usize> {
    let longest = |text: &str| text.lines().map(|line| line.chars().count()).max().unwrap_or(0);
    let column = |at: usize| {
        let cell = |(name, words): &(String, Vec<Word>)| match at.checked_sub(1) {
            None => longest(name),
            Some(at) => words.get(at).map_or(0, |word| longest(&word.text)),
        };
        sheet.rows.iter().map(cell).chain([longest(&sheet.heads[at])]).max().unwrap_or(0)
    };
    (0..sheet.heads.len()).map(column).collect()
}

fn total(sheet: &Sheet) -> usize {
    let widths = widths(sheet);
    widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1)
}

/// Wraps the sentences of the widest column, and of the next, until the sheet fits or no column is wide enough. Columns
/// that say in which setting a row was measured stay whole, because they can become titles.
fn wrap(mut sheet: Sheet, width: usize) -> Sheet {
    loop {
        let widths = widths(&sheet);
        let excess = total(&sheet).saturating_sub(width);
        let widest = (1 + sheet.keys..widths.len()).filter(|&at| widths[at] > SENTENCE).max_by_key(|&at| widths[at]);
        let Some(at) = widest.filter(|_| excess > 0) else { return sheet };
        let room = LEAST.max(widths[at].saturating_sub(excess));
        for (_, words) in &mut sheet.rows {
            let text = &mut words[at - 1].text;
            // A longer word, such as a path, stays whole.
            let options = Options::new(room).word_splitter(NoHyphenation).break_words(false);
            *text = textwrap::fill(text, options);
        }
        if self::widths(&sheet)[at] == widths[at] {
            return sheet;
        }
    }
}

/// Makes a part for each value of some of the keys.
fn by_setting(sheet: &Sheet, width: usize) -> Vec<Sheet> {
    let choices = (1_usize..1 << sheet.keys).map(|bits| (0..sheet.keys).filter(|key| bits >> key & 1 == 1).collect());
    let split = |keys: Vec<usize>| {
        let value = |words: &[Word]| keys.iter().map(|key| words[*key].text.clone()).collect::<Vec<_>>();
        let part = |values: Vec<String>| {
            let named = keys.iter().zip(&values).filter(|(_, value)| !value.is_empty());
            let titles: Vec<_> =
                named.map(|(key, value)| format!("{}: {value}", sheet.heads[key + 1].replace('\n', " "))).collect();
            let rows = sheet.rows.iter().filter(|(_, words)| value(words) == values);
            let without = |words: &[Word]| {
                words.iter().enumerate().filter(|(at, _)| !keys.contains(at)).map(|(_, word)| word.clone()).collect()
            };
            let heads = sheet.heads.iter().enumerate();
            Sheet {
                title: titles.join(", "),
                heads: heads
                    .filter(|(at, _)| !at.checked_sub(1).is_some_and(|at| keys.contains(&at)))
                    .map(|(_, head)| head.clone())
                    .collect(),
                rows: rows.map(|(name, words)| (name.clone(), without(words))).collect(),
                keys: sheet.keys - keys.len(),
                prose: sheet.prose,
                ..Sheet::default()
            }
        };
        distinct(sheet.rows.iter().map(|(_, words)| value(words))).into_iter().map(part).collect::<Vec<_>>()
    };
    let fitting = choices.map(split).filter(|parts: &Vec<Sheet>| parts.iter().all(|part| total(part) <= width));
    let whole = || vec![Sheet { title: String::new(), ..sheet.clone() }];
    fitting.min_by_key(Vec::len).unwrap_or_else(whole)
}

/// Makes parts that have the names, the keys, and as many of the other columns as fit.
fn by_columns(sheet: &Sheet, width: usize) -> Vec<Sheet> {
    let widths = widths(sheet);
    let named = 1 + sheet.keys;
    let names: usize = widths[..named].iter().map(|width| width + GAP).sum();
    let mut groups: Vec<Vec<usize>> = vec![Vec::new()];
    let mut used = names;
    for (at, column) in widths.iter().enumerate().skip(named) {
        if used + column > width && groups.last().is_some_and(|group| !group.is_empty()) {
            groups.push(Vec::new());
            used = names;
        }
        used += column + GAP;
        if let Some(group) = groups.last_mut() {
            group.push(at);
        }
    }
    let part = |(number, group): (usize, &Vec<usize>)| {
        let columns: Vec<usize> = (0..named).chain(group.iter().copied()).collect();
        let words = |words: &[Word]| columns.iter().skip(1).map(|at| words[at - 1].clone()).collect();
        Sheet {
            title: if number == 0 { sheet.title.clone() } else { String::new() },
            heads: columns.iter().map(|at| sheet.heads[*at].clone()).collect(),
            rows: sheet.rows.iter().map(|(name, all)| (name.clone(), words(all))).collect(),
            keys: sheet.keys,
            prose: sheet.prose,
            ..Sheet::default()
        }
    };
    groups.iter().enumerate().map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::super::sheet::Mood;
    use super::*;

    fn sheet(heads: &[&str], keys: usize, rows: &[&[&str]]) -> Sheet {
        let row = |cells: &&[&str]| {
            let words = cells[1..].iter().map(|text| Word::new(*text, Mood::Plain)).collect();
            (cells[0].to_string(), words)
        };
        let heads = heads.iter().map(ToString::to_string).collect();
        Sheet { heads, keys, rows: rows.iter().map(row).collect(), ..Sheet::default() }
    }

    fn texts(parts: &[Sheet]) -> Vec<(String, Vec<String>, Vec<Vec<String>>)> {
        let row = |(name, words): &(String, Vec<Word>)| {
            std::iter::once(name.clone()).chain(words.iter().map(|word| word.text.clone())).collect()
        };
        parts.iter().map(|part| (part.title.clone(), part.heads.clone(), part.rows.iter().map(row).collect())).collect()
    }

    #[test]
    fn what_fits_stays_whole() {
        let sheet = sheet(&["memo", "time"], 0, &[&["memo2", "1 ns"]]);
        assert_eq!(fit(&sheet, 11), [sheet]);
    }

    #[test]
    fn a_sentence_is_wrapped_and_no_number_is() {
        let long = "the coroutine overflowed its stack, and its destructors did not run";
        let parts = fit(&sheet(&["model", "stack", "saw"], 0, &[&["task", "64.0 KiB", long]]), 50);
        let [(_, _, rows)] = &*texts(&parts) else { panic!("one part") };
        assert_eq!(rows[0][1], "64.0 KiB");
        assert_eq!(rows[0][2].replace('\n', " "), long);
        assert!(rows[0][2].lines().all(|line| line.len() <= 50 - 4 - 8 - 4), "{}", rows[0][2]);
    }

    /// The second key has fewer values than the first, so it makes fewer parts.
    #[test]
    fn keys_become_titles() {
        let rows: &[&[&str]] = &[
            &["task", "1", "free", "1.00 ms"],
            &["task", "2", "free", "2.00 ms"],
            &["task", "3", "one core", "3.00 ms"],
        ];
        let parts = texts(&fit(&sheet(&["model", "workers", "placed", "time"], 2, rows), 24));
        let titles: Vec<_> = parts.iter().map(|(title, ..)| title.as_str()).collect();
        assert_eq!(titles, ["placed: free", "placed: one core"]);
        assert_eq!(parts[0].1, ["model", "workers", "time"]);
        assert_eq!(parts[0].2, [["task", "1", "1.00 ms"], ["task", "2", "2.00 ms"]]);
        assert_eq!(parts[1].2, [["task", "3", "3.00 ms"]]);
    }

    #[test]
    fn many_columns_are_spread_over_parts() {
        let heads = ["memo", "aaaa", "bbbb", "cccc"];
        let parts = texts(&fit(&sheet(&heads, 0, &[&["memo2", "1", "2", "3"], &["m", "4", "5", "6"]]), 17));
        assert_eq!(parts.len(), 2);
        assert_eq!(parts[0].1, heads[..3]);
        assert_eq!(parts[1].1, ["memo", "cccc"]);
        assert_eq!(parts[1].2, [["memo2", "3"], ["m", "6"]]);
    }

    /// A single column that is too wide is shown all the same.
    #[test]
    fn nothing_is_lost_in_the_narrowest_place() {
        let parts = texts(&fit(&sheet(&["memo", "a", "b"], 1, &[&["memo2", "12345678", "x"]]), 3));
        assert_eq!(parts.iter().map(|(_, _, rows)| rows.concat().concat()).collect::<String>(), "memo212345678x");
    }
}
