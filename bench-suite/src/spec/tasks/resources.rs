//! What a memo must give back: values, tasks, threads.

use anyhow::ensure;
use futures_util::FutureExt;
use futures_util::future::ready;

use super::runtime::{on_one_thread, soon, tasks};
use crate::spec::item::{Item, Kind};
use crate::spec::soon::threads;
use crate::subject::{AsyncMemo, AsyncSubject};

/// A value dropped twice would take the count below what it should be; one not dropped leaves it above.
pub(super) fn values_dropped<S: AsyncSubject>() -> anyhow::Result<()> {
    const KEYS: usize = 200;
    on_one_thread(async {
        let (keys, values) = (Kind::default(), Kind::default());
        let memo = S::memo::<Item, Item>({
            let values = values.clone();
            Box::new(move |key| ready(values.item(key.number)).boxed())
        });
        for _ in 0..2 {
            for key in 0..KEYS {
                drop(memo.get(&keys.item(key)).await);
            }
            // More may be alive, for a memo may let go of its spare copies later; fewer would mean that one was dropped
            // twice.
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
    })
}

/// When the memo is gone, the runtime has as many tasks as before it was made, and the process as many threads.
pub(super) fn no_task_stays<S: AsyncSubject>() -> anyhow::Result<()> {
    on_one_thread(async {
        let (threads_before, tasks_before) = (threads(), tasks());
        let memo = S::memo::<usize, usize>(Box::new(|key| ready(*key).boxed()));
        for key in 0..20 {
            ensure!(memo.get(&key).await == key, "a wrong value");
        }
        drop(memo);
        ensure!(soon(|| tasks() == tasks_before).await, "{tasks_before} tasks before, {} after", tasks());
        ensure!(soon(|| threads() == threads_before).await, "{threads_before} threads before, {} after", threads());
        Ok(())
    })
}
