//! A storm for coroutines: random cancellations, mixed with panics of `f`, on a few cold keys.

use std::future::ready;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use anyhow::{Context, bail, ensure};
use green_threads::coroutine::{Coroutine, JoinError, yield_now};
use parking_lot::Mutex;
use rand::RngExt;
use rand::rngs::StdRng;

use crate::coroutine::{cancel, spawn};
use crate::spec::item::{Item, Kind};
use crate::spec::payload::Payload;
use crate::spec::storm::{CANCELLATIONS, Ledger, random, replay};
use crate::spec::world::{Gate, Memo, memo, now, soon, threads};
use crate::subject::Registry;

/// What the callers of a storm and the calls of `f` share.
#[derive(Clone)]
struct Storm {
    ledger: Ledger,
    items: Kind,
    random: Arc<Mutex<StdRng>>,
    /// The callers of this round.
    callers: Arc<Mutex<Vec<Coroutine>>>,
    /// When it is over, the calls of `f` return at once.
    over: Arc<AtomicBool>,
}

impl Storm {
    fn draw(&self, range: std::ops::Range<usize>) -> usize {
        self.random.lock().random_range(range)
    }

    fn yields(&self, below: usize) {
        (0..self.draw(0..below)).for_each(|_| yield_now());
    }

    /// Takes some turns, and then returns a value or, one time in five, panics. One time in four it cancels a caller. That
    /// may be the caller that runs it, which then notices where the memo yields next.
    fn call(&self, key: usize) -> Item {
        let _inside = self.ledger.call(key);
        if !self.over.load(SeqCst) {
            self.yields(8);
            if self.draw(0..4) == 0 {
                let callers = self.callers.lock();
                callers.get(self.draw(0..callers.len().max(1))).into_iter().for_each(cancel);
            }
            if self.draw(0..5) == 0 {
                self.ledger.panics(key);
                panic_any(Payload(key));
            }
        }
        self.items.item(key * 2)
    }

    /// A caller asks for `key`. A panic of `f` is an answer too.
    fn ask(&self, memo: &Memo<Item, Item>, key: usize) -> anyhow::Result<()> {
        match catch_unwind(AssertUnwindSafe(|| now(memo.get(&self.items.item(key))))) {
            Ok(value) => ensure!(value.number == key * 2, "key {key} got {value:?}"),
            Err(panic) => match panic.downcast_ref::<Payload>() {
                Some(Payload(panicked)) => {
                    ensure!(*panicked == key, "a caller of key {key} saw a panic of key {panicked}");
                    self.ledger.seen(key);
                }
                // A cancellation, which must go on, or a panic that the join reports.
                None => resume_unwind(panic),
            },
        }
        Ok(())
    }
}

pub(crate) async fn storm<R: Registry>() -> anyhow::Result<()> {
    whole_storm::<R>().await.with_context(replay)
}

/// Rounds of callers on a few cold keys. The seed chooses which are cancelled, and after how many turns. On one worker it
/// decides everything. On two, where the callers are then is luck.
async fn whole_storm<R: Registry>() -> anyhow::Result<()> {
    const KEYS: usize = 2;
    const CALLERS: usize = 6;
    let threads_before = threads();
    let storm = Storm {
        ledger: Ledger::default(),
        items: Kind::default(),
        random: Arc::new(Mutex::new(random())),
        callers: Arc::default(),
        over: Arc::default(),
    };
    let memo = memo::<R, Item, Item, _>({
        let storm = storm.clone();
        move |key| ready(storm.call(key.number))
    });
    let mut keys = 0;
    while storm.ledger.cancelled() < CANCELLATIONS {
        let (start, begun) = (Gate::default(), Arc::new(AtomicUsize::new(0)));
        let mut callers: Vec<_> = (0..CALLERS)
            .map(|_| {
                let begun = begun.clone();
                let key = keys + storm.draw(0..KEYS);
                let (storm, memo, start) = (storm.clone(), memo.clone(), start.clone());
                let caller = spawn(move || {
                    now(start.meet(CALLERS + 1));
                    begun.fetch_add(1, SeqCst);
                    storm.yields(6);
                    storm.ask(&memo, key)
                });
                (key, caller)
            })
            .collect();
        keys += KEYS;
        start.meet(CALLERS + 1).await;
        // No caller is cancelled in the gate: `may`'s own mutex fails then on two workers ("got null blocker!").
        ensure!(soon(|| begun.load(SeqCst) == CALLERS).await, "callers that have met do not begin");
        *storm.callers.lock() = callers.iter().map(|(_, caller)| caller.coroutine()).collect();
        for _ in 0..CALLERS * 2 / 3 {
            storm.yields(6);
            cancel(&callers[storm.draw(0..CALLERS)].1.coroutine());
        }
        for (key, caller) in callers.drain(..) {
            match caller.join() {
                Ok(asked) => asked?,
                Err(JoinError::Cancelled) => storm.ledger.cancels(key),
                Err(error) => {
                    bail!("a caller of key {key} ended without a value although it was not cancelled: {error}")
                }
            }
        }
    }

    // Afterwards: each key works, nothing was called twice, and with the memo everything goes.
    storm.over.store(true, SeqCst);
    storm.callers.lock().clear();
    for key in 0..keys {
        // A call that is still under way may panic yet, and this caller see that.
        storm.ask(&memo, key)?;
        let value = memo.get(&storm.items.item(key)).await;
        ensure!(value.number == key * 2, "after the storm, key {key} got {value:?}");
    }
    storm.ledger.judge()?;
    memo.drop_last()?;
    let gone = || storm.items.alive() == 0 && storm.ledger.under_way() == 0 && Arc::strong_count(&storm.over) == 1;
    ensure!(
        soon(gone).await,
        "when the memo is gone, {} keys and values and {} calls of f are left, and f is held {} times",
        storm.items.alive(),
        storm.ledger.under_way(),
        Arc::strong_count(&storm.over) - 1
    );
    ensure!(soon(|| threads() == threads_before).await, "{threads_before} threads before, {} after", threads());
    Ok(())
}
