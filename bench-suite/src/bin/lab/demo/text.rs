//! The report as text, at most 100 columns wide, printed while the demonstration runs.

use std::time::Duration;

use anstyle::{AnsiColor, Style};
use textwrap::Options;
use textwrap::WordSplitter::NoHyphenation;

use super::findings::{Answer, Concurrent, Findings, Part, Reply};

const TITLE: Style = Style::new().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const GOOD: Style = AnsiColor::Green.on_default();

/// The column at which the last column of the table begins, from 0. [`WIDTH`] is how wide the text in it may be.
const INDENT: usize = 28;
const WIDTH: usize = 100 - INDENT;

pub(super) const SEQUENTIAL: &str = "sequential: one caller asks for one page after the other";

/// The title of the concurrent part, whose callers are threads, coroutines or tasks.
pub(super) fn concurrent(runtime: &str) -> String {
    let each = if runtime == "task" { "each" } else { "each on" };
    format!("concurrent: all callers at once, {each} a {runtime} of its own")
}

pub(super) fn heading(findings: &Findings, urls: usize) {
    anstream::println!("{TITLE}memo{TITLE:#}     {} ({})", findings.memo, findings.what);
    match &findings.server {
        Some(server) => {
            let (size, delay) = (server.size_bytes, server.delay_ms);
            anstream::println!("{TITLE}pages{TITLE:#}    {urls} of {size} bytes, on a server in this process");
            anstream::println!("{TITLE}delay{TITLE:#}    {delay} ms until the server answers");
        }
        None => anstream::println!("{TITLE}pages{TITLE:#}    {urls}, at the given URLs"),
    }
    let (timeout, bytes) = (findings.timeout_ms, findings.max_body_bytes);
    anstream::println!("{TITLE}limits{TITLE:#}   {timeout} ms and {bytes} bytes for each fetch");
    let (placement, cores) = (findings.placement, count(findings.cores, "core"));
    if let Some(workers) = findings.workers {
        let (runtime, workers) = (findings.runtime, count(workers, "worker"));
        anstream::println!("{TITLE}callers{TITLE:#}  {runtime}s, on {workers}");
    }
    anstream::println!("{TITLE}threads{TITLE:#}  {placement} placement on {cores}: the kernel chooses the cores");
}

pub(super) fn part_begins(title: &str) {
    anstream::println!("\n{TITLE}{title}{TITLE:#}");
    anstream::println!("{:>12}  {:>12}  URL", "elapsed", "bytes");
}

pub(super) fn answer(answer: &Answer) {
    let elapsed = milliseconds(answer.elapsed);
    match &answer.result {
        Reply::Bytes(bytes) => anstream::println!("{elapsed:>12}  {bytes:>12}  {}", answer.url),
        Reply::Error(why) => {
            let why = wrap(why);
            anstream::println!("{elapsed:>12}  {BAD}{:>12}{BAD:#}  {why}", "failed");
        }
    }
}

pub(super) fn part_ends(part: &Part) {
    let (asked, urls) = (part.asked, part.urls.len());
    // The embedded server's own count, if it was used. No other count is independent of the memo.
    let requests: Option<Vec<usize>> = part.urls.iter().map(|url| url.requests).collect();
    let requests_seen = requests.is_some();
    match requests {
        Some(requests) => {
            let (pages, all, each) = (count(urls, "page"), count(requests.iter().sum(), "request"), range(&requests));
            anstream::println!("asked {asked} times for {pages}; the server saw {all} ({each} a page)");
        }
        None => {
            let calls: Vec<usize> = part.urls.iter().map(|url| url.calls).collect();
            let (urls, all, each) = (count(urls, "URL"), count(calls.iter().sum(), "call"), range(&calls));
            anstream::println!("asked {asked} times for {urls}; that took {all} of http_get_body ({each} a URL)");
        }
    }
    anstream::println!("{} in all; f ran on {}", milliseconds(part.elapsed), part.f_ran_on);
    if let Some(threads) = part.threads {
        let server = if requests_seen { ", the server's included" } else { "" };
        anstream::println!("{} in this process{server}", count(threads, "OS thread"));
    }
    if part.failed > 0 {
        anstream::println!("{BAD}{} of {asked} failed{BAD:#}", part.failed);
    }
}

pub(super) fn impossible(title: &str, why: &str) {
    anstream::println!("\n{TITLE}{title}{TITLE:#}");
    anstream::println!("not possible: {why}");
}

pub(super) fn closing(findings: &Findings) {
    if let (Some(speed_up), Some(sequential), Some(Concurrent::Ran(concurrent))) =
        (findings.speed_up, &findings.sequential, &findings.concurrent)
    {
        let (sequential, concurrent) = (milliseconds(sequential.elapsed), milliseconds(concurrent.elapsed));
        anstream::println!(
            "\n{GOOD}concurrent was {speed_up:.1} times as fast as sequential{GOOD:#}: {concurrent} instead of {sequential}"
        );
    }
}

/// Times are all in milliseconds, so that a fetch and a hit compare at a glance. They have four decimals, because a hit
/// takes several hundred nanoseconds.
fn milliseconds(duration: Duration) -> String {
    format!("{:.4} ms", duration.as_secs_f64() * 1e3)
}

fn count(number: usize, of: &str) -> String {
    format!("{number} {of}{}", if number == 1 { "" } else { "s" })
}

fn range(counts: &[usize]) -> String {
    match (counts.iter().min(), counts.iter().max()) {
        (Some(least), Some(most)) if least < most => format!("{least} to {most}"),
        (_, most) => most.map_or(String::new(), usize::to_string),
    }
}

/// Breaks `text` between words to fit the last column. A longer word, such as a URL, stays whole.
fn wrap(text: &str) -> String {
    let options = Options::new(WIDTH).word_splitter(NoHyphenation).break_words(false);
    textwrap::wrap(text, options).join(&format!("\n{:INDENT$}", ""))
}
