//! Distinct keys: none may wait for another. All on one thread, where a memo that blocked it would stop everything.
//!
//! A memo that makes them wait hangs in these programs: the calls that are under way wait for one that is kept out.

use std::sync::Arc;

use anyhow::ensure;
use futures_util::FutureExt;

use super::herd::{Gate, herd};
use super::runtime::on_one_thread;
use crate::conformance::colliding::Colliding;
use crate::subject::{AsyncMemo, AsyncSubject, Key};

const CALLERS: usize = 4;

/// As many calls of `f` as callers, none of which returns before all are inside.
fn all_inside<S: AsyncSubject, K: Key>(key: impl Fn(usize) -> K) -> anyhow::Result<()> {
    on_one_thread(async {
        let inside = Gate::default();
        let memo = Arc::new(S::memo::<K, ()>(Box::new(move |_| {
            let inside = inside.clone();
            async move { inside.meet(CALLERS).await }.boxed()
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
    all_inside::<S, Colliding>(Colliding)
}

/// The call for the slow key ends when a hit on the other one has come back.
pub(super) fn hits_pass_slow_keys<S: AsyncSubject>() -> anyhow::Result<()> {
    on_one_thread(async {
        let (slow_is_inside, hit_is_back) = (Gate::default(), Gate::default());
        let memo = Arc::new(S::memo::<&str, usize>({
            let (slow_is_inside, hit_is_back) = (slow_is_inside.clone(), hit_is_back.clone());
            Box::new(move |key| {
                let (slow_is_inside, hit_is_back, key) = (slow_is_inside.clone(), hit_is_back.clone(), *key);
                async move {
                    if key == "slow" {
                        slow_is_inside.arrive();
                        hit_is_back.wait_for(1).await;
                    }
                    key.len()
                }
                .boxed()
            })
        }));
        memo.get(&"ready").await;
        let ask = |caller| {
            let (memo, slow_is_inside, hit_is_back) = (memo.clone(), slow_is_inside.clone(), hit_is_back.clone());
            async move {
                if caller == 0 {
                    return memo.get(&"slow").await;
                }
                slow_is_inside.wait_for(1).await;
                let length = memo.get(&"ready").await;
                hit_is_back.arrive();
                length
            }
        };
        let lengths = herd(2, ask).await;
        ensure!(lengths == [4, 5], "got {lengths:?}");
        Ok(())
    })
}
