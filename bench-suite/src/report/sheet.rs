//! A table in words, whatever shows it.

use green_threads::workload::Better;

pub use crate::figure::{Mood, Word};

/// A table of words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sheet {
    /// A title of a few words.
    pub title: String,
    /// What the table shows and how to read it, in a sentence or two.
    pub caption: String,
    /// The heads of the columns. The first column holds the names of the rows. `\n` breaks a line.
    pub heads: Vec<String>,
    /// The rows: each has a name, and one word for each other column.
    pub rows: Vec<(String, Vec<Word>)>,
    /// How many of the first words of a row belong to its name: they say in which setting it was measured.
    pub keys: usize,
    /// Notes below the table, such as why a cell is empty.
    pub notes: Vec<String>,
    /// Whether the words are sentences, which are left-aligned. Otherwise they are numbers, which are
    /// right-aligned.
    pub prose: bool,
}

/// The mark of a column whose numbers have a good direction.
pub(super) fn arrow(better: Better) -> &'static str {
    match better {
        Better::Less => " ↓",
        Better::More => " ↑",
        Better::Neither => "",
    }
}

/// What the marks of these heads mean.
pub(super) fn directions(heads: &[String]) -> String {
    let known = [(arrow(Better::Less), "less"), (arrow(Better::More), "more")];
    let used = known.iter().filter(|(arrow, _)| heads.iter().any(|head| head.ends_with(arrow)));
    let words: Vec<_> = used.map(|(arrow, word)| format!("{}: {word} is better.", arrow.trim())).collect();
    words.join(" ")
}
