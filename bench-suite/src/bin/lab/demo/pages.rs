//! The pages that the callers ask for on every runtime, and the counts of calls, requests and answers.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use bench_suite::pages::{Body, FetchError, Limits, Server};
use bench_suite::panics::message;
use green_threads::probe::threads;

use super::findings::{Answer, Counts, Part, Reply};

/// The pages to fetch, and the limits of a fetch.
pub(super) struct Pages {
    pub(super) limits: Limits,
    /// Each URL once. With the embedded server, they are in the order of its pages.
    pub(super) urls: Vec<String>,
    pub(super) server: Option<Server>,
}

/// Shows each answer when it arrives.
pub(super) type Show<'a> = &'a mut dyn FnMut(&Answer);

/// What the memos remember for each URL: the body, or why there is none.
pub(super) type Fetched = Result<Body, FetchError>;

/// The calls of `f`, which `f` itself counts.
pub(super) struct Calls {
    of: HashMap<String, AtomicUsize>,
    on_a_caller: AtomicUsize,
    elsewhere: AtomicUsize,
}

impl Calls {
    /// Counts a call of `f`, on its caller or elsewhere.
    pub(super) fn count(&self, url: &str, on_its_caller: bool) {
        if let Some(calls) = self.of.get(url) {
            calls.fetch_add(1, Relaxed);
        }
        let place = if on_its_caller { &self.on_a_caller } else { &self.elsewhere };
        place.fetch_add(1, Relaxed);
    }
}

/// The answers of a part, collected as they arrive.
pub(super) struct Answers {
    start: Instant,
    end: Instant,
    threads: Option<usize>,
    all: Vec<Answer>,
}

impl Answers {
    pub(super) fn begin() -> Self {
        let start = Instant::now();
        Answers { start, end: start, threads: None, all: Vec::new() }
    }

    /// Counts this process's threads. Call it when all callers have begun.
    pub(super) fn count_threads(&mut self) {
        self.threads = threads::all().ok().map(|threads| threads.len());
    }

    pub(super) fn add(&mut self, mut answer: Answer, ended: Instant, show: Show<'_>) {
        self.end = self.end.max(ended);
        answer.at = ended - self.start;
        show(&answer);
        self.all.push(answer);
    }

    /// Adds the answer of a caller that could not be started.
    pub(super) fn add_missing(&mut self, url: &str, unit: &str, error: &dyn std::fmt::Display, show: Show<'_>) {
        let why = format!("{url}: no {unit} could be started to ask for it: {error}; ask for fewer pages");
        let (elapsed, at) = (self.start.elapsed(), Duration::ZERO);
        let answer = Answer { url: url.into(), elapsed, at, result: Reply::Error(why) };
        self.add(answer, Instant::now(), show);
    }
}

impl Pages {
    /// The pages in the order in which callers ask for them: all of them, and then all of them again.
    pub(super) fn incoming(&self) -> impl Iterator<Item = usize> + use<> {
        (0..self.urls.len()).chain(0..self.urls.len())
    }

    /// What each caller asks for: one caller for everything, or one for each question.
    pub(super) fn callers(&self, concurrent: bool) -> Vec<Vec<usize>> {
        match concurrent {
            true => self.incoming().map(|page| vec![page]).collect(),
            false => vec![self.incoming().collect()],
        }
    }

    /// Begins a part: sets the server's counts to zero, and returns new counts of the calls.
    pub(super) fn begin(&self) -> Arc<Calls> {
        if let Some(server) = &self.server {
            server.reset();
        }
        Arc::new(Calls {
            of: self.urls.iter().map(|url| (url.clone(), AtomicUsize::new(0))).collect(),
            on_a_caller: AtomicUsize::new(0),
            elsewhere: AtomicUsize::new(0),
        })
    }

    /// The answer for page number `page`, from what the memo returned or panicked with. [`Answers::add`] says when it
    /// arrived.
    pub(super) fn answer(&self, page: usize, elapsed: Duration, fetched: thread::Result<Fetched>) -> Answer {
        let url = &self.urls[page];
        let result = match fetched {
            Ok(Ok(body)) if self.is_mixed_up(page, &body) => {
                Reply::Error(format!("{url}: the memo gave another page's body; look at how it finds its entries"))
            }
            Ok(Ok(body)) => Reply::Bytes(body.len()),
            Ok(Err(error)) => Reply::Error(error.to_string()),
            Err(panic) => Reply::Error(format!("{url}: the memo panicked: {}", message(&*panic))),
        };
        Answer { url: url.clone(), elapsed, at: Duration::ZERO, result }
    }

    /// Whether `body` differs from the embedded server's body for that page. `false` for other servers, whose bodies
    /// are not known.
    fn is_mixed_up(&self, page: usize, body: &Body) -> bool {
        self.server.as_ref().is_some_and(|server| **body != *server.site().body(page))
    }

    /// Ends a part, and returns its findings. Its callers were each a `unit`: a thread, a coroutine or a task.
    pub(super) fn end(&self, calls: &Calls, answers: Answers, unit: &str) -> Part {
        let counts = self.urls.iter().enumerate().map(|(page, url)| Counts {
            url: url.clone(),
            calls: calls.of.get(url).map_or(0, |calls| calls.load(Relaxed)),
            requests: self.server.as_ref().map(|server| server.requests(page)),
        });
        Part {
            elapsed: answers.end - answers.start,
            asked: answers.all.len(),
            failed: answers.all.iter().filter(|answer| matches!(answer.result, Reply::Error(_))).count(),
            f_ran_on: match (calls.on_a_caller.load(Relaxed), calls.elsewhere.load(Relaxed)) {
                (0, 0) => format!("no {unit}: the memo never called it"),
                (_, 0) => format!("its caller's {unit}"),
                (0, _) => format!("{unit}s that the memo started"),
                (_, _) => format!("its callers' {unit}s and others"),
            },
            threads: answers.threads,
            urls: counts.collect(),
            answers: answers.all,
        }
    }
}
