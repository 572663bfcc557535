//! The picture of the queue: a strip for each memo shows how many callers still wait, all strips on one time axis. Below
//! it a table says when the answers came, and how often the server was asked.

use std::time::Duration;

use bench_suite::report::duration;
use textwrap::Options;
use textwrap::WordSplitter::NoHyphenation;

use super::findings::{Answer, Concurrent, Findings, Part, Reply, Shown};
use super::text::{BAD, GOOD, SEQUENTIAL, TITLE, concurrent, count, range};

/// The width of the output, in characters.
const WIDTH: usize = 80;

/// The heights of a strip: from one caller that waits to all of them.
const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Prints the picture and the table of all parts.
pub(super) fn print(findings: &Findings) {
    let sequential: Vec<Row<'_>> =
        findings.memos.iter().filter_map(|shown| Some(Row::new(shown, shown.sequential.as_ref()?))).collect();
    let at_once: Vec<Row<'_>> =
        findings.memos.iter().filter_map(|shown| Some(Row::new(shown, shown.at_once()?))).collect();
    let parts = [(SEQUENTIAL.to_string(), sequential), (concurrent(findings.runtime), at_once)];
    let rows = || parts.iter().flat_map(|(_, rows)| rows);
    let name = rows().map(|row| row.name.len()).max().unwrap_or(0);
    let end = rows().map(|row| row.part.elapsed).max().unwrap_or(Duration::ZERO);

    if rows().next().is_some() {
        anstream::println!("\n{TITLE}Callers that still wait{TITLE:#}: all of them █, some ▄, at least one ▁");
        anstream::println!("{:name$}  {}", "", axis(end, WIDTH - name - 2));
    }
    for (title, rows) in parts.iter().filter(|(_, rows)| !rows.is_empty()) {
        anstream::println!("{TITLE}{title}{TITLE:#}");
        for row in rows {
            anstream::println!("{:name$}  {}", row.name, strip(row.part, end, WIDTH - name - 2));
        }
    }
    for (title, rows) in parts.iter().filter(|(_, rows)| !rows.is_empty()) {
        anstream::println!("\n{TITLE}{title}{TITLE:#}");
        let calls = if rows[0].part.is_counted_by_the_server() { "requests" } else { "calls" };
        let heads = format!("{:>9} {:>9} {:>9} {calls:>9} {:>8}", "first", "half", "last", "a page");
        anstream::println!("{:name$}  {heads} {:>8}", "answered", "threads");
        rows.iter().for_each(|row| anstream::println!("{:name$}  {}", row.name, row.numbers()));
    }
    anstream::println!();
    let failures = failures(rows().map(|row| row.part)).into_iter().map(|line| format!("{BAD}failed{BAD:#}  {line}"));
    // A URL stays whole, even if it is longer than a line.
    let options = Options::new(WIDTH).subsequent_indent("  ").word_splitter(NoHyphenation).break_words(false);
    for line in notes(findings).into_iter().chain(failures) {
        anstream::println!("{}", textwrap::fill(&line, &options));
    }
}

/// A memo in one part.
struct Row<'a> {
    name: &'static str,
    part: &'a Part,
}

impl<'a> Row<'a> {
    fn new(shown: &Shown, part: &'a Part) -> Self {
        Row { name: shown.memo, part }
    }

    /// When the first answer came, when half of them had come, when the last came; how often each page was fetched; and
    /// the OS threads of the process.
    fn numbers(&self) -> String {
        let part = self.part;
        let mut at: Vec<Duration> = part.answers.iter().map(|answer| answer.at).collect();
        at.sort_unstable();
        let time = |at: Option<&Duration>| at.map_or("-".to_string(), |at| duration(at.as_secs_f64() * 1e9));
        let half = at.len().checked_sub(1).and_then(|last| at.get(last / 2));
        let fetched: Vec<usize> = part.urls.iter().map(|url| url.requests.unwrap_or(url.calls)).collect();
        let threads = part.threads.map_or("-".to_string(), |threads| threads.to_string());
        format!(
            "{:>9} {:>9} {:>9} {:>9} {:>8} {threads:>8}",
            time(at.first()),
            time(half),
            time(at.last()),
            fetched.iter().sum::<usize>(),
            range(&fetched),
        )
    }
}

impl Part {
    fn is_counted_by_the_server(&self) -> bool {
        self.urls.iter().all(|url| url.requests.is_some())
    }
}

/// The ends of the time axis.
fn axis(end: Duration, width: usize) -> String {
    let (from, to) = ("|0", format!("{}|", duration(end.as_secs_f64() * 1e9)));
    format!("{from}{to:>0$}", width.saturating_sub(from.len()))
}

/// How many callers wait at the beginning of each column.
fn strip(part: &Part, end: Duration, width: usize) -> String {
    let column = |column: usize| {
        let from = end.mul_f64(column as f64 / width as f64);
        let waiting = part.answers.iter().filter(|answer| answer.at > from).count();
        // Rounded up, so that a single caller is visible.
        let height = (waiting * HEIGHTS.len()).div_ceil(part.asked.max(1));
        height.checked_sub(1).map_or(' ', |height| HEIGHTS[height])
    };
    (0..width).map(column).collect::<String>().trim_end().to_string()
}

/// What the picture does not show: on what `f` ran, which memo cannot take part, and what concurrency gained.
fn notes(findings: &Findings) -> Vec<String> {
    let mut notes = Vec::new();
    for shown in &findings.memos {
        let parts = [shown.sequential.as_ref(), shown.at_once()];
        if let Some(part) = parts.into_iter().flatten().last() {
            let mut note = format!("{}: {}; f ran on {}", shown.memo, shown.what, part.f_ran_on);
            if let Some(speed_up) = shown.speed_up {
                note += &format!("; {GOOD}concurrent was {speed_up:.1} times as fast as sequential{GOOD:#}");
            }
            notes.push(note);
        }
        if let Some(Concurrent::Impossible(why)) = shown.concurrent {
            notes.push(format!("{}, all callers at once: not possible: {why}", shown.memo));
        }
    }
    notes
}

/// Each distinct error once, with the number of callers that got it.
fn failures<'a>(parts: impl Iterator<Item = &'a Part>) -> Vec<String> {
    let error = |answer: &'a Answer| match &answer.result {
        Reply::Error(why) => Some(why.as_str()),
        Reply::Bytes(_) => None,
    };
    let mut failures: Vec<(&str, usize)> = Vec::new();
    for why in parts.flat_map(|part| &part.answers).filter_map(error) {
        match failures.iter_mut().find(|(known, _)| *known == why) {
            Some((_, callers)) => *callers += 1,
            None => failures.push((why, 1)),
        }
    }
    failures.into_iter().map(|(why, callers)| format!("{}: {why}", count(callers, "answer"))).collect()
}
