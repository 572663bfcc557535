//! Panics: of `f`, and of the code that keys and values bring along.

use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use anyhow::ensure;

use crate::conformance::counted::{Alive, CountedKey};
use crate::conformance::fragile::{Fragile, Fuses, burn};
use crate::conformance::gate::{asleep, herd};
use crate::conformance::payload::{Payload, caught};
use crate::conformance::soon::soon;
use crate::subject::{Memo, OneThread, Subject, Value};

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
    let alive = Alive::default();
    let memo = S::memo(Box::new(|key: &CountedKey| match key.0 {
        0 => 0,
        failed => panic_any(Payload(failed)),
    }));
    memo.get(&alive.key(0));
    for key in 1..=FAILED {
        let seen = caught(|| memo.get(&alive.key(key)))?;
        ensure!(seen == Err(key), "key {key} panicked, and its caller saw {seen:?}");
    }
    ensure!(
        soon(|| alive.count() <= FEW),
        "after {FAILED} keys whose calls panicked, {} copies of keys are left",
        alive.count()
    );
    Ok(())
}

/// Asks for key 1 with a fuse lit, and then for several keys without.
fn fragile<M: Memo<Fragile, V>, V: Value>(
    memo: &M,
    fuses: &Fuses,
    light: &AtomicBool,
    number: fn(&V) -> usize,
) -> anyhow::Result<()> {
    let ask = |key: usize| caught(|| number(&memo.get(&Fragile(key, fuses.clone()))));
    // Twice: on a cold key, and on a kept one.
    for _ in 0..2 {
        light.store(true, Relaxed);
        // It may panic or not, for a memo need not clone, or compare, at this point; but only with our panic.
        let _ = ask(1)?;
        light.store(false, Relaxed);
        for key in [2, 1, 3] {
            let seen = ask(key)?;
            ensure!(seen == Ok(key + 1), "afterwards key {key} got {seen:?}");
        }
    }
    Ok(())
}

pub(super) fn hash<S: OneThread>() -> anyhow::Result<()> {
    let fuses = Fuses::default();
    fragile(&S::memo(Box::new(|key: &Fragile| key.0 + 1)), &fuses, &fuses.hash, |value| *value)
}

pub(super) fn eq<S: OneThread>() -> anyhow::Result<()> {
    let fuses = Fuses::default();
    fragile(&S::memo(Box::new(|key: &Fragile| key.0 + 1)), &fuses, &fuses.eq, |value| *value)
}

pub(super) fn key_clone<S: OneThread>() -> anyhow::Result<()> {
    let fuses = Fuses::default();
    fragile(&S::memo(Box::new(|key: &Fragile| key.0 + 1)), &fuses, &fuses.clone, |value| *value)
}

/// The keys do not panic here: their fuses are others.
pub(super) fn value_clone<S: OneThread>() -> anyhow::Result<()> {
    let (keys, values) = (Fuses::default(), Fuses::default());
    let light = values.clone.clone();
    let memo = S::memo(Box::new(move |key: &Fragile| Fragile(key.0 + 1, values.clone())));
    fragile(&memo, &keys, &light, |value| value.0)
}

/// The memo is dropped with a value inside that panics: the panic may come out or not, but the process lives.
pub(super) fn value_drop<S: OneThread>() -> anyhow::Result<()> {
    #[derive(Clone)]
    struct Bomb(Arc<AtomicBool>);
    impl Drop for Bomb {
        fn drop(&mut self) {
            burn(&self.0);
        }
    }
    let lit = Arc::new(AtomicBool::new(false));
    let memo = S::memo({
        let lit = lit.clone();
        Box::new(move |_: &usize| Bomb(lit.clone()))
    });
    (0..10).for_each(|key| drop(memo.get(&key)));
    lit.store(true, Relaxed);
    let _ = catch_unwind(AssertUnwindSafe(|| drop(memo)));
    Ok(())
}
