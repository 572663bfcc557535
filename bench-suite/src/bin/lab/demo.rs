//! `cargo lab demo`: pages through a memo, one after the other and all at once.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use bench_suite::pages::coroutine::STACK_BYTES;
use bench_suite::pages::{Limits, Server, Site};
use bench_suite::subject::{self, MEMO1_IS_NOT_SYNC, OneThread, Subject, Visitor};
use clap::builder::PossibleValuesParser;
use clap::{ValueEnum, value_parser};
use green_threads::coroutine::{self as coroutines, Config};
use green_threads::{StackSize, Workers};

use self::pages::{Pages, Show};
use self::report::{Concurrent, Embedded, Part, Report};

#[allow(unsafe_code, reason = "a coroutine runs on a stack and on threads that the compiler does not see")]
mod coroutine;
mod input;
mod pages;
mod report;
mod task;
mod text;
mod thread;

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
    /// Who asks. Coroutines and tasks ask memo2 or memo3, in the version for them.
    #[arg(long, value_enum, default_value_t = Runtime::Thread)]
    runtime: Runtime,
    /// How many OS threads run the coroutines or tasks: 1 to 64 [default: one per core].
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=64))]
    workers: Option<u16>,
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
        let asked = self.asked()?;
        let pages = Arc::new(self.pages()?);
        let limits = pages.limits;
        let mut chosen = Chosen {
            demo: self,
            report: Report {
                runtime: self.runtime.name(),
                workers: None,
                memo: self.memo.clone(),
                what: "",
                cores: std::thread::available_parallelism().map_or(1, usize::from),
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
        match asked {
            Asked::Threads => subject::visit(&mut chosen),
            Asked::Coroutines(algorithm, workers) => chosen.coroutines(algorithm, workers)?,
            Asked::Tasks(algorithm, workers) => chosen.tasks(algorithm, workers)?,
        }
        let mut report = chosen.report;
        report.speed_up = report.speed_up();
        if self.json {
            anstream::println!("{}", serde_json::to_string_pretty(&report)?);
        } else {
            text::closing(&report);
        }
        Ok(ExitCode::from(u8::from(report.failed() > 0)))
    }

    /// Who asks which memo, or why that cannot be.
    fn asked(&self) -> anyhow::Result<Asked> {
        let workers = || match self.workers {
            Some(number) => Ok::<_, anyhow::Error>(Workers::new(number.into())?),
            None => Ok(Workers::one_per_core()),
        };
        let algorithm = || match &*self.memo {
            "memo2" => Ok(Algorithm::Memo2),
            "memo3" => Ok(Algorithm::Memo3),
            other => bail!(
                "there is no {other} for {0}s: --runtime {0} goes with --memo memo2 or memo3, every other memo with \
                 --runtime thread",
                self.runtime.name(),
            ),
        };
        match self.runtime {
            Runtime::Thread => {
                ensure!(
                    self.workers.is_none(),
                    "--workers is for coroutines and tasks: OS threads have no workers, the kernel runs them on all \
                     cores; leave it out, or give --runtime coroutine or task",
                );
                Ok(Asked::Threads)
            }
            Runtime::Coroutine => Ok(Asked::Coroutines(algorithm()?, workers()?)),
            Runtime::Task => Ok(Asked::Tasks(algorithm()?, workers()?)),
        }
    }

    /// Where to fetch from: the URLs of the command line, or a server's.
    fn pages(&self) -> anyhow::Result<Pages> {
        let timeout = Duration::from_millis(self.timeout.into());
        let limits = Limits { timeout, max_body: self.max_body };
        if !self.urls.is_empty() {
            return Ok(Pages { limits, urls: input::urls(&self.urls)?, server: None });
        }
        let site = Site { pages: self.pages.into(), size: self.size, delay: Duration::from_millis(self.delay.into()) };
        ensure!(
            site.pages.saturating_mul(site.size) <= MOST_BYTES,
            "{} pages of {} bytes are too much to remember: all together may have {MOST_BYTES} bytes; \
             give a smaller --size or fewer --pages",
            site.pages,
            site.size,
        );
        let server = Server::start(site).context("the page server does not start")?;
        let urls = (0..site.pages).map(|page| server.url(page)).collect();
        Ok(Pages { limits, urls, server: Some(server) })
    }
}

/// Who asks.
#[derive(Clone, Copy, ValueEnum)]
enum Runtime {
    /// OS threads.
    Thread,
    /// Coroutines of `may`.
    Coroutine,
    /// Async tasks of tokio.
    Task,
}

impl Runtime {
    fn name(self) -> &'static str {
        match self {
            Runtime::Thread => "thread",
            Runtime::Coroutine => "coroutine",
            Runtime::Task => "task",
        }
    }
}

/// The memos that there are for coroutines and tasks.
#[derive(Clone, Copy)]
enum Algorithm {
    Memo2,
    Memo3,
}

impl Algorithm {
    fn name(self) -> &'static str {
        match self {
            Algorithm::Memo2 => "memo2",
            Algorithm::Memo3 => "memo3",
        }
    }

    fn what(self) -> &'static str {
        match self {
            Algorithm::Memo2 => "a lock and a ready signal for each key",
            Algorithm::Memo3 => "a monitor owns the map, and is asked by messages",
        }
    }
}

/// What the command line asks for, if it makes sense.
enum Asked {
    Threads,
    Coroutines(Algorithm, Workers),
    Tasks(Algorithm, Workers),
}

/// Waits for the memo that was asked for to come by, and drives it.
struct Chosen<'a> {
    demo: &'a Demo,
    pages: Arc<Pages>,
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
            let part = self.part(text::SEQUENTIAL, |pages, show| thread::one_after_the_other::<S>(pages, show));
            self.report.sequential = Some(part);
        }
    }

    /// The demonstration on coroutines, of which a process has one runtime.
    fn coroutines(&mut self, algorithm: Algorithm, workers: Workers) -> anyhow::Result<()> {
        // So many stacks are made before anything is timed: for all callers, and for as many calls and the monitor.
        let pool = 4 * self.pages.urls.len() + 1;
        let config = Config { pool, ..Config::new(workers, StackSize::new(STACK_BYTES)?) };
        let runtime = coroutines::start(config)?;
        self.both_parts("coroutine", algorithm, workers, |pages, concurrent, show| {
            coroutine::ask(pages, runtime, algorithm, concurrent, show)
        });
        Ok(())
    }

    /// The demonstration in tasks.
    fn tasks(&mut self, algorithm: Algorithm, workers: Workers) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(workers.number()).enable_all().build();
        let runtime = runtime.context("the runtime for tasks does not start")?;
        self.both_parts("task", algorithm, workers, |pages, concurrent, show| {
            task::ask(pages, &runtime, algorithm, concurrent, show)
        });
        Ok(())
    }

    fn both_parts(
        &mut self,
        unit: &str,
        algorithm: Algorithm,
        workers: Workers,
        ask: impl Fn(&Arc<Pages>, bool, Show<'_>) -> Part,
    ) {
        self.report.memo = format!("{}::{unit}", algorithm.name());
        self.report.workers = Some(workers.number());
        self.begin(algorithm.what());
        if !self.demo.concurrent {
            let part = self.part(text::SEQUENTIAL, |pages, show| ask(pages, false, show));
            self.report.sequential = Some(part);
        }
        if !self.demo.sequential {
            let part = self.part(&text::concurrent(unit), |pages, show| ask(pages, true, show));
            self.report.concurrent = Some(Concurrent::Ran(part));
        }
    }

    /// Runs a part of the demonstration, and prints it while it runs.
    fn part(&self, title: &str, run: impl Fn(&Arc<Pages>, Show<'_>) -> Part) -> Part {
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
                let part = self.part(&text::concurrent("thread"), |pages, show| thread::all_at_once::<S>(pages, show));
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
                    text::impossible(&text::concurrent("thread"), MEMO1_IS_NOT_SYNC);
                }
                self.report.concurrent = Some(Concurrent::Impossible(MEMO1_IS_NOT_SYNC));
            }
        }
    }
}
