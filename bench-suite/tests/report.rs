//! `cargo lab report` with the results of others: what it compares, what it puts side by side, and how it exits.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use bench_suite::place;
use serde_json::Value;
use tempfile::TempDir;

/// The reference set of this checkout.
fn reference() -> PathBuf {
    place::workspace().expect("the tests run in the checkout").join("bench-suite/reference")
}

/// A store with the reference results of these experiments.
fn store(experiments: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for experiment in experiments {
        let file = format!("{experiment}.json");
        fs::copy(reference().join(&file), folder.path().join(&file)).unwrap();
    }
    folder
}

/// Changes the results of `experiment` in the store `folder`.
fn change(folder: &Path, experiment: &str, change: impl Fn(&mut Value)) {
    let path = folder.join(format!("{experiment}.json"));
    let mut results: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut results);
    fs::write(&path, serde_json::to_vec(&results).unwrap()).unwrap();
}

fn report(store: &Path, arguments: &[&str]) -> Output {
    Command::new(place::lab()).arg("report").args(arguments).env("LAB_STORE", store).output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn error(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn results_do_not_differ_from_themselves() {
    let own = store(&["memo_http", "parked", "conformance"]);
    let output = report(own.path(), &["--against", "reference", "--json"]);
    assert_eq!((output.status.code(), error(&output).as_str()), (Some(0), ""));
    let differences: Value = serde_json::from_slice(&output.stdout).unwrap();
    let differences = differences.as_array().unwrap();
    assert_eq!(differences.len(), 3);
    for one in differences {
        assert_eq!(one["differ"], Value::Array(Vec::new()), "{one}");
        assert!(one["alike"].as_u64().unwrap() > 0, "{one}");
    }
}

/// One ratio is twice as large in each round, one quantity is a tenth, one property is no longer kept, and one ratio
/// differs by less than the spread.
#[test]
fn only_what_differs_by_more_than_the_spread_is_listed() {
    let own = store(&["memo_http", "parked", "conformance"]);
    let scale = |quantity: &mut Value, by: f64| {
        for round in quantity["rounds"].as_array_mut().unwrap() {
            *round = (round.as_f64().unwrap() * by).into();
        }
    };
    change(own.path(), "memo_http", |results| {
        for cell in results["cells"].as_array_mut().unwrap() {
            let is_free = cell["setting"]["placement"] == "free";
            match cell["subject"].as_str().unwrap() {
                "memo2" if is_free => scale(&mut cell["found"]["quantities"]["ratio"], 2.0),
                "memo3" if is_free => scale(&mut cell["found"]["quantities"]["ratio"], 1.001),
                _ => {}
            }
        }
    });
    change(own.path(), "parked", |results| {
        let cells = results["cells"].as_array_mut().unwrap();
        let task = cells.iter_mut().find(|cell| cell["subject"] == "task" && cell["setting"]["variant"] == "slope");
        scale(&mut task.unwrap()["found"]["observed"]["quantities"]["resident"], 0.1);
    });
    change(own.path(), "conformance", |results| {
        let cells = results["cells"].as_array_mut().unwrap();
        let cell =
            cells.iter_mut().find(|cell| cell["subject"] == "memo2" && cell["setting"]["property"] == "one-call");
        cell.unwrap()["found"]["outcome"] = serde_json::json!({ "outcome": "broken", "how": "made up" });
    });
    let output = report(own.path(), &["--against", "reference"]);
    let text = text(&output);
    assert_eq!(output.status.code(), Some(0), "{text}{}", error(&output));
    let row = |starts: &str, holds: &str| text.lines().any(|line| line.starts_with(starts) && line.contains(holds));
    assert!(row("memo2 ", "2.00x") && row("task ", "0.10x") && row("memo2 ", "broken"), "{text}");
    assert!(!row("memo3 ", ""), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80 || line.contains("report.html")), "{text}");
    let page = fs::read_to_string(own.path().join("report.html")).unwrap();
    assert!(page.contains("id=\"differences\"") && page.contains("id=\"claims\""));
}

/// A row for each machine. A number tells apart two files of the same name.
#[test]
fn a_class_is_shown_side_by_side() {
    let own = store(&["memo_http"]);
    let class = tempfile::tempdir().unwrap();
    let list = text(&report(own.path(), &["--json"]));
    let file = |name: &str| {
        let path = class.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &list).unwrap();
        path.display().to_string()
    };
    let files = [file("anna.json"), file("ben.json"), file("later/ben.json")];
    let output = report(own.path(), &[&files[0], &files[1], &files[2], "memo_http"]);
    let shown = text(&output);
    assert_eq!(output.status.code(), Some(0), "{shown}{}", error(&output));
    let coarse: Vec<&str> = shown.lines().filter(|line| line.starts_with("memo2::coarse ")).collect();
    assert_eq!(coarse.len(), 3, "{shown}");
    assert!(coarse[0].contains("anna ") && coarse[1].contains("ben ") && coarse[2].contains("ben (2) "), "{shown}");
    let page = fs::read_to_string(own.path().join("class.html")).unwrap();
    assert!(page.contains("The results of 3 machines"));
}

/// A file that cannot be read is named. The others are shown all the same.
#[test]
fn bad_files_are_named() {
    let own = store(&["memo_http"]);
    let good = own.path().join("memo_http.json");
    let bad = own.path().join("bad.json");
    for (text, why) in [("", "not results"), ("{\"schema\": 999}", "schema 999"), ("[{}]", "not results")] {
        fs::write(&bad, text).unwrap();
        let both = report(own.path(), &[good.to_str().unwrap(), bad.to_str().unwrap()]);
        assert_eq!(both.status.code(), Some(1));
        assert!(error(&both).contains("bad.json") && error(&both).contains(why), "{}", error(&both));
        assert!(self::text(&both).contains("memo2::coarse"));
        let against = report(own.path(), &["--against", bad.to_str().unwrap()]);
        assert!(against.status.code() != Some(0) && error(&against).contains("bad.json"), "{}", error(&against));
    }
    let unknown = report(own.path(), &["memo_htp"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(error(&unknown).contains("no experiment and no file \"memo_htp\""), "{}", error(&unknown));
}

#[test]
fn nothing_in_common_is_no_success() {
    let (own, other) = (store(&["memo_http"]), store(&["parked"]));
    let output = report(own.path(), &["--against", other.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(error(&output).contains("no experiment in common"), "{}", error(&output));
}
