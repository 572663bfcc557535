//! `cargo lab run`, `claims` and `doctor`, as a user sees them.

#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::{Command, Output};

use bench_suite::claim::{self, Evidence, Finding, Verdict};
use bench_suite::place;
use bench_suite::store::{Found, Store};

fn lab(store: &Path, arguments: &[&str]) -> Output {
    Command::new(place::lab()).args(arguments).env("LAB_STORE", store).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_run_prints_its_table_and_keeps_its_results() {
    let folder = tempfile::tempdir().unwrap();
    let output = lab(folder.path(), &["run", "default_workers", "--as-built"]);
    let says = text(&output.stdout);
    assert!(output.status.success(), "{says}{}", text(&output.stderr));
    assert!(says.contains("The number of workers that a runtime takes by default"), "{says}");
    assert!(!says.contains('\u{1b}'), "no colour and no progress bar without a terminal: {says}");
    let results = Store::at(folder.path()).read("default_workers").unwrap().unwrap();
    assert!(results.cells.iter().any(|cell| cell.subject == "coroutine"));

    let json = lab(folder.path(), &["run", "default_workers", "--as-built", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json[0]["experiment"], "default_workers");
}

#[test]
fn a_name_that_matches_nothing_is_an_error_with_all_that_there_are() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, names) in [
        (["run", "pingpong"], ["spawn", "lock_across_yield"]),
        (["claims", "pingpong"], ["fixed-stack", "no-identity"]),
        (["report", "pingpong"], ["memo_hit", "hog"]),
    ] {
        let output = lab(folder.path(), &arguments);
        let says = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{says}");
        assert!(says.contains("\"pingpong\"") && names.iter().all(|name| says.contains(name)), "{says}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "an error writes nothing");
}

#[test]
fn doctor_names_what_decides() {
    let folder = tempfile::tempdir().unwrap();
    let output = lab(folder.path(), &["doctor"]);
    let says = text(&output.stdout);
    assert!(output.status.success());
    for name in [
        "cores",
        "vm.max_map_count",
        "kernel.threads-max",
        "kernel.pid_max",
        "transparent huge pages",
        "Go",
        "nightly Rust",
    ] {
        assert!(says.contains(name), "{name}: {says}");
    }
    let json: serde_json::Value = serde_json::from_slice(&lab(folder.path(), &["doctor", "--json"]).stdout).unwrap();
    assert!(json.as_array().is_some_and(|symptoms| symptoms.len() >= 10), "{json}");
}

/// If the reference set is older than a setting that a claim covers today, the claim is not measured. Everything
/// that was measured agrees with the tests.
#[test]
fn the_reference_set_bears_the_pinned_claims_out() {
    let (evidence, unread) = claim::evidence(&Store::reference().unwrap());
    assert!(unread.is_empty(), "{unread:?}");
    for claim in claim::all() {
        for finding in claim.judge(&evidence) {
            assert!(!finding.is_broken(), "{}: {finding:?}", claim.id);
            if finding.verdict == Some(Verdict::NotMeasured) {
                println!("{} of {}: {}", claim.id, finding.subject, finding.measured);
            }
        }
    }
}

#[test]
fn without_results_nothing_is_judged() {
    for claim in claim::all() {
        let findings = claim.judge(&Evidence::default());
        assert!(!findings.is_empty());
        let judged = |finding: &Finding| finding.verdict.is_some_and(|verdict| verdict != Verdict::NotMeasured);
        assert!(!findings.iter().any(|finding| judged(finding) || finding.is_broken()));
    }
    let folder = tempfile::tempdir().unwrap();
    let output = lab(folder.path(), &["claims"]);
    assert!(output.status.success());
    let rest = text(&output.stderr);
    assert!(rest.contains("Not everything has been measured yet. For the rest run:\n  cargo lab run "), "{rest}");
    assert!(rest.contains("\n  cargo lab conformance\n"), "{rest}");
}

/// Coroutines are shown for comparison only, so their results cannot break the claim. The claim speaks of
/// goroutines.
#[test]
fn a_pinned_claim_that_is_broken_shuts_the_gate() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::at(folder.path());
    let mut results = Store::reference().unwrap().read("default_workers").unwrap().expect("it is in the reference set");
    for (subject, status) in [("coroutine", 0), ("goroutine", 1)] {
        for cell in results.cells.iter_mut().filter(|cell| cell.subject == subject) {
            if let Found::Observed(seen) = &mut cell.found {
                seen.quantities.get_mut("default_workers").unwrap().rounds.fill(1000.0);
            }
        }
        store.write(&results).unwrap();
        let output = lab(folder.path(), &["claims", "gomaxprocs-default"]);
        assert_eq!(output.status.code(), Some(status), "{}", text(&output.stdout));
        let broken = text(&output.stderr).contains("broken: gomaxprocs-default of goroutine");
        assert_eq!(broken, status == 1, "{}", text(&output.stderr));
    }
}

#[test]
fn a_claim_is_printed_with_the_settings_that_it_covers() {
    let folder = tempfile::tempdir().unwrap();
    let says =
        text(&lab(folder.path(), &["claims", "--reference", "gomaxprocs-default", "one-call-for-a-crowd"]).stdout);
    for line in ["- default_workers", "- runtime_herd: variant memo2 and memo3; n 10000; placement one-core"] {
        assert!(says.lines().any(|said| said == line), "{line}: {says}");
    }
    assert!(says.contains("(for comparison)"), "{says}");
    let json = lab(folder.path(), &["claims", "--reference", "--json", "gomaxprocs-default"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json[0]["covers"][0]["experiment"], "default_workers");
    assert_eq!(json[0]["findings"][0]["verdict"], "holds");
    assert!(json[0]["findings"][1]["verdict"].is_null(), "{json}");
}

#[test]
fn results_of_another_version_are_told_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hog.json");
    std::fs::write(&path, "{\"schema\": 999}").unwrap();
    let output = lab(folder.path(), &["claims", "no-timer"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("written by another version (schema 999"), "{}", text(&output.stderr));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "{\"schema\": 999}");
}

/// A debug build does not measure: it tells Cargo to make a release build, and hands over to it. Here both are
/// scripts.
#[test]
fn what_measures_is_handed_over_to_a_release_build() {
    if !cfg!(debug_assertions) {
        return eprintln!("skipped: these tests are a release build");
    }
    let folder = tempfile::tempdir().unwrap();
    let script = |name: &str, text: &str| {
        use std::os::unix::fs::PermissionsExt;
        let path = folder.path().join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    };
    let release = script("release", "echo measured: \"$@\"; exit 7");
    let built = serde_json::json!({ "target": { "name": "lab" }, "executable": release });
    let cargo = script("cargo", &format!("echo \"asked to $*\" >&2; echo '{built}'"));
    let run = |cargo: &Path| {
        let mut lab = Command::new(place::lab());
        lab.args(["run", "hog", "--json"]).env("CARGO", cargo).env("LAB_STORE", folder.path()).output().unwrap()
    };

    let output = run(&cargo);
    let (says, complains) = (text(&output.stdout), text(&output.stderr));
    assert_eq!((output.status.code(), &*says), (Some(7), "measured: run hog --json\n"), "{complains}");
    assert!(complains.contains("asked to build --release --bin lab"), "{complains}");

    let output = run(&script("no-cargo", "echo no space left >&2; exit 101"));
    let complains = text(&output.stderr);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{complains}");
    assert!(complains.contains("no space left\n"), "{complains}");
    assert!(complains.contains("a debug build measures nothing"), "{complains}");
    assert!(!folder.path().join("hog.json").exists());
}
