//! `cargo lab demo`: fetches pages through a memo, one after the other and then all at once.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use bench_suite::pages::coroutine::STACK_BYTES;
use bench_suite::pages::{Limits, Server, Site};
use bench_suite::subject::{self, About, Callers, MEMO1_IS_NOT_SYNC, Memo1, OneThread};
use clap::builder::PossibleValuesParser;
use clap::{ValueEnum, value_parser};
use green_threads::coroutine::{self as coroutines, Config};
use green_threads::{StackSize, Workers};
use indicatif::{ProgressBar, ProgressStyle};

use self::findings::{Answer, Concurrent, Embedded, Findings, Part, Shown};
use self::pages::{Pages, Show};

#[allow(unsafe_code, reason = "a coroutine runs on a stack and on threads that the compiler does not see")]
mod coroutine;
mod each;
mod findings;
mod input;
mod pages;
mod queue;
mod task;
mod text;
mod thread;

/// The most pages that may be fetched. When all callers ask at once, each has a thread, and each request has two file
/// descriptors, because both ends are in this process. Many systems allow 1024 descriptors.
const MOST_PAGES: i64 = 200;

/// The most bytes of all pages together. A memo keeps every page as long as the memo lives.
const MOST_BYTES: usize = 256 << 20;

/// Fetch pages through memos: first one after the other, then all at once, each page twice.
///
/// Shows how many callers still wait, for all memos on one time axis. A server in this process serves the pages. It
/// answers slowly and counts the requests. Name URLs of your own to fetch those instead. The exit status is 0 if all went well, 1 if a page could not be fetched, and 2 if the command
/// line makes no sense.
#[derive(clap::Args)]
pub(crate) struct Demo {
    /// Fetch these instead of the server's pages; `-` reads them from standard input, one URL a line (`#` begins a
    /// comment).
    #[arg(value_name = "URL")]
    urls: Vec<String>,
    /// The kind of callers. Each runtime has its own memos; `cargo lab subjects` lists them.
    #[arg(long, value_enum, default_value_t = Runtime::Thread)]
    runtime: Runtime,
    /// How many OS threads run the coroutines or tasks: 1 to 64 [default: one per core].
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=64))]
    workers: Option<u16>,
    /// The memo to fetch through; repeat it to compare several. With `--runtime coroutine` or `task`, `memo2` means
    /// `memo2::coroutine` or `memo2::task`, and `memo3` likewise.
    #[arg(long = "memo", value_name = "NAME", default_value = "memo2", value_parser = names())]
    memos: Vec<String>,
    /// Run only the part in which one caller asks for one page after the other.
    #[arg(long, conflicts_with = "concurrent")]
    sequential: bool,
    /// Run only the part in which all callers ask at once.
    #[arg(long)]
    concurrent: bool,
    /// How many pages the server has: 1 to 200.
    #[arg(long, value_name = "N", default_value_t = 5, conflicts_with = "urls")]
    #[arg(value_parser = value_parser!(u16).range(1..=MOST_PAGES))]
    pages: u16,
    /// How long the server takes to answer, in milliseconds: at most 60000.
    #[arg(long, value_name = "MS", default_value_t = 100, conflicts_with = "urls")]
    #[arg(value_parser = value_parser!(u32).range(0..=60_000))]
    delay: u32,
    /// The length of each page, in bytes.
    #[arg(long, value_name = "BYTES", default_value_t = 16_384, conflicts_with = "urls")]
    size: usize,
    /// How long one fetch may take, in milliseconds: 1 to 3600000.
    #[arg(long, value_name = "MS", default_value_t = 30_000, value_parser = value_parser!(u32).range(1..=3_600_000))]
    timeout: u32,
    /// The most bytes that a page may have.
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().max_body)]
    max_body: u64,
    /// List every answer when it arrives, instead of the picture.
    #[arg(long, conflicts_with = "json")]
    each: bool,
    /// Print the results as JSON.
    #[arg(long)]
    json: bool,
}

fn names() -> PossibleValuesParser {
    PossibleValuesParser::new(subject::ALL.iter().map(|about| about.name))
}

impl Demo {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let memos = self.memos()?;
        let workers = self.workers()?;
        let pages = Arc::new(self.pages()?);
        let limits = pages.limits;
        let findings = Findings {
            runtime: self.runtime.callers().unit(),
            workers: workers.map(Workers::number),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            placement: "free",
            server: pages.server.as_ref().map(|server| Embedded::from(server.site())),
            timeout_ms: limits.timeout.as_millis(),
            max_body_bytes: limits.max_body,
            memos: Vec::new(),
        };
        let mut run = Run { demo: self, findings, pages, bar: ProgressBar::hidden() };
        if !self.json {
            text::heading(&run.findings, run.pages.urls.len());
            if !self.each {
                let parts = if self.sequential || self.concurrent { 1 } else { 2 };
                run.bar = ProgressBar::new((2 * run.pages.urls.len() * parts * memos.len()) as u64)
                    .with_style(ProgressStyle::with_template("{pos:>3} of {len} answers  {bar:30}  {msg}")?);
            }
        }
        match (self.runtime, workers) {
            (Runtime::Coroutine, Some(workers)) => run.coroutines(&memos, workers)?,
            (Runtime::Task, Some(workers)) => run.tasks(&memos, workers)?,
            (_, _) => memos.iter().for_each(|memo| run.threads(memo)),
        }
        run.bar.finish_and_clear();
        let findings = run.findings;
        if self.json {
            anstream::println!("{}", serde_json::to_string_pretty(&findings)?);
        } else if !self.each {
            queue::print(&findings);
        }
        Ok(ExitCode::from(u8::from(findings.failed() > 0)))
    }

    /// The named memos, each once.
    fn memos(&self) -> anyhow::Result<Vec<About>> {
        let mut memos: Vec<About> = Vec::new();
        for name in &self.memos {
            let memo = self.memo(name)?;
            if !memos.iter().any(|known| known.name == memo.name) {
                memos.push(memo);
            }
        }
        Ok(memos)
    }

    /// The memo of this name that was made for this runtime. Its short name is enough: for tasks, `memo2` means
    /// `memo2::task`.
    ///
    /// # Errors
    ///
    /// If there is none. The error lists the memos that were made for this runtime.
    fn memo(&self, name: &str) -> anyhow::Result<About> {
        let callers = self.runtime.callers();
        let long = format!("{name}::{}", callers.unit());
        let made_for = subject::made_for(callers);
        let named = made_for.iter().find(|about| about.name == name || about.name == long);
        named.copied().with_context(|| {
            let names: Vec<_> = made_for.iter().map(|about| about.name).collect();
            let elsewhere = subject::ALL.iter().find(|about| about.name == name);
            let hint = elsewhere.map_or(String::new(), |about| {
                format!("; for {} give --runtime {}", about.name, about.made_for.unit())
            });
            format!("{name} is not a memo for {}; choose one of {}{hint}", callers.name(), names.join(", "))
        })
    }

    /// How many OS threads run the coroutines or tasks. Threads have no workers.
    fn workers(&self) -> anyhow::Result<Option<Workers>> {
        match (self.runtime, self.workers) {
            (Runtime::Thread, None) => Ok(None),
            (Runtime::Thread, Some(_)) => bail!(
                "--workers is for coroutines and tasks: OS threads have no workers, because the kernel runs them on \
                 all cores; leave --workers out, or give --runtime coroutine or task",
            ),
            (_, Some(number)) => Ok(Some(Workers::new(number.into())?)),
            (_, None) => Ok(Some(Workers::one_per_core())),
        }
    }

    /// The pages to fetch: the URLs of the command line, or the pages of a server that this starts.
    fn pages(&self) -> anyhow::Result<Pages> {
        let timeout = Duration::from_millis(self.timeout.into());
        let limits = Limits { timeout, max_body: self.max_body };
        if !self.urls.is_empty() {
            return Ok(Pages { limits, urls: input::urls(&self.urls)?, server: None });
        }
        let site = Site { pages: self.pages.into(), size: self.size, delay: Duration::from_millis(self.delay.into()) };
        ensure!(
            site.pages.saturating_mul(site.size) <= MOST_BYTES,
            "{} pages of {} bytes are too much to remember: all pages together may have at most {MOST_BYTES} bytes; \
             give a smaller --size or fewer --pages",
            site.pages,
            site.size,
        );
        let server = Server::start(site).context("the page server cannot start")?;
        let urls = (0..site.pages).map(|page| server.url(page)).collect();
        Ok(Pages { limits, urls, server: Some(server) })
    }
}

/// The kind of callers, as `--runtime` names it.
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
    fn callers(self) -> Callers {
        match self {
            Runtime::Thread => Callers::Threads,
            Runtime::Coroutine => Callers::Coroutines,
            Runtime::Task => Callers::Tasks,
        }
    }
}

/// A demonstration under way.
struct Run<'a> {
    demo: &'a Demo,
    pages: Arc<Pages>,
    findings: Findings,
    /// Counts the answers. Without a terminal it prints nothing.
    bar: ProgressBar,
}

impl Run<'_> {
    fn threads(&mut self, memo: &About) {
        let name = memo.name;
        let sequential: Ask<'_> = &|pages, show| thread::one_after_the_other(pages, name, show);
        if name == <Memo1 as OneThread>::NAME {
            self.both(memo, sequential, Err(MEMO1_IS_NOT_SYNC));
        } else {
            self.both(memo, sequential, Ok(&|pages, show| thread::all_at_once(pages, name, show)));
        }
    }

    /// Runs all parts on one coroutine runtime, because a process can have no second one.
    fn coroutines(&mut self, memos: &[About], workers: Workers) -> anyhow::Result<()> {
        // These stacks are made before anything is timed: one for each caller, as many again for calls, and one for the
        // monitor of a memo.
        let pool = 4 * self.pages.urls.len() + 1;
        let config = Config { pool, ..Config::new(workers, StackSize::new(STACK_BYTES)?) };
        let runtime = coroutines::start(config)?;
        for memo in memos {
            let ask = |concurrent| {
                move |pages: &Arc<Pages>, show: Show<'_>| coroutine::ask(pages, runtime, memo.name, concurrent, show)
            };
            self.both(memo, &ask(false), Ok(&ask(true)));
        }
        Ok(())
    }

    fn tasks(&mut self, memos: &[About], workers: Workers) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(workers.number()).enable_all().build();
        let runtime = &runtime.context("the runtime for tasks cannot start")?;
        for memo in memos {
            let ask = |concurrent| {
                move |pages: &Arc<Pages>, show: Show<'_>| task::ask(pages, runtime, memo.name, concurrent, show)
            };
            self.both(memo, &ask(false), Ok(&ask(true)));
        }
        Ok(())
    }

    /// Runs both parts with `memo`, or the one that the user asked for. `Err` says why the concurrent part cannot run.
    fn both(&mut self, memo: &About, sequential: Ask<'_>, concurrent: Result<Ask<'_>, &'static str>) {
        let mut shown = Shown { memo: memo.name, what: memo.what, sequential: None, concurrent: None, speed_up: None };
        if self.demo.each {
            each::memo_begins(&shown);
        }
        self.bar.set_message(memo.name);
        if !self.demo.concurrent {
            shown.sequential = Some(self.part(text::SEQUENTIAL, sequential));
        }
        if !self.demo.sequential {
            let title = text::concurrent(self.findings.runtime);
            shown.concurrent = Some(match concurrent {
                Ok(ask) => Concurrent::Ran(self.part(&title, ask)),
                Err(why) => {
                    if self.demo.each {
                        each::impossible(&title, why);
                    }
                    Concurrent::Impossible(why)
                }
            });
        }
        shown.speed_up = shown.speed_up();
        if self.demo.each {
            each::memo_ends(&shown);
        }
        self.findings.memos.push(shown);
    }

    /// Runs a part of the demonstration. With `--each`, prints each answer when it arrives.
    fn part(&self, title: &str, ask: Ask<'_>) -> Part {
        if !self.demo.each {
            return ask(&self.pages, &mut |_: &Answer| self.bar.inc(1));
        }
        each::part_begins(title);
        let part = ask(&self.pages, &mut each::answer);
        each::part_ends(&part);
        part
    }
}

/// Asks for all pages in one of the two ways.
type Ask<'a> = &'a dyn Fn(&Arc<Pages>, Show<'_>) -> Part;
