//! Distinct keys: none may wait for another. All on one thread, where a memo that blocked it would stop everything.
//!
//! A memo that makes them wait hangs in these programs: the calls that are under way wait for one that is kept out.

use std::sync::Arc;

use anyhow::ensure;
use futures_util::FutureExt;

use super::herd::{Gate, herd};
use super::runtime::on_one_thread;
use crate::spec::item::Kind;
use crate::subject::{AsyncMemo, AsyncSubject, Key};

const CALLERS: usize = 4;

const READY: usize = 1;
const SLOW: usize = 2;

/// As many calls of `f` as callers, none of which returns before all are inside.
fn all_inside<S: AsyncSubject, K: Key>(key: impl Fn(usize) -> K) -> anyhow::Result<()> {
    on_one_thread(async {
        let inside = Gate::default();
        let memo = Arc::new(S::memo::<K, K>(Box::new(move |key| {
            let (inside, key) = (inside.clone(), key.clone());
            async move {
                inside.meet(CALLERS).await;
                key
            }
            .boxed()
        })));
        let ask = |caller| {
            let (memo, key) = (memo.clone(), key(caller));
            async move { memo.get(&key).await }
        };
        herd(CALLERS, ask).await;
    });
    Ok(())
}

pub(super) fn distinct_keys<S: AsyncSubject>() -> anyhow::Result<()> {
    all_inside::<S, usize>(|caller| caller)
}

pub(super) fn same_hash<S: AsyncSubject>() -> anyhow::Result<()> {
    let kind = Kind::of_one_hash();
    all_inside::<S, _>(|caller| kind.item(caller))
}

/// The call for the slow key ends when a hit on the other one has come back.
pub(super) fn hits_pass_slow_keys<S: AsyncSubject>() -> anyhow::Result<()> {
    on_one_thread(async {
        let (slow_is_inside, hit_is_back) = (Gate::default(), Gate::default());
        let memo = Arc::new(S::memo::<usize, usize>({
            let (slow_is_inside, hit_is_back) = (slow_is_inside.clone(), hit_is_back.clone());
            Box::new(move |key| {
                let (slow_is_inside, hit_is_back, key) = (slow_is_inside.clone(), hit_is_back.clone(), *key);
                async move {
                    if key == SLOW {
                        slow_is_inside.arrive();
                        hit_is_back.wait_for(1).await;
                    }
                    key * 2
                }
                .boxed()
            })
        }));
        memo.get(&READY).await;
        let ask = |caller| {
            let (memo, slow_is_inside, hit_is_back) = (memo.clone(), slow_is_inside.clone(), hit_is_back.clone());
            async move {
                if caller == 0 {
                    return memo.get(&SLOW).await;
                }
                slow_is_inside.wait_for(1).await;
                let value = memo.get(&READY).await;
                hit_is_back.arrive();
                value
            }
        };
        let values = herd(2, ask).await;
        ensure!(values == [SLOW * 2, READY * 2], "got {values:?}");
        Ok(())
    })
}
