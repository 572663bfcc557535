//! Panics: of `f`, and of the code that keys and values bring along.

use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use anyhow::ensure;

use crate::spec::gate::{asleep, herd};
use crate::spec::item::{Fuse, Item, Kind};
use crate::spec::payload::{Payload, caught};
use crate::spec::soon::soon;
use crate::subject::{Memo, OneThread, Subject};

const CALLERS: usize = 8;
const PATIENCE: Duration = Duration::from_millis(20);

/// How many keys fail, and how many copies of them may be left.
const FAILED: usize = 10_000;
const FEW: isize = 1_000;

pub(super) fn to_caller<S: OneThread>() -> anyhow::Result<()> {
    let calls = AtomicUsize::new(0);
    let memo = S::memo(Box::new(move |key: &usize| match calls.fetch_add(1, Relaxed) {
        call @ 0..300 => panic_any(Payload(call)),
        _ => key + 1,
    }));
    for call in 0..300 {
        let seen = caught(|| memo.get(&1))?;
        ensure!(seen == Err(call), "call {call} panicked, and its caller saw {seen:?}");
    }
    ensure!(caught(|| memo.get(&1))? == Ok(2), "no value after the panics");
    Ok(())
}

/// A herd on one key whose first `panics` calls panic.
fn herd_after_panics<S: Subject>(panics: usize) -> anyhow::Result<()> {
    let calls = Arc::new(AtomicUsize::new(0));
    let memo = S::memo({
        let calls = calls.clone();
        Box::new(move |key: &usize| {
            let call = calls.fetch_add(1, Relaxed);
            asleep(CALLERS - 1 - call.min(panics), PATIENCE);
            if call < panics {
                panic_any(Payload(call));
            }
            key + 1
        })
    });
    for key in 0..20 {
        calls.store(0, Relaxed);
        let seen = herd(CALLERS, |_| caught(|| memo.get(&key))).into_iter().collect::<anyhow::Result<Vec<_>>>()?;
        let mut panicked: Vec<usize> = seen.iter().filter_map(|seen| seen.err()).collect();
        panicked.sort_unstable();
        ensure!(
            panicked.iter().copied().eq(0..panics),
            "{panics} calls panicked, and callers saw the panics of calls {panicked:?}"
        );
        ensure!(seen.into_iter().filter_map(Result::ok).all(|value| value == key + 1), "a wrong value");
        let calls = calls.load(Relaxed);
        ensure!(calls == panics + 1, "{calls} calls, where {panics} panicked");
    }
    Ok(())
}

pub(super) fn hand_over<S: Subject>() -> anyhow::Result<()> {
    herd_after_panics::<S>(1)
}

pub(super) fn in_a_row<S: Subject>() -> anyhow::Result<()> {
    herd_after_panics::<S>(CALLERS - 2)
}

pub(super) fn other_keys<S: OneThread>() -> anyhow::Result<()> {
    let calls = Arc::new(AtomicUsize::new(0));
    let memo = S::memo({
        let calls = calls.clone();
        Box::new(move |key: &usize| match calls.fetch_add(1, Relaxed) {
            1 => panic_any(Payload(1)),
            _ => key + 1,
        })
    });
    ensure!(caught(|| memo.get(&1))? == Ok(2), "no value before the panic");
    ensure!(caught(|| memo.get(&2))? == Err(1), "no panic");
    ensure!(caught(|| memo.get(&1))? == Ok(2), "a kept key is lost");
    ensure!(calls.load(Relaxed) == 2, "a kept key was computed again");
    ensure!(caught(|| memo.get(&3))? == Ok(4), "a new key does not work");
    Ok(())
}

/// A memo may leave some of them for later, so that it need not look after each. But they do not add up.
pub(super) fn failed_keys<S: OneThread>() -> anyhow::Result<()> {
    let keys = Kind::default();
    let memo = S::memo(Box::new(|key: &Item| match key.number {
        0 => key.clone(),
        failed => panic_any(Payload(failed)),
    }));
    memo.get(&keys.item(0));
    for key in 1..=FAILED {
        let seen = caught(|| memo.get(&keys.item(key)).number)?;
        ensure!(seen == Err(key), "key {key} panicked, and its caller saw {seen:?}");
    }
    ensure!(
        soon(|| keys.alive() <= FEW),
        "after {FAILED} keys whose calls panicked, {} copies of keys are left",
        keys.alive()
    );
    Ok(())
}

/// Asks for key 1 with this fuse lit, of the keys or of the values, and then for several keys without.
fn fragile<S: OneThread>(fuse: Fuse, whose: fn(keys: Kind, values: Kind) -> Kind) -> anyhow::Result<()> {
    let (keys, values) = (Kind::default(), Kind::default());
    let memo = S::memo({
        let values = values.clone();
        Box::new(move |key: &Item| values.item(key.number + 1))
    });
    let ask = |key: usize| caught(|| memo.get(&keys.item(key)).number);
    let fragile = whose(keys.clone(), values);
    // Twice: on a cold key, and on a kept one.
    for _ in 0..2 {
        fragile.light(fuse, true);
        // It may panic or not, for a memo need not clone, or compare, at this point; but only with our panic.
        let _ = ask(1)?;
        fragile.light(fuse, false);
        for key in [2, 1, 3] {
            let seen = ask(key)?;
            ensure!(seen == Ok(key + 1), "afterwards key {key} got {seen:?}");
        }
    }
    Ok(())
}

pub(super) fn hash<S: OneThread>() -> anyhow::Result<()> {
    fragile::<S>(Fuse::Hash, |keys, _| keys)
}

pub(super) fn eq<S: OneThread>() -> anyhow::Result<()> {
    fragile::<S>(Fuse::Eq, |keys, _| keys)
}

pub(super) fn key_clone<S: OneThread>() -> anyhow::Result<()> {
    fragile::<S>(Fuse::Clone, |keys, _| keys)
}

pub(super) fn value_clone<S: OneThread>() -> anyhow::Result<()> {
    fragile::<S>(Fuse::Clone, |_, values| values)
}

/// The memo is dropped with a value inside that panics: the panic may come out or not, but the process lives.
pub(super) fn value_drop<S: OneThread>() -> anyhow::Result<()> {
    let (keys, values) = (Kind::default(), Kind::default());
    let memo = S::memo({
        let values = values.clone();
        Box::new(move |key: &Item| values.item(key.number))
    });
    (0..10).for_each(|key| drop(memo.get(&keys.item(key))));
    values.light(Fuse::Drop, true);
    let _ = catch_unwind(AssertUnwindSafe(|| drop(memo)));
    Ok(())
}
