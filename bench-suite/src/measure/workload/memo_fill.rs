//! `memo_fill`: one thread asks a memo for `n` keys, none of which is there. What does it take to bring a key in, and
//! how much memory has each?
//!
//! The memory is what the whole process has more afterwards, for each key: the memo's own copy of the key, the value,
//! whatever the memo keeps beside them, and what the allocator rounds up. The caller's keys are there before.

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
    ..Workload::new("memo_fill", "a memo filled by one thread: the time and the memory of a key", run)
};

const RESIDENT: Quantity = Quantity::bytes("resident", "memory\nof each");

const TABLE: Table = Table {
    variant: Table::EVERY_VARIANT,
    caption: "One thread asks for many keys, none of which the memo has; f does nothing. Shown: the time of one key, and the \
              growth of the process for each key, including the memo's copy of the key (44 bytes of text).",
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
    let (nanoseconds, resident) = fill.seen.ok_or_else(|| io::Error::other("there is no such memo"))??;
    let each = |all: f64| all / ask.setup.n as f64;
    let answer = Answer { nanoseconds: each(nanoseconds), ..Answer::default() };
    Ok(answer.quantity(RESIDENT, each(resident)))
}

/// Does to a plain map the least that a memo can do: it looks the key up, calls `f` if it is not there, and keeps a copy
/// of the key and the value. The entry remembers the hash from the look-up, so the key is hashed once.
fn bring_in<S: BuildHasher>(map: &mut HashMap<String, u64, S>, key: &str) {
    map.entry(key.to_string()).or_insert_with(|| f(key));
}

/// What a page is worth: a number.
fn f(key: &str) -> u64 {
    key.len() as u64
}

/// Fills the memo of this name when it comes by.
struct Fill<'a> {
    name: &'a str,
    keys: Vec<String>,
    /// The time of all, and the memory.
    seen: Option<io::Result<(f64, f64)>>,
}

impl Fill<'_> {
    /// Calls `ask` with each key.
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

    /// Counts the keys that are hashed.
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
        // With room for all: to grow, a map hashes its keys again.
        let mut map = HashMap::with_capacity_and_hasher(1_000, Counting::default());
        for key in 0..1_000 {
            bring_in(&mut map, &key.to_string());
        }
        assert_eq!((map.len(), map.hasher().0.get()), (1_000, 1_000));
        assert_eq!(map["999"], 3);
    }
}
