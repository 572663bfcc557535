//! What both forms of the output say: the heading, and the words for counts.

use anstyle::{AnsiColor, Style};

use super::findings::Findings;

pub(super) const TITLE: Style = Style::new().bold();
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(super) const GOOD: Style = AnsiColor::Green.on_default();

pub(super) const SEQUENTIAL: &str = "sequential: one caller asks for one page after the other";

/// The title of the concurrent part, whose callers are threads, coroutines or tasks.
pub(super) fn concurrent(runtime: &str) -> String {
    let each = if runtime == "task" { "each" } else { "each on" };
    format!("concurrent: all callers at once, {each} a {runtime} of its own")
}

pub(super) fn heading(findings: &Findings, urls: usize) {
    match &findings.server {
        Some(server) => {
            let (pages, size, delay) = (count(urls, "page"), server.size_bytes, server.delay_ms);
            anstream::println!("{TITLE}pages{TITLE:#}    {pages} of {size} bytes, from a server in this process");
            anstream::println!("{TITLE}asked{TITLE:#}    for all pages, and then for all of them again");
            anstream::println!("{TITLE}delay{TITLE:#}    {delay} ms until the server answers");
        }
        None => anstream::println!("{TITLE}pages{TITLE:#}    {urls}, at the given URLs; each is asked for twice"),
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

pub(super) fn count(number: usize, of: &str) -> String {
    format!("{number} {of}{}", if number == 1 { "" } else { "s" })
}

pub(super) fn range(counts: &[usize]) -> String {
    match (counts.iter().min(), counts.iter().max()) {
        (Some(least), Some(most)) if least < most => format!("{least} to {most}"),
        (_, most) => most.map_or(String::new(), usize::to_string),
    }
}
