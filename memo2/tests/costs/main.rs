//! What the promises of `robust::Memo` cost at size, counted in locks, wake-ups and bytes, never in time.
//!
//! As in `tests/model/`, the memo is compiled a second time, here with types that count.

mod allocated;
#[path = "../../src/robust/mod.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "public in its own crate, private in this one"
)]
mod robust;
mod sync;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Barrier, OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use robust::{Call, Error, Memo, Token, Until};
use rusty_fork::rusty_fork_test;

type F<V> = Box<dyn Fn(&Call, &u64) -> V + Send + Sync>;

/// A memo whose `f` can ask it.
type Asking<V> = Arc<OnceLock<Memo<u64, V, F<V>>>>;

/// Creates a memo. `f` receives the memo, the call and the key.
fn asking<V: Send + Sync + 'static>(
    f: impl Fn(&Memo<u64, V, F<V>>, &Call, u64) -> V + Send + Sync + 'static,
) -> Asking<V> {
    let memo = Asking::default();
    let weak = Arc::downgrade(&memo);
    let f: F<V> =
        Box::new(move |call, key| f(weak.upgrade().unwrap().get().unwrap(), call, *key));
    assert!(memo.set(Memo::new(f)).is_ok());
    memo
}

/// Runs `body` on a thread whose stack has room for very many nested calls.
fn deep<T: Send>(body: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        thread::Builder::new()
            .stack_size(1 << 30)
            .spawn_scoped(scope, body)
            .unwrap()
            .join()
            .unwrap()
    })
}

/// Lets other threads run until `ready` returns true.
fn until(ready: impl Fn() -> bool) {
    while !ready() {
        thread::yield_now();
    }
}

rusty_fork_test! {
    #![rusty_fork(timeout_ms = 600000)]

    /// A hit from the end of a chain of calls takes as many locks as a hit from its beginning: with no limit, with
    /// a token and a deadline at the root, and with a token and a deadline in every call of the chain.
    #[test]
    fn a_hit_costs_the_same_at_every_depth() {
        const HIT: u64 = u64::MAX;
        /// Keys are 10,000 times the number of the chain, plus the calls that are still below.
        const CHAIN: u64 = 10_000;
        let locks = Arc::new(std::sync::Mutex::new(Vec::new()));
        for limits in ["none", "at the root", "everywhere"] {
            let found = locks.clone();
            let far = move || Until::from(Duration::from_secs(3600)).or(&Token::new());
            let memo = asking(move |memo, call, key| match key {
                HIT => Ok(()),
                _ if key % CHAIN == 0 => {
                    let before = sync::locks();
                    call.get(memo, &HIT)??;
                    found.lock().unwrap().push(sync::locks() - before);
                    Ok::<(), Error>(())
                }
                _ if limits == "everywhere" => call.get_until(memo, &(key - 1), far())?,
                _ => call.get(memo, &(key - 1))?,
            });
            let memo = memo.get().unwrap();
            memo.get(&HIT).unwrap().unwrap();
            deep(|| {
                for (chain, depth) in [1, 10, 100, 1_000].into_iter().enumerate() {
                    let key = (chain as u64 + 1) * CHAIN + depth;
                    let until = if limits == "none" { Until::default() } else { far() };
                    memo.get_until(&key, until).unwrap().unwrap();
                }
            });
            let found = std::mem::take(&mut *locks.lock().unwrap());
            assert_eq!(found, [2; 4], "limits: {limits}");
        }
    }

    /// Each call asks from a small stack of its own. So the memo must not recurse along the chain, neither when a
    /// call asks nor when it ends.
    #[test]
    fn a_long_chain_needs_no_stack() {
        let memo = asking(|memo, call, key| match key {
            0 => 0_u64,
            _ => thread::scope(|scope| {
                let ask = || 1 + call.get(memo, &(key - 1)).unwrap();
                thread::Builder::new().stack_size(128 << 10).spawn_scoped(scope, ask).unwrap().join().unwrap()
            }),
        });
        assert_eq!(memo.get().unwrap().get(&3_000), Ok(3_000));
    }

    /// As in a crawler, each call hands itself to a thread and returns, and the thread asks for the next key
    /// through it. No call of the chain is nested in another, so none may keep another in memory.
    #[test]
    fn calls_that_have_ended_are_let_go() {
        const GENERATIONS: u64 = 100_000;
        let (hand, handed) = mpsc::channel();
        let f = move |call: &Call, key: &u64| hand.send((call.clone(), *key)).unwrap();
        let memo = Memo::new(f).keep_if(|()| false);
        memo.get(&0).unwrap();
        let mut before = 0;
        for (call, key) in handed.iter().take(GENERATIONS as usize) {
            if key == 1_000 {
                before = allocated::bytes();
            }
            call.get(&memo, &(key + 1)).unwrap();
        }
        let more = allocated::bytes() - before;
        assert!(more < 64 << 10, "{GENERATIONS} calls that have ended hold {more} bytes");
    }

    /// A waiter waits for the deepest of many nested calls. A thread with a small stack cancels the waiter's token,
    /// and then the token of the caller of the whole chain.
    #[test]
    fn cancelling_needs_no_stack() {
        const DEPTH: u64 = 30_000;
        let deepest = Arc::new(Barrier::new(2));
        let end = deepest.clone();
        let memo = asking(move |memo, call, key| match key {
            DEPTH => {
                end.wait();
                end.wait();
                call.is_cancelled()
            }
            _ => call.get(memo, &(key + 1)).is_err() && call.is_cancelled(),
        });
        let memo = memo.get().unwrap();
        let [leads, waits] = [(); 2].map(|()| Token::new());
        let cancel = |token: &Token| {
            let cancel = || token.cancel();
            thread::scope(|scope| {
                thread::Builder::new().stack_size(64 << 10).spawn_scoped(scope, cancel).unwrap().join().unwrap();
            });
        };
        thread::scope(|scope| {
            let leader = scope.spawn(|| deep(|| memo.get_until(&0, &leads)));
            deepest.wait();
            let waiter = scope.spawn(|| memo.get_until(&DEPTH, &waits));
            until(|| memo.stats().waits == 1);
            cancel(&waits);
            assert!(matches!(waiter.join().unwrap(), Err(Error::Cancelled { .. })));
            cancel(&leads);
            deepest.wait();
            assert!(matches!(leader.join().unwrap(), Err(Error::Cancelled { .. })));
        });
        let stats = memo.stats();
        // The waiter, and every call of the chain.
        assert_eq!((stats.cancels, stats.in_flight), (DEPTH + 2, 0));
    }

    /// 2,000 of 4,000 waiters leave by tokens of their own. Each wakes once, and the others sleep until the call
    /// ends.
    #[test]
    fn a_token_wakes_its_own_waiters_only() {
        const WAITERS: u64 = 4_000;
        const LEAVE: usize = 2_000;
        let end = Barrier::new(2);
        let left = AtomicU64::new(0);
        let memo = Memo::new(|_: &Call, _: &u8| _ = end.wait());
        let tokens: Vec<Token> = (0..WAITERS).map(|_| Token::new()).collect();
        thread::scope(|scope| {
            let (memo, left) = (&memo, &left);
            scope.spawn(|| memo.get(&1));
            until(|| memo.stats().in_flight == 1);
            for token in &tokens {
                let wait = move || left.fetch_add(u64::from(memo.get_until(&1, token).is_err()), Relaxed);
                thread::Builder::new().stack_size(64 << 10).spawn_scoped(scope, wait).unwrap();
            }
            until(|| memo.stats().waits == WAITERS);
            let (woken, locks) = (sync::woken(), sync::locks());
            tokens[..LEAVE].iter().for_each(Token::cancel);
            // Two for each: the token's, and its waiter's.
            assert_eq!(sync::locks() - locks, 2 * LEAVE as u64);
            until(|| left.load(Relaxed) == LEAVE as u64);
            let woken = sync::woken() - woken;
            // A waiter that had not fallen asleep yet need not wake.
            assert!(woken <= LEAVE as u64, "{LEAVE} waiters left, and waiters woke {woken} times");
            end.wait();
        });
        assert_eq!((left.load(Relaxed), memo.stats().cancels), (LEAVE as u64, LEAVE as u64));
    }

    /// A memo that keeps nothing holds no memory of a call, however it ended: with a value, with a panic, or told
    /// to stop.
    #[test]
    fn what_is_not_kept_takes_no_memory() {
        let token = std::sync::Mutex::new(Token::new());
        let memo = Memo::new(|call: &Call, key: &u64| match key % 3 {
            0 => resume_unwind(Box::new("as planned")),
            1 => {
                std::mem::take(&mut *token.lock().unwrap()).cancel();
                assert!(call.is_cancelled());
            }
            _ => {}
        })
        .keep_if(|()| false);
        let ask = |key| {
            let token = token.lock().unwrap().clone();
            catch_unwind(AssertUnwindSafe(|| memo.get_until(&key, &token)))
        };
        let ask_all = |keys: std::ops::Range<u64>| {
            for key in keys {
                let got = ask(key);
                assert_eq!(got.is_err(), key % 3 == 0);
                assert_eq!(got.is_ok_and(|got| got.is_err()), key % 3 == 1);
            }
        };
        ask_all(0..3_000);
        let before = allocated::bytes();
        ask_all(3_000..303_000);
        let more = allocated::bytes() - before;
        assert!(more < 64 << 10, "300,000 keys of which nothing is kept hold {more} bytes");
        assert_eq!(memo.in_flight(), []);
    }
}
