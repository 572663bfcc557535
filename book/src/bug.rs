//! A wrong program without the comments that give the mistake away, for the exercise "Find the bug".

use std::path::Path;

use anyhow::ensure;

use crate::listing;

/// The lines of an anchor in a file, given as `PATH:ANCHOR`, without its `// WRONG:` comments.
///
/// # Errors
///
/// If the file or the anchor does not exist, or if nothing there is marked as wrong.
pub(crate) fn listing(folder: &Path, argument: &str) -> anyhow::Result<String> {
    ensure!(argument.contains(':'), "a bug is `PATH:ANCHOR`, not `{argument}`");
    let lines = listing::lines(folder, argument)?;
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let kept = without_hints(&lines);
    ensure!(kept.len() < lines.len(), "{argument}: no comment here says `// WRONG:`");
    Ok(listing::unindented(&kept))
}

/// Leaves out each `// WRONG:` comment with the comment lines that continue it, and the marks of anchors.
fn without_hints<'a>(lines: &[&'a str]) -> Vec<&'a str> {
    let (mut kept, mut is_hint) = (Vec::new(), false);
    for line in lines {
        let comment = line.trim_start().strip_prefix("//");
        let is_comment = |what: &str| comment.is_some_and(|text| text.trim_start().starts_with(what));
        is_hint = is_comment("WRONG:") || is_hint && comment.is_some();
        if !is_hint && !listing::is_mark(line) {
            kept.push(*line);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_hint_goes() {
        let lines = [
            "// A comment.",
            "let a = 1; // WRONG: no line of its own",
            "    // WRONG: this",
            "    // and that",
            "let b = 2;",
            "// Another.",
            "// ANCHOR: inner",
        ];
        assert_eq!(
            without_hints(&lines),
            ["// A comment.", "let a = 1; // WRONG: no line of its own", "let b = 2;", "// Another."]
        );
    }
}
