//! `runtime_http`: the running example at a large size. `n` requests at once, each on its own unit, get 1,000
//! pages through one memo. The server takes 20 ms to answer.
//!
//! The server is a separate process, so that its memory does not count. Its count of requests is the proof that
//! the memo works: one request per page. The time runs from when the first unit starts to when the last one ends.

#![allow(unsafe_code, reason = "it spawns coroutines")]

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use green_threads::StackSize;
use green_threads::coroutine;
use green_threads::probe::memory::Memory;
use green_threads::probe::protocol::Answer;
use green_threads::probe::{Runtime, on_a_task};
use green_threads::workload::{Ask, Experiment, Observations, Parameter, Quantity, Shows, Table, Workload};

use super::{ALGORITHMS, crowds, of_both_memos};
use crate::measure::together::first_start_to_last_end;
use crate::pages::{self, Body, Elsewhere, FetchError, Limits, Site};
use crate::subject::{
    AsyncMemo, AsyncSubject, Memo, Memo2, Memo2Coroutine, Memo2Task, Memo3, Memo3Coroutine, Memo3Task, Subject,
};

pub(super) const WORKLOAD: Workload = Workload {
    sockets: true,
    coroutine_stack: pages::coroutine::STACK_BYTES,
    experiments: &[Experiment {
        name: "runtime_http",
        n: "n",
        settings: |depth| crowds(depth, &[10_000]),
        shows: Shows::Observations(Observations::new(&[TABLE])),
    }],
    ..of_both_memos("runtime_http", "get pages over HTTP through memo2 or memo3, thousands at once", run)
};

const REQUESTS: Quantity = Quantity::count("requests", "server\nsaw").less();
const MOST_A_PAGE: Quantity = Quantity::count("most_a_page", "most\na page").less();
const THROUGHPUT: Quantity = Quantity::count("throughput", "requests\na second").more();
const PEAK: Quantity = Quantity::bytes("peak", "peak\nmemory");

const TABLE: Table = Table {
    variant: Table::EVERY_VARIANT,
    caption: "10,000 requests at once, each on a unit of its own, for 1,000 pages over HTTP through one memo. The \
              server, which takes 20 ms to answer, is another process. It should count one request a page.",
    parameters: &[Parameter::new("variant", "memo"), Parameter::WORKERS_COLUMN, Parameter::PLACEMENT_COLUMN],
    quantities: &[REQUESTS, MOST_A_PAGE, Quantity::TIME.under("all done\nafter"), THROUGHPUT, PEAK],
    facts: &[],
};

const SITE: Site = Site { pages: 1_000, size: 4096, delay: Duration::from_millis(20) };

/// The value that a memo keeps for a page.
type Fetched = Result<Body, FetchError>;

fn run(runtime: &Runtime, ask: &Ask<'_>) -> io::Result<Answer> {
    let (n, first) = (ask.setup.n as usize, ask.setup.variant == ALGORITHMS[0]);
    let mut all = Answer::default();
    for _ in 0..ask.iterations {
        let mut server = Elsewhere::start(SITE)?;
        let urls: Vec<String> = (0..n).map(|request| server.url(request % SITE.pages)).collect();
        let before = Memory::now()?;
        let spans = match runtime {
            Runtime::Thread { stack } if first => threads::<Memo2>(*stack, urls)?,
            Runtime::Thread { stack } => threads::<Memo3>(*stack, urls)?,
            Runtime::Coroutine(runtime) if first => coroutines::<Memo2Coroutine>(runtime, urls)?,
            Runtime::Coroutine(runtime) => coroutines::<Memo3Coroutine>(runtime, urls)?,
            Runtime::Task(runtime) if first => on_a_task(runtime, tasks::<Memo2Task>(urls)),
            Runtime::Task(runtime) => on_a_task(runtime, tasks::<Memo3Task>(urls)),
        };
        let counts = server.requests()?;
        all = spans
            .answer(all.nanoseconds)
            .quantity(REQUESTS, counts.iter().sum::<usize>() as f64)
            .quantity(MOST_A_PAGE, counts.iter().copied().max().unwrap_or(0) as f64)
            .quantity(PEAK, Memory::peak()?.saturating_sub(before.resident) as f64);
    }
    Ok(all)
}

/// When each unit began and ended, and which requests failed.
#[derive(Default)]
struct Spans {
    spans: Vec<(Instant, Instant)>,
    /// The number of requests that failed.
    failed: usize,
    /// Why the first of them failed.
    why: Option<String>,
}

impl Spans {
    fn note(&mut self, (begun, page, end): (Instant, Fetched, Instant)) {
        self.spans.push((begun, end));
        let why = match page {
            Ok(body) if body.len() == SITE.size => return,
            Ok(body) => format!("a page of {} bytes instead of {}", body.len(), SITE.size),
            Err(error) => error.to_string(),
        };
        self.failed += 1;
        self.why.get_or_insert(why);
    }

    /// Creates the answer. Its time is `before`, which is that of the earlier runs in nanoseconds, plus the time
    /// of this run.
    fn answer(self, before: f64) -> Answer {
        let time = first_start_to_last_end(&self.spans);
        let (all, failed) = (self.spans.len(), self.failed);
        let failure = self.why.map(|why| format!("{failed} of {all} requests failed, the first with: {why}"));
        Answer { nanoseconds: before + time.as_nanos() as f64, failure, ..Answer::default() }
            .quantity(THROUGHPUT, (all as f64 / time.as_secs_f64()).round())
    }
}

// ANCHOR: thread
fn threads<S: Subject>(stack: StackSize, urls: Vec<String>) -> io::Result<Spans> {
    let client = pages::thread::Client::new(Limits::default());
    let memo = Arc::new(S::memo(Box::new(move |url: &String| client.get_body(url))));
    let mut handles = Vec::new();
    for url in urls {
        let memo = memo.clone();
        let asks = move || (Instant::now(), memo.get(&url), Instant::now());
        handles.push(std::thread::Builder::new().stack_size(stack.bytes()).spawn(asks)?);
    }
    let mut spans = Spans::default();
    for caller in handles {
        spans.note(caller.join().expect("a caller does not panic"));
    }
    Ok(spans)
}
// ANCHOR_END: thread

// ANCHOR: coroutine
fn coroutines<S: Subject>(
    runtime: &'static coroutine::Runtime,
    urls: Vec<String>, // one for each request
) -> io::Result<Spans> {
    let client = pages::coroutine::Client::new(Limits::default());
    let memo = Arc::new(S::memo(Box::new(move |url: &String| client.get_body(url))));
    let mut handles = Vec::new();
    for url in urls {
        let memo = memo.clone();
        let asks = move || (Instant::now(), memo.get(&url), Instant::now());
        // SAFETY: across its waits the coroutine holds the memo and a URL, and nothing of
        // its thread. Its stack has the size that the client asks for.
        handles.push(unsafe { runtime.spawn(asks) }?);
    }
    let mut spans = Spans::default();
    for caller in handles {
        spans.note(caller.join()?);
    }
    Ok(spans)
}
// ANCHOR_END: coroutine

// ANCHOR: task
async fn tasks<S: AsyncSubject>(urls: Vec<String>) -> Spans {
    let client = pages::task::Client::new(Limits::default());
    let memo = Arc::new(S::memo::<String, Fetched>(Box::new(move |url: &String| {
        let (client, url) = (client.clone(), url.clone());
        async move { client.get_body(&url).await }.boxed()
    })));
    let mut handles = Vec::new();
    for url in urls {
        let memo = memo.clone();
        let asks = async move { (Instant::now(), memo.get(&url).await, Instant::now()) };
        handles.push(tokio::spawn(asks));
    }
    let mut spans = Spans::default();
    for caller in handles {
        spans.note(caller.await.expect("a caller does not panic"));
    }
    spans
}
// ANCHOR_END: task
