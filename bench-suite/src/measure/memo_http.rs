//! `memo_http`: the running example. Many callers get real pages over HTTP through one memo.
//!
//! Every caller asks for every page, and each caller starts at a different page. The server delays each answer by
//! 10 ms. So the time depends on how many requests are under way at once, and on how often the memo requests the
//! same page.

use std::io;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use green_threads::probe::placement::Placement;
use green_threads::probe::protocol::Answer;
use green_threads::workload::{Depth, Parameter, Quantity, Times};

use super::rounds::{Contestant, Length, Plan};
use super::together::{timed, together};
use super::{Contest, Tick, Written, all_subjects, compete};
use crate::pages::{Body, Client, FetchError, Limits, Server, Site};
use crate::store::Found;
use crate::subject::Callers::Threads;
use crate::subject::{self, Memo, OneThread, Subject, Visitor};

const SITE: Site = Site { pages: 64, size: 4096, delay: Duration::from_millis(10) };

const NAME: &str = "memo_http";

const REQUESTS: Quantity = Quantity::count("requests", "requests").less();

const TIMES: Times = Times {
    rows: "memo",
    caption: "Real pages over HTTP: each caller asks for all of them. Shown: time until all callers have all pages, \
              the ratio to the fastest, and in brackets the requests that the server saw.",
    columns: &[
        Parameter::new("callers", "{} callers"),
        Parameter::new("pages", "{} pages"),
        Parameter::new("delay ms", "{} ms each"),
    ],
    in_brackets: &[REQUESTS],
    ..Times::OF_MODELS
};

pub(super) struct MemoHttp {
    depth: Depth,
    settings: Vec<Setting>,
}

#[derive(Clone, Copy)]
struct Setting {
    callers: usize,
    placement: Placement,
}

impl MemoHttp {
    pub(super) fn new(depth: Depth) -> Self {
        let callers: &[usize] = if depth == Depth::Full { &[4, 16, 64] } else { &[16] };
        let at = |&placement| callers.iter().map(move |&callers| Setting { callers, placement });
        MemoHttp { depth, settings: Placement::POSSIBLE.iter().flat_map(at).collect() }
    }
}

impl Contest for MemoHttp {
    fn name(&self) -> &'static str {
        NAME
    }

    fn times(&self) -> Times {
        TIMES
    }

    fn rounds(&self) -> usize {
        self.depth.rounds(10, 31)
    }

    fn settings(&self) -> Vec<Written> {
        let (pages, delay) = (SITE.pages, SITE.delay.as_millis());
        let written = |&Setting { callers, placement }: &Setting| {
            let parameters =
                [("callers", callers.to_string()), ("pages", pages.to_string()), ("delay ms", delay.to_string())];
            Written::of_memos(NAME, parameters, &format!("{callers}-{pages}pages-{delay}ms"), placement)
        };
        self.settings.iter().map(written).collect()
    }

    fn entrants(&self, _: usize) -> Vec<(&'static str, Result<(), String>)> {
        all_subjects(false)
    }

    fn measure(&mut self, setting: usize, without: &[&str], tick: Tick<'_>) -> io::Result<Vec<(&'static str, Found)>> {
        struct Enter<'a> {
            callers: usize,
            pages: Arc<Pages>,
            without: &'a [&'a str],
            contestants: Vec<Box<dyn Contestant>>,
        }
        impl Visitor for Enter<'_> {
            fn shared<S: Subject>(&mut self) {
                if !self.without.contains(&<S as Subject>::NAME) {
                    let pages = self.pages.clone();
                    self.contestants.push(Box::new(Crowd::<S> { callers: self.callers, pages, subject: PhantomData }));
                }
            }
            fn one_thread<S: OneThread>(&mut self) {}
        }
        // The server plays the part of another machine. So it starts outside the placement, and may use any core.
        let pages = Arc::new(Pages { server: Server::start(SITE)?, client: Client::new(Limits::default()) });
        let Setting { callers, placement } = self.settings[setting];
        let mut enter = Enter { callers, pages, without, contestants: Vec::new() };
        subject::visit_made_for(Threads, &mut enter);
        let plan = Plan { rounds: self.rounds(), length: Length::Iterations(1) };
        compete(placement, enter.contestants, plan, &TIMES, tick)
    }
}

/// The server of the pages, and the client that gets them. The client keeps its connections from one run to the
/// next, as a real program does.
struct Pages {
    server: Server,
    client: Client,
}

struct Crowd<S> {
    callers: usize,
    pages: Arc<Pages>,
    subject: PhantomData<fn() -> S>,
}

impl<S: Subject> Contestant for Crowd<S> {
    fn name(&self) -> &'static str {
        <S as Subject>::NAME
    }

    /// # Panics
    ///
    /// If a page cannot be fetched or does not have the right size: then there is nothing to measure.
    fn run(&mut self, iterations: u64) -> Answer {
        let urls: Vec<String> = (0..SITE.pages).map(|page| self.pages.server.url(page)).collect();
        let mut time = Duration::ZERO;
        self.pages.server.reset();
        for _ in 0..iterations {
            let memo = <S as Subject>::memo({
                let client = self.pages.client.clone();
                Box::new(move |url: &String| -> Result<Body, FetchError> { client.get_body(url) })
            });
            time += together(self.callers, |caller| {
                timed(|| {
                    for turn in 0..urls.len() {
                        let page = (caller * urls.len() / self.callers + turn) % urls.len();
                        let body = memo.get(&urls[page]).unwrap_or_else(|error| panic!("memo_http: {error}"));
                        assert_eq!(body.len(), SITE.size, "page {page} does not have the right size");
                    }
                })
            });
        }
        Answer::time(time).quantity(REQUESTS, (self.pages.server.total_requests() as u64 / iterations) as f64)
    }
}
