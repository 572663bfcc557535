//! Herds: many callers of one cold key.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use anyhow::ensure;
use green_threads::probe::placement::Placement;
use rand::seq::SliceRandom;
use rand::{SeedableRng, rngs::StdRng};

use crate::spec::gate::{asleep, herd};
use crate::spec::in_step::{self, linger};
use crate::subject::{Memo, Subject};

const CALLERS: usize = 8;
const ROUNDS: usize = 40;

/// How long a leader waits in `f` for its waiters to fall asleep; those of some subjects never do.
const PATIENCE: Duration = Duration::from_millis(20);

/// The leader returns when everybody else is asleep, so that the waiters are real ones.
pub(super) fn one_call<S: Subject>() -> anyhow::Result<()> {
    let calls = Arc::new(AtomicUsize::new(0));
    let memo = S::memo({
        let calls = calls.clone();
        Box::new(move |key: &usize| {
            calls.fetch_add(1, Relaxed);
            asleep(CALLERS - 1, PATIENCE);
            key + 1
        })
    });
    for key in 0..ROUNDS {
        calls.store(0, Relaxed);
        let values = herd(CALLERS, |_| memo.get(&key));
        let calls = calls.load(Relaxed);
        ensure!(calls == 1, "{CALLERS} callers of one key made {calls} calls");
        ensure!(values == [key + 1; CALLERS], "key {key} got {values:?}");
    }
    Ok(())
}

pub(super) fn one_call_one_core<S: Subject>() -> anyhow::Result<()> {
    Placement::OneCore.run(one_call::<S>)?
}

/// The callers chase each other through the same keys, and `f` does nothing: many a call ends just as another caller
/// comes for it.
pub(super) fn late_callers<S: Subject>() -> anyhow::Result<()> {
    const KEYS: usize = 500;
    let calls = Arc::new(AtomicUsize::new(0));
    let memo = S::memo({
        let calls = calls.clone();
        Box::new(move |key: &usize| {
            calls.fetch_add(1, Relaxed);
            key + 1
        })
    });
    for round in 0..ROUNDS / 4 {
        let keys = round * KEYS..(round + 1) * KEYS;
        herd(4, |_| keys.clone().map(|key| memo.get(&key)).sum::<usize>());
        let calls = calls.load(Relaxed);
        ensure!(calls == keys.end, "{} keys took {calls} calls", keys.end);
    }
    Ok(())
}

/// Two callers come to each key in the same instant.
pub(super) fn in_step<S: Subject>() -> anyhow::Result<()> {
    let calls = Arc::new(AtomicUsize::new(0));
    let memo = S::memo({
        let calls = calls.clone();
        Box::new(move |round: &usize| {
            calls.fetch_add(1, Relaxed);
            linger(*round);
            *round
        })
    });
    in_step::in_step(|round| {
        memo.get(&round);
    })?;
    let calls = calls.load(Relaxed);
    ensure!(calls == in_step::ROUNDS, "{} keys took {calls} calls", in_step::ROUNDS);
    Ok(())
}

/// Each call of `f` makes a value of its own.
pub(super) fn one_value<S: Subject>() -> anyhow::Result<()> {
    let calls = AtomicUsize::new(0);
    let memo = S::memo(Box::new(move |_: &usize| {
        asleep(CALLERS - 1, PATIENCE);
        calls.fetch_add(1, Relaxed)
    }));
    for key in 0..ROUNDS {
        let mut values = herd(CALLERS, |_| memo.get(&key));
        values.push(memo.get(&key));
        let distinct: HashSet<_> = values.iter().collect();
        ensure!(distinct.len() == 1, "the callers of one key got {} different values", distinct.len());
    }
    Ok(())
}

/// Every caller asks for all the keys, each in an order of its own.
pub(super) fn right_values<S: Subject>() -> anyhow::Result<()> {
    const KEYS: u64 = 2_000;
    let memo = S::memo(Box::new(|key: &String| key.parse::<u64>().map(|key| key * 3)));
    let wrong = herd(4, |caller| {
        let mut keys: Vec<u64> = (0..KEYS).collect();
        keys.shuffle(&mut StdRng::seed_from_u64(caller as u64));
        keys.into_iter().find(|key| memo.get(&key.to_string()) != Ok(key * 3))
    });
    ensure!(wrong.iter().all(Option::is_none), "wrong values, for these keys among others: {wrong:?}");
    Ok(())
}
