//! `f` asks the memo: for other keys, which must work, and round in a circle, which can only be refused.

use std::sync::{Arc, Weak};

use anyhow::ensure;

use crate::spec::gate::{Gate, deep, herd};
use crate::subject::{Memo, Subject};

/// A memo whose `f` can ask it.
struct Recursive<S: Subject>(S::Memo<usize, usize>);

impl<S: Subject> Recursive<S> {
    /// A memo of `f`, which receives, beside the key, what it asks the memo with.
    fn new(f: impl Fn(&dyn Fn(usize) -> usize, usize) -> usize + Send + Sync + 'static) -> Arc<Self> {
        Arc::new_cyclic(|memo: &Weak<Self>| {
            let memo = memo.clone();
            let ask = move |key| match memo.upgrade() {
                Some(memo) => memo.0.get(&key),
                // Whoever asked has gone, and the memo with it: nobody will read this.
                None => 0,
            };
            Recursive(S::memo(Box::new(move |key: &usize| f(&ask, *key))))
        })
    }
}

/// Each key asks for the one below it. A memo that runs `f` on its caller does so on one stack, which is therefore a
/// large one.
pub(super) fn other_keys<S: Subject>() -> anyhow::Result<()> {
    const DEPTH: usize = 1_000;
    let memo = Recursive::<S>::new(|ask, key| match key {
        0 => 0,
        _ => key + ask(key - 1),
    });
    let sum = deep(|| memo.0.get(&DEPTH));
    ensure!(sum == DEPTH * (DEPTH + 1) / 2, "got {sum}");
    Ok(())
}

/// 3 asks for 1 and 2, which both ask for 0, from two callers at once: no circle is there to be seen.
pub(super) fn diamond<S: Subject>() -> anyhow::Result<()> {
    let memo = Recursive::<S>::new(|ask, key| match key {
        0 => 1,
        1 | 2 => key * ask(0),
        _ => ask(1) + ask(2),
    });
    let sums = herd(2, |caller| memo.0.get(&[3, 4][caller]));
    ensure!(sums == [3, 3], "got {sums:?}");
    Ok(())
}

/// Any end is an answer here: a value cannot be, so the program ends only if the memo refuses, by a panic.
pub(super) fn same_key<S: Subject>() -> anyhow::Result<()> {
    ends(1, &Recursive::<S>::new(|ask, key| ask(key)))
}

pub(super) fn cycle<S: Subject>() -> anyhow::Result<()> {
    ends(1, &Recursive::<S>::new(|ask, key| ask(1 - key)))
}

pub(super) fn two_callers<S: Subject>() -> anyhow::Result<()> {
    ring::<S>(2)
}

pub(super) fn three_callers<S: Subject>() -> anyhow::Result<()> {
    ring::<S>(3)
}

/// Each caller asks for a key whose call asks for the next caller's, and none asks before all are inside.
fn ring<S: Subject>(callers: usize) -> anyhow::Result<()> {
    let inside = Gate::default();
    let memo = Recursive::<S>::new(move |ask, key| {
        inside.meet(callers);
        ask((key + 1) % callers)
    });
    ends(callers, &memo)
}

/// Each caller asks for its own number, and comes back somehow.
fn ends<S: Subject>(callers: usize, memo: &Recursive<S>) -> anyhow::Result<()> {
    herd(callers, |caller| {
        let ask = || memo.0.get(&caller);
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(ask)).is_ok()
    });
    Ok(())
}
