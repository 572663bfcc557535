//! Panics: of `f`, and of the code that keys and values bring along.

use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use anyhow::ensure;
use futures_util::FutureExt;
use futures_util::future::{pending, ready};

use super::hand::{caller, once};
use super::herd::{Gate, herd};
use super::runtime::{on_one_thread, on_workers, soon, turns};
use crate::spec::item::{Fuse, Item, Kind};
use crate::spec::payload::{Payload, caught_async};
use crate::subject::{AsyncMemo, AsyncSubject};

const CALLERS: usize = 8;

pub(super) fn to_caller<S: AsyncSubject>() -> anyhow::Result<()> {
    on_one_thread(async {
        let calls = Arc::new(AtomicUsize::new(0));
        let memo = S::memo::<usize, usize>(Box::new(move |key| {
            let (call, key) = (calls.fetch_add(1, Relaxed), *key);
            // One in three panics before there is a future, one at its first poll, one after a while.
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
            .boxed()
        }));
        for call in 0..300 {
            let seen = caught_async(memo.get(&1)).await?;
            ensure!(seen == Err(call), "call {call} panicked, and its caller saw {seen:?}");
        }
        ensure!(caught_async(memo.get(&1)).await? == Ok(2), "no value after the panics");
        Ok(())
    })
}

/// The calls of half of the keys panic, and the callers of the others leave. A memo may leave some of them for later, so
/// that it need not look after each. But they do not add up.
pub(super) fn failed_keys<S: AsyncSubject>() -> anyhow::Result<()> {
    const FAILED: usize = 10_000;
    const FEW: isize = 1_000;
    on_one_thread(async {
        let keys = Kind::default();
        let memo = Arc::new(S::memo::<Item, Item>(Box::new(|key| match key.number {
            0 => ready(key.clone()).boxed(),
            failed if failed % 2 == 0 => async move { panic_any(Payload(failed)) }.boxed(),
            _ => pending().boxed(),
        })));
        memo.get(&keys.item(0)).await;
        for key in 1..=FAILED {
            if key % 2 == 0 {
                let seen = caught_async(memo.get(&keys.item(key))).await?.map(|value| value.number);
                ensure!(seen == Err(key), "key {key} panicked, and its caller saw {seen:?}");
            } else {
                ensure!(once(&mut caller(&memo, keys.item(key))).is_pending(), "key {key} has a value");
            }
        }
        ensure!(
            soon(|| keys.alive() <= FEW).await,
            "after {FAILED} keys whose calls panicked or whose callers left, {} copies of keys are left",
            keys.alive()
        );
        Ok(())
    })
}

/// A herd on one key whose first `panics` calls panic.
fn herd_after_panics<S: AsyncSubject>(panics: usize) -> anyhow::Result<()> {
    on_workers(2, async {
        let (calls, asking) = (Arc::new(AtomicUsize::new(0)), Gate::default());
        let memo = Arc::new(S::memo::<usize, usize>({
            let (calls, asking) = (calls.clone(), asking.clone());
            Box::new(move |key| {
                let (calls, asking, key) = (calls.clone(), asking.clone(), *key);
                async move {
                    let call = calls.fetch_add(1, Relaxed);
                    asking.wait_for((key + 1) * CALLERS).await;
                    turns().await;
                    if call < panics {
                        panic_any(Payload(call));
                    }
                    key + 1
                }
                .boxed()
            })
        }));
        for key in 0..20 {
            calls.store(0, Relaxed);
            let ask = |_| {
                let (memo, asking) = (memo.clone(), asking.clone());
                async move {
                    asking.arrive();
                    caught_async(memo.get(&key)).await
                }
            };
            let seen = herd(CALLERS, ask).await.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
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
    })
}

pub(super) fn hand_over<S: AsyncSubject>() -> anyhow::Result<()> {
    herd_after_panics::<S>(1)
}

pub(super) fn in_a_row<S: AsyncSubject>() -> anyhow::Result<()> {
    herd_after_panics::<S>(CALLERS - 2)
}

pub(super) fn other_keys<S: AsyncSubject>() -> anyhow::Result<()> {
    on_one_thread(async {
        let calls = Arc::new(AtomicUsize::new(0));
        let memo = S::memo::<usize, usize>({
            let calls = calls.clone();
            Box::new(move |key| match calls.fetch_add(1, Relaxed) {
                1 => async { panic_any(Payload(1)) }.boxed(),
                _ => ready(key + 1).boxed(),
            })
        });
        ensure!(caught_async(memo.get(&1)).await? == Ok(2), "no value before the panic");
        ensure!(caught_async(memo.get(&2)).await? == Err(1), "no panic");
        ensure!(caught_async(memo.get(&1)).await? == Ok(2), "a kept key is lost");
        ensure!(calls.load(Relaxed) == 2, "a kept key was computed again");
        ensure!(caught_async(memo.get(&3)).await? == Ok(4), "a new key does not work");
        Ok(())
    })
}

/// Asks for key 1 with this fuse lit, of the keys or of the values, and then for several keys without.
fn fragile<S: AsyncSubject>(fuse: Fuse, whose: fn(keys: Kind, values: Kind) -> Kind) -> anyhow::Result<()> {
    on_one_thread(async {
        let (keys, values) = (Kind::default(), Kind::default());
        let memo = S::memo::<Item, Item>({
            let values = values.clone();
            Box::new(move |key| ready(values.item(key.number + 1)).boxed())
        });
        let ask = async |key: usize| {
            let key = keys.item(key);
            caught_async(async { memo.get(&key).await.number }).await
        };
        let fragile = whose(keys.clone(), values);
        // Twice: on a cold key, and on a kept one.
        for _ in 0..2 {
            fragile.light(fuse, true);
            // It may panic or not, for a memo need not clone, or compare, at this point; but only with our panic.
            let _ = ask(1).await?;
            fragile.light(fuse, false);
            for key in [2, 1, 3] {
                let seen = ask(key).await?;
                ensure!(seen == Ok(key + 1), "afterwards key {key} got {seen:?}");
            }
        }
        Ok(())
    })
}

pub(super) fn hash<S: AsyncSubject>() -> anyhow::Result<()> {
    fragile::<S>(Fuse::Hash, |keys, _| keys)
}

pub(super) fn eq<S: AsyncSubject>() -> anyhow::Result<()> {
    fragile::<S>(Fuse::Eq, |keys, _| keys)
}

pub(super) fn key_clone<S: AsyncSubject>() -> anyhow::Result<()> {
    fragile::<S>(Fuse::Clone, |keys, _| keys)
}

pub(super) fn value_clone<S: AsyncSubject>() -> anyhow::Result<()> {
    fragile::<S>(Fuse::Clone, |_, values| values)
}

/// The memo is dropped with a value inside that panics: the panic may come out or not, but the process lives.
pub(super) fn value_drop<S: AsyncSubject>() -> anyhow::Result<()> {
    on_one_thread(async {
        let (keys, values) = (Kind::default(), Kind::default());
        let memo = S::memo::<Item, Item>({
            let values = values.clone();
            Box::new(move |key| ready(values.item(key.number)).boxed())
        });
        for key in 0..10 {
            drop(memo.get(&keys.item(key)).await);
        }
        values.light(Fuse::Drop, true);
        let _ = catch_unwind(AssertUnwindSafe(|| drop(memo)));
        turns().await;
        Ok(())
    })
}
