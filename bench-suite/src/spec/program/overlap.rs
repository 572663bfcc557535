//! Distinct keys: none may wait for another.
//!
//! A memo that makes them wait hangs in these programs: the calls that are under way wait for one that cannot begin.
//! Tasks run on one thread, which such a memo would block.

use anyhow::ensure;

use crate::spec::item::Kind;
use crate::spec::world::{Gate, herd, memo};
use crate::subject::{Key, Registry};

const CALLERS: usize = 4;

const READY: usize = 1;
const SLOW: usize = 2;

/// As many calls of `f` as callers. None returns before all are inside.
async fn all_inside<R: Registry, K: Key>(key: impl Fn(usize) -> K) -> anyhow::Result<()> {
    let inside = Gate::default();
    let memo = memo::<R, K, K, _>(move |key| {
        let (inside, key) = (inside.clone(), key.clone());
        async move {
            inside.meet(CALLERS).await;
            key
        }
    });
    herd(CALLERS, |caller| memo.ask(key(caller))).await;
    Ok(())
}

pub(crate) async fn distinct_keys<R: Registry>() -> anyhow::Result<()> {
    all_inside::<R, usize>(|caller| caller).await
}

pub(crate) async fn same_hash<R: Registry>() -> anyhow::Result<()> {
    let kind = Kind::of_one_hash();
    all_inside::<R, _>(|caller| kind.item(caller)).await
}

/// The call for the slow key ends when a hit on the other key has returned.
pub(crate) async fn hits_pass_slow_keys<R: Registry>() -> anyhow::Result<()> {
    let (slow_is_inside, hit_has_returned) = (Gate::default(), Gate::default());
    let memo = memo::<R, usize, usize, _>({
        let gates = (slow_is_inside.clone(), hit_has_returned.clone());
        move |key| {
            let ((slow_is_inside, hit_has_returned), key) = (gates.clone(), *key);
            async move {
                if key == SLOW {
                    slow_is_inside.arrive();
                    hit_has_returned.wait_for(1).await;
                }
                key * 2
            }
        }
    });
    memo.get(&READY).await;
    let ask = |caller| {
        let (memo, slow_is_inside, hit_has_returned) = (memo.clone(), slow_is_inside.clone(), hit_has_returned.clone());
        async move {
            if caller == 0 {
                return memo.get(&SLOW).await;
            }
            slow_is_inside.wait_for(1).await;
            let value = memo.get(&READY).await;
            hit_has_returned.arrive();
            value
        }
    };
    let values = herd(2, ask).await;
    ensure!(values == [SLOW * 2, READY * 2], "got {values:?}");
    Ok(())
}
