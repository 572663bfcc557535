//! Work on several threads, timed by the workers themselves.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

/// The time between two readings of one worker's clock.
pub(super) type Span = (Instant, Instant);

/// Times `work` on the calling thread.
pub(super) fn timed(work: impl FnOnce()) -> Span {
    let start = Instant::now();
    work();
    (start, Instant::now())
}

/// Runs `work` on `threads` threads at once, each with its number, and says how long it was from the first start to the
/// last end.
///
/// The workers read the clock, each on its own thread. A clock read by whoever started them would be wrong: with more
/// threads than cores, the starter may wake up last, when the work is long done.
pub(super) fn together(threads: usize, work: impl Fn(usize) -> Span + Sync) -> Duration {
    let start = Barrier::new(threads);
    let spans: Vec<Span> = thread::scope(|scope| {
        let (start, work) = (&start, &work);
        let workers: Vec<_> = (0..threads)
            .map(|thread| {
                scope.spawn(move || {
                    start.wait();
                    work(thread)
                })
            })
            .collect();
        let join = |worker: thread::ScopedJoinHandle<'_, Span>| {
            worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        workers.into_iter().map(join).collect()
    });
    first_start_to_last_end(&spans)
}

/// The time from the first start to the last end.
pub(super) fn first_start_to_last_end(spans: &[Span]) -> Duration {
    let start = spans.iter().map(|(start, _)| *start).min();
    let end = spans.iter().map(|(_, end)| *end).max();
    end.zip(start).map_or(Duration::ZERO, |(end, start)| end - start)
}
