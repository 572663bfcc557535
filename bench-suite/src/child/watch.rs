//! Whether a child hangs, by evidence.
//!
//! A clock alone proves nothing: with other programs on all cores a good child may take ten times as long as usual. So a
//! child hangs if the kernel shows that it gets nowhere. Either all of its threads are asleep and none of them ever runs;
//! or they only wake up now and then to look whether there is work, as the idle workers of some runtimes do; or the child
//! has used more processor time than its work can need; or it was offered as much, and has only yielded, as a thread does
//! that waits in this way while other programs want its core. Where nothing of this is seen, the wait goes on, and after a very
//! long time its end is *undecided*.
//!
//! What a child has started counts as a part of it: a shell that waits for a program is asleep, and gets somewhere.

use std::time::{Duration, Instant};

#[cfg(target_os = "linux")]
use green_threads::probe::threads::{self, Thread, Turns};

use super::End;

/// How often a child is looked at.
pub(super) const LOOK: Duration = Duration::from_millis(100);

/// How long the threads of a child may do nothing but look for work, and at how many looks at least they must all be
/// asleep.
#[cfg(target_os = "linux")]
const POLLS: (Duration, u32) = (Duration::from_secs(5), 10);

/// How long a thread that yields runs at most, and how often it must have done so. One that computes runs for some
/// milliseconds. One that waits for another, as in a channel, yields a few times and then goes to sleep.
#[cfg(target_os = "linux")]
const YIELDS: (Duration, u64) = (Duration::from_micros(200), 5_000);

/// What a child may do before its parent calls it a hang.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// How long all threads may be asleep without one of them running: longer than the child ever sleeps on purpose.
    pub asleep: Duration,
    /// How much processor time it may use: much more than it needs.
    pub processor: Duration,
    /// After how long it is undecided whether it hangs. Systems other than Linux show no evidence, so there this alone
    /// counts.
    pub wall: Duration,
}

impl Patience {
    /// With ten minutes for a busy machine on Linux, and elsewhere as long as the processor time.
    #[must_use]
    pub const fn new(asleep: Duration, processor: Duration) -> Self {
        let wall = if cfg!(target_os = "linux") { Duration::from_secs(600) } else { processor };
        Patience { asleep, processor, wall }
    }
}

/// A child that is being watched.
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

/// A time in which no thread of the child has gone to sleep, and none has come or gone.
#[cfg(target_os = "linux")]
#[derive(Debug, Default)]
struct Awake {
    /// Each thread, and how often it had gone to sleep.
    threads: Vec<(u32, u64)>,
    /// What the child had had of the processors when this began.
    turns_then: Turns,
}

/// A time in which the child has hardly run.
#[cfg(target_os = "linux")]
#[derive(Debug)]
struct Rest {
    since: Instant,
    processor_then: Duration,
    /// At how many looks all threads were asleep.
    looks: u32,
    /// The threads at the last of these looks, and how long they have been exactly as they are there.
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

    /// Looks at the child: how it ends, if it is to be killed now.
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
        // The kernel counts in hundredths of a second. Who uses less than a fiftieth of the time looks for work.
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

    /// Whether all that the child does is to yield, and it could have run for twice the processor time that it may use.
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

/// The processor time of a process and of what it has started.
#[cfg(target_os = "linux")]
fn processor(pid: u32) -> Duration {
    threads::family(pid).into_iter().filter_map(|pid| threads::processor_of(pid).ok()).sum()
}

/// The threads of a process and of what it has started, if there was a moment at which all of them were asleep.
///
/// They are read one after the other, and one may wake another that was already read. So they are read twice: a thread
/// that is asleep both times, and has not fallen asleep in between, has been asleep all the time.
#[cfg(target_os = "linux")]
fn asleep(pid: u32) -> Option<Vec<Thread>> {
    let look = || {
        let threads: Vec<Thread> =
            threads::family(pid).into_iter().flat_map(|pid| threads::of(pid).unwrap_or_default()).collect();
        (!threads.is_empty() && threads.iter().all(|thread| thread.asleep)).then_some(threads)
    };
    look().filter(|threads| look().as_ref() == Some(threads))
}
