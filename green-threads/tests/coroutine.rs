//! Tests of the façade over `may`: each test springs one trap that the façade closes.
//!
//! The runtime starts once per process, and the tested code could hang, so each test has its own child process.

#![cfg(target_os = "linux")]

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use green_threads::coroutine::{self, Config, JoinError, Runtime, StartError, SyncFlag};
use green_threads::probe::{memory::Memory, threads};
use green_threads::{StackSize, Workers};
use rusty_fork::rusty_fork_test;

fn start(workers: usize) -> &'static Runtime {
    let stack = StackSize::new(256 << 10).unwrap();
    coroutine::start(Config {
        pool: 1,
        ..Config::new(Workers::new(workers).unwrap(), stack)
    })
    .unwrap()
}

rusty_fork_test! {
    #![rusty_fork(timeout_ms = 600_000)]

    #[test]
    fn a_second_start_says_with_what_the_first_was() {
        let first = start(2).config();
        let again = coroutine::start(Config::new(Workers::ONE, StackSize::MAY_DEFAULT)).unwrap_err();
        assert!(matches!(again, StartError::Again(with) if with == first), "{again}");
        assert!(again.to_string().contains("2 workers and stacks of 256 KiB"), "{again}");
    }

    #[test]
    fn a_start_that_is_refused_leaves_another_try() {
        let config = Config::new(Workers::ONE, StackSize::MAY_DEFAULT);
        assert!(matches!(coroutine::start(Config { pool: 0, ..config }), Err(StartError::NoPool)));
        let too_many = coroutine::start(Config { pool: 10_000_000, ..config }).unwrap_err();
        assert!(too_many.to_string().contains("max_map_count"), "{too_many}");
        coroutine::start(config).unwrap();
    }

    /// `may` reads its settings at the first spawn of the process. Later it returns those that were set last.
    #[test]
    #[allow(clippy::disallowed_methods, reason = "this is the trap")]
    fn a_start_after_another_ones_is_no_false_promise() {
        may::config().set_workers(2).set_stack_size((64 << 10) / size_of::<usize>());
        // SAFETY: it does nothing.
        unsafe { may::coroutine::spawn(|| ()) }.join().unwrap();
        let start = |workers, stack: usize| {
            let stack = StackSize::new(stack).unwrap();
            coroutine::start(Config::new(Workers::new(workers).unwrap(), stack)).map_err(|error| error.to_string())
        };
        let says = |error: &str, has: &str| assert!(error.contains(has), "{error}");
        says(
            &start(7, 1 << 20).unwrap_err(),
            "with 2 workers and stacks of 64 KiB, not with 7 workers and stacks of 1 MiB",
        );
        says(&start(3, 64 << 10).unwrap_err(), "with 2 workers and stacks of 64 KiB");
        says(&start(1, 64 << 10).unwrap_err(), "with more than 1 workers and stacks of 64 KiB");
        says(&start(2, 128 << 10).unwrap_err(), "with 2 workers and stacks of 64 KiB");
        assert_eq!(may::config().get_workers(), 2, "a refused start must leave the settings unchanged");
        // Asking for what `may` already runs with is allowed, because that promise can be kept.
        let runtime = start(2, 64 << 10).unwrap();
        assert_eq!((runtime.config().workers.number(), runtime.config().stack.bytes()), (2, 64 << 10));
    }

    // `start` compares what was asked for with what it finds, and returns an error if they differ.
    #[test]
    fn stacks_of_a_page_are_what_they_say() {
        coroutine::start(Config::new(Workers::new(5).unwrap(), StackSize::new(4 << 10).unwrap())).unwrap();
    }

    #[test]
    fn stacks_of_three_pages_are_what_they_say() {
        coroutine::start(Config::new(Workers::ONE, StackSize::new(12 << 10).unwrap())).unwrap();
    }

    #[test]
    fn large_stacks_and_many_workers_are_what_they_say() {
        coroutine::start(Config {
            pool: 1,
            ..Config::new(Workers::new(64).unwrap(), StackSize::new(8 << 20).unwrap())
        })
        .unwrap();
    }

    #[test]
    fn the_threads_are_the_workers_and_one_timer() {
        let before = threads::all().unwrap().len();
        start(3);
        assert_eq!(threads::all().unwrap().len(), before + 3 + 1);
    }

    #[test]
    fn join_tells_how_it_ended() {
        let runtime = start(1);
        // SAFETY: it never yields, and its stack has room for a panic.
        let panics = unsafe { runtime.spawn::<_, ()>(|| panic!("seven")) }.unwrap();
        // SAFETY: it never yields; it overflows its stack by a frame whose every page is touched, the guard page
        // too, which `may` turns into an end of the coroutine.
        let overflows = unsafe { runtime.spawn(overflow) }.unwrap();
        // SAFETY: it holds a flag of its own across its wait.
        let waits = unsafe { runtime.spawn(|| SyncFlag::new().wait()) }.unwrap();
        // SAFETY: it never yields.
        let ends = unsafe { runtime.spawn(|| 7) }.unwrap();
        match panics.join() {
            Err(JoinError::Panicked(with)) => assert_eq!(with.downcast_ref(), Some(&"seven")),
            other => panic!("{other:?}"),
        }
        assert!(matches!(overflows.join(), Err(JoinError::Overflowed)));
        // SAFETY: it holds nothing but a flag.
        unsafe { waits.coroutine().cancel() };
        assert!(matches!(waits.join(), Err(JoinError::Cancelled)));
        assert_eq!(ends.join().unwrap(), 7);
    }

    #[test]
    fn a_cancelled_coroutine_runs_its_destructors_and_an_overflowed_one_does_not() {
        struct Tell(Arc<AtomicUsize>, usize);
        impl Drop for Tell {
            fn drop(&mut self) {
                self.0.fetch_add(self.1, Relaxed);
            }
        }
        let runtime = start(1);
        let told = Arc::new(AtomicUsize::new(0));
        let (one, ten) = (Tell(told.clone(), 1), Tell(told.clone(), 10));
        // SAFETY: it holds a counter across its wait, which is nothing of a thread.
        let cancelled = unsafe {
            runtime.spawn(move || {
                let _one = one;
                // A `catch_unwind` must pass a cancellation on.
                catch_unwind(AssertUnwindSafe(|| SyncFlag::new().wait())).unwrap_or_else(|end| resume_unwind(end));
            })
        }.unwrap();
        // SAFETY: it never yields; for the overflow see above.
        let overflowed = unsafe {
            runtime.spawn(move || {
                let _ten = ten;
                overflow();
            })
        }.unwrap();
        // SAFETY: its frames hold a counter and a flag.
        unsafe { cancelled.coroutine().cancel() };
        assert!(matches!(cancelled.join(), Err(JoinError::Cancelled)));
        assert!(matches!(overflowed.join(), Err(JoinError::Overflowed)));
        assert_eq!(told.load(Relaxed), 1);
    }

    /// `may` by itself panics here, or hangs.
    #[test]
    fn a_spawn_without_room_is_an_error_and_those_before_live() {
        let runtime = coroutine::start(Config::new(Workers::ONE, StackSize::MAY_DEFAULT)).unwrap();
        let released = Arc::new(AtomicBool::new(false));
        let limit = std::fs::read_to_string("/proc/sys/vm/max_map_count").unwrap().trim().parse().unwrap();
        let mut handles = Vec::new();
        let error = loop {
            let released = released.clone();
            // SAFETY: it holds a flag of its own across its waits.
            let spawned = unsafe {
                runtime.spawn(move || {
                    while !released.load(Relaxed) {
                        coroutine::park();
                    }
                    coroutine::yield_now();
                    1
                })
            };
            match spawned {
                Ok(handle) => handles.push(handle),
                Err(error) => break error,
            }
            assert!(handles.len() < limit, "each coroutine takes two mappings, so this must have reached the limit");
            if handles.len() == 100_000 {
                // This machine has a higher limit, so the test cannot reach it.
                return;
            }
        };
        assert_eq!(error.kind(), std::io::ErrorKind::OutOfMemory);
        assert!(error.to_string().contains("vm.max_map_count"), "{error}");
        // Nearly the whole limit is used: two mappings per coroutine, and a rest that is kept free.
        assert!(handles.len() * 2 > limit - 2_000, "{} of {limit}", handles.len());
        // SAFETY: it does nothing.
        unsafe { runtime.spawn(|| ()) }.unwrap_err();

        let live = handles.len();
        released.store(true, Relaxed);
        handles.iter().for_each(|handle| handle.coroutine().unpark());
        assert_eq!(handles.into_iter().map(|handle| handle.join().unwrap()).sum::<usize>(), live);
        // SAFETY: it does nothing.
        unsafe { runtime.spawn(|| ()) }.unwrap().join().unwrap();
    }

    /// `may` by itself resumes a sleeper on its timer thread.
    #[test]
    fn after_a_sleep_a_coroutine_is_back_on_a_worker() {
        let runtime = start(1);
        // SAFETY: it copies a thread's number before and after its yields, and holds nothing of the thread.
        let ids = unsafe {
            runtime.spawn(|| {
                let mut ids = BTreeSet::from([threads::this()]);
                for _ in 0..10 {
                    coroutine::sleep(Duration::from_millis(1));
                    ids.insert(threads::this());
                }
                ids
            })
        };
        assert_eq!(ids.unwrap().join().unwrap().len(), 1);
    }

    /// Each stack whose size is not a whole number of pages would be mapped anew; one with an odd size would be
    /// committed as a whole.
    #[test]
    fn stacks_are_used_again() {
        let stack = StackSize::new(64 << 10).unwrap();
        let runtime = coroutine::start(Config { pool: 8, ..Config::new(Workers::ONE, stack) }).unwrap();
        let run = || {
            // SAFETY: it does nothing.
            unsafe { runtime.spawn(|| ()) }.unwrap().join().unwrap();
        };
        // A thread that is still starting, and the allocator's memory for it, are mapped in one round or another.
        // Mappings that the coroutines kept would show in every round.
        let rounds = [(); 5].map(|()| {
            let before = Memory::now().unwrap();
            (0..1000).for_each(|_| run());
            (before, Memory::now().unwrap())
        });
        assert!(rounds.iter().any(|(before, after)| after.mappings == before.mappings), "{rounds:?}");
        for (before, after) in &rounds {
            assert!(after.mappings < before.mappings + 1000, "{before:?} {after:?}");
            assert!(after.resident < before.resident + 1000 * 4096, "{before:?} {after:?}");
        }
    }
}

/// Overflows the stack by one frame that is larger than the stack. Its pages are touched one by one until the
/// guard page is.
///
/// A recursion with small frames would overflow too. But whether it also writes the last words above the guard
/// page depends on how its frames happen to lie, and if it does, `may` ends the process (see
/// `JoinError::Overflowed`).
#[inline(never)]
fn overflow() {
    let mut large = std::mem::MaybeUninit::<[u8; 1 << 20]>::uninit();
    std::hint::black_box(&mut large);
}
