//! What only coroutines can do: be cancelled, by an unwinding that begins where they wait, or at their next yield.
//!
//! With one worker, what comes next is no matter of luck. A memo that keeps the worker while it waits hangs here.

use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use anyhow::{Context, bail, ensure};
use green_threads::coroutine::{Coroutine, JoinError, JoinHandle, SyncFlag, yield_now};
use may::coroutine::is_coroutine;
use parking_lot::Mutex;
use rand::RngExt;
use rand::rngs::StdRng;

use crate::coroutine::{cancel, spawn};
use crate::spec::CannotBe;
use crate::spec::gate::{Gate, turns};
use crate::spec::item::{Item, Kind};
use crate::spec::payload::{Payload, caught};
use crate::spec::soon::{soon, threads};
use crate::spec::storm::{CANCELLATIONS, Ledger, random, replay};
use crate::subject::{Memo, Subject};

const KEY: usize = 7;

const THREADS_CANNOT_LEAVE: CannotBe = CannotBe(
    "a caller that is a thread cannot leave while it waits (memo2::robust's can, by its token, which get does not bring here)",
);

/// What the calls of `f` do, and what lets them end.
#[derive(Clone)]
struct Calls {
    ledger: Ledger,
    made: Arc<AtomicUsize>,
    inside: Gate,
    may_return: Arc<SyncFlag>,
}

impl Calls {
    fn new() -> Self {
        let (ledger, made, inside) = (Ledger::default(), Arc::default(), Gate::default());
        Calls { ledger, made, inside, may_return: Arc::new(SyncFlag::new()) }
    }

    /// A memo of twice the key, whose calls wait until they may return.
    fn memo<S: Subject>(&self) -> Arc<S::Memo<usize, usize>> {
        let calls = self.clone();
        Arc::new(S::memo(Box::new(move |key: &usize| {
            let _inside = calls.ledger.call(*key);
            calls.made.fetch_add(1, SeqCst);
            calls.inside.arrive();
            calls.may_return.wait();
            key * 2
        })))
    }

    /// Callers that have all begun, and have had their turns to wait.
    fn callers<S: Subject>(&self, memo: &Arc<S::Memo<usize, usize>>, count: usize) -> Vec<JoinHandle<usize>> {
        let start = Gate::default();
        let callers = (0..count)
            .map(|_| {
                let (memo, start) = (memo.clone(), start.clone());
                spawn(move || {
                    start.arrive();
                    memo.get(&KEY)
                })
            })
            .collect();
        start.wait_for(count);
        turns();
        callers
    }

    /// One call at a time, and at most `most` in all.
    fn judge(&self, most: usize) -> anyhow::Result<()> {
        self.ledger.judge()?;
        let made = self.made.load(SeqCst);
        ensure!(made <= most, "{made} calls of f, where {most} are enough");
        Ok(())
    }
}

/// Cancels a caller, and sees it end by that.
fn cancelled(caller: JoinHandle<usize>, calls: &Calls) -> anyhow::Result<()> {
    calls.ledger.cancels(KEY);
    cancel(&caller.coroutine());
    match caller.join() {
        Err(JoinError::Cancelled) => Ok(()),
        Err(error) => bail!("a caller that was cancelled ended otherwise: {error}"),
        Ok(value) => bail!("a caller that was cancelled while it waited got {value}"),
    }
}

/// All of them come back, with the right value.
fn come_back(callers: Vec<JoinHandle<usize>>) -> anyhow::Result<()> {
    for caller in callers {
        let value = caller.join().map_err(|error| anyhow::anyhow!("a caller that nobody cancelled: {error}"))?;
        ensure!(value == KEY * 2, "key {KEY} got {value}");
    }
    Ok(())
}

pub(super) fn leader<S: Subject>() -> anyhow::Result<()> {
    [0, 1, 8].into_iter().try_for_each(|waiters| {
        let calls = Calls::new();
        let memo = calls.memo::<S>();
        let leader = calls.callers::<S>(&memo, 1).pop().context("one caller")?;
        calls.inside.wait_for(1);
        let waiters = calls.callers::<S>(&memo, waiters);
        cancelled(leader, &calls)?;
        turns();
        calls.may_return.fire();
        come_back(waiters)?;
        // A later caller, whom the cancellation must not reach.
        come_back(calls.callers::<S>(&memo, 1))?;
        calls.judge(2)
    })
}

pub(super) fn waiters<S: Subject>() -> anyhow::Result<()> {
    let calls = Calls::new();
    let memo = calls.memo::<S>();
    let leader = calls.callers::<S>(&memo, 1);
    calls.inside.wait_for(1);
    let mut waiters = calls.callers::<S>(&memo, 10);
    waiters.drain(4..).try_for_each(|waiter| cancelled(waiter, &calls))?;
    turns();
    calls.may_return.fire();
    come_back(leader)?;
    come_back(waiters)?;
    calls.judge(1)
}

/// All callers leave while `f` is under way, and then a later one comes.
pub(super) fn all<S: Subject>() -> anyhow::Result<()> {
    let calls = Calls::new();
    let memo = calls.memo::<S>();
    let callers = calls.callers::<S>(&memo, 5);
    calls.inside.wait_for(1);
    // The leader comes last: until then its waiters have somebody to wait for.
    callers.into_iter().rev().try_for_each(|caller| cancelled(caller, &calls))?;
    turns();
    calls.may_return.fire();
    come_back(calls.callers::<S>(&memo, 1))?;
    calls.judge(2)?;

    drop(memo);
    ensure!(
        soon(|| Arc::strong_count(&calls.made) == 1),
        "when all callers and the memo are gone, f is left, or a call of it"
    );
    Ok(())
}

/// The leaders are cancelled one after the other, each inside its call, until the last caller is left.
pub(super) fn one_at_a_time<S: Subject>() -> anyhow::Result<()> {
    let calls = Calls::new();
    let memo = calls.memo::<S>();
    let mut callers = calls.callers::<S>(&memo, 8);
    calls.inside.wait_for(1);
    while callers.len() > 1 {
        // Whoever leads: the cancelled one may be a waiter, and then the leader stays.
        cancelled(callers.remove(0), &calls)?;
        turns();
        calls.judge(8)?;
    }
    calls.may_return.fire();
    come_back(callers)?;
    calls.judge(8)
}

/// How many callers leave a call that goes on to panic.
const LEAVE: usize = 50;

/// Every call of `f` panics, and before the first does, many of its waiters are cancelled, and in some rounds its leader
/// too. Then one caller is left, who came before they left, or comes after the panic: the second call is that caller's.
pub(super) fn for_nobody<S: Subject>() -> anyhow::Result<()> {
    if !is_coroutine() {
        bail!(THREADS_CANNOT_LEAVE);
    }
    for (leader_stays, waiter_stays) in [(true, true), (true, false), (false, true), (false, false)] {
        let (made, inside, may_return) = (Arc::new(AtomicUsize::new(0)), Gate::default(), Arc::new(SyncFlag::new()));
        let memo = Arc::new(S::memo::<usize, usize>({
            let (made, inside, may_return) = (made.clone(), inside.clone(), may_return.clone());
            Box::new(move |_| {
                let call = made.fetch_add(1, SeqCst);
                inside.arrive();
                may_return.wait();
                panic_any(Payload(call))
            })
        }));
        let callers = |count: usize| -> Vec<JoinHandle<anyhow::Result<Result<usize, usize>>>> {
            let asks = || {
                let memo = memo.clone();
                // A cancellation is a panic that is not `f`'s, and goes on.
                move || match catch_unwind(AssertUnwindSafe(|| memo.get(&KEY))) {
                    Err(panic) if !panic.is::<Payload>() => resume_unwind(panic),
                    seen => caught(|| seen.unwrap_or_else(|panic| resume_unwind(panic))),
                }
            };
            let callers = (0..count).map(|_| spawn(asks())).collect();
            turns();
            callers
        };
        let sees =
            |caller: JoinHandle<_>| caller.join().map_err(|error| anyhow::anyhow!("a caller that stays: {error}"))?;

        let leader = callers(1).pop().context("one caller")?;
        inside.wait_for(1);
        let leave = callers(LEAVE);
        let waiter = if waiter_stays { callers(1).pop() } else { None };
        for caller in leave {
            cancel(&caller.coroutine());
            ensure!(matches!(caller.join(), Err(JoinError::Cancelled)), "a cancelled waiter ended otherwise");
        }
        if leader_stays {
            may_return.fire();
            let seen = sees(leader)?;
            ensure!(seen == Err(0), "call 0 panicked, and its leader saw {seen:?}");
        } else {
            cancel(&leader.coroutine());
            ensure!(matches!(leader.join(), Err(JoinError::Cancelled)), "a cancelled leader ended otherwise");
            may_return.fire();
        }
        let waiter = match waiter {
            Some(waiter) => waiter,
            None => {
                turns();
                let made = made.load(SeqCst);
                ensure!(made == 1, "{made} calls of f, where nobody waited for a second");
                callers(1).pop().context("one caller")?
            }
        };
        let seen = sees(waiter)?;
        let made = made.load(SeqCst);
        ensure!(
            made == 2 && seen == Err(1),
            "{made} calls of f, where 2 are enough: {LEAVE} callers had left, and the one who stayed saw {seen:?}"
        );
    }
    Ok(())
}

/// What the callers of a storm and its calls of `f` share.
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

    /// Some turns, and then a value or, one time in five, a panic. One time in four it cancels a caller, who may be the
    /// one that runs it: that one is then cancelled while it runs, and learns it where the memo yields next.
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

    /// What a caller does: it asks for `key`, and takes a panic of `f` for an answer.
    fn ask<M: Memo<Item, Item>>(&self, memo: &M, key: usize) -> anyhow::Result<()> {
        match catch_unwind(AssertUnwindSafe(|| memo.get(&self.items.item(key)))) {
            Ok(value) => ensure!(value.number == key * 2, "key {key} got {value:?}"),
            Err(panic) => match panic.downcast_ref::<Payload>() {
                Some(Payload(panicked)) => {
                    ensure!(*panicked == key, "a caller of key {key} saw a panic of key {panicked}");
                    self.ledger.seen(key);
                }
                // A cancellation, which is not ours to keep; or a panic that the join will tell.
                None => resume_unwind(panic),
            },
        }
        Ok(())
    }
}

pub(super) fn storm<S: Subject>() -> anyhow::Result<()> {
    whole_storm::<S>().with_context(replay)
}

/// Rounds of callers on a few cold keys. Who is cancelled, and after how many turns, is the seed's choice; with one
/// worker there is no other, and with two, where they are then is luck.
fn whole_storm<S: Subject>() -> anyhow::Result<()> {
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
    let memo = Arc::new(S::memo::<Item, Item>({
        let storm = storm.clone();
        Box::new(move |key| storm.call(key.number))
    }));
    let mut keys = 0;
    while storm.ledger.cancelled() < CANCELLATIONS {
        let (start, begun) = (Gate::default(), Arc::new(AtomicUsize::new(0)));
        let mut callers: Vec<_> = (0..CALLERS)
            .map(|_| {
                let begun = begun.clone();
                let key = keys + storm.draw(0..KEYS);
                let (storm, memo, start) = (storm.clone(), memo.clone(), start.clone());
                let caller = spawn(move || {
                    start.meet(CALLERS + 1);
                    begun.fetch_add(1, SeqCst);
                    storm.yields(6);
                    storm.ask(&*memo, key)
                });
                (key, caller)
            })
            .collect();
        keys += KEYS;
        start.meet(CALLERS + 1);
        // Nobody is cancelled in the gate: `may`'s own mutex does not bear that on two workers ("got null blocker!").
        ensure!(soon(|| begun.load(SeqCst) == CALLERS), "callers that have come together do not begin");
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
                    bail!("a caller of key {key} ended otherwise than by its value or its cancellation: {error}")
                }
            }
        }
    }

    // Afterwards: each key works, nothing was called twice, and with the memo everything goes.
    storm.over.store(true, SeqCst);
    storm.callers.lock().clear();
    for key in 0..keys {
        // A call that is still under way may panic yet, and its panic be somebody else's.
        storm.ask(&*memo, key)?;
        let value = memo.get(&storm.items.item(key));
        ensure!(value.number == key * 2, "after the storm, key {key} got {value:?}");
    }
    storm.ledger.judge()?;
    let memo = Arc::into_inner(memo);
    ensure!(memo.is_some(), "a caller that is gone still holds the memo");
    drop(memo);
    ensure!(
        soon(|| storm.items.alive() == 0 && storm.ledger.under_way() == 0 && Arc::strong_count(&storm.over) == 1),
        "when the memo is gone, {} keys and values and {} calls of f are left, and f is held {} times",
        storm.items.alive(),
        storm.ledger.under_way(),
        Arc::strong_count(&storm.over) - 1
    );
    ensure!(soon(|| threads() == threads_before), "{threads_before} threads before, {} after", threads());
    Ok(())
}
