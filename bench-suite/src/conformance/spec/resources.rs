//! What a memo uses: the processor while it waits, and what it must give back.

use std::sync::atomic::{AtomicIsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use anyhow::ensure;

use crate::conformance::counted::Alive;
use crate::conformance::gate::{herd, sleepers};
use crate::conformance::soon::{SOON, soon, threads};
use crate::subject::{Memo, OneThread, Subject};

/// How long the leader watches its waiters at a time.
const WATCHED: Duration = Duration::from_millis(100);

/// How often it does so until it has seen nobody wake up. A waiter that was still on its way to bed comes to rest; one
/// that polls never does.
const WATCHES: u32 = 20;

/// The leader watches its waiters through the kernel's eyes: all asleep, and none of them woken while it looks on.
pub(super) fn waiters_sleep<S: Subject>() -> anyhow::Result<()> {
    const CALLERS: usize = 5;
    let calls = AtomicIsize::new(0);
    let memo = S::memo(Box::new(move |_: &u8| -> Result<(), String> {
        calls.fetch_add(1, SeqCst);
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
    }));
    for seen in herd(CALLERS, |_| memo.get(&0)) {
        seen.map_err(anyhow::Error::msg)?;
    }
    Ok(())
}

/// A value dropped twice would take the count below what it should be; one not dropped leaves it above.
pub(super) fn values_dropped<S: OneThread>() -> anyhow::Result<()> {
    const KEYS: isize = 200;
    let alive = Alive::default();
    let memo = S::memo({
        let alive = alive.clone();
        Box::new(move |_: &isize| alive.one())
    });
    for _ in 0..2 {
        (0..KEYS).for_each(|key| drop(memo.get(&key)));
        // More may be alive, for a memo may let go of its spare copies later; fewer would mean that one was dropped
        // twice.
        ensure!(alive.count() >= KEYS, "{KEYS} keys hold {} values", alive.count());
    }
    drop(memo);
    ensure!(soon(|| alive.count() == 0), "when the memo is gone, {} values are left", alive.count());
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
