//! Values of all kinds: errors, empty ones, and large ones.

use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use anyhow::ensure;

use crate::spec::item::{Item, Kind};
use crate::spec::world::{Memo, memo};
use crate::subject::{Key, Registry, Value};

/// A memo of `f`, and the count of its calls.
fn counted<R: Registry, K: Key, V: Value>(f: fn(&K) -> V) -> (Memo<K, V>, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = calls.clone();
    let memo = memo::<R, K, V, _>(move |key| {
        count.fetch_add(1, Relaxed);
        ready(f(key))
    });
    (memo, calls)
}

/// As in gopl: an error is remembered, and `f` is not called again.
pub(crate) async fn kept<R: Registry>() -> anyhow::Result<()> {
    let (memo, calls) = counted::<R, String, _>(|key| key.parse::<u64>());
    for _ in 0..3 {
        let answer = memo.get(&"nan".to_string()).await;
        ensure!(answer.is_err(), "an error became {answer:?}");
    }
    let calls = calls.load(Relaxed);
    ensure!(calls == 1, "a key whose value is an Err was computed {calls} times");
    Ok(())
}

/// The second of the keys must not find the value of the first.
pub(crate) async fn same_hash<R: Registry>() -> anyhow::Result<()> {
    let (memo, calls) = counted::<R, Item, Item>(Item::clone);
    let kind = Kind::of_one_hash();
    for key in [1, 2, 3, 1, 2, 3] {
        let value = memo.get(&kind.item(key)).await.number;
        ensure!(value == key, "key {key} got the value of key {value}");
    }
    let calls = calls.load(Relaxed);
    ensure!(calls == 3, "three keys of one hash took {calls} calls");
    Ok(())
}

pub(crate) async fn zero_sized<R: Registry>() -> anyhow::Result<()> {
    let (memo, calls) = counted::<R, (), ()>(|()| ());
    for _ in 0..3 {
        memo.get(&()).await;
    }
    let calls = calls.load(Relaxed);
    ensure!(calls == 1, "the one key there is was computed {calls} times");
    Ok(())
}

/// 64 KiB each, by value. (In a task they are in every future on their way: built without optimisation, those of moka
/// take more than the 8 MiB of a usual stack.)
pub(crate) async fn huge<R: Registry>() -> anyhow::Result<()> {
    let (memo, calls) = counted::<R, u8, [u8; 1 << 16]>(|key| [*key; 1 << 16]);
    for key in [1, 2, 1, 2] {
        ensure!(memo.get(&key).await.iter().all(|byte| *byte == key), "key {key} got other bytes");
    }
    let calls = calls.load(Relaxed);
    ensure!(calls == 2, "two keys took {calls} calls");
    Ok(())
}
