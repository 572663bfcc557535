//! The `lab` works where it was not built: in a checkout that was moved, without any checkout, and in a target
//! folder that Cargo did not make.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use bench_suite::child::{self, Finished, Patience};
use bench_suite::place;
use tempfile::TempDir;

/// A copy of the `lab` in `folder`, beside a folder `deps`, as Cargo leaves it.
fn lab_in(folder: &Path) -> PathBuf {
    fs::create_dir_all(folder.join("deps")).unwrap();
    let copy = folder.join(place::lab().file_name().unwrap());
    // A hard link is as good as a copy and needs no time, but only within one file system.
    fs::hard_link(place::lab(), &copy).or_else(|_| fs::copy(place::lab(), &copy).map(drop)).unwrap();
    copy
}

/// Runs `lab` in the folder `at`, without the variables that Cargo sets for these tests.
fn run(lab: &Path, at: &TempDir, arguments: &[&str]) -> Finished {
    let mut command = Command::new(lab);
    for variable in ["CARGO_MANIFEST_DIR", "CARGO_BIN_EXE_lab", "LAB_STORE"] {
        command.env_remove(variable);
    }
    child::run(command.args(arguments).current_dir(at), Patience::new(Duration::from_secs(10), Duration::from_secs(60)))
        .unwrap()
}

#[test]
fn a_moved_checkout_is_found() {
    let elsewhere = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let moved = folder.path().join("a checkout that was moved");
    let lab = lab_in(&moved.join("target/debug"));
    fs::create_dir_all(moved.join("bench-suite/reference")).unwrap();
    let here = place::workspace().unwrap();
    for file in ["Cargo.toml", "bench-suite/Cargo.toml", "bench-suite/reference/hog.json"] {
        fs::copy(here.join(file), moved.join(file)).unwrap();
    }
    let report = run(&lab, &elsewhere, &["report", "--reference"]);
    assert_eq!(report.end.status(), Some(0), "{}", report.stderr);
    assert!(report.stdout.starts_with("hog\n") || report.stdout.contains("\nhog\n"), "{}", report.stdout);
}

#[test]
fn without_a_checkout_it_says_where_it_looked() {
    let elsewhere = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let lab = lab_in(folder.path());
    for arguments in [&["report", "--reference"][..], &["claims", "--reference"], &["race", "--runs", "1"]] {
        let report = run(&lab, &elsewhere, arguments);
        assert_eq!(report.end.status(), Some(2), "{arguments:?}: {}", report.stdout);
        for part in ["bench-suite/Cargo.toml", "above this program", "the current folder", "`cargo lab`"] {
            assert!(report.stderr.contains(part), "{part}: {}", report.stderr);
        }
    }
}

/// A volume or an editor may make the target folder before the first build; then the folder has no `CACHEDIR.TAG`.
#[test]
fn results_are_kept_in_a_target_folder_that_cargo_did_not_make() {
    let elsewhere = tempfile::tempdir().unwrap();
    for profile in ["debug", "release"] {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("made before");
        let lab = lab_in(&target.join(profile));
        let report = run(&lab, &elsewhere, &["conformance", "memo2", "threads"]);
        assert_eq!(report.end.status(), Some(0), "{}", report.stderr);
        assert!(target.join("lab/partial/conformance.json").is_file(), "{profile}");
        assert!(!elsewhere.path().join("target").exists(), "{profile}");
    }
}
