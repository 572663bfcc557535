//! `--each`: every answer on a line of its own, printed while the demonstration runs. At most 100 columns wide.

use std::time::Duration;

use textwrap::Options;
use textwrap::WordSplitter::NoHyphenation;

use super::findings::{Answer, Part, Reply, Shown};
use super::text::{BAD, GOOD, TITLE, count, range};

/// The column at which the last column of the table begins, from 0. [`WIDTH`] is how wide the text in it may be.
const INDENT: usize = 28;
const WIDTH: usize = 100 - INDENT;

/// Prints which memo the next parts use.
pub(super) fn memo_begins(shown: &Shown) {
    anstream::println!("\n{TITLE}memo{TITLE:#}     {} ({})", shown.memo, shown.what);
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

/// Prints how much faster the concurrent part was, if that means something.
pub(super) fn memo_ends(shown: &Shown) {
    if let (Some(speed_up), Some(sequential), Some(concurrent)) = (shown.speed_up, &shown.sequential, shown.at_once()) {
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

/// Breaks `text` between words to fit the last column. A longer word, such as a URL, stays whole.
fn wrap(text: &str) -> String {
    let options = Options::new(WIDTH).word_splitter(NoHyphenation).break_words(false);
    textwrap::wrap(text, options).join(&format!("\n{:INDENT$}", ""))
}
