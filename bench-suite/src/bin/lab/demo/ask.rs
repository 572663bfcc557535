//! The two parts: one caller after the other, and all callers at once.

use std::cell::Cell;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, mpsc};
use std::thread::{self, Builder};
use std::time::Instant;

use bench_suite::pages::{Body, Client, FetchError, Server};
use bench_suite::panics::message;
use bench_suite::subject::{Function, Memo, OneThread, Subject};

use super::report::{Answer, Counts, Outcome, Part};

/// Where to fetch from.
pub(super) struct Pages {
    pub(super) client: Client,
    /// Each URL once; with a server, in the order of its pages.
    pub(super) urls: Vec<String>,
    pub(super) server: Option<Server>,
}

/// What is done with each answer as it comes.
pub(super) type Show<'a> = &'a mut dyn FnMut(&Answer);

/// What the memos remember for each URL.
type Fetched = Result<Body, FetchError>;

thread_local! {
    /// Whether this thread is a caller that waits for the memo. If so while `f` runs on it, `f` runs on its caller.
    static WAITS_FOR_THE_MEMO: Cell<bool> = const { Cell::new(false) };
}

/// What is counted inside `f`.
struct Calls {
    of: HashMap<String, AtomicUsize>,
    on_a_caller: AtomicUsize,
    elsewhere: AtomicUsize,
}

/// One caller, who asks for each URL, and then for each again.
pub(super) fn one_after_the_other<S: OneThread>(pages: &Pages, show: Show<'_>) -> Part {
    let (calls, f) = pages.begin();
    let memo = S::memo(f);
    let start = Instant::now();
    let mut end = start;
    let mut answers = Vec::new();
    for page in pages.incoming() {
        let answer = pages.ask(&memo, page);
        end = Instant::now();
        show(&answer);
        answers.push(answer);
    }
    pages.end(&calls, start, end, answers)
}

/// As many callers as there are questions, each on a thread of its own.
pub(super) fn all_at_once<S: Subject>(pages: &Pages, show: Show<'_>) -> Part {
    let (calls, f) = pages.begin();
    let memo = S::memo(f);
    let start = Instant::now();
    let mut end = start;
    let mut answers = Vec::new();
    thread::scope(|scope| {
        let (tell, told) = mpsc::channel();
        for page in pages.incoming() {
            let to = tell.clone();
            let memo = &memo;
            let caller = Builder::new().name(format!("caller-{page}")).spawn_scoped(scope, move || {
                let answer = pages.ask(memo, page);
                // An error would mean that nobody listens any more, and so that nobody misses this.
                let _ = to.send((answer, Instant::now()));
            });
            if let Err(error) = caller {
                let why = format!("{}: no thread is left to ask on: {error}; ask for fewer", pages.urls[page]);
                let answer =
                    Answer { url: pages.urls[page].clone(), elapsed: start.elapsed(), result: Outcome::Error(why) };
                let _ = tell.send((answer, Instant::now()));
            }
        }
        // The last of the callers ends the loop, once this end of the channel is not kept open here as well.
        drop(tell);
        for (answer, ended) in told {
            end = end.max(ended);
            show(&answer);
            answers.push(answer);
        }
    });
    pages.end(&calls, start, end, answers)
}

impl Pages {
    /// The pages in the order in which they are asked for: all of them, and all of them again.
    fn incoming(&self) -> impl Iterator<Item = usize> {
        (0..self.urls.len()).chain(0..self.urls.len())
    }

    /// Sets every count to zero, and makes the function that the memo is to remember.
    fn begin(&self) -> (Arc<Calls>, Function<String, Fetched>) {
        if let Some(server) = &self.server {
            server.reset();
        }
        let calls = Arc::new(Calls {
            of: self.urls.iter().map(|url| (url.clone(), AtomicUsize::new(0))).collect(),
            on_a_caller: AtomicUsize::new(0),
            elsewhere: AtomicUsize::new(0),
        });
        let (counted, client) = (calls.clone(), self.client.clone());
        let f = move |url: &String| {
            if let Some(calls) = counted.of.get(url) {
                calls.fetch_add(1, Relaxed);
            }
            let place = if WAITS_FOR_THE_MEMO.get() { &counted.on_a_caller } else { &counted.elsewhere };
            place.fetch_add(1, Relaxed);
            client.get_body(url)
        };
        (calls, Box::new(f))
    }

    /// Asks `memo` for page number `page`, and takes the time.
    fn ask(&self, memo: &impl Memo<String, Fetched>, page: usize) -> Answer {
        let url = &self.urls[page];
        WAITS_FOR_THE_MEMO.set(true);
        let start = Instant::now();
        // The memo may be a student's first one. A panic of it is one caller's bad luck, and not the end.
        let fetched = catch_unwind(AssertUnwindSafe(|| memo.get(url)));
        let elapsed = start.elapsed();
        WAITS_FOR_THE_MEMO.set(false);
        let result = match fetched {
            Ok(Ok(body)) if self.is_mixed_up(page, &body) => {
                Outcome::Error(format!("{url}: the memo gave another page's body; look at how it finds its entries"))
            }
            Ok(Ok(body)) => Outcome::Bytes(body.len()),
            Ok(Err(error)) => Outcome::Error(error.to_string()),
            Err(panic) => Outcome::Error(format!("{url}: the memo panicked: {}", message(&*panic))),
        };
        Answer { url: url.clone(), elapsed, result }
    }

    /// Whether `body` is not what the embedded server has for that page. What others should send, nobody here knows.
    fn is_mixed_up(&self, page: usize, body: &Body) -> bool {
        self.server.as_ref().is_some_and(|server| **body != *server.site().body(page))
    }

    fn end(&self, calls: &Calls, start: Instant, end: Instant, answers: Vec<Answer>) -> Part {
        let counts = self.urls.iter().enumerate().map(|(page, url)| Counts {
            url: url.clone(),
            calls: calls.of.get(url).map_or(0, |calls| calls.load(Relaxed)),
            requests: self.server.as_ref().map(|server| server.requests(page)),
        });
        Part {
            elapsed: end - start,
            asked: answers.len(),
            failed: answers.iter().filter(|answer| matches!(answer.result, Outcome::Error(_))).count(),
            f_ran_on: match (calls.on_a_caller.load(Relaxed), calls.elsewhere.load(Relaxed)) {
                (0, 0) => "no thread: the memo never called it",
                (_, 0) => "its caller's thread",
                (0, _) => "threads that the memo started",
                (_, _) => "its callers' threads and others",
            },
            urls: counts.collect(),
            answers,
        }
    }
}
