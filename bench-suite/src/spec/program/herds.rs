//! Herds: many callers of one cold key.

use std::collections::HashSet;
use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use anyhow::ensure;
use green_threads::probe::placement::Placement;
use rand::seq::SliceRandom;
use rand::{SeedableRng, rngs::StdRng};
use tokio::runtime::Handle;

use crate::spec::world::in_step::{self, linger};
use crate::spec::world::{all_wait, herd, memo, now};
use crate::subject::Registry;

const CALLERS: usize = 8;
const ROUNDS: usize = 40;

/// How long a leader waits in `f` for its waiters. Those of some subjects never wait.
const PATIENCE: Duration = Duration::from_millis(20);

/// The leader returns when all other callers wait.
pub(crate) async fn one_call<R: Registry>() -> anyhow::Result<()> {
    let calls = Arc::new(AtomicUsize::new(0));
    let memo = memo::<R, usize, usize, _>({
        let calls = calls.clone();
        move |key| {
            calls.fetch_add(1, Relaxed);
            let key = *key;
            async move {
                all_wait(CALLERS - 1, PATIENCE).await;
                key + 1
            }
        }
    });
    for key in 0..ROUNDS {
        calls.store(0, Relaxed);
        let values = herd(CALLERS, |_| memo.ask(key)).await;
        let calls = calls.load(Relaxed);
        ensure!(calls == 1, "{CALLERS} callers of one key made {calls} calls");
        ensure!(values == [key + 1; CALLERS], "key {key} got {values:?}");
    }
    Ok(())
}

pub(crate) async fn one_call_one_core<R: Registry>() -> anyhow::Result<()> {
    Placement::OneCore.run(|| now(one_call::<R>()))?
}

/// The callers chase each other through the same keys, and `f` does nothing. So many calls end just as another caller
/// comes for their key.
pub(crate) async fn late_callers<R: Registry>() -> anyhow::Result<()> {
    const KEYS: usize = 500;
    let calls = Arc::new(AtomicUsize::new(0));
    let memo = memo::<R, usize, usize, _>({
        let calls = calls.clone();
        move |key| {
            calls.fetch_add(1, Relaxed);
            ready(key + 1)
        }
    });
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
}

/// Two callers come to each key in the same instant. They are threads in the world of tasks too, and each drives a
/// future of its own: a worker would keep a task that it has woken for itself.
pub(crate) async fn in_step<R: Registry>() -> anyhow::Result<()> {
    let calls = Arc::new(AtomicUsize::new(0));
    let memo = memo::<R, usize, usize, _>({
        let calls = calls.clone();
        move |round| {
            let (calls, round) = (calls.clone(), *round);
            async move {
                calls.fetch_add(1, Relaxed);
                linger(round);
                round
            }
        }
    });
    let runtime = Handle::try_current().ok();
    in_step::in_step(|round| {
        match &runtime {
            Some(runtime) => runtime.block_on(memo.get(&round)),
            None => now(memo.get(&round)),
        };
    })?;
    let calls = calls.load(Relaxed);
    ensure!(calls == in_step::ROUNDS, "{} keys took {calls} calls", in_step::ROUNDS);
    Ok(())
}

/// Each call of `f` makes a value of its own.
pub(crate) async fn one_value<R: Registry>() -> anyhow::Result<()> {
    let calls = AtomicUsize::new(0);
    let memo = memo::<R, usize, usize, _>(move |_| {
        let call = calls.fetch_add(1, Relaxed);
        async move {
            all_wait(CALLERS - 1, PATIENCE).await;
            call
        }
    });
    for key in 0..ROUNDS {
        let mut values = herd(CALLERS, |_| memo.ask(key)).await;
        values.push(memo.get(&key).await);
        let distinct: HashSet<_> = values.iter().collect();
        ensure!(distinct.len() == 1, "the callers of one key got {} different values", distinct.len());
    }
    Ok(())
}

/// Every caller asks for all the keys, in an order of its own.
pub(crate) async fn right_values<R: Registry>() -> anyhow::Result<()> {
    const KEYS: u64 = 2_000;
    let memo = memo::<R, String, _, _>(|key| ready(key.parse::<u64>().map(|key| key * 3)));
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
}
