//! `memo_fill`: one thread asks a memo for `n` keys, none of which the memo has. How much time and memory does
//! each key take?
//!
//! The memory is the growth of the whole process, divided by the number of keys. It contains the memo's own copy
//! of the key, the value, whatever else the memo keeps, and what the allocator adds to each size. The caller's
//! keys exist before, and do not count.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::time::Instant;

use green_threads::probe::Runtime;
use green_threads::probe::memory::Memory;
use green_threads::probe::protocol::{Answer, Model};
use green_threads::workload::{
    Ask, Depth, Experiment, Observations, Parameter, Quantity, Setting, Shows, Table, Workload,
};

use crate::subject::{FILLED, Memo, PLAIN_MAP, Registry, Subject, Suite, Visitor};

pub(super) const WORKLOAD: Workload = Workload {
    variants: FILLED,
    models: &[Model::Thread],
    experiments: &[Experiment {
        name: "memo_fill",
        n: "n",
        settings,
        shows: Shows::Observations(Observations::new(&[TABLE])),
    }],
    ..Workload::new("memo_fill", "fill a memo from one thread: the time and the memory of a key", run)
};

const RESIDENT: Quantity = Quantity::bytes("resident", "memory\nof each");

const TABLE: Table = Table {
    variant: Table::EVERY_VARIANT,
    caption: "One thread asks for many keys, none of which the memo has; f does nothing. Shown: the time of one key, \
              and the growth of the process for each key, including the memo's copy of the key (44 bytes of text).",
    parameters: &[Parameter::new("variant", "memo"), Parameter::new("n", "keys")],
    quantities: &[Quantity::TIME.under("each\ntakes"), RESIDENT],
    facts: &[],
};

fn settings(depth: Depth) -> Vec<Setting> {
    let sizes: &[u64] = match depth {
        Depth::Trial => &[1_000],
        Depth::Quick => &[1_000_000],
        Depth::Full => &[1_000, 100_000, 1_000_000],
    };
    sizes.iter().flat_map(|&keys| FILLED.iter().map(move |memo| Setting::new(memo, keys))).collect()
}

fn run(_: &Runtime, ask: &Ask<'_>) -> io::Result<Answer> {
    let keys = (0..ask.setup.n).map(|at| format!("https://pages.example/section-{}/page-{at:06}.html", at % 16));
    let mut fill = Fill { name: &ask.setup.variant, keys: keys.collect(), seen: None };
    if fill.name == PLAIN_MAP {
        let mut map: HashMap<String, u64, RandomState> = HashMap::new();
        fill.by(|key| bring_in(&mut map, key));
    } else {
        Suite::visit(&mut fill);
    }
    let (nanoseconds, resident) = fill.seen.ok_or_else(|| io::Error::other("there is no memo with this name"))??;
    let each = |all: f64| all / ask.setup.n as f64;
    let answer = Answer { nanoseconds: each(nanoseconds), ..Answer::default() };
    Ok(answer.quantity(RESIDENT, each(resident)))
}

/// Does the least that a memo must do, with a plain map: looks the key up, calls `f` if the map does not have it,
/// and keeps the value and a copy of the key. The entry remembers the hash from the look-up, so the key is hashed
/// only once.
fn bring_in<S: BuildHasher>(map: &mut HashMap<String, u64, S>, key: &str) {
    map.entry(key.to_string()).or_insert_with(|| f(key));
}

/// The function that the memos call: it returns the key's length.
fn f(key: &str) -> u64 {
    key.len() as u64
}

/// Visits all memos, and fills the one with this name.
struct Fill<'a> {
    name: &'a str,
    keys: Vec<String>,
    /// The time of all keys in nanoseconds, and the growth of the process in bytes; `None` if no memo has this
    /// name.
    seen: Option<io::Result<(f64, f64)>>,
}

impl Fill<'_> {
    /// Calls `ask` with each key, and measures the time and the memory that this takes.
    fn by(&mut self, mut ask: impl FnMut(&String)) {
        let mut measured = || {
            let before = Memory::at_rest()?;
            let start = Instant::now();
            self.keys.iter().for_each(&mut ask);
            let time = start.elapsed().as_nanos() as f64;
            Ok((time, Memory::at_rest()?.resident as f64 - before.resident as f64))
        };
        self.seen = Some(measured());
    }
}

impl Visitor for Fill<'_> {
    fn shared<S: Subject>(&mut self) {
        if <S as Subject>::NAME == self.name {
            let memo = <S as Subject>::memo::<String, u64>(Box::new(|key| f(key)));
            self.by(|key| _ = memo.get(key));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::hash::DefaultHasher;

    use super::*;

    /// A hasher builder that counts how many keys are hashed.
    #[derive(Default)]
    struct Counting(Cell<u64>);

    impl BuildHasher for Counting {
        type Hasher = DefaultHasher;
        fn build_hasher(&self) -> DefaultHasher {
            self.0.set(self.0.get() + 1);
            DefaultHasher::new()
        }
    }

    #[test]
    fn the_plain_map_hashes_each_key_once() {
        // The map has room for all keys. If it had to grow, it would hash its keys again.
        let mut map = HashMap::with_capacity_and_hasher(1_000, Counting::default());
        for key in 0..1_000 {
            bring_in(&mut map, &key.to_string());
        }
        assert_eq!((map.len(), map.hasher().0.get()), (1_000, 1_000));
        assert_eq!(map["999"], 3);
    }
}
