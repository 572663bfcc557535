//! Runs work on several threads, which read the clock themselves.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

/// When one thread's work began and when it ended.
pub(super) type Span = (Instant, Instant);

/// Times `work` on the calling thread.
pub(super) fn timed(work: impl FnOnce()) -> Span {
    let start = Instant::now();
    work();
    (start, Instant::now())
}

/// Runs `work` on `threads` threads at once, and gives each its number. Returns the time from the first start to
/// the last end.
///
/// The threads that work read the clock. The thread that starts them cannot: with more threads than cores, it may
/// wake up last, long after the work has ended.
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

/// Returns the time from the first start to the last end; 0 if `spans` is empty.
pub(super) fn first_start_to_last_end(spans: &[Span]) -> Duration {
    let start = spans.iter().map(|(start, _)| *start).min();
    let end = spans.iter().map(|(_, end)| *end).max();
    end.zip(start).map_or(Duration::ZERO, |(end, start)| end - start)
}
