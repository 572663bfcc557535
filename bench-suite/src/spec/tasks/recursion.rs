//! `f` asks the memo: for other keys, which must work, and round in a circle, which can only be refused.

use std::future::Future;
use std::sync::{Arc, Weak};

use anyhow::ensure;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::herd::{Gate, herd};
use super::runtime::on_one_thread;
use crate::spec::gate::deep;
use crate::spec::payload::caught_async;
use crate::subject::{AsyncMemo, AsyncSubject};

/// A memo whose `f` can ask it.
struct Recursive<S: AsyncSubject>(S::Memo<usize, usize>);

/// What asks it.
struct Ask<S: AsyncSubject>(Weak<Recursive<S>>);

impl<S: AsyncSubject> Ask<S> {
    fn ask(&self, key: usize) -> BoxFuture<'static, usize> {
        let memo = self.0.upgrade();
        async move {
            match memo {
                Some(memo) => memo.0.get(&key).await,
                // Whoever asked has gone, and the memo with it: nobody will read this.
                None => 0,
            }
        }
        .boxed()
    }
}

impl<S: AsyncSubject> Recursive<S> {
    /// A memo of `f`, which receives, beside the key, what it asks the memo with.
    fn new<Called>(f: impl Fn(Ask<S>, usize) -> Called + Send + Sync + 'static) -> Arc<Self>
    where
        Called: Future<Output = usize> + Send + 'static,
    {
        Arc::new_cyclic(|memo: &Weak<Self>| {
            let memo = memo.clone();
            Recursive(S::memo(Box::new(move |key: &usize| f(Ask(memo.clone()), *key).boxed())))
        })
    }
}

/// Each key asks for the one below it. A memo that polls `f` in its caller's future does so on one stack, which is
/// therefore a large one.
pub(super) fn other_keys<S: AsyncSubject>() -> anyhow::Result<()> {
    const DEPTH: usize = 1_000;
    let program = async || {
        let memo = Recursive::<S>::new(|ask, key| async move {
            match key {
                0 => 0,
                _ => key + ask.ask(key - 1).await,
            }
        });
        memo.0.get(&DEPTH).await
    };
    let sum = deep(|| on_one_thread(program()));
    ensure!(sum == DEPTH * (DEPTH + 1) / 2, "got {sum}");
    Ok(())
}

/// 3 asks for 1 and 2, which both ask for 0, from two callers at once: no circle is there to be seen.
pub(super) fn diamond<S: AsyncSubject>() -> anyhow::Result<()> {
    on_one_thread(async {
        let memo = Recursive::<S>::new(|ask, key| async move {
            match key {
                0 => 1,
                1 | 2 => key * ask.ask(0).await,
                _ => ask.ask(1).await + ask.ask(2).await,
            }
        });
        let ask = |caller: usize| {
            let memo = memo.clone();
            async move { memo.0.get(&[3, 4][caller]).await }
        };
        let sums = herd(2, ask).await;
        ensure!(sums == [3, 3], "got {sums:?}");
        Ok(())
    })
}

/// Any end is an answer here: a value cannot be, so the program ends only if the memo refuses, by a panic.
pub(super) fn same_key<S: AsyncSubject>() -> anyhow::Result<()> {
    on_one_thread(async { ends(1, Recursive::<S>::new(|ask, key| async move { ask.ask(key).await })).await })
}

pub(super) fn cycle<S: AsyncSubject>() -> anyhow::Result<()> {
    on_one_thread(async { ends(1, Recursive::<S>::new(|ask, key| async move { ask.ask(1 - key).await })).await })
}

pub(super) fn two_callers<S: AsyncSubject>() -> anyhow::Result<()> {
    ring::<S>(2)
}

pub(super) fn three_callers<S: AsyncSubject>() -> anyhow::Result<()> {
    ring::<S>(3)
}

/// Each caller asks for a key whose call asks for the next caller's, and none asks before all are inside.
fn ring<S: AsyncSubject>(callers: usize) -> anyhow::Result<()> {
    on_one_thread(async {
        let inside = Gate::default();
        let memo = Recursive::<S>::new(move |ask, key| {
            let inside = inside.clone();
            async move {
                inside.meet(callers).await;
                ask.ask((key + 1) % callers).await
            }
        });
        ends(callers, memo).await
    })
}

/// Each caller asks for its own number, and comes back somehow.
async fn ends<S: AsyncSubject>(callers: usize, memo: Arc<Recursive<S>>) -> anyhow::Result<()> {
    let ask = |caller| {
        let memo = memo.clone();
        async move { caught_async(memo.0.get(&caller)).await.is_ok() }
    };
    herd(callers, ask).await;
    Ok(())
}
