//! Decides by evidence whether a child hangs.
//!
//! A clock alone proves nothing: while other programs use all cores, a good child may take ten times as long as
//! usual. So a child counts as hanging only if the kernel shows that it makes no progress, in one of four ways:
//! - All of its threads are asleep, and none of them ever runs.
//! - Its threads wake up only now and then to look for work, as the idle workers of some runtimes do.
//! - The child has used more processor time than its work can need.
//! - The child could have used as much, but only yielded. A thread that waits by yielding does so while other
//!   programs want its core.
//!
//! If the kernel shows none of this, the wait goes on. After a very long time the child is killed, and its end is
//! *undecided*.
//!
//! The descendants of a child count as a part of it: a shell that waits for a program is asleep, but the program
//! makes progress.

use std::time::{Duration, Instant};

#[cfg(target_os = "linux")]
use green_threads::probe::threads::{self, Thread, Turns};

use super::end::End;

/// The time between two looks at a child.
pub(super) const LOOK: Duration = Duration::from_millis(100);

/// The time for which the threads of a child may only look for work, and the number of looks at which all of them
/// must have been asleep in that time.
#[cfg(target_os = "linux")]
const POLLS: (Duration, u32) = (Duration::from_secs(5), 10);

/// The longest average run of a thread that only yields, and the least number of runs. A thread that computes runs
/// for several milliseconds at a time. A thread that waits for another one, as in a channel, yields a few times and
/// then goes to sleep.
#[cfg(target_os = "linux")]
const YIELDS: (Duration, u64) = (Duration::from_micros(200), 5_000);

/// What a child may do before its parent decides that it hangs.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// The longest time for which all threads may be asleep and none runs. It is longer than the child ever sleeps
    /// on purpose.
    pub asleep: Duration,
    /// The processor time that the child may use. It is much more than the child needs.
    pub processor: Duration,
    /// The time after which the end is undecided. Only Linux shows evidence of a hang, so on other systems this
    /// limit alone counts.
    pub wall: Duration,
}

impl Patience {
    /// A patience whose `wall` is ten minutes on Linux, enough for a busy machine, and `processor` on other
    /// systems.
    #[must_use]
    pub const fn new(asleep: Duration, processor: Duration) -> Self {
        let wall = if cfg!(target_os = "linux") { Duration::from_secs(600) } else { processor };
        Patience { asleep, processor, wall }
    }
}

/// A child that is being watched, with the evidence so far.
#[derive(Debug)]
pub(super) struct Watch {
    pid: u32,
    patience: Patience,
    start: Instant,
    #[cfg(target_os = "linux")]
    processor_at_start: Duration,
    #[cfg(target_os = "linux")]
    rest: Option<Rest>,
    #[cfg(target_os = "linux")]
    awake: Awake,
}

/// A period in which no thread of the child has gone to sleep, started or ended.
#[cfg(target_os = "linux")]
#[derive(Debug, Default)]
struct Awake {
    /// The id of each thread, and how often it had gone to sleep.
    threads: Vec<(u32, u64)>,
    /// The time that the child had had on the processors when this period began.
    turns_then: Turns,
}

/// A period in which the child has hardly run.
#[cfg(target_os = "linux")]
#[derive(Debug)]
struct Rest {
    since: Instant,
    processor_then: Duration,
    /// The number of looks at which all threads were asleep.
    looks: u32,
    /// The threads at the last of these looks, and the time since which they have not changed.
    threads: Vec<Thread>,
    unchanged_since: Instant,
}

impl Watch {
    pub(super) fn new(pid: u32, patience: Patience) -> Self {
        Watch {
            pid,
            patience,
            start: Instant::now(),
            #[cfg(target_os = "linux")]
            processor_at_start: processor(pid),
            #[cfg(target_os = "linux")]
            rest: None,
            #[cfg(target_os = "linux")]
            awake: Awake::default(),
        }
    }

    /// Looks at the child. Returns how it ends, if it must be killed now.
    pub(super) fn look(&mut self) -> Option<End> {
        let undecided = (self.start.elapsed() >= self.patience.wall).then_some(End::Undecided);
        self.evidence().or(undecided)
    }

    #[cfg(target_os = "linux")]
    fn evidence(&mut self) -> Option<End> {
        let now = Instant::now();
        let processor = processor(self.pid);
        if let Some(threads) = asleep(self.pid) {
            let rest = self.rest.get_or_insert_with(|| Rest {
                since: now,
                processor_then: processor,
                looks: 0,
                threads: Vec::new(),
                unchanged_since: now,
            });
            rest.looks += 1;
            if rest.threads != threads {
                (rest.threads, rest.unchanged_since) = (threads, now);
            }
        } else if let Some(rest) = &mut self.rest {
            rest.unchanged_since = now;
            rest.threads.clear();
        }
        // The kernel counts processor time in hundredths of a second. A child that uses less than a fiftieth of the
        // time only looks for work.
        let runs = |rest: &Rest| {
            processor.saturating_sub(rest.processor_then) > (now - rest.since) / 50 + Duration::from_millis(20)
        };
        if self.rest.as_ref().is_some_and(runs) {
            self.rest = None;
        }
        let rests = self.rest.as_ref().is_some_and(|rest| {
            let still = !rest.threads.is_empty() && now - rest.unchanged_since >= self.patience.asleep;
            still || now - rest.since >= POLLS.0.max(self.patience.asleep) && rest.looks >= POLLS.1
        });
        let spins = processor.saturating_sub(self.processor_at_start) >= self.patience.processor;
        (rests || spins || self.yields()).then_some(End::Hangs { asleep: rests })
    }

    /// Whether the child only yields, and could have run for twice the processor time that it may use.
    #[cfg(target_os = "linux")]
    fn yields(&mut self) -> bool {
        let family = threads::family(self.pid);
        let all = family.iter().filter_map(|pid| threads::turns_of(*pid).ok());
        let now = all.fold(Turns::default(), |all, own| Turns {
            ran: all.ran + own.ran,
            waited: all.waited + own.waited,
            count: all.count + own.count,
        });
        let threads = family.iter().flat_map(|pid| threads::of(*pid).unwrap_or_default());
        let threads: Vec<_> = threads.map(|thread| (thread.id, thread.voluntary_switches)).collect();
        if threads != self.awake.threads {
            self.awake = Awake { threads, turns_then: now };
        }
        let then = self.awake.turns_then;
        let ran = now.ran.saturating_sub(then.ran);
        let turns = now.count.saturating_sub(then.count);
        let (longest, least) = YIELDS;
        turns >= least
            && ran.as_nanos() < u128::from(turns) * longest.as_nanos()
            && ran + now.waited.saturating_sub(then.waited) >= 2 * self.patience.processor
    }

    #[cfg(not(target_os = "linux"))]
    fn evidence(&mut self) -> Option<End> {
        let _ = self.pid;
        None
    }
}

/// The processor time of a process and of its descendants.
#[cfg(target_os = "linux")]
fn processor(pid: u32) -> Duration {
    threads::family(pid).into_iter().filter_map(|pid| threads::processor_of(pid).ok()).sum()
}

/// The threads of a process and of its descendants, if there was a moment at which all of them were asleep.
///
/// The threads are read one after the other, and a thread may wake another that was already read. So they are read
/// twice: a thread that is asleep both times, and has not gone to sleep in between, was asleep all the time.
#[cfg(target_os = "linux")]
fn asleep(pid: u32) -> Option<Vec<Thread>> {
    let look = || {
        let threads: Vec<Thread> =
            threads::family(pid).into_iter().flat_map(|pid| threads::of(pid).unwrap_or_default()).collect();
        (!threads.is_empty() && threads.iter().all(|thread| thread.asleep)).then_some(threads)
    };
    look().filter(|threads| look().as_ref() == Some(threads))
}
