//! The results of the demonstration, from which its text and its JSON are made.

use std::time::Duration;

use bench_suite::pages::Site;
use serde::{Serialize, Serializer};

#[derive(Serialize)]
pub(super) struct Findings {
    /// The kind of callers: `thread`, `coroutine` or `task`.
    pub(super) runtime: &'static str,
    /// How many OS threads run the coroutines or tasks. `None` for threads: the kernel runs them.
    pub(super) workers: Option<usize>,
    pub(super) cores: usize,
    /// The cores on which the threads run.
    pub(super) placement: &'static str,
    /// `None` if the user named URLs.
    pub(super) server: Option<Embedded>,
    pub(super) timeout_ms: u128,
    pub(super) max_body_bytes: u64,
    /// In the order in which the memos were named.
    pub(super) memos: Vec<Shown>,
}

/// What one memo did.
#[derive(Serialize)]
pub(super) struct Shown {
    pub(super) memo: &'static str,
    pub(super) what: &'static str,
    pub(super) sequential: Option<Part>,
    pub(super) concurrent: Option<Concurrent>,
    /// How many times as fast as the sequential part the concurrent part was. `None` unless both parts ran and fetched
    /// every page.
    pub(super) speed_up: Option<f64>,
}

/// The server in this process.
#[derive(Serialize)]
pub(super) struct Embedded {
    pub(super) pages: usize,
    pub(super) size_bytes: usize,
    pub(super) delay_ms: u128,
}

/// One of the two parts, with a memo of its own.
#[derive(Serialize)]
pub(super) struct Part {
    /// From the first caller's start to the last caller's end.
    #[serde(rename = "elapsed_ns", serialize_with = "nanoseconds")]
    pub(super) elapsed: Duration,
    pub(super) asked: usize,
    pub(super) failed: usize,
    pub(super) f_ran_on: String,
    /// How many OS threads this process had when all callers had begun, the server's included. `None` if the system
    /// does not say.
    pub(super) threads: Option<usize>,
    /// In the order in which they arrived.
    pub(super) answers: Vec<Answer>,
    pub(super) urls: Vec<Counts>,
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Concurrent {
    Ran(Part),
    Impossible(#[serde(serialize_with = "impossible")] &'static str),
}

/// What one caller got.
#[derive(Serialize)]
pub(super) struct Answer {
    pub(super) url: String,
    /// How long the caller waited.
    #[serde(rename = "elapsed_ns", serialize_with = "nanoseconds")]
    pub(super) elapsed: Duration,
    /// When the answer arrived, from the start of the part.
    #[serde(rename = "at_ns", serialize_with = "nanoseconds")]
    pub(super) at: Duration,
    #[serde(flatten)]
    pub(super) result: Reply,
}

/// The length of the body in bytes, or why there is none.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reply {
    Bytes(usize),
    Error(String),
}

/// How many times one URL was fetched.
#[derive(Serialize)]
pub(super) struct Counts {
    pub(super) url: String,
    /// Calls of `http_get_body`, as this process counts them.
    pub(super) calls: usize,
    /// Requests, as the embedded server counts them. `None` if the user named URLs.
    pub(super) requests: Option<usize>,
}

impl Findings {
    /// How many questions of all parts got no page.
    pub(super) fn failed(&self) -> usize {
        self.memos.iter().map(Shown::failed).sum()
    }
}

impl Shown {
    /// The concurrent part, if it could run.
    pub(super) fn at_once(&self) -> Option<&Part> {
        match &self.concurrent {
            Some(Concurrent::Ran(part)) => Some(part),
            Some(Concurrent::Impossible(_)) | None => None,
        }
    }

    fn failed(&self) -> usize {
        [self.sequential.as_ref(), self.at_once()].into_iter().flatten().map(|part| part.failed).sum()
    }

    /// Computes the field `speed_up`. A failure takes no time, or the whole timeout, so a ratio that includes a failure
    /// means nothing.
    pub(super) fn speed_up(&self) -> Option<f64> {
        let (sequential, concurrent) = self.sequential.as_ref().zip(self.at_once())?;
        (self.failed() == 0).then(|| sequential.elapsed.as_secs_f64() / concurrent.elapsed.as_secs_f64())
    }
}

impl From<Site> for Embedded {
    fn from(site: Site) -> Self {
        Embedded { pages: site.pages, size_bytes: site.size, delay_ms: site.delay.as_millis() }
    }
}

fn nanoseconds<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u128(duration.as_nanos())
}

fn impossible<S: Serializer>(why: &str, to: S) -> Result<S::Ok, S::Error> {
    to.collect_map([("impossible", why)])
}
