//! A wrong program without the comments that give the mistake away, for the exercise "Find the bug".

use std::fs;
use std::path::Path;

use anyhow::{Context, bail, ensure};

use crate::check::anchor_lines;

/// The lines of an anchor in a file, given as `PATH:ANCHOR`, without its `// WRONG:` comments.
///
/// # Errors
///
/// If the file or the anchor does not exist, or if nothing there is marked as wrong.
pub(crate) fn listing(folder: &Path, argument: &str) -> anyhow::Result<String> {
    let Some((file, anchor)) = argument.rsplit_once(':') else { bail!("a bug is `PATH:ANCHOR`, not `{argument}`") };
    let text = fs::read_to_string(folder.join(file)).with_context(|| file.to_string())?;
    let (starts, ends) = (anchor_lines(&text, "ANCHOR:", anchor), anchor_lines(&text, "ANCHOR_END:", anchor));
    let ([start], [end]) = (&*starts, &*ends) else {
        bail!("{argument}: {} lines start this anchor and {} end it", starts.len(), ends.len());
    };
    let lines: Vec<&str> = text.lines().skip(start + 1).take(end.saturating_sub(start + 1)).collect();
    let kept = without_hints(&lines);
    ensure!(kept.len() < lines.len(), "{argument}: no comment here says `// WRONG:`");
    let indent =
        kept.iter().filter(|line| !line.trim().is_empty()).map(|line| line.len() - line.trim_start().len()).min();
    let unindented = kept.iter().map(|line| line.get(indent.unwrap_or(0)..).unwrap_or(""));
    Ok(unindented.collect::<Vec<_>>().join("\n"))
}

/// Leaves out each `// WRONG:` comment with the comment lines that continue it, and the marks of anchors.
fn without_hints<'a>(lines: &[&'a str]) -> Vec<&'a str> {
    let (mut kept, mut is_hint) = (Vec::new(), false);
    for line in lines {
        let comment = line.trim_start().strip_prefix("//");
        let is_comment = |what: &str| comment.is_some_and(|text| text.trim_start().starts_with(what));
        is_hint = is_comment("WRONG:") || is_hint && comment.is_some();
        if !is_hint && !is_comment("ANCHOR:") && !is_comment("ANCHOR_END:") {
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
