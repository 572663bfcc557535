//! `memo_http`: the running example, measured: real pages over HTTP, through a memo, for many callers.
//!
//! Every caller asks for every page, each starting at another one. The server takes its time over each request, so what
//! counts is how many requests are under way at once, and how often a page is asked for.

use std::io;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use green_threads::probe::placement::Placement;

use super::rounds::{Contestant, Length, Plan, Run};
use super::threads::{timed, together};
use super::{Experiment, Setting, compete, entrants};
use crate::pages::{Body, Client, FetchError, Limits, Server, Site};
use crate::store::{Cell, Depth};
use crate::subject::{self, Memo, OneThread, Subject, Visitor};

const SITE: Site = Site { pages: 64, size: 4096, delay: Duration::from_millis(10) };

pub(super) struct MemoHttp {
    depth: Depth,
}

impl MemoHttp {
    pub(super) fn new(depth: Depth) -> Self {
        MemoHttp { depth }
    }
}

impl Experiment for MemoHttp {
    fn name(&self) -> &'static str {
        "memo_http"
    }

    fn rounds(&self) -> usize {
        self.depth.rounds(10, 31)
    }

    fn settings(&self) -> Vec<Setting> {
        let callers: &[usize] = if self.depth == Depth::Full { &[4, 16, 64] } else { &[16] };
        let setting = |callers: &usize, placement| {
            let parameters = [
                ("callers", callers.to_string(), callers.to_string()),
                ("pages", SITE.pages.to_string(), format!("{}pages", SITE.pages)),
                ("delay ms", SITE.delay.as_millis().to_string(), format!("{}ms", SITE.delay.as_millis())),
            ];
            Setting::new(parameters, placement)
        };
        Placement::POSSIBLE
            .iter()
            .flat_map(|placement| callers.iter().map(|callers| setting(callers, *placement)))
            .collect()
    }

    fn entrants(&self, _: &Setting) -> Vec<(&'static str, Result<(), String>)> {
        entrants(false)
    }

    fn measure(&mut self, setting: &Setting, without: &[&str], tick: &(dyn Fn(f64) + Sync)) -> io::Result<Vec<Cell>> {
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
                    self.contestants.push(Box::new(Callers::<S> {
                        callers: self.callers,
                        pages,
                        subject: PhantomData,
                    }));
                }
            }
            fn one_thread<S: OneThread>(&mut self) {}
        }
        // The server keeps to no core: it stands for a machine elsewhere. It is started outside the placement.
        let pages = Arc::new(Pages { server: Server::start(SITE)?, client: Client::new(Limits::default()) });
        let mut enter = Enter { callers: setting.number("callers"), pages, without, contestants: Vec::new() };
        subject::visit(&mut enter);
        let plan = Plan { rounds: self.rounds(), length: Length::Iterations(1) };
        compete(setting, enter.contestants, plan, "requests", tick)
    }
}

/// Where the pages come from. The client keeps its connections from one run to the next, as a program would.
struct Pages {
    server: Server,
    client: Client,
}

struct Callers<S> {
    callers: usize,
    pages: Arc<Pages>,
    subject: PhantomData<fn() -> S>,
}

impl<S: Subject> Contestant for Callers<S> {
    fn name(&self) -> &'static str {
        <S as Subject>::NAME
    }

    /// # Panics
    ///
    /// If a page does not come, or is another one's: then there is nothing to measure.
    fn run(&mut self, iterations: u64) -> Run {
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
                        assert_eq!(body.len(), SITE.size, "page {page} is not whole");
                    }
                })
            });
        }
        Run { time, count: Some(self.pages.server.total_requests() as u64 / iterations) }
    }
}
