//! Chapters with figures, numbers, claims, outputs and bugs, in a small workspace with a reference set of its own.

#![forbid(unsafe_code)]

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use bench_suite::store::{Machine, Results, SCHEMA, Store};
use serde_json::json;
use tempfile::TempDir;

/// A workspace with a book of one chapter, a reference set, and the reader's own store, which is empty.
struct Small(TempDir);

impl Small {
    fn new(chapter: &str) -> Self {
        let small = Small(tempfile::tempdir().unwrap());
        small.write("Cargo.toml", "");
        small.write("bench-suite/Cargo.toml", "");
        small.write(
            "book/book.toml",
            "[book]\nsrc = \"en\"\n[build]\nbuild-dir = \"../out\"\n[output.html]\ninput-404 = \"\"\n",
        );
        small.write("book/en/SUMMARY.md", "# Summary\n\n- [One](one.md)\n");
        small.write("book/en/one.md", chapter);
        small.write(
            "book/en/figures.toml",
            "[hit]\ntitle = \"What one hit costs\"\ndescription = \"Less is better.\"\nkind = \"dots\"\n\
             experiment = \"memo_hit\"\nwhere = { threads = \"1\" }\n",
        );
        small.write(
            "zoo.rs",
            "// ANCHOR: get\nfn get() {\n    // WRONG: a correct memo looks again,\n    // under the same lock.\n    \
             insert(); // as it is\n}\n// ANCHOR_END: get\n",
        );
        small.measured(&small.reference(), 1.0);
        small
    }

    fn path(&self, file: &str) -> PathBuf {
        self.0.path().join(file)
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.path(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn reference(&self) -> Store {
        Store::at(&self.path("bench-suite/reference"))
    }

    fn own(&self) -> Store {
        Store::at(&self.path("own"))
    }

    /// Writes results of `memo_hit` to `store`: times that begin at this many nanoseconds.
    fn measured(&self, store: &Store, from: f64) {
        let cell = |subject: &str, threads: &str, placement: &str, time: f64| {
            let time = json!({ "unit": "nanoseconds", "rounds": [time, time, time] });
            json!({
                "subject": subject,
                "setting": { "threads": threads, "placement": placement },
                "found": { "quantities": { "time": time } },
            })
        };
        let cells = ["free", "one-core"].into_iter().flat_map(|placement| {
            [
                cell("memo1", "1", placement, from),
                cell("memo2", "1", placement, 64.0 * from),
                cell("memo2", "2", placement, 128.0 * from),
            ]
        });
        let results = json!({
            "schema": SCHEMA,
            "experiment": "memo_hit",
            "depth": "quick",
            "complete": true,
            "taken_at": "2026-11-28T12:00:00Z",
            "machine": Machine::this(),
            "cells": cells.collect::<Vec<_>>(),
        });
        store.write(&serde_json::from_value::<Results>(results).unwrap()).unwrap();
    }

    /// The command, as Cargo runs it in this workspace. What it takes for the lab is a shell.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env::var_os("CARGO_BIN_EXE_book").expect("Cargo runs this"));
        command
            .args(arguments)
            .current_dir(self.0.path())
            .env("CARGO_MANIFEST_DIR", self.path("book"))
            .env("CARGO_BIN_EXE_lab", "/bin/sh")
            .env("LAB_STORE", self.path("own"));
        command
    }

    fn book(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Builds the book, which must be sound, and returns its page and what was said on standard error.
    #[track_caller]
    fn page(&self) -> (String, String) {
        let output = self.book(&["build"]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{said}");
        (fs::read_to_string(self.path("out/one.html")).unwrap(), said)
    }
}

/// Builds a book of this one chapter. It must fail, with each of these faults.
#[track_caller]
fn must_fail(chapter: &str, faults: &[&str]) {
    let small = Small::new(chapter);
    let output = small.book(&["build"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for fault in faults {
        assert!(said.lines().any(|line| line.starts_with(fault)), "{fault:?} is not in:\n{said}");
    }
    assert_eq!(said.lines().filter(|line| line.starts_with("one.md:")).count(), faults.len(), "{said}");
}

#[test]
fn every_fault_has_its_line() {
    must_fail(
        "# One\n\n{{#measure memo_hits memo1}} {{#measure memo_hit memo4 threads=1}}\n{{#measure memo_hit memo2}}\n\n\
         {{#measure memo_hit memo2 key=1}}\n{{#measure memo_hit memo2 threads=3}}\n{{#measure memo_hit memo2 calls threads=1}}\n\
         {{#measure memo_hit memo1 threads=2}}\n{{#measure memo_hit}}\n\n{{#measures memo_hit memo1}}\n\n{{#measure memo_hit\n",
        &[
            "one.md:3: there is no experiment `memo_hits`; there are memo_hit, ",
            "one.md:3: `memo_hit` has no subject `memo4`; it has memo1, memo2",
            "one.md:4: `memo_hit` of memo2 has several values of `threads`: 1, 2; name one",
            "one.md:6: `memo_hit` has no parameter `key`; it has placement, threads",
            "one.md:7: `memo_hit` has no `threads` 3; it has 1, 2",
            "one.md:8: `memo_hit` has no quantity `calls`; it has time",
            "one.md:9: the reference set has no `memo_hit` of memo1 with threads 2",
            "one.md:10: a measure is `EXPERIMENT SUBJECT[/SUBJECT] [QUANTITY] [NAME=VALUE ...]`, not `memo_hit`",
            "one.md:12: there is no directive `measures`; there are figure, measure, claim, output, bug",
            "one.md:14: this directive does not end",
        ],
    );
}

#[test]
fn a_wrong_figure_is_found() {
    must_fail("Text {{#figure hit}}\n", &["one.md:1: {{#figure}} needs a line of its own"]);
    must_fail("\n{{#figure hits}}\n", &["one.md:2: figures.toml has no figure `hits`; it has hit"]);
    must_fail("{{#figure hit}}\n\n{{#figure hit}}\n", &["one.md:3: this page has figure `hit` already"]);
    must_fail("```text\n{{#figure hit}}\n```\n", &["one.md:2: {{#figure}} cannot be in a code block"]);
}

#[test]
fn a_wrong_description_is_found_where_it_is() {
    let said = |toml: &str| {
        let small = Small::new("# One\n");
        small.write("book/en/figures.toml", toml);
        let output = small.book(&["build"]);
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    let table = "\n[hit]\ntitle = \"\"\ndescription = \"\"\nexperiment = \"memo_hit\"\n";
    let ambiguous = said(&format!("{table}kind = \"dots\"\n"));
    assert!(
        ambiguous.starts_with("figures.toml:2: `memo_hit` of memo2 has several values of `threads`"),
        "{ambiguous}"
    );
    let unknown = said(&format!("{table}kind = \"pie\"\n"));
    assert!(unknown.starts_with("figures.toml:6: ") && unknown.contains("pie"), "{unknown}");
    assert!(said("[hit\n").starts_with("figures.toml:1: "));
}

#[test]
fn a_wrong_claim_output_or_bug_is_found() {
    must_fail("{{#claim no-such}}\n", &["one.md:1: there is no claim `no-such`; there are "]);
    must_fail("{{#output ls}}\n", &["one.md:1: only `cargo lab ...` and `cargo test ...` can be recorded, not `ls`"]);
    must_fail(
        "\n{{#output cargo lab subjects}}\n",
        &[
            "one.md:2: the reference set has no output of `cargo lab subjects`; run `cargo book record --reference 'cargo lab subjects'`",
        ],
    );
    must_fail("{{#bug ../../zoo.rs:get}}\n", &["one.md:1: {{#bug}} belongs into a code block"]);
    must_fail("```rust\n{{#bug ../../zoo.rs:set}}\n```\n", &["one.md:2: ../../zoo.rs:set: 0 lines start this anchor"]);
    must_fail("```rust\n{{#bug ../../no.rs:get}}\n```\n", &["one.md:2: ../../no.rs"]);
    must_fail("```rust\n{{#bug zoo.rs}}\n```\n", &["one.md:2: a bug is `PATH:ANCHOR`, not `zoo.rs`"]);
}

/// A table, two directives on one line, one that is text, and one that goes on in the next line.
#[test]
fn numbers_are_in_sentences_and_in_tables() {
    let (page, said) = Small::new(
        "# One\n\nA hit takes {{#measure memo_hit memo1 threads=1 placement=free}}, and {{#measure memo_hit memo2/memo1\n\
         threads=1 placement=free}} as long. `\\{{#measure a b}}` is text.\n\n| one | two |\n|---|---|\n\
         | {{#measure memo_hit memo1 threads=1}} | {{#measure memo_hit memo2 threads=2 placement=free}} |\n",
    )
    .page();
    assert_eq!(said, "");
    assert!(page.contains("A hit takes 1.00 ns, and 64.0x as long. <code>{{#measure a b}}</code> is text."), "{page}");
    assert!(page.contains("<td>1.00 ns with free placement, 1.00 ns on one core</td><td>128 ns</td>"), "{page}");
}

/// The text of the file is no directive, and blank lines stay.
#[test]
fn a_listing_begins_at_the_left_edge() {
    let small =
        Small::new("# One\n\n```rust,ignore\n{{#include ../../step.rs:step}}\n{{#include ../../zoo.rs:get}}\n```\n");
    small.write(
        "step.rs",
        "mod m {\n    // ANCHOR: step\n    fn f() {\n\n        g(\"{{#measure a b}}\");\n    }\n    // ANCHOR_END: step\n}\n",
    );
    let (page, said) = small.page();
    assert_eq!(said, "");
    assert!(page.contains(">fn f() {\n\n    g(\"{{#measure a b}}\");\n}\nfn get() {\n"), "{page}");
}

#[test]
fn a_page_says_whose_numbers_it_shows() {
    let small =
        Small::new("# One\n\n{{#measure memo_hit memo1 threads=1 placement=free}}.\n\n{{#figure hit}}\n\nText.\n");
    let (reference, said) = small.page();
    assert_eq!(said, "");
    assert!(reference.contains("These numbers come from the reference machine ("), "{reference}");
    assert!(reference.contains("Run <code>cargo bench</code>, and build the book again to see your own."));
    assert!(reference.contains("1.00 ns.") && reference.contains("id=\"figure-hit"), "{reference}");
    let title = reference.find("</h1>\n<p class=\"whose\">");
    assert!(title.is_some(), "the note is not under the title: {reference}");

    small.measured(&small.own(), 3.0);
    let (own, _) = small.page();
    assert!(own.contains("These numbers were measured on your machine (") && own.contains("3.00 ns."), "{own}");
    assert!(!own.contains("reference"), "{own}");
    // The figure shows other values too.
    let values = |page: &str| page[page.find("<figure").unwrap()..page.find("</figure>").unwrap()].to_string();
    assert_ne!(values(&own), values(&reference));
    assert_eq!(own.matches("figure.results {").count(), 1, "the style of figures is there once");
}

#[test]
fn a_page_without_numbers_has_no_note() {
    let (page, _) = Small::new("# One\n\nText.\n").page();
    assert!(!page.contains("class=\"whose\""), "{page}");
}

#[test]
fn what_the_reader_has_not_measured_is_said() {
    let small = Small::new("# One\n\n{{#measure memo_hit memo2 threads=2}}.\n");
    let results = small.reference().read("memo_hit").unwrap().unwrap();
    let cells = results.cells.iter().filter(|cell| cell.subject == "memo1").cloned().collect();
    small.own().write(&Results { cells, ..results }).unwrap();
    let (page, _) = small.page();
    assert!(page.contains("not measured here: run <code>cargo bench -- memo_hit</code>."), "{page}");
}

#[test]
fn a_store_that_cannot_be_read_stops_nothing() {
    for garbage in ["", "no JSON", "{ \"schema\": 999 }"] {
        let small = Small::new("# One\n\n{{#measure memo_hit memo1 threads=1 placement=free}}\n");
        small.write("own/memo_hit.json", garbage);
        let (page, said) = small.page();
        assert!(page.contains("<strong>Not read:</strong>") && page.contains("1.00 ns"), "{page}");
        assert!(said.starts_with("note: ") && said.contains("memo_hit.json"), "{said}");
        assert!(said.trim_end().ends_with("the reference is used"), "{said}");
    }
}

#[test]
fn a_bug_has_no_hint() {
    let (page, _) = Small::new("# One\n\n```rust,ignore\n{{#bug ../../zoo.rs:get}}\n```\n").page();
    assert!(page.contains("fn get() {\n    insert(); // as it is\n}"), "{page}");
    assert!(!page.contains("WRONG") && !page.contains("same lock") && !page.contains("ANCHOR"), "{page}");
}

/// As mdBook runs the preprocessor.
#[cfg(unix)]
#[test]
fn the_external_command_makes_the_same_pages() {
    let small = Small::new(
        "# One\n\n{{#measure memo_hit memo1 threads=1}}, `\\{{#measure a b}}`\n\n{{#figure hit}}\n\n```rust\n\
         {{#include ../../zoo.rs:get}}\n{{#include ../../step.rs:step}}\n```\n",
    );
    small.write("step.rs", "fn f() {\n    // ANCHOR: step\n    g();\n    // ANCHOR_END: step\n}\n");
    let (inside, _) = small.page();
    assert!(inside.contains("\ng();\n"), "{inside}");
    let book_toml = fs::read_to_string(small.path("book/book.toml")).unwrap();
    let [package, store] = ["book", "own"].map(|folder| small.path(folder));
    let table = format!(
        "[preprocessor.results]\nbefore = [\"links\"]\n\
         command = \"env CARGO_MANIFEST_DIR='{}' LAB_STORE='{}' '{}' preprocess\"\n",
        package.display(),
        store.display(),
        env::var("CARGO_BIN_EXE_book").unwrap()
    );
    small.write("book/book.toml", &format!("{book_toml}{table}"));
    mdbook_driver::MDBook::load(&package).unwrap().build().unwrap();
    assert_eq!(fs::read_to_string(small.path("out/one.html")).unwrap(), inside);
    // `cargo book` does not start the command.
    small.write("book/book.toml", &format!("{book_toml}[preprocessor.results]\ncommand = \"false\"\n"));
    assert_eq!(small.page().0, inside);
    let supports = |renderer| small.book(&["preprocess", "supports", renderer]).status.code();
    assert_eq!((supports("html"), supports("epub")), (Some(0), Some(1)));
}

#[cfg(unix)]
#[test]
fn outputs_are_recorded_and_printed() {
    let all = "cargo lab -c 'echo one; echo two; echo three'";
    let fails = "cargo lab -c 'echo \"error: no\" >&2; exit 1'";
    let chapter = format!("# One\n\n{{{{#output {all} lines=2}}}}\n\n{{{{#output {fails} exit=1}}}}\n");
    let small = Small::new(&chapter);
    let recorded = small.book(&["record", "--reference"]);
    assert_eq!(recorded.status.code(), Some(0), "{recorded:?}");
    let (page, _) = small.page();
    assert!(page.contains("three&#39;\none\ntwo\n...\n") || page.contains("three'\none\ntwo\n...\n"), "{page}");
    assert!(page.contains("The first 2 of 3 lines. Recorded on the reference machine ("), "{page}");
    assert!(page.contains("error: no"), "{page}");

    let own = small.book(&["record", all]);
    assert_eq!(own.status.code(), Some(0), "{own:?}");
    let (page, _) = small.page();
    assert!(
        page.contains("Recorded on your machine (") && page.contains("Recorded on the reference machine ("),
        "{page}"
    );

    let unknown = small.book(&["record", "cargo lab subjects"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("no chapter prints the output of `cargo lab subjects`"));

    // A page that expects another status would print something else than it says.
    small.write("book/en/one.md", &chapter.replace(" exit=1", ""));
    let other = small.book(&["build"]);
    assert!(String::from_utf8_lossy(&other.stderr).contains("was recorded with exit status 1, not 0"));
    let other = small.book(&["record"]);
    assert_eq!(other.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&other.stderr).contains("ended with exit status 1, not 0"));
}

/// Ends a process when a test fails, too.
struct Killed(std::process::Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_served_book_is_built_again() {
    let small = Small::new("# One\n\nBefore.\n");
    let mut server = small.command(&["serve", "--port", "0"]);
    let mut server = Killed(server.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let mut url = String::new();
    BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut url).unwrap();
    let address = url.trim().trim_start_matches("http://").trim_end_matches('/').to_string();
    assert!(address.starts_with("127.0.0.1:"), "{url}");
    let get = |path: &str| {
        let mut stream = TcpStream::connect(&address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let page = get("/one.html");
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("text/html") && page.contains("Before."), "{page}");
    assert!(get("/none.html").starts_with("HTTP/1.1 404"));
    assert!(get("/../book/book.toml").starts_with("HTTP/1.1 404"));
    // A change of a result counts like a change of the text.
    small.write("book/en/one.md", "# One\n\n{{#measure memo_hit memo1 threads=1 placement=free}}\n");
    until(|| get("/one.html").contains("1.00 ns"));
    small.measured(&small.own(), 5.0);
    until(|| get("/one.html").contains("5.00 ns"));
}

/// Waits until something becomes true. A busy machine is given ten minutes.
#[track_caller]
fn until(is_true: impl Fn() -> bool) {
    for _ in 0..6_000 {
        if is_true() {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("it does not become true");
}

/// The real reference set: figures of results and of traces, numbers, a claim.
#[test]
fn the_reference_set_fills_a_page() {
    let small = Small::new(
        "# One\n\nA herd: {{#measure memo_herd memo2::coarse/memo2 callers=256 placement=free}}, and\n\
         {{#measure memo_miss memo2 f=\"50 µs\" threads=1}}.\n\n{{#figure hit}}\n\n{{#figure herd}}\n\n\
         {{#figure callers}}\n\n{{#figure digits}}\n\n{{#claim ID}}\n",
    );
    let package = env::var_os("CARGO_MANIFEST_DIR").expect("Cargo runs this");
    let reference = Path::new(&package).join("../bench-suite/reference");
    fs::create_dir_all(small.path("bench-suite/reference/traces")).unwrap();
    for folder in ["", "traces"] {
        for entry in fs::read_dir(reference.join(folder)).unwrap() {
            let from = entry.unwrap().path();
            if from.is_file() {
                let to = small.path("bench-suite/reference").join(folder);
                fs::copy(&from, to.join(from.file_name().unwrap())).unwrap();
            }
        }
    }
    small.write(
        "book/en/figures.toml",
        "[hit]\ntitle = \"What one hit costs\"\ndescription = \"Less is better.\"\nkind = \"dots\"\n\
         experiment = \"memo_hit\"\nwhere = { keys = \"1000\", choice = \"zipf\", threads = \"1\" }\n\n\
         [herd]\ntitle = \"A herd\"\ndescription = \"Less is better.\"\nkind = \"lines\"\n\
         experiment = \"memo_herd\"\nrows = [\"memo2\", \"memo2::coarse\", \"memo3\"]\nover = \"callers\"\n\
         where = { placement = \"free\" }\n\n\
         [callers]\ntitle = \"Six callers\"\ndescription = \"One leads.\"\nkind = \"lanes\"\ntrace = \"herd-memo2\"\n\n\
         [digits]\ntitle = \"Digits\"\ndescription = \"Long runs.\"\nkind = \"strips\"\n\
         traces = [\"zero_one-thread\", \"zero_one-task-2\"]\ncounts = \"digits\"\n",
    );
    let id = bench_suite::claim::all().next().unwrap().id;
    let chapter = fs::read_to_string(small.path("book/en/one.md")).unwrap();
    small.write("book/en/one.md", &chapter.replace("claim ID", &format!("claim {id}")));
    let started = std::time::Instant::now();
    let (page, said) = small.page();
    println!("the page has {} bytes; it took {:?}", page.len(), started.elapsed());
    let run = "Run <code>cargo bench</code> and the commands under the figures of traces, and build the book again";
    assert!(page.contains(run), "{page}");
    let recorded = "</figure>\n<p class=\"recorded\">Recorded on the reference machine by <code>cargo lab trace ";
    for command in [
        "herd --memo memo2</code>.",
        "zero_one --model thread</code>, <code>cargo lab trace zero_one --model task --workers 2</code>.",
    ] {
        assert!(page.contains(&format!("{recorded}{command}")), "{command} is not in: {page}");
    }
    assert_eq!(said, "");
    assert_eq!(page.matches("<svg").count() - Small::new("# One\n").page().0.matches("<svg").count(), 4);
    assert!(page.contains("<p class=\"verdict\">On the reference machine: "), "{page}");
    assert!(page.len() < 300_000, "the page has {} bytes", page.len());
}
