//! `memo_hit`: the memo has every key. What does a look-up cost?
//!
//! The memos are compared with a plain [`HashMap`] that no thread writes to, which needs no synchronisation. It is
//! a reference, not a lower limit: a memo may find its keys in another, faster way.
//!
//! There are two experiments. In `memo_hit` each memo uses the hash function that its users get. That function can
//! take as long as everything else in a hit. The standard library's function does; it is safe against keys that an
//! attacker has chosen to collide. `memo_hit_foldhash` contains only the memos that accept another hash function,
//! and gives all of them the same fast one, so that only the memos differ. The plain map has the fast function in
//! both experiments.

use std::collections::HashMap;
use std::hint::black_box;
use std::io;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use foldhash::fast::RandomState;
use green_threads::probe::placement::Placement;
use green_threads::probe::protocol::Answer;
use green_threads::workload::{Compared, Depth, Parameter, Remark, Times};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, Zipf};

use super::rounds::{Contestant, Length, Plan};
use super::together::{Span, timed, together};
use super::{Contest, PLAIN_MAP, Tick, Written, all_subjects, compete, thread_counts};
use crate::store::Found;
use crate::subject::Callers::Threads;
use crate::subject::{self, Memo, Memo1, OneThread, Subject, Visitor};

/// How many look-ups each thread draws in advance, per key. The thread repeats these look-ups again and again, and
/// each round continues where the last one ended.
const WRITTEN_FOR_A_KEY: usize = 5;

/// How long a contestant runs in a round, per key, so that a round covers a good part of the keys.
const ROUND_FOR_A_KEY: Duration = Duration::from_nanos(100);
const ROUND: Duration = Duration::from_millis(3);

const ONE_THREAD: &[(&str, &str)] = &[("threads", "1"), ("placement", "free")];
const TWO_THREADS: &[(&str, &str)] = &[("threads", "2"), ("placement", "free")];

const TIMES: Times = Times {
    rows: "memo",
    caption: "The memo has every key. Shown: time of one look-up as each thread sees it, and the ratio to a plain \
              HashMap with foldhash that no thread writes. A star marks the best memos, which the spread cannot \
              separate. Each memo hashes as its users get it: memo2::lending and quick_cache with foldhash, once_map \
              with aHash, the others with the standard library's SipHash.",
    columns: &[Parameter::new("keys", "{} keys"), Parameter::new("threads", "{} thread{s}")],
    split: "choice",
    headline: &[
        &[("choice", "zipf"), ("keys", "1000"), ("threads", "1"), ("placement", "free")],
        &[("choice", "zipf"), ("keys", "1000"), ("threads", "2")],
    ],
    compared: &[Compared { head: "two threads\nto one, free", of: TWO_THREADS, by: ONE_THREAD }],
    remarks: &[Remark { head: "a hit takes", on: subject::hit_takes }],
    ..Times::OF_MODELS
};

pub(super) struct MemoHit<S> {
    depth: Depth,
    settings: Vec<Setting>,
    hash: PhantomData<S>,
    /// The memos of the last setting. The next setting uses them again if it has as many keys and the same
    /// placement, because filling the memos takes longer than measuring them.
    filled: Option<((usize, Placement), Filled)>,
}

#[derive(Clone, Copy)]
struct Setting {
    choice: &'static str,
    keys: usize,
    threads: usize,
    placement: Placement,
}

impl<S> MemoHit<S> {
    pub(super) fn new(depth: Depth) -> Self {
        let mut settings = Vec::new();
        for &placement in Placement::POSSIBLE {
            for keys in [1_000, 100_000] {
                for choice in [ZIPF, "uniform"] {
                    settings.extend(thread_counts().into_iter().map(|threads| Setting {
                        choice,
                        keys,
                        threads,
                        placement,
                    }));
                }
            }
        }
        MemoHit { depth, settings, hash: PhantomData, filled: None }
    }
}

/// The choice of keys by Zipf's law: most look-ups are of a few keys.
const ZIPF: &str = "zipf";

/// Which hash function the memos use, and which memos take part.
pub(super) trait Hashing: 'static {
    const EXPERIMENT: &'static str;
    const TIMES: Times;
    fn visit(visitor: &mut impl Visitor);
    fn entrants(threads: usize) -> Vec<(&'static str, Result<(), String>)>;
}

/// Each memo uses the hash function that its users get.
pub(super) struct AsUsersGetIt;

impl Hashing for AsUsersGetIt {
    const EXPERIMENT: &'static str = "memo_hit";
    const TIMES: Times = TIMES;
    fn visit(visitor: &mut impl Visitor) {
        subject::visit_made_for(Threads, visitor);
    }
    fn entrants(threads: usize) -> Vec<(&'static str, Result<(), String>)> {
        all_subjects(threads == 1)
    }
}

/// All memos use the same hash function.
pub(super) struct SameForAll;

impl Hashing for SameForAll {
    const EXPERIMENT: &'static str = "memo_hit_foldhash";
    const TIMES: Times =
        Times { caption: "As memo_hit, for the memos that accept a hash function: all of them use foldhash.", ..TIMES };
    fn visit(visitor: &mut impl Visitor) {
        subject::visit_hashed_by::<RandomState>(visitor);
    }
    fn entrants(_: usize) -> Vec<(&'static str, Result<(), String>)> {
        subject::hashed().into_iter().map(|about| (about.name, Ok(()))).collect()
    }
}

impl<S: Hashing> Contest for MemoHit<S> {
    fn name(&self) -> &'static str {
        S::EXPERIMENT
    }

    fn times(&self) -> Times {
        S::TIMES
    }

    fn rounds(&self) -> usize {
        self.depth.rounds(11, 31)
    }

    fn settings(&self) -> Vec<Written> {
        let written = |&Setting { choice, keys, threads, placement }: &Setting| {
            let parameters =
                [("choice", choice.to_string()), ("keys", keys.to_string()), ("threads", threads.to_string())];
            Written::of_memos(S::EXPERIMENT, parameters, &format!("{choice}-{keys}-{threads}t"), placement)
        };
        self.settings.iter().map(written).collect()
    }

    fn entrants(&self, setting: usize) -> Vec<(&'static str, Result<(), String>)> {
        std::iter::once((PLAIN_MAP, Ok(()))).chain(S::entrants(self.settings[setting].threads)).collect()
    }

    fn measure(&mut self, setting: usize, without: &[&str], tick: Tick<'_>) -> io::Result<Vec<(&'static str, Found)>> {
        let Setting { choice, keys, threads, placement } = self.settings[setting];
        if self.filled.as_ref().is_none_or(|(of, _)| *of != (keys, placement)) {
            // Drop the old memos first, so that the old and the new ones are never in memory together.
            self.filled = None;
            self.filled = Some(((keys, placement), placement.run(|| Filled::new::<S>(keys, without))?));
        }
        let length = match self.depth {
            Depth::Trial => Duration::from_micros(50),
            Depth::Quick | Depth::Full => ROUND.max(ROUND_FOR_A_KEY * keys as u32),
        };
        let plan = Plan { rounds: self.rounds(), length: Length::About(length) };
        let Some((_, filled)) = &mut self.filled else { unreachable!("the memos were just filled") };
        let load = Load::new(filled.keys.clone(), choice, threads);
        let contestants = filled
            .memos
            .iter_mut()
            .filter(|memo| threads == 1 || memo.name() != <Memo1 as OneThread>::NAME)
            .map(|memo| Box::new(Hits { memo: &mut **memo, load: &load, at: 0 }) as Box<dyn Contestant>)
            .collect();
        compete(placement, contestants, plan, &TIMES, tick)
    }
}

/// All memos, filled with all keys.
struct Filled {
    keys: Arc<[String]>,
    memos: Vec<Box<dyn HitMemo>>,
}

impl Filled {
    fn new<H: Hashing>(keys: usize, without: &[&str]) -> Self {
        struct Fill<'a> {
            keys: Arc<[String]>,
            without: &'a [&'a str],
            memos: Vec<Box<dyn HitMemo>>,
        }
        impl Visitor for Fill<'_> {
            fn shared<S: Subject>(&mut self) {
                if !self.without.contains(&<S as Subject>::NAME) {
                    let memo = <S as Subject>::memo::<String, u64>(Box::new(|key| value(key)));
                    self.keys.iter().for_each(|key| _ = memo.get(key));
                    self.memos.push(Box::new(Shared(<S as Subject>::NAME, memo)));
                }
            }
            fn one_thread<S: OneThread>(&mut self) {
                let memo = S::memo::<String, u64>(Box::new(|key| value(key)));
                self.keys.iter().for_each(|key| _ = memo.get(key));
                self.memos.push(Box::new(Alone(S::NAME, memo)));
            }
        }
        // The keys are about as long as real URLs, and like them they are equal over most of their length.
        let keys: Arc<[String]> =
            (0..keys).map(|at| format!("https://pages.example/section-{}/page-{at:06}.html", at % 16)).collect();
        let plain = PlainMap(keys.iter().map(|key| (key.clone(), value(key))).collect());
        let mut fill = Fill { keys: keys.clone(), without, memos: vec![Box::new(Shared(PLAIN_MAP, plain))] };
        H::visit(&mut fill);
        Filled { keys, memos: fill.memos }
    }
}

/// The value of a key: a number, because cloning a number costs nothing.
fn value(key: &str) -> u64 {
    key.len() as u64
}

/// A map that the threads share by reference. No thread writes to it.
struct PlainMap(HashMap<String, u64, RandomState>);

impl Memo<String, u64> for PlainMap {
    fn get(&self, key: &String) -> u64 {
        self.0[key]
    }
}

/// The keys, and the order in which each thread looks them up.
struct Load {
    keys: Arc<[String]>,
    orders: Vec<Vec<u32>>,
}

impl Load {
    fn new(keys: Arc<[String]>, choice: &str, threads: usize) -> Self {
        let zipf = Zipf::new(keys.len() as f64, 0.99).expect("0.99 is a valid exponent, and there is at least one key");
        let order = |thread: usize| {
            // A fixed seed: the numbers are the same in every run and for every subject.
            let mut random = StdRng::seed_from_u64(thread as u64);
            let mut draw = || match choice {
                // Rank 1 is the hottest key. The ranks are scattered over the keys, as hot pages are over a site.
                ZIPF => (zipf.sample(&mut random) as usize - 1).wrapping_mul(7_919) % keys.len(),
                _ => random.random_range(0..keys.len()),
            };
            (0..keys.len() * WRITTEN_FOR_A_KEY).map(|_| draw() as u32).collect()
        };
        Load { orders: (0..threads).map(order).collect(), keys }
    }

    /// Looks up `count` keys on the calling thread, starting at index `begin` of its order.
    fn walk(&self, memo: &impl Memo<String, u64>, thread: usize, begin: usize, count: u64) -> Span {
        let order = &self.orders[thread];
        timed(|| {
            let (mut begin, mut left) = (begin, count as usize);
            while left > 0 {
                let part = left.min(order.len() - begin);
                for &at in &order[begin..begin + part] {
                    black_box(memo.get(black_box(&self.keys[at as usize])));
                }
                left -= part;
                begin = 0;
            }
        })
    }
}

/// A filled memo, for one thread or for several.
trait HitMemo: Send {
    fn name(&self) -> &'static str;
    /// Looks up `count` keys on each thread, starting at index `begin` of the thread's order.
    fn walk(&mut self, load: &Load, begin: usize, count: u64) -> Duration;
}

struct Alone<M>(&'static str, M);

impl<M: Memo<String, u64> + Send> HitMemo for Alone<M> {
    fn name(&self) -> &'static str {
        self.0
    }
    fn walk(&mut self, load: &Load, begin: usize, count: u64) -> Duration {
        let (start, end) = load.walk(&self.1, 0, begin, count);
        end - start
    }
}

struct Shared<M>(&'static str, M);

impl<M: Memo<String, u64> + Send + Sync> HitMemo for Shared<M> {
    fn name(&self) -> &'static str {
        self.0
    }
    fn walk(&mut self, load: &Load, begin: usize, count: u64) -> Duration {
        match load.orders.len() {
            1 => {
                let (start, end) = load.walk(&self.1, 0, begin, count);
                end - start
            }
            threads => together(threads, |thread| load.walk(&self.1, thread, begin, count)),
        }
    }
}

/// A filled memo as a contestant, with the look-ups that it is measured with.
struct Hits<'a> {
    memo: &'a mut (dyn HitMemo + 'a),
    load: &'a Load,
    /// The index in the orders at which the next round begins.
    at: usize,
}

impl Contestant for Hits<'_> {
    fn name(&self) -> &'static str {
        self.memo.name()
    }
    fn run(&mut self, iterations: u64) -> Answer {
        let begin = self.at;
        self.at = (begin + iterations as usize) % self.load.orders[0].len();
        Answer::time(self.memo.walk(self.load, begin, iterations))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use parking_lot::Mutex;

    use super::*;

    /// A memo that notes the keys it is asked for.
    struct Notes<'a>(&'a Mutex<Vec<String>>);

    impl HitMemo for Notes<'_> {
        fn name(&self) -> &'static str {
            "notes"
        }
        fn walk(&mut self, load: &Load, begin: usize, count: u64) -> Duration {
            let (start, end) = load.walk(self, 0, begin, count);
            end - start
        }
    }

    impl Memo<String, u64> for Notes<'_> {
        fn get(&self, key: &String) -> u64 {
            self.0.lock().push(key.clone());
            0
        }
    }

    fn asked(choice: &str, keys: usize, rounds: &[u64]) -> Vec<String> {
        let notes = Mutex::new(Vec::new());
        let load = Load::new((0..keys).map(|key| key.to_string()).collect(), choice, 1);
        let mut memo = Notes(&notes);
        let mut hits = Hits { memo: &mut memo, load: &load, at: 0 };
        rounds.iter().for_each(|iterations| _ = hits.run(*iterations));
        notes.into_inner()
    }

    /// Three rounds ask for the same keys as one long round: no round begins at the start again.
    #[test]
    fn a_round_goes_on_where_the_last_one_was() {
        assert_eq!(asked("zipf", 100, &[70, 300, 400]), asked("zipf", 100, &[770]));
    }

    /// The rounds ask for most of the 100,000 keys, not only for a few thousand of them.
    #[test]
    fn nearly_all_keys_are_asked_for() {
        let keys = 100_000;
        let rounds = [100_000; 5];
        let distinct = |choice| asked(choice, keys, &rounds).into_iter().collect::<HashSet<_>>().len();
        assert!(distinct("uniform") > keys * 99 / 100, "{}", distinct("uniform"));
        assert!(distinct("zipf") > keys / 2, "{}", distinct("zipf"));
    }
}
