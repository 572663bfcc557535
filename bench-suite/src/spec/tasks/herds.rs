//! Herds: many callers of one cold key.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use anyhow::ensure;
use futures_util::FutureExt;
use rand::seq::SliceRandom;
use rand::{SeedableRng, rngs::StdRng};
use tokio::runtime::Handle;

use super::herd::{Gate, herd};
use super::runtime::{on_one_thread, on_workers, turns};
use crate::spec::in_step::{self, linger};
use crate::subject::{AsyncMemo, AsyncSubject};

const CALLERS: usize = 8;
const ROUNDS: usize = 40;

/// The leader returns when all have come to ask, and have had some turns to begin to wait.
async fn herds<S: AsyncSubject>() -> anyhow::Result<()> {
    let (calls, asking) = (Arc::new(AtomicUsize::new(0)), Gate::default());
    let memo = Arc::new(S::memo::<usize, usize>({
        let (calls, asking) = (calls.clone(), asking.clone());
        Box::new(move |key| {
            calls.fetch_add(1, Relaxed);
            let (asking, key) = (asking.clone(), *key);
            async move {
                asking.wait_for((key + 1) * CALLERS).await;
                turns().await;
                key + 1
            }
            .boxed()
        })
    }));
    for key in 0..ROUNDS {
        calls.store(0, Relaxed);
        let ask = |_| {
            let (memo, asking) = (memo.clone(), asking.clone());
            async move {
                asking.arrive();
                memo.get(&key).await
            }
        };
        let values = herd(CALLERS, ask).await;
        let calls = calls.load(Relaxed);
        ensure!(calls == 1, "{CALLERS} callers of one key made {calls} calls");
        ensure!(values == [key + 1; CALLERS], "key {key} got {values:?}");
    }
    Ok(())
}

pub(super) fn one_call<S: AsyncSubject>() -> anyhow::Result<()> {
    on_workers(2, herds::<S>())
}

pub(super) fn one_call_one_worker<S: AsyncSubject>() -> anyhow::Result<()> {
    on_workers(1, herds::<S>())?;
    on_one_thread(herds::<S>())
}

/// The callers chase each other through the same keys, and `f` does nothing: many a call ends just as another caller
/// comes for it.
pub(super) fn late_callers<S: AsyncSubject>() -> anyhow::Result<()> {
    const KEYS: usize = 500;
    on_workers(2, async {
        let calls = Arc::new(AtomicUsize::new(0));
        let memo = Arc::new(S::memo::<usize, usize>({
            let calls = calls.clone();
            Box::new(move |key| {
                calls.fetch_add(1, Relaxed);
                std::future::ready(key + 1).boxed()
            })
        }));
        for round in 0..ROUNDS / 4 {
            let keys = round * KEYS..(round + 1) * KEYS;
            let ask = |_| {
                let (memo, keys) = (memo.clone(), keys.clone());
                async move {
                    for key in keys {
                        memo.get(&key).await;
                    }
                }
            };
            herd(4, ask).await;
            let calls = calls.load(Relaxed);
            ensure!(calls == keys.end, "{} keys took {calls} calls", keys.end);
        }
        Ok(())
    })
}

/// Two callers come to each key in the same instant. They are no tasks, of which a worker keeps the one that it has
/// woken for itself, but threads, each of which drives a future of its own.
pub(super) fn in_step<S: AsyncSubject>() -> anyhow::Result<()> {
    on_workers(2, async {
        let calls = Arc::new(AtomicUsize::new(0));
        let memo = S::memo::<usize, usize>({
            let calls = calls.clone();
            Box::new(move |round| {
                let (calls, round) = (calls.clone(), *round);
                async move {
                    calls.fetch_add(1, Relaxed);
                    linger(round);
                    round
                }
                .boxed()
            })
        });
        let runtime = Handle::current();
        in_step::in_step(|round| {
            runtime.block_on(memo.get(&round));
        })?;
        let calls = calls.load(Relaxed);
        ensure!(calls == in_step::ROUNDS, "{} keys took {calls} calls", in_step::ROUNDS);
        Ok(())
    })
}

/// Each call of `f` makes a value of its own.
pub(super) fn one_value<S: AsyncSubject>() -> anyhow::Result<()> {
    on_workers(2, async {
        let calls = AtomicUsize::new(0);
        let memo = Arc::new(S::memo::<usize, usize>(Box::new(move |_| {
            let call = calls.fetch_add(1, Relaxed);
            turns().map(move |()| call).boxed()
        })));
        for key in 0..ROUNDS {
            let ask = |_| {
                let memo = memo.clone();
                async move { memo.get(&key).await }
            };
            let mut values = herd(CALLERS, ask).await;
            values.push(memo.get(&key).await);
            let distinct: HashSet<_> = values.iter().collect();
            ensure!(distinct.len() == 1, "the callers of one key got {} different values", distinct.len());
        }
        Ok(())
    })
}

/// Every caller asks for all the keys, each in an order of its own.
pub(super) fn right_values<S: AsyncSubject>() -> anyhow::Result<()> {
    const KEYS: u64 = 2_000;
    on_workers(2, async {
        let memo = Arc::new(S::memo::<String, _>(Box::new(|key| {
            std::future::ready(key.parse::<u64>().map(|key| key * 3)).boxed()
        })));
        let ask = |caller| {
            let memo = memo.clone();
            let mut keys: Vec<u64> = (0..KEYS).collect();
            keys.shuffle(&mut StdRng::seed_from_u64(caller as u64));
            async move {
                for key in keys {
                    if memo.get(&key.to_string()).await != Ok(key * 3) {
                        return Some(key);
                    }
                }
                None
            }
        };
        let wrong = herd(4, ask).await;
        ensure!(wrong.iter().all(Option::is_none), "wrong values, for these keys among others: {wrong:?}");
        Ok(())
    })
}
