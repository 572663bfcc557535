//! Storms for tasks: random cancellations, mixed with panics of `f`, on a few keys that are cold at any time.

use std::panic::panic_any;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::task::Poll;

use anyhow::{Context, ensure};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use parking_lot::Mutex;
use rand::RngExt;
use rand::rngs::StdRng;
use tokio::task::yield_now;

use crate::spec::item::{Item, Kind};
use crate::spec::payload::{Payload, caught};
use crate::spec::storm::{CANCELLATIONS, Ledger, random, replay};
use crate::spec::world::{Memo, memo, once, soon, tasks, threads};
use crate::subject::Registry;

/// How many keys are asked for at a time.
const KEYS: usize = 3;

/// How many callers there are at most, in the storm by hand.
const CALLERS: usize = 8;

/// What the callers of a storm and its calls of `f` share.
#[derive(Clone)]
struct Storm {
    ledger: Ledger,
    items: Kind,
    random: Arc<Mutex<StdRng>>,
    /// When it is over, the calls of `f` return at once.
    over: Arc<AtomicBool>,
}

/// What a caller returns: the value, or the key of the call of `f` whose panic it saw.
type Brought = anyhow::Result<Result<Item, usize>>;

impl Storm {
    fn new() -> Self {
        let (ledger, items) = (Ledger::default(), Kind::default());
        Storm { ledger, items, random: Arc::new(Mutex::new(random())), over: Arc::default() }
    }

    /// A memo whose calls yield some times, and of which one in five panics.
    fn memo<R: Registry>(&self) -> Memo<Item, Item> {
        let storm = self.clone();
        memo::<R, Item, Item, _>(move |key| {
            let (storm, key) = (storm.clone(), key.number);
            async move {
                let _inside = storm.ledger.call(key);
                if !storm.over.load(SeqCst) {
                    let yields = storm.draw(0..12);
                    for _ in 0..yields {
                        yield_now().await;
                    }
                    if storm.draw(0..5) == 0 {
                        storm.ledger.panics(key);
                        panic_any(Payload(key));
                    }
                }
                storm.items.item(key * 2)
            }
        })
    }

    fn draw(&self, range: std::ops::Range<usize>) -> usize {
        self.random.lock().random_range(range)
    }

    /// Whether a caller of `key` brought a value, which must be the right one. Otherwise it brought a panic, which must
    /// be of that key.
    fn check(&self, key: usize, brought: Brought) -> anyhow::Result<bool> {
        match brought? {
            Ok(value) => ensure!(value.number == key * 2, "key {key} got {value:?}"),
            Err(panicked) => {
                ensure!(panicked == key, "a caller of key {key} saw a panic of key {panicked}");
                self.ledger.seen(key);
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Afterwards: each of the `keys` works, nothing was called twice, and with the memo everything goes.
    async fn after(self, memo: Memo<Item, Item>, keys: usize, threads_before: usize) -> anyhow::Result<()> {
        for key in 0..keys {
            // The one call that was under way may still panic.
            let ask = async || caught(memo.get(&self.items.item(key))).await;
            let works = self.check(key, ask().await)? || self.check(key, ask().await)?;
            ensure!(works, "key {key} does not work after the storm");
        }
        self.ledger.judge()?;
        memo.drop_last()?;
        let gone = soon(|| self.items.alive() == 0 && self.ledger.under_way() == 0 && tasks() == 0).await;
        ensure!(
            gone,
            "when the memo is gone, {} keys and values, {} calls of f and {} tasks are left",
            self.items.alive(),
            self.ledger.under_way(),
            tasks()
        );
        ensure!(soon(|| threads() == threads_before).await, "{threads_before} threads before, {} after", threads());
        Ok(())
    }
}

/// One thread polls all callers by hand, and drops some. The seed alone chooses which, and when.
pub(crate) async fn by_hand<R: Registry>() -> anyhow::Result<()> {
    by_hand_from_the_seed::<R>().await.with_context(replay)
}

async fn by_hand_from_the_seed<R: Registry>() -> anyhow::Result<()> {
    let threads_before = threads();
    let storm = Storm::new();
    let memo = storm.memo::<R>();
    let mut cold: Vec<usize> = (0..KEYS).collect();
    let mut keys = KEYS;
    let mut callers: Vec<(usize, BoxFuture<'static, Brought>, bool)> = Vec::new();
    while storm.ledger.cancelled() < CANCELLATIONS {
        match storm.draw(0..10) {
            // One more comes.
            0..3 if callers.len() < CALLERS => {
                let key = cold[storm.draw(0..KEYS)];
                callers.push((key, caught(memo.ask(storm.items.item(key))).boxed(), false));
            }
            // One leaves.
            3..5 if !callers.is_empty() => {
                let at = storm.draw(0..callers.len());
                let (key, caller, polled) = callers.swap_remove(at);
                if polled {
                    storm.ledger.cancels(key);
                }
                drop(caller);
            }
            // One goes on.
            5..9 if !callers.is_empty() => {
                let at = storm.draw(0..callers.len());
                let (key, caller, polled) = &mut callers[at];
                *polled = true;
                if let Poll::Ready(brought) = once(caller) {
                    let key = *key;
                    drop(callers.swap_remove(at));
                    // A key that has its value is cold no more: another takes its place.
                    if storm.check(key, brought)?
                        && let Some(known) = cold.iter_mut().find(|cold| **cold == key)
                    {
                        *known = keys;
                        keys += 1;
                    }
                }
            }
            // The memo's own tasks go on.
            _ => yield_now().await,
        }
    }
    storm.over.store(true, SeqCst);
    let (asked, callers): (Vec<_>, Vec<_>) = callers.into_iter().map(|(key, caller, _)| (key, caller)).unzip();
    for (key, brought) in asked.into_iter().zip(join_all(callers).await) {
        storm.check(key, brought)?;
    }
    storm.after(memo, keys, threads_before).await
}

/// Two workers run the callers, and a third thread aborts some of them. The seed chooses which, and how long it waits.
/// Where they are then is luck.
pub(crate) async fn aborted<R: Registry>() -> anyhow::Result<()> {
    aborted_from_the_seed::<R>().await.with_context(replay)
}

async fn aborted_from_the_seed<R: Registry>() -> anyhow::Result<()> {
    // The workers have started when both have run a task.
    let both = Arc::new(std::sync::Barrier::new(2));
    let wait = |both: Arc<std::sync::Barrier>| tokio::spawn(async move { both.wait() });
    let (one, other) = (wait(both.clone()), wait(both));
    one.await?;
    other.await?;

    let threads_before = threads();
    let storm = Storm::new();
    let memo = storm.memo::<R>();
    let mut keys = 0;
    while storm.ledger.cancelled() < CANCELLATIONS {
        let mut callers: Vec<_> = (0..CALLERS)
            .map(|at| {
                let key = keys + at % KEYS;
                (key, tokio::spawn(caught(memo.ask(storm.items.item(key)))))
            })
            .collect();
        keys += KEYS;
        for _ in 0..CALLERS * 2 / 3 {
            let yields = storm.draw(0..8);
            for _ in 0..yields {
                yield_now().await;
            }
            callers[storm.draw(0..CALLERS)].1.abort();
        }
        for (key, caller) in callers.drain(..) {
            match caller.await {
                Ok(brought) => drop(storm.check(key, brought)?),
                Err(error) if error.is_cancelled() => storm.ledger.cancels(key),
                Err(error) => return Err(error.into()),
            }
        }
    }
    storm.over.store(true, SeqCst);
    storm.after(memo, keys, threads_before).await
}
