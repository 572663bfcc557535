//! The filter of the command line, read as criterion reads it.

use anyhow::Context;
use regex::Regex;

/// Selects benchmarks by their names.
pub(crate) enum Filter {
    All,
    Like(Regex),
    Exactly(String),
    None,
}

/// The options of criterion that have a value.
const WITH_VALUE: &[&str] = &[
    "-c",
    "--color",
    "--colour",
    "-s",
    "--save-baseline",
    "-b",
    "--baseline",
    "--baseline-lenient",
    "--load-baseline",
    "--format",
    "--sample-size",
    "--warm-up-time",
    "--measurement-time",
    "--nresamples",
    "--noise-threshold",
    "--confidence-level",
    "--significance-level",
    "--profile-time",
    "--plotting-backend",
    "--output-format",
];

impl Filter {
    /// # Errors
    ///
    /// If the filter is not a regular expression.
    pub(crate) fn new(arguments: impl Iterator<Item = String>) -> anyhow::Result<Self> {
        let (mut word, mut exactly, mut value) = (None, false, false);
        for argument in arguments {
            let follows = std::mem::replace(&mut value, WITH_VALUE.contains(&argument.as_str()));
            match argument.as_str() {
                _ if follows => {}
                "--ignored" => return Ok(Filter::None),
                "--exact" => exactly = true,
                option if option.starts_with('-') => {}
                _ => word = Some(argument),
            }
        }
        Ok(match word {
            None => Filter::All,
            Some(word) if exactly => Filter::Exactly(word),
            Some(word) => Filter::Like(
                Regex::new(&word).with_context(|| format!("the filter {word:?} is not a regular expression"))?,
            ),
        })
    }

    /// Whether the filter selects the benchmark `name`.
    pub(crate) fn takes(&self, name: &str) -> bool {
        match self {
            Filter::All => true,
            Filter::Like(regex) => regex.is_match(name),
            Filter::Exactly(word) => word == name,
            Filter::None => false,
        }
    }
}
