//! `cargo lab demo`: pages through a memo, one after the other and all at once.

use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use anyhow::Context;
use bench_suite::pages::{Client, Limits, Server, Site};
use bench_suite::subject::{self, MEMO1_IS_NOT_SYNC, OneThread, Subject, Visitor};
use clap::builder::PossibleValuesParser;
use clap::value_parser;

use self::ask::{Pages, Show};
use self::report::{Concurrent, Embedded, Part, Report};

mod ask;
mod input;
mod report;
mod text;

/// How many pages may be asked for. When all of them are asked for at once, each caller has a thread, and each request
/// two file descriptors, both ends being in this process; many a system allows 1024.
const MOST_PAGES: i64 = 200;

/// How many bytes all pages together may have: a memo keeps every page for as long as it lives.
const MOST_BYTES: usize = 256 << 20;

/// Fetch pages through a memo: first one after the other, then all at once, each page twice.
///
/// The pages come from a server in this process, which takes its time and counts who asks. Name URLs of your own to
/// fetch those instead. Exit status: 0 if all went well, 1 if a page could not be fetched, 2 if the command line makes
/// no sense.
#[derive(clap::Args)]
pub(crate) struct Demo {
    /// Fetch these, and not the server's pages; `-` reads them from standard input, one a line (`#` begins a comment).
    #[arg(value_name = "URL")]
    urls: Vec<String>,
    /// The memo to fetch through.
    #[arg(long, value_name = "NAME", default_value = "memo2", value_parser = names())]
    memo: String,
    /// Only one after the other.
    #[arg(long, conflicts_with = "concurrent")]
    sequential: bool,
    /// Only all at once.
    #[arg(long)]
    concurrent: bool,
    /// How many pages the server has: 1 to 200.
    #[arg(long, value_name = "N", default_value_t = 5, conflicts_with = "urls")]
    #[arg(value_parser = value_parser!(u16).range(1..=MOST_PAGES))]
    pages: u16,
    /// How long the server takes to answer, in milliseconds: up to 60000.
    #[arg(long, value_name = "MS", default_value_t = 100, conflicts_with = "urls")]
    #[arg(value_parser = value_parser!(u32).range(0..=60_000))]
    delay: u32,
    /// How long each page is, in bytes.
    #[arg(long, value_name = "BYTES", default_value_t = 16_384, conflicts_with = "urls")]
    size: usize,
    /// How long one fetch may take, in milliseconds: 1 to 3600000.
    #[arg(long, value_name = "MS", default_value_t = 30_000, value_parser = value_parser!(u32).range(1..=3_600_000))]
    timeout: u32,
    /// How long a page may be, in bytes.
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().max_body)]
    max_body: u64,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

fn names() -> PossibleValuesParser {
    PossibleValuesParser::new(subject::list().into_iter().map(|(name, _)| name))
}

impl Demo {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let pages = self.pages()?;
        let limits = pages.client.limits();
        let mut chosen = Chosen {
            demo: self,
            report: Report {
                memo: self.memo.clone(),
                what: "",
                cores: thread::available_parallelism().map_or(1, usize::from),
                placement: "free",
                server: pages.server.as_ref().map(|server| Embedded::from(server.site())),
                timeout_ms: limits.timeout.as_millis(),
                max_body_bytes: limits.max_body,
                sequential: None,
                concurrent: None,
                speed_up: None,
            },
            pages,
        };
        subject::visit(&mut chosen);
        let mut report = chosen.report;
        report.speed_up = report.speed_up();
        if self.json {
            anstream::println!("{}", serde_json::to_string_pretty(&report)?);
        } else {
            text::closing(&report);
        }
        Ok(ExitCode::from(u8::from(report.failed() > 0)))
    }

    /// Where to fetch from: the URLs of the command line, or a server's.
    fn pages(&self) -> anyhow::Result<Pages> {
        let timeout = Duration::from_millis(self.timeout.into());
        let client = Client::new(Limits { timeout, max_body: self.max_body });
        if !self.urls.is_empty() {
            return Ok(Pages { client, urls: input::urls(&self.urls)?, server: None });
        }
        let site = Site { pages: self.pages.into(), size: self.size, delay: Duration::from_millis(self.delay.into()) };
        anyhow::ensure!(
            site.pages.saturating_mul(site.size) <= MOST_BYTES,
            "{} pages of {} bytes are too much to remember: all together may have {MOST_BYTES} bytes; \
             give a smaller --size or fewer --pages",
            site.pages,
            site.size,
        );
        let server = Server::start(site).context("the page server does not start")?;
        let urls = (0..site.pages).map(|page| server.url(page)).collect();
        Ok(Pages { client, urls, server: Some(server) })
    }
}

/// Waits for the memo that was asked for to come by, and drives it.
struct Chosen<'a> {
    demo: &'a Demo,
    pages: Pages,
    report: Report,
}

impl Chosen<'_> {
    fn begin(&mut self, what: &'static str) {
        self.report.what = what;
        if !self.demo.json {
            text::heading(&self.report, self.pages.urls.len());
        }
    }

    fn sequential<S: OneThread>(&mut self) {
        if !self.demo.concurrent {
            let part = self.part(text::SEQUENTIAL, ask::one_after_the_other::<S>);
            self.report.sequential = Some(part);
        }
    }

    /// Runs a part of the demonstration, and prints it while it runs.
    fn part(&self, title: &str, run: fn(&Pages, Show<'_>) -> Part) -> Part {
        if self.demo.json {
            return run(&self.pages, &mut |_| {});
        }
        text::part_begins(title);
        let part = run(&self.pages, &mut text::answer);
        text::part_ends(&part);
        part
    }
}

impl Visitor for Chosen<'_> {
    fn shared<S: Subject>(&mut self) {
        if S::NAME == self.demo.memo {
            self.begin(S::WHAT);
            self.sequential::<S>();
            if !self.demo.sequential {
                let part = self.part(text::CONCURRENT, ask::all_at_once::<S>);
                self.report.concurrent = Some(Concurrent::Ran(part));
            }
        }
    }

    fn one_thread<S: OneThread>(&mut self) {
        if S::NAME == self.demo.memo {
            self.begin(S::WHAT);
            self.sequential::<S>();
            if !self.demo.sequential {
                if !self.demo.json {
                    text::impossible(text::CONCURRENT, MEMO1_IS_NOT_SYNC);
                }
                self.report.concurrent = Some(Concurrent::Impossible(MEMO1_IS_NOT_SYNC));
            }
        }
    }
}
