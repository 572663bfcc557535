//! Distinct keys: none may wait for another.
//!
//! A memo that makes them wait hangs in these programs: the calls that are under way wait for one that is kept out.

use anyhow::ensure;

use crate::conformance::colliding::Colliding;
use crate::conformance::gate::{Gate, herd};
use crate::subject::{Key, Memo, Subject};

const CALLERS: usize = 4;

/// As many calls of `f` as callers, none of which returns before all are inside.
fn all_inside<S: Subject, K: Key>(key: impl Fn(usize) -> K + Sync) -> anyhow::Result<()> {
    let inside = Gate::default();
    let memo = S::memo(Box::new(move |_: &K| inside.meet(CALLERS)));
    herd(CALLERS, |caller| memo.get(&key(caller)));
    Ok(())
}

pub(super) fn distinct_keys<S: Subject>() -> anyhow::Result<()> {
    all_inside::<S, usize>(|caller| caller)
}

pub(super) fn same_hash<S: Subject>() -> anyhow::Result<()> {
    all_inside::<S, Colliding>(Colliding)
}

/// The call for the slow key ends when a hit on the other one has come back.
pub(super) fn hits_pass_slow_keys<S: Subject>() -> anyhow::Result<()> {
    let (slow_is_inside, hit_is_back) = (Gate::default(), Gate::default());
    let memo = S::memo({
        let (slow_is_inside, hit_is_back) = (slow_is_inside.clone(), hit_is_back.clone());
        Box::new(move |key: &&str| {
            if *key == "slow" {
                slow_is_inside.arrive();
                hit_is_back.wait_for(1);
            }
            key.len()
        })
    });
    memo.get(&"ready");
    let lengths = herd(2, |caller| match caller {
        0 => memo.get(&"slow"),
        _ => {
            slow_is_inside.wait_for(1);
            let length = memo.get(&"ready");
            hit_is_back.arrive();
            length
        }
    });
    ensure!(lengths == [4, 5], "got {lengths:?}");
    Ok(())
}
