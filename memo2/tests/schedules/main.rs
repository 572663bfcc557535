//! Storms in random schedules, with more threads and steps than a checker could try in every order.
//!
//! As in `tests/model/`, the memos are compiled a second time, here with shuttle's types. shuttle runs the threads
//! one at a time and draws which thread runs next at each step. It draws by chance alone, or by the rules of
//! *probabilistic concurrency testing*, which gives the threads priorities and changes them at a few points. So it
//! finds a fault that needs few interruptions with a known probability (Burckhardt and others, ASPLOS 2010).
//!
//! A schedule comes from a seed: `SEED=7 cargo test -p memo2 --test schedules` draws other schedules, and the same
//! ones each time. A failure prints its seed.

#[path = "../../src/robust/mod.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "public in its own crate, private in this one"
)]
mod robust;
#[path = "../checked/storm.rs"]
mod storm;
#[path = "../checked/sync.rs"]
#[expect(dead_code, reason = "the memo here has no atomics")]
mod sync;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Instant;

use rusty_fork::rusty_fork_test;
use shuttle as checker;
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, Runner};

const STORM: storm::Size = storm::Size { threads: 4, steps: 12, keys: 3 };
const SCHEDULES: usize = 2_000;

fn first_seed() -> u64 {
    std::env::var("SEED").ok().map_or(1, |seed| seed.parse().expect("SEED is a number"))
}

fn check(name: &str, scheduler: impl Scheduler + 'static, seed: u64) {
    let start = Instant::now();
    let mut config = Config::new();
    config.stack_size = 1 << 20;
    let storm = move || _ = storm::run(seed, STORM);
    let checked =
        catch_unwind(AssertUnwindSafe(|| Runner::new(scheduler, config).run(storm)));
    let schedules = checked.unwrap_or_else(|failure| {
        println!("{name}, SEED={seed}: failed");
        resume_unwind(failure)
    });
    println!("{name}, SEED={seed}: {schedules} schedules, {:.1?}", start.elapsed());
}

// In separate processes, because shuttle sets a panic hook, and a storm panics on purpose.
rusty_fork_test! {
    #![rusty_fork(timeout_ms = 600000)]

    #[test]
    fn by_chance() {
        for seed in first_seed()..first_seed() + 5 {
            check("by chance", RandomScheduler::new_from_seed(seed, SCHEDULES / 5), seed);
        }
    }

    #[test]
    fn by_priorities() {
        for seed in first_seed()..first_seed() + 5 {
            check("by priorities", PctScheduler::new_from_seed(seed, 3, SCHEDULES / 5), seed);
        }
    }
}
