//! Panics: of `f`, and of the code of keys and values.

use std::future::{pending, ready};
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use anyhow::ensure;
use futures_util::FutureExt;

use crate::spec::item::{Fuse, Item, Kind};
use crate::spec::payload::{Payload, caught};
use crate::spec::world::{all_wait, boxed, callers, herd, memo, once, soon, turns};
use crate::subject::{Callers, Registry};

const CALLERS: usize = 8;
const PATIENCE: Duration = Duration::from_millis(20);

pub(crate) async fn to_caller<R: Registry>() -> anyhow::Result<()> {
    let calls = AtomicUsize::new(0);
    let memo = memo::<R, usize, usize, _>(move |key| {
        let (call, key) = (calls.fetch_add(1, Relaxed), *key);
        // One in three panics before there is a future, one at its first poll, one after some turns.
        if call < 300 && call % 3 == 0 {
            panic_any(Payload(call));
        }
        async move {
            if call < 300 {
                if call % 3 == 1 {
                    turns().await;
                }
                panic_any(Payload(call));
            }
            key + 1
        }
    });
    for call in 0..300 {
        let seen = caught(memo.get(&1)).await?;
        ensure!(seen == Err(call), "call {call} panicked, and its caller saw {seen:?}");
    }
    ensure!(caught(memo.get(&1)).await? == Ok(2), "no value after the panics");
    Ok(())
}

/// A herd on one key whose first `panics` calls panic.
async fn herd_after_panics<R: Registry>(panics: usize) -> anyhow::Result<()> {
    let calls = Arc::new(AtomicUsize::new(0));
    let memo = memo::<R, usize, usize, _>({
        let calls = calls.clone();
        move |key| {
            let (call, key) = (calls.fetch_add(1, Relaxed), *key);
            async move {
                all_wait(CALLERS - 1 - call.min(panics), PATIENCE).await;
                if call < panics {
                    panic_any(Payload(call));
                }
                key + 1
            }
        }
    });
    for key in 0..20 {
        calls.store(0, Relaxed);
        let seen = herd(CALLERS, |_| caught(memo.ask(key))).await.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
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

pub(crate) async fn hand_over<R: Registry>() -> anyhow::Result<()> {
    herd_after_panics::<R>(1).await
}

pub(crate) async fn in_a_row<R: Registry>() -> anyhow::Result<()> {
    herd_after_panics::<R>(CALLERS - 2).await
}

pub(crate) async fn other_keys<R: Registry>() -> anyhow::Result<()> {
    let calls = Arc::new(AtomicUsize::new(0));
    let memo = memo::<R, usize, usize, _>({
        let calls = calls.clone();
        move |key| {
            let (call, key) = (calls.fetch_add(1, Relaxed), *key);
            async move { if call == 1 { panic_any(Payload(1)) } else { key + 1 } }
        }
    });
    ensure!(caught(memo.get(&1)).await? == Ok(2), "no value before the panic");
    ensure!(caught(memo.get(&2)).await? == Err(1), "no panic");
    ensure!(caught(memo.get(&1)).await? == Ok(2), "a kept key is lost");
    ensure!(calls.load(Relaxed) == 2, "a kept key was computed again");
    ensure!(caught(memo.get(&3)).await? == Ok(4), "a new key does not work");
    Ok(())
}

/// The calls of many keys panic. Half of the callers that are tasks leave instead, which only tasks can do here. A memo
/// may keep some of these keys for later, so that it need not look after each. But they do not add up.
pub(crate) async fn failed_keys<R: Registry>() -> anyhow::Result<()> {
    const FAILED: usize = 10_000;
    const FEW: isize = 1_000;
    let keys = Kind::default();
    let leaves = |key: usize| callers() == Callers::Tasks && key % 2 == 1;
    let memo = boxed::<R, Item, Item>(Box::new(move |key| match key.number {
        0 => ready(key.clone()).boxed(),
        number if leaves(number) => pending().boxed(),
        number => async move { panic_any(Payload(number)) }.boxed(),
    }));
    memo.get(&keys.item(0)).await;
    for key in 1..=FAILED {
        if leaves(key) {
            ensure!(once(&mut memo.ask(keys.item(key))).is_pending(), "key {key} has a value");
            continue;
        }
        let seen = caught(memo.get(&keys.item(key))).await?.map(|value| value.number);
        ensure!(seen == Err(key), "key {key} panicked, and its caller saw {seen:?}");
    }
    ensure!(
        soon(|| keys.alive() <= FEW).await,
        "after {FAILED} keys whose calls left no value, {} copies of keys are left",
        keys.alive()
    );
    Ok(())
}

/// Asks for key 1 while this fuse of the keys or of the values is lit, and then for several keys while it is out.
async fn fragile<R: Registry>(fuse: Fuse, whose: fn(keys: Kind, values: Kind) -> Kind) -> anyhow::Result<()> {
    let (keys, values) = (Kind::default(), Kind::default());
    let memo = memo::<R, Item, Item, _>({
        let values = values.clone();
        move |key| ready(values.item(key.number + 1))
    });
    let ask = async |key: usize| {
        let key = keys.item(key);
        caught(async { memo.get(&key).await.number }).await
    };
    let fragile = whose(keys.clone(), values);
    // Twice: on a cold key, and on a kept one.
    for _ in 0..2 {
        fragile.light(fuse, true);
        // It may panic or not, because a memo need not clone or compare at this point. But it must be our panic.
        let _ = ask(1).await?;
        fragile.light(fuse, false);
        for key in [2, 1, 3] {
            let seen = ask(key).await?;
            ensure!(seen == Ok(key + 1), "afterwards key {key} got {seen:?}");
        }
    }
    Ok(())
}

pub(crate) async fn hash<R: Registry>() -> anyhow::Result<()> {
    fragile::<R>(Fuse::Hash, |keys, _| keys).await
}

pub(crate) async fn eq<R: Registry>() -> anyhow::Result<()> {
    fragile::<R>(Fuse::Eq, |keys, _| keys).await
}

pub(crate) async fn key_clone<R: Registry>() -> anyhow::Result<()> {
    fragile::<R>(Fuse::Clone, |keys, _| keys).await
}

pub(crate) async fn value_clone<R: Registry>() -> anyhow::Result<()> {
    fragile::<R>(Fuse::Clone, |_, values| values).await
}

/// The memo is dropped while a value inside it panics. That panic may come out or not, but the process lives.
pub(crate) async fn value_drop<R: Registry>() -> anyhow::Result<()> {
    let (keys, values) = (Kind::default(), Kind::default());
    let memo = memo::<R, Item, Item, _>({
        let values = values.clone();
        move |key| ready(values.item(key.number))
    });
    for key in 0..10 {
        drop(memo.get(&keys.item(key)).await);
    }
    values.light(Fuse::Drop, true);
    let _ = catch_unwind(AssertUnwindSafe(|| drop(memo)));
    turns().await;
    Ok(())
}
