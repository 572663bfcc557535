//! Listings: lines of a file between the marks of an anchor, without the indentation that all of them share. A function
//! inside a module, or a step inside a function, is thus printed from the left edge.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};

use crate::check::anchor_lines;

/// The lines of an anchor in a file, given as `PATH:ANCHOR`, each as it is in the file, with the marks of other anchors.
///
/// # Errors
///
/// If the file cannot be read, or if the anchor does not have exactly one start and one end.
pub(crate) fn lines(folder: &Path, argument: &str) -> anyhow::Result<Vec<String>> {
    let Some((file, anchor)) = argument.rsplit_once(':') else { bail!("`{argument}` is not `PATH:ANCHOR`") };
    let text = fs::read_to_string(folder.join(file)).with_context(|| file.to_string())?;
    let (starts, ends) = (anchor_lines(&text, "ANCHOR:", anchor), anchor_lines(&text, "ANCHOR_END:", anchor));
    let ([start], [end]) = (&*starts, &*ends) else {
        bail!("{argument}: {} lines start this anchor and {} end it", starts.len(), ends.len());
    };
    let lines = text.lines().skip(start + 1).take(end.saturating_sub(start + 1));
    Ok(lines.map(str::to_string).collect())
}

/// The listing of an `{{#include PATH:ANCHOR}}` if its lines share an indentation. `None` leaves the directive to mdBook,
/// which prints any other listing as it is, and complains about what it cannot include.
pub(crate) fn indented(folder: &Path, argument: &str) -> Option<String> {
    let lines = lines(folder, argument).ok()?;
    let kept: Vec<&str> = lines.iter().map(String::as_str).filter(|line| !is_mark(line)).collect();
    (indentation(&kept) > 0).then(|| unindented(&kept))
}

/// Whether a line starts or ends an anchor. mdBook prints no such line.
pub(crate) fn is_mark(line: &str) -> bool {
    let comment = line.trim_start().strip_prefix("//").map(str::trim_start);
    comment.is_some_and(|text| text.starts_with("ANCHOR:") || text.starts_with("ANCHOR_END:"))
}

/// These lines as one text, without the indentation that they share.
pub(crate) fn unindented(lines: &[&str]) -> String {
    let indentation = indentation(lines);
    lines.iter().map(|line| line.get(indentation..).unwrap_or("")).collect::<Vec<_>>().join("\n")
}

/// The number of spaces with which every line begins that has any text.
fn indentation(lines: &[&str]) -> usize {
    let texts = lines.iter().filter(|line| !line.trim().is_empty());
    texts.map(|line| line.len() - line.trim_start_matches(' ').len()).min().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_shared_indentation_goes() {
        assert_eq!(unindented(&["    a {", "", "        b", "  ", "    }"]), "a {\n\n    b\n\n}");
        assert_eq!(unindented(&["a", "    b"]), "a\n    b");
        assert_eq!(unindented(&["", " "]), "\n ");
    }

    #[test]
    fn what_is_not_indented_is_left_to_mdbook() {
        let folder = tempfile::tempdir().unwrap();
        let text = "// ANCHOR: whole\nfn a() {\n    // ANCHOR: step\n    b();\n\n    // ANCHOR: inner\n    if c {\n        \
                    d();\n    }\n    // ANCHOR_END: inner\n    // ANCHOR_END: step\n}\n// ANCHOR_END: whole\n";
        fs::write(folder.path().join("code.rs"), text).unwrap();
        let of = |argument| indented(folder.path(), argument);
        assert_eq!(of("code.rs:step").as_deref(), Some("b();\n\nif c {\n    d();\n}"));
        assert_eq!(of("code.rs:inner").as_deref(), Some("if c {\n    d();\n}"));
        for argument in ["code.rs:whole", "code.rs:2", "code.rs", "code.rs:no", "no.rs:a"] {
            assert_eq!(of(argument), None, "{argument}");
        }
    }
}
