//! What a memo uses: the processor while it waits, and what it must give back.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use anyhow::{bail, ensure};

use crate::spec::gate::{herd, sleepers};
use crate::spec::item::{Item, Kind};
use crate::spec::soon::{SOON, soon, threads};
use crate::subject::{Memo, OneThread, Subject};

/// How long the leader watches its waiters at a time.
const WATCHED: Duration = Duration::from_millis(100);

/// How often it does so until it has seen nobody wake up. A waiter that was still on its way to bed comes to rest; one
/// that polls never does.
const WATCHES: u32 = 20;

/// The leader watches its waiters through the kernel's eyes: all asleep, and none of them woken while it looks on.
pub(super) fn waiters_sleep<S: Subject>() -> anyhow::Result<()> {
    const CALLERS: usize = 5;
    let (calls, found) = (AtomicUsize::new(0), Arc::new(OnceLock::<String>::new()));
    let watch = |calls: &AtomicUsize| -> Result<(), String> {
        if !soon(|| calls.load(SeqCst) > 1 || sleepers().len() >= CALLERS - 1) {
            return Err(format!("after {SOON:?} not all waiters were asleep"));
        }
        if calls.load(SeqCst) > 1 {
            return Err("two callers run f at once: they do not wait".to_string());
        }
        let nobody_wakes = || {
            let before = sleepers();
            thread::sleep(WATCHED);
            before == sleepers() && before.len() >= CALLERS - 1
        };
        match (0..WATCHES).any(|_| nobody_wakes()) {
            true => Ok(()),
            false => Err(format!("waiters woke up in each of {WATCHES} watches, although nothing had happened")),
        }
    };
    let memo = S::memo({
        let found = found.clone();
        Box::new(move |key: &usize| {
            calls.fetch_add(1, SeqCst);
            if let Err(why) = watch(&calls) {
                let _ = found.set(why);
            }
            *key
        })
    });
    herd(CALLERS, |_| memo.get(&0));
    match found.get() {
        Some(why) => bail!("{why}"),
        None => Ok(()),
    }
}

/// A value dropped twice would take the count below what it should be; one not dropped leaves it above.
pub(super) fn values_dropped<S: OneThread>() -> anyhow::Result<()> {
    const KEYS: usize = 200;
    let (keys, values) = (Kind::default(), Kind::default());
    let memo = S::memo({
        let values = values.clone();
        Box::new(move |key: &Item| values.item(key.number))
    });
    for _ in 0..2 {
        (0..KEYS).for_each(|key| drop(memo.get(&keys.item(key))));
        // More may be alive, for a memo may let go of its spare copies later; fewer would mean that one was dropped
        // twice.
        ensure!(values.alive() >= KEYS as isize, "{KEYS} keys hold {} values", values.alive());
    }
    drop(memo);
    ensure!(
        soon(|| values.alive() == 0 && keys.alive() == 0),
        "when the memo is gone, {} values and {} keys are left",
        values.alive(),
        keys.alive()
    );
    Ok(())
}

/// The process has as many threads when the memo is gone as before it was made.
pub(super) fn no_thread_stays<S: OneThread>() -> anyhow::Result<()> {
    let before = threads();
    let memo = S::memo(Box::new(|key: &usize| *key));
    ensure!((0..20).all(|key| memo.get(&key) == key), "a wrong value");
    drop(memo);
    ensure!(soon(|| threads() == before), "{before} threads before, {} after", threads());
    Ok(())
}
