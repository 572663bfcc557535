//! What a memo uses: the processor while it waits, and what it must give back.

use std::future::ready;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use anyhow::{bail, ensure};

use crate::spec::item::{Item, Kind};
use crate::spec::world::{SOON, herd, memo, now, sleepers, soon, tasks, threads};
use crate::subject::Registry;

const CALLERS: usize = 5;

/// How long the leader watches its waiters at a time.
const WATCHED: Duration = Duration::from_millis(100);

/// How often it does so until none wakes up. A waiter that was still falling asleep comes to rest; one that polls never
/// does.
const WATCHES: u32 = 20;

/// The leader asks the kernel about its waiters: all are asleep, and none wakes up meanwhile.
pub(crate) async fn waiters_sleep<R: Registry>() -> anyhow::Result<()> {
    let (calls, found) = (AtomicUsize::new(0), Arc::new(OnceLock::<String>::new()));
    let memo = memo::<R, usize, usize, _>({
        let found = found.clone();
        move |key| {
            calls.fetch_add(1, SeqCst);
            if let Err(why) = watch(&calls) {
                let _ = found.set(why);
            }
            ready(*key)
        }
    });
    herd(CALLERS, |_| memo.ask(0)).await;
    match found.get() {
        Some(why) => bail!("{why}"),
        None => Ok(()),
    }
}

fn watch(calls: &AtomicUsize) -> Result<(), String> {
    if !now(soon(|| calls.load(SeqCst) > 1 || sleepers().len() >= CALLERS - 1)) {
        return Err(format!("after {SOON:?} not all waiters were asleep"));
    }
    if calls.load(SeqCst) > 1 {
        return Err("two callers run f at once: they do not wait".to_string());
    }
    let none_wakes = || {
        let before = sleepers();
        thread::sleep(WATCHED);
        before == sleepers() && before.len() >= CALLERS - 1
    };
    match (0..WATCHES).any(|_| none_wakes()) {
        true => Ok(()),
        false => Err(format!("waiters woke up in each of {WATCHES} watches, although nothing had happened")),
    }
}

/// A value that is dropped twice takes the count below what it should be. One that is not dropped leaves it above.
pub(crate) async fn values_dropped<R: Registry>() -> anyhow::Result<()> {
    const KEYS: usize = 200;
    let (keys, values) = (Kind::default(), Kind::default());
    let memo = memo::<R, Item, Item, _>({
        let values = values.clone();
        move |key| ready(values.item(key.number))
    });
    for _ in 0..2 {
        for key in 0..KEYS {
            drop(memo.get(&keys.item(key)).await);
        }
        // More may be alive, because a memo may drop its spare copies later. Fewer mean that one was dropped twice.
        ensure!(values.alive() >= KEYS as isize, "{KEYS} keys hold {} values", values.alive());
    }
    drop(memo);
    ensure!(
        soon(|| values.alive() == 0 && keys.alive() == 0).await,
        "when the memo is gone, {} values and {} keys are left",
        values.alive(),
        keys.alive()
    );
    Ok(())
}

/// When the memo is gone, the process has as many threads as before it was made, and the runtime as many tasks.
pub(crate) async fn none_stays<R: Registry>() -> anyhow::Result<()> {
    let (threads_before, tasks_before) = (threads(), tasks());
    let memo = memo::<R, usize, usize, _>(|key| ready(*key));
    for key in 0..20 {
        ensure!(memo.get(&key).await == key, "a wrong value");
    }
    drop(memo);
    ensure!(soon(|| tasks() == tasks_before).await, "{tasks_before} tasks before, {} after", tasks());
    ensure!(soon(|| threads() == threads_before).await, "{threads_before} threads before, {} after", threads());
    Ok(())
}
