//! Coroutines that are cancelled: a caller unwinds out of its wait, or out of its next yield.
//!
//! The programs run on one worker, so luck does not decide what runs next. A memo that blocks the worker while it waits
//! hangs here.

use std::future::ready;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use anyhow::{Context, bail, ensure};
use green_threads::coroutine::{JoinError, JoinHandle, SyncFlag};

use crate::coroutine::{cancel, spawn};
use crate::spec::CannotBe;
use crate::spec::payload::Payload;
use crate::spec::storm::Ledger;
use crate::spec::world::{Gate, Memo, callers, memo, now, soon, turns};
use crate::subject::{Callers, Registry};

const KEY: usize = 7;

const THREADS_CANNOT_LEAVE: CannotBe = CannotBe(
    "a caller that is a thread cannot leave while it waits \
     (memo2::robust's can, by its token, which get does not bring here)",
);

/// What the calls of `f` share. `may_return` lets them end.
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

    /// A memo whose `f` returns twice the key. Its calls wait until they may return.
    fn memo<R: Registry>(&self) -> Memo<usize, usize> {
        let calls = self.clone();
        memo::<R, usize, usize, _>(move |key| {
            let _inside = calls.ledger.call(*key);
            calls.made.fetch_add(1, SeqCst);
            calls.inside.arrive();
            calls.may_return.wait();
            ready(key * 2)
        })
    }

    /// Spawns `count` callers of the key. Returns when all have begun, and have had turns enough to begin their wait.
    async fn callers(&self, memo: &Memo<usize, usize>, count: usize) -> Vec<JoinHandle<usize>> {
        let start = Gate::default();
        let callers = (0..count)
            .map(|_| {
                let (memo, start) = (memo.clone(), start.clone());
                spawn(move || {
                    start.arrive();
                    now(memo.get(&KEY))
                })
            })
            .collect();
        start.wait_for(count).await;
        turns().await;
        callers
    }

    /// Checks that there was one call at a time, and at most `most` calls in all.
    fn judge(&self, most: usize) -> anyhow::Result<()> {
        self.ledger.judge()?;
        let made = self.made.load(SeqCst);
        ensure!(made <= most, "{made} calls of f, where {most} are enough");
        Ok(())
    }
}

/// Cancels a caller. Any other end of the caller is an error.
fn cancelled(caller: JoinHandle<usize>, calls: &Calls) -> anyhow::Result<()> {
    calls.ledger.cancels(KEY);
    cancel(&caller.coroutine());
    match caller.join() {
        Err(JoinError::Cancelled) => Ok(()),
        Err(error) => bail!("a cancelled caller ended by something else: {error}"),
        Ok(value) => bail!("a caller that was cancelled while it waited got {value}"),
    }
}

/// Joins the callers. All of them must return the right value.
fn come_back(callers: Vec<JoinHandle<usize>>) -> anyhow::Result<()> {
    for caller in callers {
        let value =
            caller.join().map_err(|error| anyhow::anyhow!("a caller that was not cancelled failed: {error}"))?;
        ensure!(value == KEY * 2, "key {KEY} got {value}");
    }
    Ok(())
}

pub(crate) async fn leader<R: Registry>() -> anyhow::Result<()> {
    for waiters in [0, 1, 8] {
        let calls = Calls::new();
        let memo = calls.memo::<R>();
        let leader = calls.callers(&memo, 1).await.pop().context("one caller")?;
        calls.inside.wait_for(1).await;
        let waiters = calls.callers(&memo, waiters).await;
        cancelled(leader, &calls)?;
        turns().await;
        calls.may_return.fire();
        come_back(waiters)?;
        // The cancellation must not reach a later caller.
        come_back(calls.callers(&memo, 1).await)?;
        calls.judge(2)?;
    }
    Ok(())
}

pub(crate) async fn waiters<R: Registry>() -> anyhow::Result<()> {
    let calls = Calls::new();
    let memo = calls.memo::<R>();
    let leader = calls.callers(&memo, 1).await;
    calls.inside.wait_for(1).await;
    let mut waiters = calls.callers(&memo, 10).await;
    waiters.drain(4..).try_for_each(|waiter| cancelled(waiter, &calls))?;
    turns().await;
    calls.may_return.fire();
    come_back(leader)?;
    come_back(waiters)?;
    calls.judge(1)
}

/// All callers leave while `f` is under way, and then a later caller asks.
pub(crate) async fn all<R: Registry>() -> anyhow::Result<()> {
    let calls = Calls::new();
    let memo = calls.memo::<R>();
    let callers = calls.callers(&memo, 5).await;
    calls.inside.wait_for(1).await;
    // The leader is cancelled last: until then its waiters have a call to wait for.
    callers.into_iter().rev().try_for_each(|caller| cancelled(caller, &calls))?;
    turns().await;
    calls.may_return.fire();
    come_back(calls.callers(&memo, 1).await)?;
    calls.judge(2)?;

    drop(memo);
    ensure!(
        soon(|| Arc::strong_count(&calls.made) == 1).await,
        "when all callers and the memo are gone, f or a call of f is left"
    );
    Ok(())
}

/// The leaders are cancelled one after the other, each inside its call, until the last caller is left.
pub(crate) async fn one_at_a_time<R: Registry>() -> anyhow::Result<()> {
    let calls = Calls::new();
    let memo = calls.memo::<R>();
    let mut callers = calls.callers(&memo, 8).await;
    calls.inside.wait_for(1).await;
    while callers.len() > 1 {
        // The cancelled caller may be the leader or a waiter. If it is a waiter, the leader stays.
        cancelled(callers.remove(0), &calls)?;
        turns().await;
        calls.judge(8)?;
    }
    calls.may_return.fire();
    come_back(callers)?;
    calls.judge(8)
}

/// How many callers leave before the call that they wait for panics.
const LEAVE: usize = 50;

/// Every call of `f` panics. Before the first call panics, many of its waiters are cancelled, and in some rounds its
/// leader too. Then one caller is left. It asks before the others leave, or after the panic. The second call must be
/// for that caller.
pub(crate) async fn for_nobody<R: Registry>() -> anyhow::Result<()> {
    if callers() != Callers::Coroutines {
        bail!(THREADS_CANNOT_LEAVE);
    }
    for (leader_stays, waiter_stays) in [(true, true), (true, false), (false, true), (false, false)] {
        let (made, inside, may_return) = (Arc::new(AtomicUsize::new(0)), Gate::default(), Arc::new(SyncFlag::new()));
        let memo = memo::<R, usize, usize, _>({
            let (made, inside, may_return) = (made.clone(), inside.clone(), may_return.clone());
            move |_| {
                let call = made.fetch_add(1, SeqCst);
                inside.arrive();
                may_return.wait();
                async move { panic_any(Payload(call)) }
            }
        });
        let some_callers = async |count: usize| -> Vec<JoinHandle<Result<usize, usize>>> {
            let asks = || {
                let memo = memo.clone();
                move || {
                    catch_unwind(AssertUnwindSafe(|| now(memo.get(&KEY)))).map_err(|panic| {
                        match panic.downcast::<Payload>() {
                            Ok(payload) => payload.0,
                            // A cancellation is a panic too, and must go on.
                            Err(other) => resume_unwind(other),
                        }
                    })
                }
            };
            let callers = (0..count).map(|_| spawn(asks())).collect();
            turns().await;
            callers
        };
        let sees = |caller: JoinHandle<_>| caller.join().map_err(|error| anyhow::anyhow!("a caller failed: {error}"));

        let leader = some_callers(1).await.pop().context("one caller")?;
        inside.wait_for(1).await;
        let leave = some_callers(LEAVE).await;
        let waiter = if waiter_stays { some_callers(1).await.pop() } else { None };
        for caller in leave {
            cancel(&caller.coroutine());
            ensure!(matches!(caller.join(), Err(JoinError::Cancelled)), "a cancelled waiter ended by something else");
        }
        if leader_stays {
            may_return.fire();
            let seen = sees(leader)?;
            ensure!(seen == Err(0), "call 0 panicked, and its leader saw {seen:?}");
        } else {
            cancel(&leader.coroutine());
            ensure!(matches!(leader.join(), Err(JoinError::Cancelled)), "a cancelled leader ended by something else");
            may_return.fire();
        }
        let waiter = match waiter {
            Some(waiter) => waiter,
            None => {
                turns().await;
                let made = made.load(SeqCst);
                ensure!(made == 1, "{made} calls of f, where no caller waited for a second");
                some_callers(1).await.pop().context("one caller")?
            }
        };
        let seen = sees(waiter)?;
        let made = made.load(SeqCst);
        ensure!(
            made == 2 && seen == Err(1),
            "{made} calls of f, where 2 are enough: {LEAVE} callers had left, and the caller that stayed saw {seen:?}"
        );
    }
    Ok(())
}
