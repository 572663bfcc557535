//! Measures what one event of a trace costs: the time of `Actor::did` and of a span, with recording on and off.
//!
//! ```sh
//! cargo run --release -p green-threads --example recording
//! ```
//!
//! The four take turns, so that a disturbance hits all of them. Shown: the median of the rounds, in nanoseconds.

#![forbid(unsafe_code)]

use std::hint::black_box;
use std::time::Instant;

use green_threads::probe::trace::{Actor, Recorder, Trace};

/// How many events a round has: so many that a trace has room for all of them.
const EVENTS: usize = Trace::MOST_EVENTS / 2;
const ROUNDS: usize = 2001;

/// A function that records one event, and its name.
type Kind = (&'static str, fn(&Actor));

fn main() {
    let kinds: [Kind; 2] = [
        ("a moment", |actor| black_box(actor).did("ran")),
        ("a span", |actor| drop(black_box(actor).holds("runs"))),
    ];
    let mut times = [(); 4].map(|()| Vec::with_capacity(ROUNDS));
    for _ in 0..ROUNDS {
        for (at, times) in times.iter_mut().enumerate() {
            let recorder = Recorder::new(at % 2 == 1);
            let actor = recorder.one_of("unit", 1);
            let record = kinds[at / 2].1;
            let start = Instant::now();
            (0..EVENTS).for_each(|_| record(&actor));
            times.push(start.elapsed().as_nanos() as f64 / EVENTS as f64);
            // The trace itself is made after the clock has stopped.
            drop(recorder);
        }
    }
    for (at, times) in times.iter_mut().enumerate() {
        times.sort_by(f64::total_cmp);
        let recording = if at % 2 == 1 { "on" } else { "off" };
        println!(
            "{:<8}  recording {recording:<3}  {:6.1} ns",
            kinds[at / 2].0,
            times[ROUNDS / 2]
        );
    }
}
