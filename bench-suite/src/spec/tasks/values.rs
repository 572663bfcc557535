//! Values of all kinds: errors, nothing at all, and a lot.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use anyhow::ensure;
use futures_util::FutureExt;
use futures_util::future::ready;

use super::runtime::on_one_thread;
use crate::spec::gate::deep;
use crate::spec::item::{Item, Kind};
use crate::subject::{AsyncMemo, AsyncSubject, Key, Value};

/// A memo of `f`, and how often it was called.
fn counted<S: AsyncSubject, K: Key, V: Value>(f: fn(&K) -> V) -> (S::Memo<K, V>, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let memo = S::memo({
        let calls = calls.clone();
        Box::new(move |key: &K| {
            calls.fetch_add(1, Relaxed);
            ready(f(key)).boxed()
        })
    });
    (memo, calls)
}

/// As in gopl: what was asked for is known to fail, and is not asked for again.
pub(super) fn kept<S: AsyncSubject>() -> anyhow::Result<()> {
    on_one_thread(async {
        let (memo, calls) = counted::<S, String, _>(|key| key.parse::<u64>());
        for _ in 0..3 {
            let answer = memo.get(&"nan".to_string()).await;
            ensure!(answer.is_err(), "an error became {answer:?}");
        }
        let calls = calls.load(Relaxed);
        ensure!(calls == 1, "a key whose value is an Err was computed {calls} times");
        Ok(())
    })
}

/// The second of the keys must not find the first one's value.
pub(super) fn same_hash<S: AsyncSubject>() -> anyhow::Result<()> {
    on_one_thread(async {
        let (memo, calls) = counted::<S, Item, Item>(Item::clone);
        let kind = Kind::of_one_hash();
        for key in [1, 2, 3, 1, 2, 3] {
            let value = memo.get(&kind.item(key)).await.number;
            ensure!(value == key, "key {key} got the value of key {value}");
        }
        let calls = calls.load(Relaxed);
        ensure!(calls == 3, "three keys of one hash took {calls} calls");
        Ok(())
    })
}

pub(super) fn zero_sized<S: AsyncSubject>() -> anyhow::Result<()> {
    on_one_thread(async {
        let (memo, calls) = counted::<S, (), ()>(|()| ());
        for _ in 0..3 {
            memo.get(&()).await;
        }
        let calls = calls.load(Relaxed);
        ensure!(calls == 1, "the one key there is was computed {calls} times");
        Ok(())
    })
}

/// 64 KiB each, by value, and so in every future on the way: built without optimisation, those of moka take more than
/// the 8 MiB of a usual stack.
pub(super) fn huge<S: AsyncSubject>() -> anyhow::Result<()> {
    let program = async || {
        let (memo, calls) = counted::<S, u8, [u8; 1 << 16]>(|key| [*key; 1 << 16]);
        for key in [1, 2, 1, 2] {
            ensure!(memo.get(&key).await.iter().all(|byte| *byte == key), "key {key} got other bytes");
        }
        let calls = calls.load(Relaxed);
        ensure!(calls == 2, "two keys took {calls} calls");
        Ok(())
    };
    deep(|| on_one_thread(program()))
}
