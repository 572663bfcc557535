//! A call that would wait for itself is refused, with the path of keys, and no other call is harmed.

use std::sync::{Arc, Barrier, OnceLock};
use std::thread;

use memo2::robust::{Call, Error, Memo};
use rusty_fork::rusty_fork_test;

use crate::F;

/// What `f` of these memos returns: its key plus the values that it asked for, or why it was refused.
type Sum = Result<u64, Error>;

/// A memo whose `f` can ask it.
struct Asking(OnceLock<Memo<u64, Sum, F<u64, Sum>>>);

impl Asking {
    /// Creates a memo. `f` receives the memo, the call and the key.
    fn new(f: impl Fn(&Asking, &Call, u64) -> Sum + Send + Sync + 'static) -> Arc<Self> {
        let asking = Arc::new(Asking(OnceLock::new()));
        let weak = Arc::downgrade(&asking);
        let f: F<u64, Sum> =
            Box::new(move |call, key| f(&weak.upgrade().unwrap(), call, *key));
        // What a refused call returns is not kept, so every key can be asked for again.
        assert!(asking.0.set(Memo::new(f).keep_if(Result::is_ok)).is_ok());
        asking
    }

    fn memo(&self) -> &Memo<u64, Sum, F<u64, Sum>> {
        self.0.get().unwrap()
    }

    /// Asks as a caller from outside.
    fn get(&self, key: u64) -> Sum {
        self.memo().get(&key).expect("a caller from outside closes no cycle")
    }

    /// Asks through a call.
    fn ask(&self, call: &Call, key: u64) -> Sum {
        call.get(self.memo(), &key)?
    }
}

fn cycle(path: &[u64]) -> Sum {
    Err(Error::Cycle { path: path.iter().map(u64::to_string).collect() })
}

rusty_fork_test! {
    #![rusty_fork(timeout_ms = 600000)]

    #[test]
    fn a_key_that_asks_for_itself() {
        let asking = Asking::new(Asking::ask);
        assert_eq!(asking.get(1), cycle(&[1, 1]));
        assert_eq!(asking.memo().stats().cycles, 1);
        assert_eq!(asking.memo().in_flight(), []);
    }

    #[test]
    fn two_keys_that_ask_for_each_other() {
        let asking = Asking::new(|asking, call, key| asking.ask(call, 3 - key));
        // 1 asks for 2, and the call of 2 is refused because it asks for 1.
        assert_eq!(asking.get(1), cycle(&[2, 1, 2]));
        assert_eq!(asking.get(2), cycle(&[1, 2, 1]));
    }

    #[test]
    fn a_refused_call_may_go_on_without() {
        let asking = Asking::new(|asking, call, key| match asking.ask(call, 3 - key) {
            Ok(other) => Ok(key + other),
            Err(Error::Cycle { .. }) => Ok(key),
            Err(error) => Err(error),
        });
        assert_eq!(asking.get(1), Ok(3));
        assert_eq!((asking.get(1), asking.get(2)), (Ok(3), Ok(2)));
    }

    /// Every caller leads a call before any of the calls asks for the next caller's key. The last call to ask would
    /// close the ring.
    #[test]
    fn callers_in_a_ring() {
        for callers in [2, 3, 8] {
            for _ in 0..50 {
                let inside = Barrier::new(callers as usize);
                let first = std::sync::atomic::AtomicU64::new(0);
                let asking = Asking::new(move |asking, call, key| {
                    if first.fetch_add(1, std::sync::atomic::Ordering::Relaxed) < callers {
                        inside.wait();
                    }
                    match asking.ask(call, (key + 1) % callers) {
                        Err(Error::Cycle { path }) => {
                            // From this call's key, by the key that it asks for, once round and back to its own.
                            let ring: Vec<_> = (0..=callers).map(|step| ((key + step) % callers).to_string()).collect();
                            assert_eq!(path, ring);
                            Ok(0)
                        }
                        Ok(steps) => Ok(steps + 1),
                        Err(error) => Err(error),
                    }
                });
                let mut got: Vec<u64> = thread::scope(|scope| {
                    let asking = &asking;
                    let asked: Vec<_> =
                        (0..callers).map(|key| scope.spawn(move || asking.get(key).unwrap())).collect();
                    asked.into_iter().map(|caller| caller.join().unwrap()).collect()
                });
                got.sort_unstable();
                assert_eq!(got, (0..callers).collect::<Vec<_>>(), "one call is refused, and the others use its value");
                assert_eq!(asking.memo().stats().cycles, 1);
            }
        }
    }

    #[test]
    fn a_diamond_is_not_a_cycle() {
        for _ in 0..200 {
            let asking = Asking::new(|asking, call, key| match key {
                0 => Ok(1),
                1 | 2 => Ok(key * asking.ask(call, 0)?),
                _ => Ok(asking.ask(call, 1)? + asking.ask(call, 2)?),
            });
            let start = Barrier::new(4);
            thread::scope(|scope| {
                for key in [3, 4, 3, 4] {
                    let (asking, start) = (&asking, &start);
                    scope.spawn(move || {
                        start.wait();
                        assert_eq!(asking.get(key), Ok(3));
                    });
                }
            });
            assert_eq!(asking.memo().stats().cycles, 0);
            assert_eq!(asking.memo().stats().misses, 5);
        }
    }

    /// A call's identity does not depend on the thread: a thread that works for the call asks in the call's name.
    #[test]
    fn a_cycle_through_a_thread() {
        let asking = Asking::new(|asking, call, key| {
            thread::scope(|scope| {
                let helper = scope.spawn(|| asking.ask(&call.clone(), 3 - key));
                helper.join().unwrap()
            })
        });
        assert_eq!(asking.get(1), cycle(&[2, 1, 2]));
    }

    /// A call may wait for several others at once, from several threads. The search follows each of these waits.
    #[test]
    fn a_cycle_along_one_of_several_ways() {
        let asked = Arc::new(Barrier::new(2));
        let asking = Asking::new(move |asking, call, key| match key {
            // 0 waits for 1, which is at work, and for 2.
            0 => thread::scope(|scope| {
                let one = scope.spawn(|| asking.ask(call, 1));
                let two = scope.spawn(|| asking.ask(call, 2));
                let (one, two) = (one.join().unwrap(), two.join().unwrap());
                Ok(one? + two?)
            }),
            1 => {
                asked.wait();
                Ok(1)
            }
            _ => {
                crate::until(|| asking.memo().in_flight().iter().any(|call| call.waits_for.len() == 2));
                let refused = asking.ask(call, 0);
                asked.wait();
                refused
            }
        });
        assert_eq!(asking.get(0), cycle(&[2, 0, 2]));
    }

    /// 1 asks for 2 from two threads at once: one of them leads 2, and the other waits for it. 2 asks for 1 only when
    /// both wait. It is refused once, goes on without the value, and both threads get its own value.
    #[test]
    fn one_error_for_two_helpers() {
        let asking = Asking::new(|asking, call, key| match key {
            1 => thread::scope(|scope| {
                let helpers = [(); 2].map(|()| scope.spawn(|| asking.ask(call, 2)));
                helpers.into_iter().map(|helper| helper.join().unwrap()).sum()
            }),
            _ => {
                crate::until(|| asking.memo().in_flight().iter().any(|call| call.waits_for == ["2", "2"]));
                assert_eq!(asking.ask(call, 1), cycle(&[2, 1, 2]));
                Ok(20)
            }
        });
        assert_eq!(asking.get(1), Ok(40));
        let stats = asking.memo().stats();
        assert_eq!((stats.misses, stats.cycles), (2, 1));
    }

    /// Two memos with keys of different types. The graph of waits covers both.
    #[test]
    fn a_cycle_through_two_memos() {
        type Words = Memo<String, Sum, F<String, Sum>>;
        let words: Arc<OnceLock<Words>> = Arc::new(OnceLock::new());
        let asked = words.clone();
        let asking = Asking::new(move |_, call, key| call.get(asked.get().unwrap(), &format!("word {key}"))?);
        let numbers = asking.clone();
        let f: F<String, Sum> = Box::new(move |call, _| numbers.ask(call, 1));
        assert!(words.set(Memo::new(f)).is_ok());
        let path = ["\"word 1\"", "1", "\"word 1\""].map(String::from).to_vec();
        assert_eq!(asking.get(1), Err(Error::Cycle { path }));
    }

    /// A cycle as long as the stack allows. Only its last call closes it.
    #[test]
    fn a_long_cycle() {
        const LENGTH: u64 = 1_000;
        let deep = || {
            let asking = Asking::new(|asking, call, key| asking.ask(call, (key + 1) % LENGTH));
            let Err(error) = asking.get(0) else { panic!("a cycle has no value") };
            let Error::Cycle { path } = &error else { panic!("{error}") };
            assert_eq!(path.len() as u64, LENGTH + 1);
            assert_eq!(
                error.to_string(),
                "a value cannot wait for itself: 999 -> 0 -> 1 -> 2 -> 3 -> (991 more) -> 995 -> 996 -> 997 -> 998 -> \
                 999; let f compute one of them without asking for the next"
            );
        };
        thread::Builder::new().stack_size(64 << 20).spawn(deep).unwrap().join().unwrap();
    }

    #[test]
    fn a_long_path_is_shown_by_its_ends() {
        let shown = |keys: u64| Error::Cycle { path: (0..keys).map(|key| key.to_string()).collect() }.to_string();
        assert!(shown(10).contains(": 0 -> 1 -> 2 -> 3 -> 4 -> 5 -> 6 -> 7 -> 8 -> 9;"), "{}", shown(10));
        assert!(shown(11).contains(": 0 -> 1 -> 2 -> 3 -> 4 -> (1 more) -> 6 -> 7 -> 8 -> 9 -> 10;"), "{}", shown(11));
    }

    /// 1 makes the call of 2, which lends itself to a thread and ends. While the leader of both still clones the
    /// value of 2, the thread asks for 1 through the call of 2. Nothing waits for a call that has ended, so this
    /// closes no cycle.
    #[test]
    fn a_call_that_has_ended_closes_no_cycle() {
        /// A value of 2 is cloned only when the thread waits for 1.
        struct Value(u64, Arc<dyn Fn() + Send + Sync>);
        impl Clone for Value {
            fn clone(&self) -> Self {
                if self.0 == 2 {
                    (self.1)();
                }
                Value(self.0, self.1.clone())
            }
        }
        type Asked = Arc<OnceLock<Memo<u64, Value, F<u64, Value>>>>;
        let memo = Asked::default();
        let (lend, lent) = std::sync::mpsc::channel();
        let asked = memo.clone();
        let f: F<u64, Value> = Box::new(move |call, key| {
            let waits = {
                let memo = asked.clone();
                move || crate::until_waits(memo.get().unwrap(), 1)
            };
            match key {
                1 => drop(call.get(asked.get().unwrap(), &2).unwrap()),
                _ => lend.send(call.clone()).unwrap(),
            }
            Value(*key, Arc::new(waits))
        });
        assert!(memo.set(Memo::new(f)).is_ok());
        let memo = memo.get().unwrap();
        thread::scope(|scope| {
            let helper = scope.spawn(move || {
                let two: Call = lent.recv().unwrap();
                // Its value is there, and the call has ended.
                crate::until(|| memo.in_flight().len() == 1);
                two.get(memo, &1).map(|value| value.0)
            });
            let got = memo.get(&1).map(|value| value.0);
            assert_eq!((got, helper.join().unwrap()), (Ok(1), Ok(1)));
        });
        assert_eq!(memo.stats().cycles, 0);
    }

    /// After the error, every key can be computed as if nothing had happened.
    #[test]
    fn every_key_works_after_a_cycle() {
        let closed = Arc::new(std::sync::atomic::AtomicBool::new(true));
        let open = closed.clone();
        let asking = Asking::new(move |asking, call, key| match key {
            0 if !closed.load(std::sync::atomic::Ordering::Relaxed) => Ok(0),
            _ => Ok(key + asking.ask(call, (key + 2) % 3)?),
        });
        assert_eq!(asking.get(2), cycle(&[0, 2, 1, 0]));
        open.store(false, std::sync::atomic::Ordering::Relaxed);
        assert_eq!([0, 1, 2].map(|key| asking.get(key)), [Ok(0), Ok(1), Ok(3)]);
    }
}
