//! What only tasks can do: drop the future of a call, at any point, or poll it once and leave it.

use std::panic::panic_any;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::task::Poll;

use anyhow::ensure;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all, pending, ready};
use parking_lot::Mutex;
use rand::RngExt;
use tokio::sync::Semaphore;
use tokio::task::yield_now;

use super::hand::{caller, once, wait};
use super::herd::Gate;
use super::runtime::{on_one_thread, on_workers, soon, turns};
use crate::spec::item::{Item, Kind};
use crate::spec::payload::{Payload, caught_async};
use crate::spec::storm::Ledger;
use crate::subject::{AsyncFunction, AsyncMemo, AsyncSubject};

/// The one key of most of these.
const KEY: usize = 7;

/// What the calls of `f` do, and leave for them to end.
#[derive(Clone)]
struct Calls {
    ledger: Ledger,
    made: Arc<AtomicUsize>,
    leave: Arc<Semaphore>,
    items: Kind,
}

impl Calls {
    fn new() -> Self {
        let (ledger, made) = (Ledger::default(), Arc::default());
        Calls { ledger, made, leave: Arc::new(Semaphore::new(0)), items: Kind::default() }
    }

    /// Twice the key, when there is leave.
    fn f(&self) -> AsyncFunction<Item, Item> {
        let calls = self.clone();
        Box::new(move |key| {
            let (calls, key) = (calls.clone(), key.number);
            async move {
                let _inside = calls.ledger.call(key);
                calls.made.fetch_add(1, SeqCst);
                calls.leave.acquire().await.expect("it is never closed").forget();
                calls.items.item(key * 2)
            }
            .boxed()
        })
    }

    /// A caller who wants the value of `key`.
    fn caller<M: AsyncMemo<Item, Item> + Send + Sync + 'static>(&self, memo: &Arc<M>, key: usize) -> Caller {
        caller(memo, self.items.item(key))
    }

    fn made(&self) -> usize {
        self.made.load(SeqCst)
    }

    /// One call at a time, and at most `most` in all.
    fn judge(&self, most: usize) -> anyhow::Result<()> {
        self.ledger.judge()?;
        ensure!(self.made() <= most, "{} calls of f, where {most} are enough", self.made());
        Ok(())
    }
}

type Caller = BoxFuture<'static, Item>;

/// Polls the leader until it is inside `f`.
async fn lead(leader: &mut Caller, calls: &Calls) {
    let before = calls.made();
    while calls.made() == before {
        assert!(once(leader).is_pending(), "the leader has a value although no call of f has ended");
        yield_now().await;
    }
}

/// All of them come back, with the right value.
async fn come_back(callers: Vec<Caller>) -> anyhow::Result<()> {
    let values: Vec<usize> = join_all(callers).await.into_iter().map(|value| value.number).collect();
    ensure!(values.iter().all(|value| *value == KEY * 2), "wrong values: {values:?}");
    Ok(())
}

pub(super) fn leader<S: AsyncSubject>() -> anyhow::Result<()> {
    [0, 1, 8].into_iter().try_for_each(|waiters| {
        on_one_thread(async {
            let calls = Calls::new();
            let memo = Arc::new(S::memo(calls.f()));
            let mut leader = calls.caller(&memo, KEY);
            lead(&mut leader, &calls).await;
            let mut waiters: Vec<Caller> = (0..waiters).map(|_| calls.caller(&memo, KEY)).collect();
            wait(&mut waiters).await;

            calls.ledger.cancels(KEY);
            drop(leader);
            wait(&mut waiters).await;
            calls.leave.add_permits(2);
            come_back(waiters).await?;
            // A later caller, whom the cancellation must not reach.
            come_back(vec![calls.caller(&memo, KEY)]).await?;
            calls.judge(2)
        })
    })
}

pub(super) fn waiters<S: AsyncSubject>() -> anyhow::Result<()> {
    on_one_thread(async {
        let calls = Calls::new();
        let memo = Arc::new(S::memo(calls.f()));
        let mut leader = calls.caller(&memo, KEY);
        lead(&mut leader, &calls).await;
        let mut waiters: Vec<Caller> = (0..10).map(|_| calls.caller(&memo, KEY)).collect();
        wait(&mut waiters).await;

        waiters.truncate(4);
        wait(&mut waiters).await;
        calls.leave.add_permits(1);
        waiters.push(leader);
        come_back(waiters).await?;
        calls.judge(1)
    })
}

/// All callers leave while `f` is under way, and then a later one comes, or the memo goes too.
pub(super) fn all<S: AsyncSubject>() -> anyhow::Result<()> {
    [true, false].into_iter().try_for_each(|a_later_one_comes| {
        on_one_thread(async {
            let calls = Calls::new();
            let memo = Arc::new(S::memo(calls.f()));
            let mut callers: Vec<Caller> = (0..5).map(|_| calls.caller(&memo, KEY)).collect();
            lead(&mut callers[0], &calls).await;
            wait(&mut callers[1..]).await;
            for caller in callers {
                calls.ledger.cancels(KEY);
                drop(caller);
            }
            turns().await;
            if a_later_one_comes {
                calls.leave.add_permits(1);
                come_back(vec![calls.caller(&memo, KEY)]).await?;
            }
            calls.judge(2)?;

            let memo = Arc::into_inner(memo);
            ensure!(memo.is_some(), "a caller that is gone still holds the memo");
            drop(memo);
            // What is left of `calls` is this one: `f` and its calls are gone.
            let gone = soon(|| calls.items.alive() == 0 && Arc::strong_count(&calls.made) == 1).await;
            ensure!(
                gone,
                "when all callers and the memo are gone, {} keys and values are left, and {} calls of f",
                calls.items.alive(),
                calls.ledger.under_way()
            );
            Ok(())
        })
    })
}

/// On two workers, so that the one who is aborted may be anywhere.
pub(super) fn one_at_a_time<S: AsyncSubject>() -> anyhow::Result<()> {
    const CALLERS: usize = 6;
    let mut random = crate::spec::storm::random();
    on_workers(2, async {
        let calls = Calls::new();
        // Leave enough, but not at once.
        let f = calls.f();
        let memo = Arc::new(S::memo::<Item, Item>(Box::new(move |key| {
            let called = f(key);
            async move {
                yield_now().await;
                let value = called.await;
                yield_now().await;
                value
            }
            .boxed()
        })));
        for key in 0..100 {
            let start = Gate::default();
            let callers: Vec<_> = (0..CALLERS)
                .map(|_| {
                    let (start, asked) = (start.clone(), calls.caller(&memo, key));
                    tokio::spawn(async move {
                        start.meet(CALLERS).await;
                        asked.await
                    })
                })
                .collect();
            start.wait_for(CALLERS).await;
            for caller in &callers[..CALLERS - 1] {
                for _ in 0..random.random_range(0..20) {
                    yield_now().await;
                }
                caller.abort();
                calls.ledger.cancels(key);
            }
            calls.leave.add_permits(CALLERS);
            for caller in callers {
                match caller.await {
                    Ok(value) => ensure!(value.number == key * 2, "key {key} got {value:?}"),
                    Err(error) => ensure!(error.is_cancelled(), "a caller panicked: {error}"),
                }
            }
            // What nobody took shall not help the next round's.
            calls.leave.forget_permits(CALLERS);
        }
        calls.ledger.judge()
    })
}

/// The leader is neither polled nor dropped until its waiters have the value.
pub(super) fn left<S: AsyncSubject>() -> anyhow::Result<()> {
    on_one_thread(async {
        let calls = Calls::new();
        let memo = Arc::new(S::memo(calls.f()));
        let mut leader = calls.caller(&memo, KEY);
        lead(&mut leader, &calls).await;
        calls.leave.add_permits(1);
        come_back((0..8).map(|_| calls.caller(&memo, KEY)).collect()).await?;
        ensure!(
            matches!(once(&mut leader), Poll::Ready(value) if value.number == KEY * 2),
            "the leader did not get the value at last"
        );
        calls.judge(1)
    })
}

/// The leader is dropped, and the first of its waiters is left: the next call must not be waited for from that one.
pub(super) fn waiter_left<S: AsyncSubject>() -> anyhow::Result<()> {
    on_one_thread(async {
        let calls = Calls::new();
        let memo = Arc::new(S::memo(calls.f()));
        let mut leader = calls.caller(&memo, KEY);
        lead(&mut leader, &calls).await;
        let mut waiters: Vec<Caller> = (0..8).map(|_| calls.caller(&memo, KEY)).collect();
        wait(&mut waiters).await;
        let left = waiters.remove(0);
        calls.ledger.cancels(KEY);
        drop(leader);
        calls.leave.add_permits(2);
        come_back(waiters).await?;
        come_back(vec![left]).await?;
        calls.judge(2)
    })
}

/// How many callers leave a call that goes on to panic.
const LEAVE: usize = 50;

/// Every call of `f` panics, and before the first does, many of its waiters leave, and in some rounds its leader too. Then
/// one caller is left, who came before they left, or comes after the panic: the second call is that caller's.
pub(super) fn for_nobody<S: AsyncSubject>() -> anyhow::Result<()> {
    [(true, true), (true, false), (false, true), (false, false)].into_iter().try_for_each(|(leader_stays, waiter_stays)| {
        on_one_thread(async {
            let calls = Calls::new();
            let memo = Arc::new(S::memo::<Item, Item>({
                let (f, calls) = (calls.f(), calls.clone());
                Box::new(move |key| {
                    let (called, calls) = (f(key), calls.clone());
                    async move {
                        let call = calls.made();
                        called.await;
                        panic_any(Payload(call))
                    }
                    .boxed()
                })
            }));
            let mut leader = calls.caller(&memo, KEY);
            lead(&mut leader, &calls).await;
            let mut leave: Vec<Caller> = (0..LEAVE).map(|_| calls.caller(&memo, KEY)).collect();
            wait(&mut leave).await;
            let mut waiter: Vec<Caller> = waiter_stays.then(|| calls.caller(&memo, KEY)).into_iter().collect();
            wait(&mut waiter).await;
            drop(leave);
            let leader = leader_stays.then_some(leader);
            calls.leave.add_permits(2 * LEAVE);
            if let Some(leader) = leader {
                let seen = caught_async(leader).await?.map(|value| value.number);
                ensure!(seen == Err(0), "call 0 panicked, and its leader saw {seen:?}");
            }
            let waiter = match waiter.pop() {
                Some(waiter) => waiter,
                None => {
                    turns().await;
                    ensure!(calls.made() == 1, "{} calls of f, where nobody waited for a second", calls.made());
                    calls.caller(&memo, KEY)
                }
            };
            let (seen, made) = (caught_async(waiter).await?.map(|value| value.number), calls.made());
            ensure!(
                made == 2 && seen == Err(1),
                "{made} calls of f, where 2 are enough: {LEAVE} callers had left, and the one who stayed saw {seen:?}"
            );
            Ok(())
        })
    })
}

/// The leader is dropped, and while its call of `f` is being dropped, a waiter is polled: it must not lead yet. (On one
/// thread no waiter could come at that moment; on two it can, and the call that is going looks on from within.)
pub(super) fn old_call_goes_first<S: AsyncSubject>() -> anyhow::Result<()> {
    /// Does something when it is dropped.
    struct AtEnd(Option<Box<dyn FnOnce() + Send>>);
    impl Drop for AtEnd {
        fn drop(&mut self) {
            if let Some(last) = self.0.take() {
                last();
            }
        }
    }
    on_one_thread(async {
        let made = Arc::new(AtomicUsize::new(0));
        let waiter = Arc::new(Mutex::new(None::<BoxFuture<'static, usize>>));
        let too_early = Arc::new(AtomicBool::new(false));
        let memo = Arc::new(S::memo::<usize, usize>({
            let (made, waiter, too_early) = (made.clone(), waiter.clone(), too_early.clone());
            Box::new(move |key| {
                let key = *key;
                if made.fetch_add(1, SeqCst) > 0 {
                    return ready(key * 2).boxed();
                }
                let (made, waiter, too_early) = (made.clone(), waiter.clone(), too_early.clone());
                let look = move || {
                    if let Some(waiter) = waiter.lock().as_mut() {
                        let _ = once(waiter);
                        too_early.store(made.load(SeqCst) > 1, SeqCst);
                    }
                };
                async move {
                    let _at_end = AtEnd(Some(Box::new(look)));
                    pending().await
                }
                .boxed()
            })
        }));
        let mut leader = caller(&memo, KEY);
        while made.load(SeqCst) == 0 {
            let _ = once(&mut leader);
            yield_now().await;
        }
        let mut waits = [caller(&memo, KEY)];
        wait(&mut waits).await;
        let [waits] = waits;
        *waiter.lock() = Some(waits);
        drop(leader);
        turns().await;
        ensure!(!too_early.load(SeqCst), "the next call of f began before the call of a dropped leader was gone");
        Ok(())
    })
}
