//! `cargo lab grade`: a memo that keeps what is required passes, and any other fails.

#![forbid(unsafe_code)]

use std::process::{Command, Output};

use bench_suite::place;

fn grade(arguments: &[&str]) -> Output {
    Command::new(place::lab()).arg("grade").args(arguments).output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// The memo by which others are judged keeps all that is required of them.
#[test]
fn memo2_keeps_every_required_property() {
    let output = grade(&["memo2", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let grade: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(grade["required"], grade["kept"]);
    // A few need Linux, or two cores.
    assert!(grade["kept"].as_u64() >= Some(24), "{grade}");
}

#[test]
fn a_memo_that_breaks_one_property_fails_and_the_row_says_how() {
    let output = grade(&["memo2::coarse", "--require", "one-call", "distinct-keys-overlap"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    for words in ["memo2::coarse keeps 1 of 2 required properties.", "one-call", "hangs, every thread asleep"] {
        assert!(text(&output).contains(words), "{words}: {}", text(&output));
    }
    let output = grade(&["memo2::coarse", "--require", "one-call", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let grade: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&grade["required"], &grade["kept"]), (&1.into(), &1.into()));
}

#[test]
fn an_unknown_memo_or_property_is_an_error_that_lists_what_there_is() {
    for (arguments, words) in [
        (&["memo9"][..], "there is no memo \"memo9\" that threads can call; there are: memo1, "),
        (&["memo2::task"], "there is no memo \"memo2::task\""),
        (&["mine", "--require", "one-cal"], "threads try no property \"one-cal\"; they try: one-call, "),
    ] {
        let output = grade(arguments);
        assert_eq!(output.status.code(), Some(2), "{}", text(&output));
        assert!(text(&output).contains(words), "{words}: {}", text(&output));
    }
}
