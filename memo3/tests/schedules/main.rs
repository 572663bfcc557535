//! The memo in random schedules: its monitor, its calls, its callers, their panics, and the shutdown at the end.
//!
//! The memo is compiled here a second time, with shuttle's threads and channels in place of the real ones
//! (`sync.rs`). So the tests try the same code that runs. shuttle runs the threads one at a time and draws which
//! thread runs next at each step, by chance alone or by the rules of *probabilistic concurrency testing*
//! (Burckhardt and others, ASPLOS 2010). It fails when the program fails, and when every thread waits.
//!
//! `SEED=7 cargo test -p memo3 --test schedules` draws other schedules, and the same ones each time. A failure
//! prints its seed.
//!
//! Unlike `memo2`, this memo is not tried in every order: loom's threads have no scopes, and its channels are never
//! closed.

#[path = "../../src/map.rs"]
mod map;
#[path = "../../src/memo.rs"]
#[expect(unreachable_pub, reason = "public in its own crate, private in this one")]
mod memo;
#[path = "../../src/panics.rs"]
mod panics;
mod sync;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Instant;

use memo::Memo;
use rusty_fork::rusty_fork_test;
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, Runner, thread};

const SCHEDULES: usize = 2_000;
const CALLERS: usize = 3;
const KEYS: usize = 2;

/// A value that counts how many of its kind are alive.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(alive: &Arc<AtomicUsize>) -> Self {
        alive.fetch_add(1, SeqCst);
        Counted(alive.clone())
    }
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        Counted::new(&self.0)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

/// Callers ask for two keys, each caller in an order of its own. The first call for each key panics. Its caller
/// sees that and asks again, and then all callers have every value. The last caller to let go of the memo closes
/// it. Then everything that the memo had is dropped: values, calls and the monitor, which would otherwise wait
/// forever and fail the schedule.
fn storm() {
    let (alive, calls) = (
        Arc::new(AtomicUsize::new(0)),
        Arc::new([(); KEYS].map(|()| AtomicUsize::new(0))),
    );
    let inside = Arc::new([(); KEYS].map(|()| AtomicUsize::new(0)));
    let f = {
        let (alive, calls, inside) = (alive.clone(), calls.clone(), inside.clone());
        move |key: &usize| {
            let call = calls[*key].fetch_add(1, SeqCst);
            assert_eq!(
                inside[*key].fetch_add(1, SeqCst),
                0,
                "two calls for key {key} at once"
            );
            thread::yield_now();
            inside[*key].fetch_sub(1, SeqCst);
            if call == 0 {
                // Panics without a message.
                resume_unwind(Box::new(*key));
            }
            (*key, Counted::new(&alive))
        }
    };
    let memo = sync::Arc::new(Memo::new(f));
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let memo = memo.clone();
            thread::spawn(move || {
                let mut panics = [0; KEYS];
                for key in (0..KEYS).map(|step| (caller + step) % KEYS) {
                    let value = loop {
                        match catch_unwind(AssertUnwindSafe(|| memo.get(key))) {
                            Ok(value) => break value,
                            Err(panic) => {
                                assert_eq!(
                                    panic.downcast_ref(),
                                    Some(&key),
                                    "a panic that is not of this key's call"
                                );
                                panics[key] += 1;
                            }
                        }
                    };
                    assert_eq!(value.0, key);
                }
                if let Some(memo) = sync::Arc::into_inner(memo) {
                    memo.close();
                }
                panics
            })
        })
        .collect();
    drop(memo);
    let mut panics = [0; KEYS];
    for caller in callers {
        let seen = caller.join().unwrap();
        (0..KEYS).for_each(|key| panics[key] += seen[key]);
    }
    assert_eq!(panics, [1; KEYS], "how many callers saw the panic of each key");
    assert_eq!(
        calls.each_ref().map(|calls| calls.load(SeqCst)),
        [2; KEYS],
        "calls of f for each key"
    );
    assert_eq!(alive.load(SeqCst), 0, "values when the memo is gone");
}

fn first_seed() -> u64 {
    std::env::var("SEED").ok().map_or(1, |seed| seed.parse().expect("SEED is a number"))
}

fn check(name: &str, scheduler: impl Scheduler + 'static, seed: u64) {
    let start = Instant::now();
    let checked = catch_unwind(AssertUnwindSafe(|| {
        Runner::new(scheduler, Config::new()).run(storm)
    }));
    let schedules = checked.unwrap_or_else(|failure| {
        println!("{name}, SEED={seed}: failed");
        resume_unwind(failure)
    });
    println!("{name}, SEED={seed}: {schedules} schedules, {:.1?}", start.elapsed());
}

// In separate processes, because shuttle sets a panic hook, and the storm panics on purpose.
rusty_fork_test! {
    #![rusty_fork(timeout_ms = 600000)]

    #[test]
    fn by_chance() {
        check("by chance", RandomScheduler::new_from_seed(first_seed(), SCHEDULES), first_seed());
    }

    #[test]
    fn by_priorities() {
        check("by priorities", PctScheduler::new_from_seed(first_seed(), 3, SCHEDULES), first_seed());
    }
}
