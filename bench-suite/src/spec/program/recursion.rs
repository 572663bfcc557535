//! `f` asks the memo: for other keys, which must work, or in a cycle, which can only be refused.

use std::future::Future;
use std::sync::{Arc, OnceLock};

use anyhow::ensure;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::spec::payload::caught;
use crate::spec::world::{Gate, Memo, WeakMemo, herd, memo};
use crate::subject::Registry;

/// Asks the memo from inside its own `f`.
#[derive(Clone, Default)]
struct Ask(Arc<OnceLock<WeakMemo<usize, usize>>>);

impl Ask {
    fn ask(&self, key: usize) -> BoxFuture<'static, usize> {
        match self.0.get().and_then(WeakMemo::upgrade) {
            Some(memo) => memo.ask(key),
            // The caller has left, and the memo with it: nothing reads this value.
            None => std::future::ready(0).boxed(),
        }
    }
}

/// A memo of `f`, which receives, beside the key, what it asks the memo with.
fn recursive<R: Registry, A>(f: impl Fn(Ask, usize) -> A + Send + Sync + 'static) -> Memo<usize, usize>
where
    A: Future<Output = usize> + Send + 'static,
{
    let itself = Ask::default();
    let memo = memo::<R, usize, usize, _>({
        let itself = itself.clone();
        move |key| f(itself.clone(), *key)
    });
    // It cannot be set yet: this is the one place that sets it.
    let _ = itself.0.set(memo.downgrade());
    memo
}

/// Each key asks for the one below it. A memo that runs `f` on its caller does all of it on one stack.
pub(crate) async fn other_keys<R: Registry>() -> anyhow::Result<()> {
    const DEPTH: usize = 1_000;
    let memo = recursive::<R, _>(|memo, key| async move {
        match key {
            0 => 0,
            _ => key + memo.ask(key - 1).await,
        }
    });
    let sum = memo.get(&DEPTH).await;
    ensure!(sum == DEPTH * (DEPTH + 1) / 2, "got {sum}");
    Ok(())
}

/// Two callers ask for 3 and 4 at once. Each of these asks for 1 and 2, and both of those for 0. There is no cycle.
pub(crate) async fn diamond<R: Registry>() -> anyhow::Result<()> {
    let memo = recursive::<R, _>(|memo, key| async move {
        match key {
            0 => 1,
            1 | 2 => key * memo.ask(0).await,
            _ => memo.ask(1).await + memo.ask(2).await,
        }
    });
    let sums = herd(2, |caller| memo.ask([3, 4][caller])).await;
    ensure!(sums == [3, 3], "got {sums:?}");
    Ok(())
}

/// There can be no value, so the program ends only if the memo refuses, by a panic.
pub(crate) async fn same_key<R: Registry>() -> anyhow::Result<()> {
    ends(1, recursive::<R, _>(|memo, key| async move { memo.ask(key).await })).await
}

pub(crate) async fn cycle<R: Registry>() -> anyhow::Result<()> {
    ends(1, recursive::<R, _>(|memo, key| async move { memo.ask(1 - key).await })).await
}

pub(crate) async fn two_callers<R: Registry>() -> anyhow::Result<()> {
    ring::<R>(2).await
}

pub(crate) async fn three_callers<R: Registry>() -> anyhow::Result<()> {
    ring::<R>(3).await
}

/// Each caller asks for a key whose call asks for the next caller's key. None asks before all are inside.
async fn ring<R: Registry>(callers: usize) -> anyhow::Result<()> {
    let inside = Gate::default();
    let memo = recursive::<R, _>(move |memo, key| {
        let inside = inside.clone();
        async move {
            inside.meet(callers).await;
            memo.ask((key + 1) % callers).await
        }
    });
    ends(callers, memo).await
}

/// Each caller asks for its own number. Any end will do: a value, or a panic.
async fn ends(callers: usize, memo: Memo<usize, usize>) -> anyhow::Result<()> {
    herd(callers, |caller| {
        let asked = memo.ask(caller);
        async move { caught(asked).await.is_ok() }
    })
    .await;
    Ok(())
}
