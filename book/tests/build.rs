//! The real book is sound; and of each fault that a small book can have, the command says so, and fails.

use std::env;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// Runs `book` with `arguments` in the folder `at`, as if it had been installed: without what Cargo tells it.
fn book(at: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env::var_os("CARGO_BIN_EXE_book").expect("Cargo runs this"));
    // A store that does not exist: the reader's own results must not decide whether these tests pass.
    let store = env::temp_dir().join("a store that is not there");
    command.args(arguments).current_dir(at).env_remove("CARGO_MANIFEST_DIR").env("LAB_STORE", store).output().unwrap()
}

/// A book of one chapter with this text, beside a file `code.rs` with an anchor `whole` and one, `endless`, that does
/// not end.
fn small_book(chapter: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let write = |file: &str, text: &str| fs::write(dir.path().join(file), text).unwrap();
    write("book.toml", "[book]\nsrc = \".\"\n[build]\nbuild-dir = \"out\"\n[output.html]\ninput-404 = \"\"\n");
    write("SUMMARY.md", "# Summary\n\n- [One](one.md)\n");
    write("one.md", chapter);
    write("code.rs", "// ANCHOR: whole\nfn main() {}\n// ANCHOR_END: whole\n// ANCHOR: endless\n");
    dir
}

/// Builds a book of this one chapter. It must fail, and say `expected`.
#[track_caller]
fn must_fail(chapter: &str, expected: &str) {
    let dir = small_book(chapter);
    let output = book(dir.path(), &["build"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains(expected), "{expected:?} is not in:\n{said}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn the_book_is_sound() {
    let dest = tempfile::tempdir().unwrap();
    let dest_arg = dest.path().to_str().unwrap();
    // Where it is now, and not where it was compiled: the checkout may have been moved.
    let package = env::var_os("CARGO_MANIFEST_DIR").expect("Cargo runs this");
    let root = Path::new(&package).parent().unwrap();
    // The second time over the first: a book may be replaced.
    for _ in 0..2 {
        let output = book(root, &["build", "--dest", dest_arg]);
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        assert_eq!(output.status.code(), Some(0));
        let index = String::from_utf8(output.stdout).unwrap();
        assert!(Path::new(index.trim()).is_file(), "{index}");
    }
}

#[test]
fn a_small_book_is_sound() {
    let dir = small_book(
        "# One\n\n```rust,ignore\n{{#include code.rs:whole}}\n{{#include code.rs:2}}\n{{#include code.rs}}\n```\n\n\
         [here](#one), [this chapter](one.md#one), [a file](code.rs), [elsewhere](https://example.org/#nothing)\n",
    );
    let output = book(dir.path(), &["build"]);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_missing_file_is_found() {
    must_fail("{{#include nowhere.rs}}\n", "nowhere.rs");
}

#[test]
fn a_missing_anchor_is_found() {
    must_fail("```rust\n{{#include code.rs:nothing}}\n```\n", "one.md: code.rs:nothing: 0 lines start this anchor");
}

#[test]
fn an_anchor_without_an_end_is_found() {
    must_fail("```rust\n{{#include code.rs:endless}}\n```\n", "1 lines start this anchor and 0 end it");
}

#[test]
fn rust_in_no_file_is_found() {
    must_fail("# One\n\n```rust,ignore\nfn f() {}\n```\n", "one.md:3: this Rust is in no file");
}

#[test]
fn a_broken_link_is_found() {
    must_fail("[two](two.md)\n", "one.html: link to nowhere: two.html");
}

#[test]
fn a_link_to_a_missing_heading_is_found() {
    must_fail("# One\n\n[two](#two)\n", "one.html: link to nowhere: #two");
}

#[test]
fn a_missing_chapter_is_found() {
    let dir = small_book("# One\n");
    fs::write(dir.path().join("book.toml"), "[book]\nsrc = \".\"\n[build]\ncreate-missing = false\n").unwrap();
    fs::remove_file(dir.path().join("one.md")).unwrap();
    assert_eq!(book(dir.path(), &["build"]).status.code(), Some(1));
}

/// What mdBook only warns of is a fault here.
#[test]
fn a_warning_is_found() {
    must_fail("<figure>\n\ntext\n", "mdBook: ");
}

/// mdBook would empty the folder first.
#[test]
fn what_is_not_a_book_is_not_deleted() {
    let dir = small_book("# One\n");
    let output = book(dir.path(), &["build", "--dest", "."]);
    assert_eq!(output.status.code(), Some(1));
    assert!(dir.path().join("one.md").is_file());
}

#[test]
fn a_wrong_command_line_is_2() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(book(dir.path(), &["built"]).status.code(), Some(2));
    assert_eq!(book(dir.path(), &[]).status.code(), Some(2));
    assert_eq!(book(dir.path(), &["build"]).status.code(), Some(1), "no book here");
}
