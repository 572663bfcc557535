//! What the book prints, or may print, is narrow enough that a listing never scrolls on a laptop.

#![forbid(unsafe_code)]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// Columns.
const WIDEST: usize = 90;

/// Every Rust file of the workspace's crates.
fn sources() -> Vec<PathBuf> {
    let package = env::var_os("CARGO_MANIFEST_DIR").expect("Cargo runs this");
    let crates = ["memo1", "memo2", "memo3", "green-threads", "bench-suite"];
    let in_workspace = |name| Path::new(&package).join("..").join(name);
    let (mut folders, mut sources) = (crates.map(in_workspace).to_vec(), Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                sources.push(path);
            }
        }
    }
    sources
}

#[test]
fn no_line_between_anchors_is_wide() {
    let (mut printed, mut wide) = (0, Vec::new());
    for source in sources() {
        let text = fs::read_to_string(&source).unwrap();
        // Anchors may be nested.
        let mut open = 0;
        for (number, line) in text.lines().enumerate() {
            match line.trim() {
                start if start.starts_with("// ANCHOR: ") => open += 1,
                end if end.starts_with("// ANCHOR_END: ") => open -= 1,
                _ if open > 0 => {
                    printed += 1;
                    let columns = line.chars().count();
                    if columns > WIDEST {
                        wide.push(format!("{}:{}: {columns} columns", source.display(), number + 1));
                    }
                }
                _ => {}
            }
        }
        assert_eq!(open, 0, "{}: an anchor has no end", source.display());
    }
    assert!(printed > 1000, "only {printed} lines between anchors were found");
    assert!(wide.is_empty(), "wider than {WIDEST} columns:\n{}", wide.join("\n"));
}
