//! Callers leave: the callers that stay are not disturbed, and `f` is told to stop when no caller is left.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use memo2::robust::{Call, Error, Memo, Token, Until};
use rusty_fork::rusty_fork_test;

use crate::{until, until_waits};

fn cancelled(key: &str, waits_for: &[&str]) -> Error {
    Error::Cancelled {
        key: key.into(),
        waits_for: waits_for.iter().map(ToString::to_string).collect(),
    }
}

fn late(key: &str, waits_for: &[&str]) -> Error {
    Error::Late {
        key: key.into(),
        waits_for: waits_for.iter().map(ToString::to_string).collect(),
    }
}

/// A deadline that has passed by the time a caller looks at the clock.
fn past() -> Instant {
    Instant::now()
}

/// Long enough for other threads to begin what they must, on a busy machine too, and short enough to wait for.
const SOON: Duration = Duration::from_millis(500);

/// So long that a test which waits for it fails.
const FAR: Duration = Duration::from_secs(3600);

rusty_fork_test! {
    #![rusty_fork(timeout_ms = 600000)]

    #[test]
    fn a_waiter_leaves_and_the_others_stay() {
        let (finish, go) = mpsc::sync_channel(0);
        let go = std::sync::Mutex::new(go);
        let memo = Memo::new(|call: &Call, key: &u8| {
            go.lock().unwrap().recv().unwrap();
            assert!(!call.is_cancelled());
            key * 2
        });
        let token = Token::new();
        thread::scope(|scope| {
            let leader = scope.spawn(|| memo.get(&1));
            until(|| memo.stats().in_flight == 1);
            let stays = scope.spawn(|| memo.get(&1));
            let limited = scope.spawn(|| memo.get_until(&1, Until::from(FAR).or(&Token::new())));
            let leaves = scope.spawn(|| memo.get_until(&1, &token));
            until_waits(&memo, 3);
            token.cancel();
            assert_eq!(leaves.join().unwrap(), Err(cancelled("1", &["1"])));
            // The deadline is now, so it has passed as soon as the caller looks.
            assert_eq!(memo.get_until(&1, past()), Err(late("1", &[])));
            assert_eq!(memo.get_until(&1, SOON), Err(late("1", &["1"])));
            finish.send(()).unwrap();
            for caller in [leader, stays, limited] {
                assert_eq!(caller.join().unwrap(), Ok(2));
            }
        });
        let stats = memo.stats();
        assert_eq!((stats.misses, stats.cancels, stats.hits, stats.in_flight), (1, 3, 0, 0));
        assert_eq!(memo.get(&1), Ok(2));
    }

    /// Each waiter waits for a call of its own. An earlier waiter with the same token has already left.
    #[test]
    fn a_token_wakes_all_waiters_that_brought_it() {
        const WAITERS: u8 = 4;
        let end = Barrier::new(1 + usize::from(WAITERS));
        let memo = Memo::new(|_: &Call, _: &u8| {
            end.wait();
        });
        let token = Token::new();
        assert_eq!(format!("{token:?}"), "Token { cancelled: false, .. }");
        thread::scope(|scope| {
            let (memo, token) = (&memo, &token);
            (0..WAITERS).for_each(|key| _ = scope.spawn(move || memo.get(&key)));
            until(|| memo.stats().in_flight == u64::from(WAITERS));
            let waiters: Vec<_> =
                (0..WAITERS).map(|key| scope.spawn(move || memo.get_until(&key, token))).collect();
            until_waits(memo, WAITERS.into());
            assert_eq!(memo.get_until(&0, Until::from(token).or(SOON)), Err(late("0", &["0"])));
            token.cancel();
            for (key, waiter) in waiters.into_iter().enumerate() {
                let key = key.to_string();
                assert_eq!(waiter.join().unwrap(), Err(cancelled(&key, &[&key])));
            }
            end.wait();
        });
        assert_eq!(format!("{token:?}"), "Token { cancelled: true, .. }");
    }

    /// The leader has given up, but its thread goes on for the waiter.
    #[test]
    fn a_leader_is_cancelled_and_its_waiters_get_the_value() {
        let inside = Barrier::new(2);
        let memo = Memo::new(|call: &Call, key: &u8| {
            inside.wait();
            inside.wait();
            assert!(!call.is_cancelled(), "a waiter is left");
            key * 2
        });
        let token = Token::new();
        thread::scope(|scope| {
            let leader = scope.spawn(|| memo.get_until(&1, &token));
            inside.wait();
            let waiter = scope.spawn(|| memo.get(&1));
            until_waits(&memo, 1);
            token.cancel();
            inside.wait();
            assert_eq!(waiter.join().unwrap(), Ok(2));
            assert_eq!(leader.join().unwrap(), Ok(2), "a limit does not withhold a value that is there");
        });
        assert_eq!(memo.stats().misses, 1);
    }

    /// The leader's deadline passes while two waiters without a limit stay. `f` is not told to stop, and all three
    /// get the value.
    #[test]
    fn a_late_leader_gets_the_value_with_its_waiters() {
        let (finish, go) = mpsc::sync_channel(0);
        let go = std::sync::Mutex::new(go);
        let memo = Memo::new(|call: &Call, key: &u8| {
            go.lock().unwrap().recv().unwrap();
            assert!(!call.is_cancelled(), "two waiters are left");
            key * 2
        });
        let deadline = Instant::now() + SOON;
        thread::scope(|scope| {
            let leader = scope.spawn(|| memo.get_until(&1, deadline));
            until(|| memo.stats().in_flight == 1);
            let waiters = [(); 2].map(|()| scope.spawn(|| memo.get(&1)));
            until_waits(&memo, 2);
            until(|| Instant::now() > deadline);
            finish.send(()).unwrap();
            // A second call would fail, and not wait.
            drop(finish);
            assert_eq!(waiters.map(|waiter| waiter.join().unwrap()), [Ok(2), Ok(2)]);
            assert_eq!(leader.join().unwrap(), Ok(2), "a limit does not withhold a value that is there");
        });
        assert_eq!((memo.stats().misses, memo.stats().cancels), (1, 0));
    }

    /// By a token, and by a deadline: `f` sees that no caller wants its value, and what it returns is not kept.
    #[test]
    fn f_is_told_to_stop_when_the_leader_alone_gives_up() {
        let calls = AtomicUsize::new(0);
        let memo = Memo::new(|call: &Call, _: &u8| {
            if calls.fetch_add(1, Relaxed) < 2 {
                until(|| call.is_cancelled());
                return "the value of a call that was told to stop";
            }
            "a value"
        });
        let token = Token::new();
        thread::scope(|scope| {
            let leader = scope.spawn(|| memo.get_until(&1, &token));
            until(|| calls.load(Relaxed) == 1);
            token.cancel();
            assert_eq!(leader.join().unwrap(), Err(cancelled("1", &[])));
        });
        assert_eq!(memo.get_until(&1, SOON), Err(late("1", &[])));
        assert_eq!(memo.get(&1), Ok("a value"));
        assert_eq!(memo.stats().cancels, 2);
    }

    /// The leader gives up first, then one waiter, then the other. `f` is told to stop when the last of them
    /// leaves.
    #[test]
    fn f_is_told_to_stop_when_the_last_one_leaves() {
        let told = AtomicUsize::new(0);
        let memo = Memo::new(|call: &Call, _: &u8| {
            until(|| call.is_cancelled());
            told.fetch_add(1, Relaxed);
        });
        let [leads, first, last] = [(); 3].map(|()| Token::new());
        thread::scope(|scope| {
            let leader = scope.spawn(|| memo.get_until(&1, &leads));
            until(|| memo.stats().in_flight == 1);
            let memo = &memo;
            let waiters = [&first, &last].map(|token| scope.spawn(move || memo.get_until(&1, token)));
            until_waits(memo, 2);
            leads.cancel();
            first.cancel();
            let [first, waiter] = waiters;
            assert_eq!(first.join().unwrap(), Err(cancelled("1", &["1"])));
            let [flight] = &memo.in_flight()[..] else { panic!("one call is in flight") };
            assert_eq!((flight.waiters, flight.told_to_stop), (1, false));
            assert_eq!(told.load(Relaxed), 0, "one waiter is left");
            last.cancel();
            assert_eq!(waiter.join().unwrap(), Err(cancelled("1", &["1"])));
            assert_eq!(leader.join().unwrap(), Err(cancelled("1", &[])));
        });
        assert_eq!(told.load(Relaxed), 1);
    }

    /// A deadline that passed while there was a waiter takes effect when the waiter leaves.
    #[test]
    fn a_leader_that_is_late_is_gone_when_its_waiter_is() {
        let memo = Memo::new(|call: &Call, _: &u8| until(|| call.is_cancelled()));
        let deadline = Instant::now() + SOON;
        let token = Token::new();
        thread::scope(|scope| {
            let leader = scope.spawn(|| memo.get_until(&1, deadline));
            until(|| memo.stats().in_flight == 1);
            let waiter = scope.spawn(|| memo.get_until(&1, &token));
            until_waits(&memo, 1);
            until(|| Instant::now() > deadline);
            assert!(!memo.in_flight()[0].told_to_stop);
            token.cancel();
            assert_eq!(waiter.join().unwrap(), Err(cancelled("1", &["1"])));
            assert_eq!(leader.join().unwrap(), Err(late("1", &[])));
        });
    }

    /// A caller that asks after `f` was told to stop waits until `f` has stopped, and then makes a call of its
    /// own. No two calls are inside `f` at once.
    #[test]
    fn a_later_caller_is_not_cancelled_by_an_earlier_ones_token() {
        let (inside, calls, leave) = (AtomicUsize::new(0), AtomicUsize::new(0), Barrier::new(2));
        let memo = Memo::new(|call: &Call, _: &u8| {
            assert_eq!(inside.fetch_add(1, Relaxed), 0, "one call at a time");
            let number = calls.fetch_add(1, Relaxed);
            if number == 0 {
                until(|| call.is_cancelled());
                leave.wait();
            }
            assert_eq!(call.is_cancelled(), number == 0);
            inside.fetch_sub(1, Relaxed);
            number
        });
        let token = Token::new();
        thread::scope(|scope| {
            let first = scope.spawn(|| memo.get_until(&1, &token));
            until(|| calls.load(Relaxed) == 1);
            token.cancel();
            let later: Vec<_> = (0..3).map(|_| scope.spawn(|| memo.get(&1))).collect();
            until_waits(&memo, 3);
            assert_eq!(memo.in_flight()[0].to_string(), "1: at work, 3 waiters, told to stop");
            leave.wait();
            assert_eq!(first.join().unwrap(), Err(cancelled("1", &[])));
            for later in later {
                assert_eq!(later.join().unwrap(), Ok(1));
            }
        });
        assert_eq!(calls.load(Relaxed), 2);
    }

    /// A caller that waits for the end of a call that was told to stop can also leave.
    #[test]
    fn a_later_caller_may_leave() {
        let leave = Barrier::new(2);
        let memo = Memo::new(|_: &Call, _: &u8| { leave.wait(); });
        let token = Token::new();
        thread::scope(|scope| {
            let first = scope.spawn(|| memo.get_until(&1, &token));
            until(|| memo.stats().in_flight == 1);
            token.cancel();
            assert_eq!(memo.get_until(&1, SOON), Err(late("1", &["1"])));
            leave.wait();
            assert_eq!(first.join().unwrap(), Err(cancelled("1", &[])));
        });
    }

    #[test]
    fn expired_limits_begin_no_call_and_withhold_no_value() {
        let memo = Memo::new(|_: &Call, key: &u8| key * 2);
        let token = Token::new();
        token.cancel();
        assert_eq!(memo.get_until(&1, &token), Err(cancelled("1", &[])));
        assert_eq!(memo.get_until(&1, past()), Err(late("1", &[])));
        assert_eq!(memo.get_until(&1, Until::from(FAR).or(&token).or(past())), Err(cancelled("1", &[])));
        assert_eq!(memo.stats().misses, 0);
        assert_eq!(memo.get(&1), Ok(2));
        assert_eq!(memo.get_until(&1, &token), Ok(2));
        assert_eq!(memo.get_until(&1, past()), Ok(2));
        // This duration means no deadline, and nothing overflows.
        assert_eq!(memo.get_until(&2, Duration::MAX), Ok(4));
    }

    /// 1 asks for 2, whose call is at work. A caller that cancels 1 also cancels the call of 2, unless another
    /// caller wants 2.
    #[test]
    fn cancelling_reaches_what_is_waited_for() {
        for another_caller in [false, true] {
            let told = Arc::new(AtomicUsize::new(0));
            let (finish, go) = mpsc::sync_channel::<()>(0);
            let go = std::sync::Mutex::new(go);
            let two = {
                let told = told.clone();
                Memo::new(move |call: &Call, _: &u8| {
                    until(|| call.is_cancelled() || go.lock().unwrap().try_recv().is_ok());
                    told.fetch_add(usize::from(call.is_cancelled()), Relaxed);
                    2
                })
            };
            let one = Memo::new(|call: &Call, _: &u8| call.get(&two, &2)).keep_if(Result::is_ok);
            let token = Token::new();
            thread::scope(|scope| {
                let waits = scope.spawn(|| one.get_until(&1, &token));
                until(|| two.stats().in_flight == 1);
                let other = another_caller.then(|| scope.spawn(|| two.get(&2)));
                until_waits(&two, u64::from(another_caller));
                until(|| one.in_flight()[0].to_string() == "1: waits for 2");
                token.cancel();
                if let Some(other) = other {
                    finish.send(()).unwrap();
                    assert_eq!(other.join().unwrap(), Ok(2));
                }
                // The call of 1 was told to stop, whatever happened to 2.
                assert_eq!(waits.join().unwrap(), Err(cancelled("1", &[])));
            });
            assert_eq!(told.load(Relaxed), usize::from(!another_caller));
            assert_eq!(two.stats().cancels, u64::from(!another_caller));
        }
    }

    /// 1 waits for 2, which another caller computes. 1's leader has a deadline, and no token wakes it.
    #[test]
    fn a_deadline_reaches_what_is_waited_for() {
        let (finish, go) = mpsc::sync_channel::<()>(0);
        let go = std::sync::Mutex::new(go);
        let two = Memo::new(|_: &Call, _: &u8| go.lock().unwrap().recv().unwrap());
        let one = Memo::new(|call: &Call, _: &u8| call.get(&two, &2));
        let zero = Memo::new(|call: &Call, _: &u8| call.get(&one, &1));
        thread::scope(|scope| {
            let other = scope.spawn(|| two.get(&2));
            until(|| two.stats().in_flight == 1);
            assert_eq!(zero.get_until(&0, SOON), Err(late("0", &[])));
            finish.send(()).unwrap();
            assert_eq!(other.join().unwrap(), Ok(()));
        });
        // Three gave up: the caller's own call, the call that it asked for, and the wait in that call.
        assert_eq!((zero.stats().cancels, one.stats().cancels, two.stats().cancels), (1, 1, 1));
    }

    /// The leader's deadline has passed, but a waiter wants 1. So 1 continues to wait for 2.
    #[test]
    fn a_deadline_does_not_reach_what_others_wait_for() {
        let (finish, go) = mpsc::sync_channel::<()>(0);
        let go = std::sync::Mutex::new(go);
        let two = Memo::new(|_: &Call, _: &u8| go.lock().unwrap().recv().unwrap());
        let one = Memo::new(|call: &Call, _: &u8| call.get(&two, &2));
        let deadline = Instant::now() + SOON;
        thread::scope(|scope| {
            let other = scope.spawn(|| two.get(&2));
            until(|| two.stats().in_flight == 1);
            let leader = scope.spawn(|| one.get_until(&1, deadline));
            until(|| one.stats().in_flight == 1);
            let waiter = scope.spawn(|| one.get(&1));
            until_waits(&one, 1);
            until(|| one.in_flight()[0].to_string() == "1: waits for 2, 1 waiter");
            until(|| Instant::now() > deadline);
            assert_eq!(one.in_flight()[0].to_string(), "1: waits for 2, 1 waiter");
            finish.send(()).unwrap();
            assert_eq!(other.join().unwrap(), Ok(()));
            assert_eq!(waiter.join().unwrap(), Ok(Ok(())));
            assert_eq!(leader.join().unwrap(), Ok(Ok(())));
        });
    }

    /// 1 waits for 2, which is at work for another caller. The leader of 1 gives up while a waiter stays, and then
    /// the waiter gives up. That news must reach the wait, because `f` sleeps in it and cannot ask whether it is
    /// cancelled.
    #[test]
    fn the_last_waiters_leaving_reaches_what_is_waited_for() {
        let (finish, go) = mpsc::sync_channel::<()>(0);
        let go = std::sync::Mutex::new(go);
        let two = Memo::new(|_: &Call, _: &u8| go.lock().unwrap().recv().unwrap());
        let one = Memo::new(|call: &Call, _: &u8| call.get(&two, &2));
        let [leads, waits] = [(); 2].map(|()| Token::new());
        thread::scope(|scope| {
            let other = scope.spawn(|| two.get(&2));
            until(|| two.stats().in_flight == 1);
            let leader = scope.spawn(|| one.get_until(&1, &leads));
            until(|| one.in_flight().iter().any(|call| call.to_string() == "1: waits for 2"));
            let waiter = scope.spawn(|| one.get_until(&1, &waits));
            until_waits(&one, 1);
            leads.cancel();
            waits.cancel();
            assert_eq!(waiter.join().unwrap(), Err(cancelled("1", &["1", "2"])));
            assert_eq!(leader.join().unwrap(), Err(cancelled("1", &[])));
            finish.send(()).unwrap();
            assert_eq!(other.join().unwrap(), Ok(()));
        });
    }

    /// One token tells a thousand calls to stop, each of which waits for the next. The thread that cancels it has
    /// an ordinary stack.
    #[test]
    fn cancelling_reaches_deep() {
        const DEPTH: u64 = 1_000;
        type Deep = Memo<u64, bool, crate::F<u64, bool>>;
        let memo: Arc<std::sync::OnceLock<Deep>> = Arc::default();
        let asked = memo.clone();
        let f: crate::F<u64, bool> = Box::new(move |call, key| match *key {
            DEPTH => {
                until(|| call.is_cancelled());
                true
            }
            _ => {
                assert_eq!(call.get(asked.get().unwrap(), &(key + 1)), Err(cancelled(&(key + 1).to_string(), &[])));
                call.is_cancelled()
            }
        });
        assert!(memo.set(Memo::new(f)).is_ok());
        let token = Token::new();
        let (deep, cancel) = (memo.clone(), token.clone());
        let ask = move || deep.get().unwrap().get_until(&0, &token);
        let leader = thread::Builder::new().stack_size(256 << 20).spawn(ask).unwrap();
        let memo = memo.get().unwrap();
        until(|| memo.stats().in_flight == DEPTH + 1);
        cancel.cancel();
        assert_eq!(leader.join().unwrap(), Err(cancelled("0", &[])));
        assert_eq!(memo.stats().cancels, DEPTH + 1);
        assert_eq!(memo.in_flight(), []);
    }

    /// The error of a caller whose deadline passed says which calls it waited for, and which call is at work.
    #[test]
    fn an_error_says_what_was_waited_for() {
        let (finish, go) = mpsc::sync_channel::<()>(0);
        let go = std::sync::Mutex::new(go);
        let two = Memo::new(|_: &Call, _: &&str| go.lock().unwrap().recv().unwrap());
        let one = Memo::new(|call: &Call, _: &&str| call.get(&two, &"two"));
        thread::scope(|scope| {
            let leader = scope.spawn(|| one.get(&"one"));
            until(|| one.in_flight().iter().any(|call| call.to_string() == "\"one\": waits for \"two\""));
            let error = one.get_until(&"one", SOON).unwrap_err();
            assert_eq!(
                error.to_string(),
                "\"one\" had no value when its deadline passed; it waited for \"one\" -> \"two\", \
                 and \"two\" is at work"
            );
            finish.send(()).unwrap();
            assert_eq!(leader.join().unwrap(), Ok(Ok(())));
        });
    }

    /// Tokens drop listeners that are no longer needed.
    #[test]
    fn a_token_that_lives_long_holds_nothing() {
        let key = Arc::new(());
        let token = Token::new();
        {
            #[derive(Clone, PartialEq, Eq, Hash, Debug)]
            struct Key(u64, Arc<()>);
            let memo = Memo::new(|_: &Call, key: &Key| key.clone());
            for at in 0..100 {
                assert!(memo.get_until(&Key(at, key.clone()), &token).is_ok());
            }
            assert_eq!(Arc::strong_count(&key), 201);
        }
        assert_eq!(Arc::strong_count(&key), 1);
    }
}
