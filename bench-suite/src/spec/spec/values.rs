//! Values of all kinds: errors, nothing at all, and a lot.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use anyhow::ensure;

use crate::spec::item::{Item, Kind};
use crate::subject::{Key, Memo, OneThread, Value};

/// A memo of `f`, and how often it was called.
fn counted<S: OneThread, K: Key, V: Value>(f: fn(&K) -> V) -> (S::Memo<K, V>, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let memo = S::memo({
        let calls = calls.clone();
        Box::new(move |key: &K| {
            calls.fetch_add(1, Relaxed);
            f(key)
        })
    });
    (memo, calls)
}

/// As in gopl: what was asked for is known to fail, and is not asked for again.
pub(super) fn kept<S: OneThread>() -> anyhow::Result<()> {
    let (memo, calls) = counted::<S, String, _>(|key| key.parse::<u64>());
    for _ in 0..3 {
        let answer = memo.get(&"nan".to_string());
        ensure!(answer.is_err(), "an error became {answer:?}");
    }
    let calls = calls.load(Relaxed);
    ensure!(calls == 1, "a key whose value is an Err was computed {calls} times");
    Ok(())
}

/// The second of the keys must not find the first one's value.
pub(super) fn same_hash<S: OneThread>() -> anyhow::Result<()> {
    let (memo, calls) = counted::<S, Item, Item>(Item::clone);
    let kind = Kind::of_one_hash();
    for key in [1, 2, 3, 1, 2, 3] {
        let value = memo.get(&kind.item(key)).number;
        ensure!(value == key, "key {key} got the value of key {value}");
    }
    let calls = calls.load(Relaxed);
    ensure!(calls == 3, "three keys of one hash took {calls} calls");
    Ok(())
}

pub(super) fn zero_sized<S: OneThread>() -> anyhow::Result<()> {
    let (memo, calls) = counted::<S, (), ()>(|()| ());
    (0..3).for_each(|_| memo.get(&()));
    let calls = calls.load(Relaxed);
    ensure!(calls == 1, "the one key there is was computed {calls} times");
    Ok(())
}

/// 64 KiB each, by value.
pub(super) fn huge<S: OneThread>() -> anyhow::Result<()> {
    let (memo, calls) = counted::<S, u8, [u8; 1 << 16]>(|key| [*key; 1 << 16]);
    for key in [1, 2, 1, 2] {
        ensure!(memo.get(&key).iter().all(|byte| *byte == key), "key {key} got other bytes");
    }
    let calls = calls.load(Relaxed);
    ensure!(calls == 2, "two keys took {calls} calls");
    Ok(())
}
