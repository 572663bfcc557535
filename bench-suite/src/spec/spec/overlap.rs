//! Distinct keys: none may wait for another.
//!
//! A memo that makes them wait hangs in these programs: the calls that are under way wait for one that is kept out.

use anyhow::ensure;

use crate::spec::gate::{Gate, herd};
use crate::spec::item::Kind;
use crate::subject::{Key, Memo, Subject};

const CALLERS: usize = 4;

const READY: usize = 1;
const SLOW: usize = 2;

/// As many calls of `f` as callers, none of which returns before all are inside.
fn all_inside<S: Subject, K: Key>(key: impl Fn(usize) -> K + Sync) -> anyhow::Result<()> {
    let inside = Gate::default();
    let memo = S::memo(Box::new(move |key: &K| {
        inside.meet(CALLERS);
        key.clone()
    }));
    herd(CALLERS, |caller| memo.get(&key(caller)));
    Ok(())
}

pub(super) fn distinct_keys<S: Subject>() -> anyhow::Result<()> {
    all_inside::<S, usize>(|caller| caller)
}

pub(super) fn same_hash<S: Subject>() -> anyhow::Result<()> {
    let kind = Kind::of_one_hash();
    all_inside::<S, _>(|caller| kind.item(caller))
}

/// The call for the slow key ends when a hit on the other one has come back.
pub(super) fn hits_pass_slow_keys<S: Subject>() -> anyhow::Result<()> {
    let (slow_is_inside, hit_is_back) = (Gate::default(), Gate::default());
    let memo = S::memo({
        let (slow_is_inside, hit_is_back) = (slow_is_inside.clone(), hit_is_back.clone());
        Box::new(move |key: &usize| {
            if *key == SLOW {
                slow_is_inside.arrive();
                hit_is_back.wait_for(1);
            }
            key * 2
        })
    });
    memo.get(&READY);
    let values = herd(2, |caller| match caller {
        0 => memo.get(&SLOW),
        _ => {
            slow_is_inside.wait_for(1);
            let value = memo.get(&READY);
            hit_is_back.arrive();
            value
        }
    });
    ensure!(values == [SLOW * 2, READY * 2], "got {values:?}");
    Ok(())
}
