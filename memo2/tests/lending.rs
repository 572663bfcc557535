//! Tests of the memo that lends: what it lends stays in place while it grows, and it keeps the contract of
//! `memo2::Memo`.
//!
//! A test that could hang runs in a child process, which is killed after ten minutes. The limit is that long
//! because a busy machine is not a hang.

mod herd;

use std::cell::Cell;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Barrier, Weak};

use herd::{CALLERS, dawdle, herd};
use memo2::lending::Memo;
use rusty_fork::rusty_fork_test;

const ROUNDS: usize = 200;

/// Hashes a number to a part of it. Keys that differ only in other parts have the same hash.
#[derive(Clone, Copy)]
struct Part(Hash64);

struct PartHasher(Hash64, u64);

impl BuildHasher for Part {
    type Hasher = PartHasher;
    fn build_hasher(&self) -> PartHasher {
        PartHasher(self.0, 0)
    }
}

impl Hasher for PartHasher {
    fn write(&mut self, _: &[u8]) {
        unreachable!("the keys are numbers")
    }
    fn write_u64(&mut self, key: u64) {
        self.1 = (self.0)(key);
    }
    fn finish(&self) -> u64 {
        self.1
    }
}

type Hash64 = fn(u64) -> u64;

/// The hash that the memo mixes to `wanted`. The memo multiplies each hash, and this inverts the multiplication. So
/// the hash functions below choose lines, by the highest bits, and tags, by the seven bits below those. All of
/// their 500 keys take 128 lines.
fn unmixed(wanted: u64) -> u64 {
    // Newton's method for the inverse of an odd number: each step doubles the number of correct bits, which are
    // three at first.
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let inverse = (0..5)
        .fold(ODD, |x: u64, _| x.wrapping_mul(2_u64.wrapping_sub(ODD.wrapping_mul(x))));
    wanted.wrapping_mul(inverse)
}

/// Hash functions that are as bad as possible, each in its own way.
const BAD: [(&str, Hash64); 5] = [
    ("one hash for all", |_| 0),
    ("one line for all, tags that differ", |key| unmixed((key & 0x7f) << 50)),
    ("one tag for all, lines that differ", |key| unmixed(key << 57)),
    ("the last line for all, so that the next one is the first", |key| {
        unmixed(0x7f << 57 | (key & 0x7f) << 50)
    }),
    ("tags that differ by one bit, in four lines", |key| {
        unmixed((key & 3) << 62 | (key & 1) << 50)
    }),
];

#[test]
fn values_are_lent_from_one_place() {
    let memo = Memo::new(|key: &String| key.len());
    let first: *const usize = memo.get("a page");
    // The table grows many times.
    for key in 0..10_000 {
        assert_eq!(*memo.get(&format!("{key}")), format!("{key}").len());
    }
    assert!(std::ptr::eq(memo.get("a page"), first));
}

#[test]
fn debug_says_how_many_keys_are_ready() {
    let memo = Memo::new(|key: &u32| *key);
    (0..20).for_each(|key| _ = memo.get(&key));
    assert_eq!(format!("{memo:?}"), "Memo { ready: 20, .. }");
}

#[test]
fn values_need_not_be_clone() {
    struct Page(#[expect(dead_code, reason = "its size is what matters")] [u8; 1 << 16]);
    let memo = Memo::new(|_: &u8| Page([0; 1 << 16]));
    let pages: Vec<&Page> = (0..100).map(|key| memo.get(&key)).collect();
    assert!(
        pages.iter().zip(0..100).all(|(page, key)| std::ptr::eq(*page, memo.get(&key)))
    );
}

#[test]
fn values_and_keys_may_be_nothing() {
    let calls = AtomicUsize::new(0);
    let memo = Memo::new(|(): &()| _ = calls.fetch_add(1, Relaxed));
    memo.get(&());
    memo.get(&());
    assert_eq!(calls.load(Relaxed), 1);
}

#[test]
fn hashes_that_collide_are_told_apart() {
    for (name, hash) in BAD {
        let calls = AtomicUsize::new(0);
        let memo = Memo::with_hasher(
            |key: &u64| {
                calls.fetch_add(1, Relaxed);
                key * 2
            },
            Part(hash),
        );
        for round in 0..2 {
            for key in 0..500 {
                assert_eq!(*memo.get(&key), key * 2, "{name}, round {round}");
            }
        }
        assert_eq!(calls.load(Relaxed), 500, "{name}");
    }
}

/// With the identity as hash function, keys that are multiples of a power of two have hashes whose low bits are all
/// 0. A look-up still compares hardly more than the one key that it finds.
#[test]
fn a_weak_hash_function_makes_few_comparisons() {
    thread_local! {
        static COMPARED: Cell<u64> = const { Cell::new(0) };
    }
    #[derive(Clone)]
    struct Counted(u64);
    impl Hash for Counted {
        fn hash<H: Hasher>(&self, state: &mut H) {
            state.write_u64(self.0);
        }
    }
    impl PartialEq for Counted {
        fn eq(&self, other: &Self) -> bool {
            COMPARED.set(COMPARED.get() + 1);
            self.0 == other.0
        }
    }
    impl Eq for Counted {}
    const KEYS: u64 = 10_000;
    for step in [1, 64, 4_096, 1 << 20, 1 << 32, 1 << 44, 0x0101_0101] {
        let memo = Memo::with_hasher(|key: &Counted| key.0, Part(|key| key));
        let walk = || {
            (0..KEYS)
                .for_each(|at| assert_eq!(*memo.get(&Counted(at * step)), at * step));
        };
        walk();
        COMPARED.set(0);
        walk();
        let compared = COMPARED.get();
        assert!(
            compared < KEYS * 11 / 10,
            "multiples of {step}: {KEYS} hits compared {compared} keys"
        );
    }
}

/// Whether a type is `Send` and `Sync`. The method of `Probe` is chosen if the type has the trait, else that of
/// `Fallback`.
macro_rules! crosses_threads {
    ($type:ty) => {{
        #[allow(dead_code, reason = "unused if the type is both `Send` and `Sync`")]
        trait Fallback {
            fn is_send() -> bool {
                false
            }
            fn is_sync() -> bool {
                false
            }
        }
        struct Probe<T: ?Sized>(std::marker::PhantomData<T>);
        impl<T: ?Sized> Fallback for Probe<T> {}
        #[allow(dead_code, reason = "one of each pair is meant to be unused")]
        impl<T: ?Sized + Send> Probe<T> {
            fn is_send() -> bool {
                true
            }
        }
        #[allow(dead_code, reason = "as above")]
        impl<T: ?Sized + Sync> Probe<T> {
            fn is_sync() -> bool {
                true
            }
        }
        (<Probe<$type>>::is_send(), <Probe<$type>>::is_sync())
    }};
}

/// Threads share references to keys and values, and drop what others have made.
#[test]
fn threads_share_it_where_they_may_share_what_is_in_it() {
    type Of<K, V> = Memo<K, V, fn(&K) -> V>;
    assert_eq!(crosses_threads!(Of<String, String>), (true, true));
    assert_eq!(crosses_threads!(Of<u8, Cell<u8>>), (true, false), "a Cell is not Sync");
    assert_eq!(crosses_threads!(Of<u8, Rc<u8>>), (false, false));
    assert_eq!(crosses_threads!(Of<Rc<u8>, u8>), (false, false));
    assert_eq!(
        crosses_threads!(Of<u8, std::sync::MutexGuard<'static, u8>>),
        (false, false),
        "it is Sync, but not Send"
    );
    assert_eq!(crosses_threads!(Memo<u8, u8, Box<dyn Fn(&u8) -> u8>>), (false, false));
}

#[test]
fn what_is_made_is_dropped_once() {
    let (key, value) = (Arc::new(()), Arc::new(()));
    #[derive(Clone)]
    struct Key(u64, #[expect(dead_code, reason = "it counts")] Arc<()>);
    impl PartialEq for Key {
        fn eq(&self, other: &Self) -> bool {
            self.0 == other.0
        }
    }
    impl Eq for Key {}
    impl std::hash::Hash for Key {
        fn hash<H: Hasher>(&self, state: &mut H) {
            self.0.hash(state);
        }
    }
    {
        let memo = Memo::new(|_: &Key| value.clone());
        for at in 0..1000 {
            memo.get(&Key(at, key.clone()));
        }
        assert_eq!((Arc::strong_count(&key), Arc::strong_count(&value)), (1001, 1001));
    }
    assert_eq!((Arc::strong_count(&key), Arc::strong_count(&value)), (1, 1));
}

#[test]
fn a_panic_in_drop_leaves_the_others_dropped() {
    struct Fragile<'a>(u32, &'a AtomicUsize);
    impl Drop for Fragile<'_> {
        fn drop(&mut self) {
            self.1.fetch_add(1, Relaxed);
            assert_ne!(self.0, 7, "the drop of seven panics");
        }
    }
    let drops = AtomicUsize::new(0);
    let memo = Memo::new(|key: &u32| Fragile(*key, &drops));
    (0..100).for_each(|key| _ = memo.get(&key));
    assert!(catch_unwind(AssertUnwindSafe(|| drop(memo))).is_err());
    assert_eq!(drops.load(Relaxed), 100);
}

/// The resident memory of this process in KiB.
#[cfg(target_os = "linux")]
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim_end_matches("kB").trim().parse().unwrap()
}

rusty_fork_test! {
    #![rusty_fork(timeout_ms = 600000)]

    // ANCHOR: stress
    /// All threads ask for the same keys, each in its own order, while the table grows
    /// fourteen times. Each caller gets the right value, which is made once and always
    /// lent from the same place.
    #[test]
    fn look_ups_hold_while_the_table_grows() {
        const KEYS: u64 = 200_000;
        let calls: Vec<AtomicUsize> = (0..KEYS).map(|_| AtomicUsize::new(0)).collect();
        let memo = Memo::new(|key: &u64| {
            calls[*key as usize].fetch_add(1, Relaxed);
            Box::new(key * 2)
        });
        let places: Vec<Vec<usize>> = herd(|caller| {
            // Each step is prime to the number of keys, so it reaches all of them.
            let step = [1, 3, 7, 9, 11, 13, 17, 19][caller];
            let mut places = vec![0; KEYS as usize];
            for turn in 0..KEYS {
                let key = turn * step % KEYS;
                let value = memo.get(&key);
                assert_eq!(**value, key * 2);
                places[key as usize] = std::ptr::from_ref(value) as usize;
                // A key that was asked for before is still there.
                let earlier = turn / 2 * step % KEYS;
                let place = std::ptr::from_ref(memo.get(&earlier)) as usize;
                assert_eq!(place, places[earlier as usize]);
            }
            places
        });
        let agree = places.iter().all(|others| *others == places[0]);
        assert!(agree, "a value has one place for all threads");
        assert!(calls.iter().all(|calls| calls.load(Relaxed) == 1));
    }
    // ANCHOR_END: stress

    #[test]
    fn herds_make_one_call_a_key() {
        let good: Hash64 = |key| key.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for (name, hash) in BAD.into_iter().chain([("a good one", good)]) {
            let calls = AtomicUsize::new(0);
            let memo = Memo::with_hasher(
                |key: &u64| {
                    dawdle();
                    (key * 2, calls.fetch_add(1, Relaxed))
                },
                Part(hash),
            );
            for key in 0..ROUNDS as u64 {
                let values = herd(|_| memo.get(&key));
                assert!(values.iter().all(|value| **value == (key * 2, key as usize)), "{name}: {values:?}");
            }
        }
    }

    /// Makes and drops fifty memos, one after another. The tables of each take one mebibyte, the old tables
    /// included.
    #[test]
    #[cfg(target_os = "linux")]
    fn a_memo_takes_its_tables_along() {
        let make_and_drop = || {
            let memo = Memo::new(|key: &u32| *key);
            (0..20_000).for_each(|key| _ = memo.get(&key));
        };
        make_and_drop();
        let before = resident();
        (0..50).for_each(|_| make_and_drop());
        let more = resident().saturating_sub(before);
        assert!(more < 16 << 10, "{more} KiB are left of fifty memos");
    }

    /// Fills a memo to the point where one more key makes the table grow. Per key this takes 16 bytes of lines, as
    /// many again in old tables, and 32 bytes of entry.
    #[test]
    #[cfg(target_os = "linux")]
    fn a_memo_has_a_line_for_four_keys() {
        const KEYS: usize = 1 << 18;
        let memo = Memo::new(|key: &u32| *key);
        let before = resident();
        (0..KEYS as u32).for_each(|key| _ = memo.get(&key));
        let bytes = (resident() - before) * 1_024 / KEYS;
        assert!((32..96).contains(&bytes), "{bytes} bytes for each key");
    }

    #[test]
    fn distinct_keys_overlap_whatever_their_hashes() {
        for (name, hash) in BAD {
            let all_inside = Barrier::new(CALLERS);
            let f = |key: &u64| {
                all_inside.wait();
                *key
            };
            let memo = Memo::with_hasher(f, Part(hash));
            for round in 0..ROUNDS / 4 {
                let key = |caller| (round * CALLERS + caller) as u64;
                herd(|caller| assert_eq!(*memo.get(&key(caller)), key(caller), "{name}"));
            }
        }
    }

    /// The first calls of each key panic, and the next one returns. One caller sees each panic, and all others get
    /// the value.
    #[test]
    fn hands_over_after_a_panic() {
        const PANICS: usize = 3;
        let calls = AtomicUsize::new(0);
        let memo = Memo::new(|key: &usize| {
            dawdle();
            let call = calls.fetch_add(1, Relaxed);
            if call < PANICS {
                panic_any(call);
            }
            key * 2
        });
        for key in 0..ROUNDS {
            calls.store(0, Relaxed);
            let (panics, values): (Vec<_>, Vec<_>) =
                herd(|_| catch_unwind(AssertUnwindSafe(|| memo.get(&key)))).into_iter().partition(Result::is_err);
            let mut panics: Vec<_> =
                panics.into_iter().map(|panic| *panic.unwrap_err().downcast::<usize>().unwrap()).collect();
            panics.sort_unstable();
            assert_eq!(panics, [0, 1, 2], "each panic goes to one caller, with its payload");
            assert!(values.into_iter().all(|value| *value.unwrap() == key * 2));
            assert_eq!(calls.load(Relaxed), PANICS + 1);
        }
    }

    /// A miss copies its key twice. If a copy panics, the leader sees the panic, and the next caller makes a new
    /// call.
    #[test]
    fn survives_a_panic_in_the_keys_clone() {
        thread_local! {
            static FAILS_IN: Cell<usize> = const { Cell::new(usize::MAX) };
        }
        #[derive(PartialEq, Eq, Hash)]
        struct Key(u64);
        impl Clone for Key {
            fn clone(&self) -> Self {
                FAILS_IN.set(FAILS_IN.get() - 1);
                assert_ne!(FAILS_IN.get(), 0, "this clone fails");
                Key(self.0)
            }
        }
        for fails_in in [1, 2] {
            let memo = Memo::new(|key: &Key| key.0 * 2);
            FAILS_IN.set(fails_in);
            assert!(catch_unwind(AssertUnwindSafe(|| memo.get(&Key(1)))).is_err());
            FAILS_IN.set(usize::MAX);
            assert_eq!(herd(|_| { FAILS_IN.set(usize::MAX); *memo.get(&Key(1)) }), [2; CALLERS]);
        }
    }

    /// `f` asks for other keys, so deep that the table grows during the outer calls.
    #[test]
    fn f_may_ask_for_other_keys() {
        type F = Box<dyn Fn(&u64) -> u64 + Send + Sync>;
        struct Triangle {
            memo: Memo<u64, u64, F>,
        }
        let triangle = Arc::new_cyclic(|asked: &Weak<Triangle>| {
            let asked = asked.clone();
            Triangle {
                memo: Memo::new(Box::new(move |n| match n {
                    0 => 0,
                    _ => n + asked.upgrade().unwrap().memo.get(&(n - 1)),
                })),
            }
        });
        assert_eq!(*triangle.memo.get(&1000), 500_500);
    }

    /// Compares the memo with a map, with keys that repeat in an irregular order.
    #[test]
    fn agrees_with_a_map() {
        for (name, hash) in BAD {
            let memo = Memo::with_hasher(|key: &u64| key.wrapping_mul(31), Part(hash));
            let mut map = HashMap::new();
            // A linear congruence of small period, so that numbers repeat.
            let mut key = 1u64;
            for _ in 0..5_000 {
                key = key.wrapping_mul(1_103_515_245).wrapping_add(12_345) >> 3 & 0x1ff;
                let value = *map.entry(key).or_insert_with(|| key.wrapping_mul(31));
                assert_eq!(*memo.get(&key), value, "{name}");
            }
        }
    }
}
