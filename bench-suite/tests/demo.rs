//! `cargo lab demo` as its user sees it: what it prints, what the server saw, how it exits.
//!
//! Every run is a child process with a deadline, so a hang is a failure. All requests stay on this machine.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use bench_suite::pages::{Server, Site};
use bench_suite::place;
use bench_suite::subject::{self, About, Callers};
use serde_json::Value;
use wait_timeout::ChildExt;

/// How long a run may take before it counts as hanging.
const DEADLINE: Duration = Duration::from_secs(600);

/// Memos for threads that make one call for each key, however many callers ask for it.
const SUPPRESSING: [&str; 8] =
    ["memo2::coarse", "memo2", "memo3", "dashmap", "moka", "once_map", "papaya", "quick_cache"];

struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Ended {
    fn json(&self) -> Value {
        assert_eq!(self.stderr, "");
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {}", self.stdout))
    }
}

fn demo(arguments: &[&str]) -> Command {
    let mut command = Command::new(place::lab());
    command.arg("demo").args(arguments);
    // The settings of the tester's own terminal must not change the output.
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
        command.env_remove(name);
    }
    command
}

/// Runs `command` on `input` to its end. Its output goes to files, because a pipe that nothing reads gets full.
fn run_on(input: &[u8], mut command: Command) -> Ended {
    let file = || tempfile::tempfile().unwrap();
    let text = |mut file: File| {
        let mut text = String::new();
        file.rewind().unwrap();
        file.read_to_string(&mut text).unwrap();
        text
    };
    let (mut stdin, stdout, stderr) = (file(), file(), file());
    stdin.write_all(input).unwrap();
    stdin.rewind().unwrap();
    let mut child =
        command.stdin(stdin).stdout(stdout.try_clone().unwrap()).stderr(stderr.try_clone().unwrap()).spawn().unwrap();
    let status = child.wait_timeout(DEADLINE).unwrap().unwrap_or_else(|| {
        child.kill().unwrap();
        child.wait().unwrap();
        panic!("{command:?} is still running after {DEADLINE:?}")
    });
    let ended = Ended { code: status.code(), stdout: text(stdout), stderr: text(stderr) };
    assert!(!ended.stderr.contains("panicked"), "{command:?}: {}", ended.stderr);
    ended
}

fn run(arguments: &[&str]) -> Ended {
    run_on(b"", demo(arguments))
}

/// The value of `field` for each page, in `part` of the report.
fn counts(report: &Value, part: &str, field: &str) -> Vec<u64> {
    let urls = report["memos"][0][part]["urls"].as_array().unwrap_or_else(|| panic!("no {part} in {report}"));
    urls.iter().map(|url| url[field].as_u64().unwrap()).collect()
}

/// Each memo serves the callers for which it was made.
#[test]
fn every_memo_serves_it() {
    for About { name: memo, what, made_for, .. } in subject::ALL {
        let runtime = ["--runtime", made_for.unit(), "--memo", memo];
        let ended = run(&[&runtime[..], &["--pages", "3", "--delay", "20", "--size", "1000", "--json"]].concat());
        assert_eq!(ended.code, Some(0), "{memo}: {}", ended.stderr);
        let report = ended.json();
        assert_eq!(
            (report["memos"][0]["memo"].as_str(), report["memos"][0]["what"].as_str()),
            (Some(*memo), Some(*what))
        );
        assert_eq!(report["runtime"], made_for.unit(), "{memo}");
        // With a single caller, every memo makes one call a page.
        assert_eq!(counts(&report, "sequential", "requests"), [1, 1, 1], "{memo}");
        if *memo == "memo1" {
            assert_eq!(report["memos"][0]["concurrent"]["impossible"], subject::MEMO1_IS_NOT_SYNC);
            continue;
        }
        let requests = counts(&report, "concurrent", "requests");
        if *made_for != Callers::Threads || SUPPRESSING.contains(memo) {
            assert_eq!(requests, [1, 1, 1], "{memo}");
        } else {
            assert!(requests.iter().all(|requests| (1..=2).contains(requests)), "{memo}: {requests:?}");
        }
    }
}

#[test]
fn the_report_agrees_with_itself() {
    for memo in ["memo2", "memo2::duplicating", "memo3"] {
        let report = run(&["--memo", memo, "--pages", "4", "--delay", "30", "--size", "77", "--json"]).json();
        assert_eq!(report["server"], serde_json::json!({ "pages": 4, "size_bytes": 77, "delay_ms": 30 }));
        assert!(report["memos"][0]["speed_up"].as_f64().unwrap() > 0.0);
        for part in ["sequential", "concurrent"] {
            assert_eq!(counts(&report, part, "calls"), counts(&report, part, "requests"), "{memo}, {part}");
            let part = &report["memos"][0][part];
            assert_eq!((part["asked"].as_u64(), part["failed"].as_u64()), (Some(8), Some(0)));
            let answers = part["answers"].as_array().unwrap();
            for url in part["urls"].as_array().unwrap() {
                let of_this = answers.iter().filter(|answer| answer["url"] == url["url"]);
                assert_eq!(of_this.map(|answer| answer["bytes"].as_u64()).collect::<Vec<_>>(), [Some(77); 2]);
            }
            assert_eq!(answers.len(), 8);
            // No answer takes longer than the whole part.
            let longest = answers.iter().map(|answer| answer["elapsed_ns"].as_u64().unwrap()).max().unwrap();
            assert!(longest <= part["elapsed_ns"].as_u64().unwrap());
            let on = if memo == "memo3" { "threads that the memo started" } else { "its caller's thread" };
            assert_eq!(part["f_ran_on"], on);
        }
    }
}

#[test]
fn the_text_tells_the_same() {
    let ended = run(&["--each", "--pages", "3", "--delay", "10"]);
    assert_eq!(ended.code, Some(0));
    let text = &ended.stdout;
    assert_eq!(text.matches("asked 6 times for 3 pages; the server saw 3 requests (1 a page)\n").count(), 2, "{text}");
    assert_eq!(text.matches("/page/2\n").count(), 4, "{text}");
    assert!(text.contains("memo2::Memo: a lock and a ready signal for each key"), "{text}");
    assert!(text.contains("times as fast as sequential"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
}

/// Each memo has a strip and a row of the table. No two calls of `memo2::coarse` overlap, so its last caller waits for all
/// 16 delays, and its strip is the longest.
#[test]
fn several_memos_share_one_time_axis() {
    let memos = ["--memo", "memo2::coarse", "--memo", "memo2", "--memo", "memo1", "--memo", "memo2"];
    let asked = [&memos[..], &["--concurrent", "--pages", "16", "--delay", "50", "--size", "10"]].concat();
    let ended = run(&asked);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let text = &ended.stdout;
    let rows = |memo: &str| text.lines().filter(|line| line.starts_with(&format!("{memo} "))).collect::<Vec<_>>();
    let strip = |memo| rows(memo)[0].chars().filter(|letter| ('▁'..='█').contains(letter)).count();
    assert_eq!((rows("memo2").len(), rows("memo2::coarse").len()), (2, 2), "a memo is shown once\n{text}");
    assert!(strip("memo2::coarse") > strip("memo2"), "{text}");
    assert!(text.contains("memo1, all callers at once: not possible: "), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");

    let report = run(&[&asked[..], &["--json"]].concat()).json();
    let last = |memo: usize| {
        let answers = report["memos"][memo]["concurrent"]["answers"].as_array().unwrap();
        answers.iter().map(|answer| answer["at_ns"].as_u64().unwrap()).max().unwrap()
    };
    assert!(last(0) >= 16 * 50_000_000 && last(0) > last(1), "{report}");
}

/// The picture shows an error once, with the number of callers that got it.
#[test]
fn the_picture_shows_each_error_once() {
    let url = Server::start(Site { pages: 1, size: 1, delay: Duration::ZERO }).unwrap().url(0);
    let ended = run(&["--memo", "memo2", "--memo", "memo3", &url]);
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.stdout.matches("failed  8 answers: ").count(), 1, "{}", ended.stdout);
}

/// The server sees one request a page, on every runtime and with any number of workers. The memo's short name selects
/// it.
#[test]
fn each_runtime_asks_once_a_page() {
    for runtime in ["coroutine", "task"] {
        for memo in ["memo2", "memo3"] {
            for workers in ["1", "2"] {
                let asked = ["--runtime", runtime, "--memo", memo, "--workers", workers];
                let ended = run(&[&asked[..], &["--pages", "20", "--delay", "30", "--size", "77", "--json"]].concat());
                assert_eq!(ended.code, Some(0), "{asked:?}: {}", ended.stderr);
                let report = ended.json();
                assert_eq!(
                    (&report["runtime"], &report["memos"][0]["memo"]),
                    (&runtime.into(), &format!("{memo}::{runtime}").into())
                );
                assert_eq!(report["workers"].to_string(), workers);
                for part in ["sequential", "concurrent"] {
                    assert_eq!(counts(&report, part, "requests"), [1; 20], "{asked:?}, {part}");
                    assert_eq!(counts(&report, part, "calls"), [1; 20], "{asked:?}, {part}");
                    let part = &report["memos"][0][part];
                    assert_eq!((part["asked"].as_u64(), part["failed"].as_u64()), (Some(40), Some(0)));
                    let on = match memo {
                        "memo3" => format!("{runtime}s that the memo started"),
                        _ => format!("its caller's {runtime}"),
                    };
                    assert_eq!(part["f_ran_on"], on);
                }
                // Forty callers share a few threads. Systems that cannot count threads give no number.
                let threads = report["memos"][0]["concurrent"]["threads"].as_u64();
                assert!(threads.is_none_or(|threads| threads < 20), "{asked:?}: {threads:?}");
            }
        }
        let text = run(&["--runtime", runtime, "--workers", "1", "--pages", "2", "--delay", "0", "--each"]).stdout;
        assert!(text.contains(&format!("callers  {runtime}s, on 1 worker\n")), "{text}");
        assert!(text.contains(&format!("f ran on its caller's {runtime}\n")), "{text}");
        assert!(text.contains("OS threads in this process, the server's included\n"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    }
    let report = run(&["--pages", "2", "--delay", "0", "--json"]).json();
    assert!(report["runtime"] == "thread" && report["workers"].is_null(), "{report}");
}

#[test]
fn a_dead_server_is_an_error_for_each_runtime() {
    let url = Server::start(Site { pages: 1, size: 1, delay: Duration::ZERO }).unwrap().url(0);
    for runtime in ["thread", "coroutine", "task"] {
        for memo in ["memo2", "memo3"] {
            let ended = run(&["--each", "--runtime", runtime, "--memo", memo, &url]);
            assert_eq!(ended.code, Some(1), "{runtime}, {memo}: {}", ended.stderr);
            assert_eq!(ended.stdout.matches("refused the connection").count(), 4, "{runtime}: {}", ended.stdout);
        }
        let late = run(&["--each", "--runtime", runtime, "--pages", "2", "--delay", "60000", "--timeout", "50"]);
        assert_eq!(late.code, Some(1), "{runtime}");
        assert_eq!(late.stdout.matches("no complete answer").count(), 8, "{runtime}: {}", late.stdout);
    }
}

#[test]
fn one_part_alone() {
    for (asked, other) in [("sequential", "concurrent"), ("concurrent", "sequential")] {
        let flag = format!("--{asked}");
        let report = run(&[&flag, "--pages", "2", "--delay", "0", "--json"]).json();
        let shown = &report["memos"][0];
        assert!(shown[asked].is_object() && shown[other].is_null() && shown["speed_up"].is_null(), "{report}");
        let text = run(&[&flag, "--pages", "2", "--delay", "0"]).stdout;
        assert!(text.contains(&format!("\n{asked}: ")) && !text.contains(&format!("\n{other}: ")), "{text}");
    }
    let ended = run(&["--memo", "memo1", "--concurrent"]);
    assert_eq!(ended.code, Some(0));
    let unwrapped = ended.stdout.replace("\n  ", " ");
    assert!(unwrapped.contains(subject::MEMO1_IS_NOT_SYNC), "{}", ended.stdout);
}

#[test]
fn failures_are_shown_and_the_others_served() {
    let server = Server::start(Site { pages: 2, size: 500, delay: Duration::ZERO }).unwrap();
    let (good, missing) = (server.url(1), server.url(7));
    let report = run(&[&good, &missing, "nonsense", "--json"]);
    assert_eq!(report.code, Some(1));
    let report = report.json();
    for part in ["sequential", "concurrent"] {
        // Errors are remembered like values: one call for each URL, and each caller gets the error.
        assert_eq!(counts(&report, part, "calls"), [1, 1, 1]);
        assert_eq!(report["memos"][0][part]["failed"], 4);
        for answer in report["memos"][0][part]["answers"].as_array().unwrap() {
            let error = answer["error"].as_str().unwrap_or_default();
            match answer["url"].as_str().unwrap() {
                url if url == good => assert_eq!((answer["bytes"].as_u64(), error), (Some(500), "")),
                url if url == missing => assert!(error.contains("404 Not Found"), "{error}"),
                _ => assert!(error.contains("is not a URL"), "{error}"),
            }
        }
    }
    assert_eq!((server.requests(1), server.unknown_requests()), (2, 2), "one request for each part");

    let text = run(&[&good, &missing, "--each"]);
    assert_eq!(text.code, Some(1));
    assert!(text.stdout.contains("that took 2 calls of http_get_body (1 a URL)"), "{}", text.stdout);
    assert!(text.stdout.contains(&format!("failed  {missing}: the server answered 404")), "{}", text.stdout);
}

#[test]
fn limits_are_kept() {
    let late = run(&["--each", "--pages", "2", "--delay", "60000", "--timeout", "50", "--concurrent"]);
    assert_eq!(late.code, Some(1));
    assert_eq!(late.stdout.matches("no complete answer").count(), 4, "{}", late.stdout);
    let long = run(&["--each", "--pages", "2", "--delay", "0", "--size", "1001", "--max-body", "1000", "--concurrent"]);
    assert_eq!(long.code, Some(1));
    assert_eq!(long.stdout.matches("longer than 1000 bytes").count(), 4, "{}", long.stdout);
    let fits = run(&["--pages", "2", "--delay", "0", "--size", "1000", "--max-body", "1000", "--concurrent"]);
    assert_eq!(fits.code, Some(0), "{}", fits.stdout);
}

#[test]
fn urls_from_standard_input() {
    let server = Server::start(Site { pages: 3, size: 10, delay: Duration::ZERO }).unwrap();
    let [first, second, third] = [0, 1, 2].map(|page| server.url(page));
    let input = format!("\u{feff}# the first\n\n  {first}\r\n\t\n{second}\n{first}");
    let ended = run_on(input.as_bytes(), demo(&[&third, "-", "--sequential", "--json"]));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let report = ended.json();
    let urls: Vec<_> =
        report["memos"][0]["sequential"]["urls"].as_array().unwrap().iter().map(|url| &url["url"]).collect();
    assert_eq!(urls, [&third, &first, &second]);
    assert!(report["server"].is_null());
    assert_eq!([0, 1, 2].map(|page| server.requests(page)), [1, 1, 1]);
}

#[test]
fn input_that_makes_no_sense() {
    let many: String = (0..201).map(|page| format!("http://127.0.0.1/{page}\n")).collect();
    let endless = vec![b' '; 2 << 20];
    for (input, says) in [
        (&b""[..], "names no URL"),
        (b"\n# only this\n", "names no URL"),
        (b"http://a/\n\xff\xfe\n", "line 2 of standard input is not UTF-8"),
        (many.as_bytes(), "at most 200"),
        (&endless, "longer than 1048576 bytes"),
    ] {
        let ended = run_on(input, demo(&["-"]));
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{says}");
        assert!(ended.stderr.contains(says), "{says}: {}", ended.stderr);
    }
    for (arguments, says) in [
        (&["--memo", "nobody"][..], "memo2::duplicating"),
        (&["--pages", "0"], "1..=200"),
        (&["--pages", "201"], "1..=200"),
        (&["--pages", "99999999999999999999"], "--pages"),
        (&["--size", "18446744073709551615"], "too much to remember"),
        (&["--timeout", "0"], "--timeout"),
        (&["--delay", "-1"], "unexpected argument"),
        (&["--runtime", "task", "--memo", "moka"], "memo3::task, moka::future, quick_cache::async, tokio::OnceCell"),
        (&["--runtime", "task", "--memo", "moka"], "for moka give --runtime thread"),
        (&["--runtime", "coroutine", "--memo", "memo2::coarse"], "memo2::coroutine, memo3::coroutine"),
        (&["--runtime", "coroutine", "--memo", "memo2::task"], "for memo2::task give --runtime task"),
        (&["--memo", "tokio::OnceCell"], "memo1, memo2::coarse"),
        (&["--runtime", "goroutine"], "coroutine"),
        (&["--workers", "2"], "--workers is for coroutines and tasks"),
        (&["--runtime", "task", "--workers", "0"], "1..=64"),
        (&["--runtime", "task", "--workers", "65"], "1..=64"),
        (&["--sequential", "--concurrent"], "cannot be used with"),
        (&["--each", "--json"], "cannot be used with"),
        (&["--memo", "memo2", "--memo", "nobody"], "memo2::duplicating"),
        (&["--pages", "2", "http://127.0.0.1/"], "cannot be used with"),
    ] {
        let ended = run(arguments);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(ended.stderr.contains(says), "{arguments:?}: {}", ended.stderr);
    }
}

/// Requests to this machine bypass the proxy that the environment names.
#[test]
fn the_environments_proxy_is_not_in_the_way() {
    let mut command = demo(&["--pages", "2", "--delay", "0"]);
    command.env_remove("NO_PROXY").env_remove("no_proxy");
    for name in ["ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY"] {
        command.env(name, "http://127.0.0.1:1");
    }
    let ended = run_on(b"", command);
    assert_eq!(ended.code, Some(0), "{}", ended.stdout);
}

#[test]
fn colour_is_for_terminals() {
    let coloured = |variables: &[(&str, &str)]| {
        let mut command = demo(&["--pages", "1", "--delay", "0"]);
        command.envs(variables.iter().copied());
        run_on(b"", command).stdout.contains('\u{1b}')
    };
    assert!(!coloured(&[]), "output to a file has no colour");
    assert!(coloured(&[("CLICOLOR_FORCE", "1")]));
    assert!(!coloured(&[("NO_COLOR", "1")]));
}

/// The process that reads the pipe closes it at once, as `head` may.
#[test]
fn a_broken_pipe_is_no_panic() {
    for arguments in [&["--pages", "50", "--delay", "0"][..], &["--pages", "50", "--delay", "0", "--json"]] {
        let mut child = demo(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let Some(status) = child.wait_timeout(DEADLINE).unwrap() else {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("still running after {DEADLINE:?}");
        };
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        assert_eq!((status.code(), stderr.as_str()), (Some(0), ""));
    }
}
