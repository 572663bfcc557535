//! Tasks that leave: the future of a caller is dropped at some point, or polled once and then left alone.
//!
//! Most programs poll the futures by hand, on one thread, so luck does not decide what runs first.

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

use crate::spec::item::{Item, Kind};
use crate::spec::payload::{Payload, caught};
use crate::spec::storm::{Ledger, random};
use crate::spec::world::{Gate, Memo, boxed, memo, once, soon, turns, wait};
use crate::subject::{AsyncFunction, Registry};

/// The only key of most of these programs.
const KEY: usize = 7;

/// What the calls of `f` share. A permit of `leave` lets one of them end.
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

    /// The function of the memo. It takes a permit of `leave`, and then returns twice the key.
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

    /// A caller that wants the value of `key`.
    fn caller(&self, memo: &Memo<Item, Item>, key: usize) -> Caller {
        memo.ask(self.items.item(key))
    }

    fn made(&self) -> usize {
        self.made.load(SeqCst)
    }

    /// Checks that there was one call at a time, and at most `most` calls in all.
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

/// Awaits the callers. All of them must return the right value.
async fn come_back(callers: Vec<Caller>) -> anyhow::Result<()> {
    let values: Vec<usize> = join_all(callers).await.into_iter().map(|value| value.number).collect();
    ensure!(values.iter().all(|value| *value == KEY * 2), "wrong values: {values:?}");
    Ok(())
}

pub(crate) async fn leader<R: Registry>() -> anyhow::Result<()> {
    for waiters in [0, 1, 8] {
        let calls = Calls::new();
        let memo = boxed::<R, _, _>(calls.f());
        let mut leader = calls.caller(&memo, KEY);
        lead(&mut leader, &calls).await;
        let mut waiters: Vec<Caller> = (0..waiters).map(|_| calls.caller(&memo, KEY)).collect();
        wait(&mut waiters).await;

        calls.ledger.cancels(KEY);
        drop(leader);
        wait(&mut waiters).await;
        calls.leave.add_permits(2);
        come_back(waiters).await?;
        // The cancellation must not reach a later caller.
        come_back(vec![calls.caller(&memo, KEY)]).await?;
        calls.judge(2)?;
    }
    Ok(())
}

pub(crate) async fn waiters<R: Registry>() -> anyhow::Result<()> {
    let calls = Calls::new();
    let memo = boxed::<R, _, _>(calls.f());
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
}

/// All callers leave while `f` is under way. Then a later caller asks, or the memo is dropped at once.
pub(crate) async fn all<R: Registry>() -> anyhow::Result<()> {
    for a_later_one_comes in [true, false] {
        let calls = Calls::new();
        let memo = boxed::<R, _, _>(calls.f());
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

        memo.drop_last()?;
        // Only this `calls` is left: `f` and its calls are gone.
        let gone = soon(|| calls.items.alive() == 0 && Arc::strong_count(&calls.made) == 1).await;
        ensure!(
            gone,
            "when all callers and the memo are gone, {} keys and values are left, and {} calls of f",
            calls.items.alive(),
            calls.ledger.under_way()
        );
    }
    Ok(())
}

/// The callers of each key are aborted one after the other, except the last. They run on two workers, so an aborted
/// caller may be at any point.
pub(crate) async fn one_at_a_time<R: Registry>() -> anyhow::Result<()> {
    const CALLERS: usize = 6;
    let mut random = random();
    let calls = Calls::new();
    // Each call yields before and after its wait, so that an abort may find it there.
    let f = calls.f();
    let memo = memo::<R, Item, Item, _>(move |key| {
        let called = f(key);
        async move {
            yield_now().await;
            let value = called.await;
            yield_now().await;
            value
        }
    });
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
        // The calls of the next key must not get permits that no call of this key took.
        calls.leave.forget_permits(CALLERS);
    }
    calls.ledger.judge()
}

/// The leader is neither polled nor dropped until its waiters have the value.
pub(crate) async fn left<R: Registry>() -> anyhow::Result<()> {
    let calls = Calls::new();
    let memo = boxed::<R, _, _>(calls.f());
    let mut leader = calls.caller(&memo, KEY);
    lead(&mut leader, &calls).await;
    calls.leave.add_permits(1);
    come_back((0..8).map(|_| calls.caller(&memo, KEY)).collect()).await?;
    ensure!(
        matches!(once(&mut leader), Poll::Ready(value) if value.number == KEY * 2),
        "the leader did not get the value after its waiters"
    );
    calls.judge(1)
}

/// The leader is dropped, and the first of its waiters is left alone: the other waiters must not rely on it.
pub(crate) async fn waiter_left<R: Registry>() -> anyhow::Result<()> {
    let calls = Calls::new();
    let memo = boxed::<R, _, _>(calls.f());
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
}

/// How many callers leave before the call that they wait for panics.
const LEAVE: usize = 50;

/// Every call of `f` panics. Before the first call panics, many of its waiters leave, and in some rounds its leader
/// too. Then one caller is left. It asks before the others leave, or after the panic. The second call must be for that
/// caller.
pub(crate) async fn for_nobody<R: Registry>() -> anyhow::Result<()> {
    for (leader_stays, waiter_stays) in [(true, true), (true, false), (false, true), (false, false)] {
        let calls = Calls::new();
        let memo = memo::<R, Item, Item, _>({
            let (f, calls) = (calls.f(), calls.clone());
            move |key| {
                let (called, calls) = (f(key), calls.clone());
                async move {
                    let call = calls.made();
                    called.await;
                    panic_any(Payload(call))
                }
            }
        });
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
            let seen = caught(leader).await?.map(|value| value.number);
            ensure!(seen == Err(0), "call 0 panicked, and its leader saw {seen:?}");
        }
        let waiter = match waiter.pop() {
            Some(waiter) => waiter,
            None => {
                turns().await;
                ensure!(calls.made() == 1, "{} calls of f, where no caller waited for a second", calls.made());
                calls.caller(&memo, KEY)
            }
        };
        let (seen, made) = (caught(waiter).await?.map(|value| value.number), calls.made());
        ensure!(
            made == 2 && seen == Err(1),
            "{made} calls of f, where 2 are enough: {LEAVE} callers had left, and the caller that stayed saw {seen:?}"
        );
    }
    Ok(())
}

/// The leader is dropped. While its call of `f` is being dropped, a waiter is polled: it must not lead yet. (On one
/// thread no waiter would run at that moment, and on two threads one could. Here the call that is being dropped polls
/// the waiter.)
pub(crate) async fn old_call_goes_first<R: Registry>() -> anyhow::Result<()> {
    /// Calls its function when it is dropped.
    struct AtEnd(Option<Box<dyn FnOnce() + Send>>);
    impl Drop for AtEnd {
        fn drop(&mut self) {
            if let Some(last) = self.0.take() {
                last();
            }
        }
    }
    let made = Arc::new(AtomicUsize::new(0));
    let waiter = Arc::new(Mutex::new(None::<BoxFuture<'static, usize>>));
    let too_early = Arc::new(AtomicBool::new(false));
    let memo = boxed::<R, usize, usize>({
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
    });
    let mut leader = memo.ask(KEY);
    while made.load(SeqCst) == 0 {
        let _ = once(&mut leader);
        yield_now().await;
    }
    let mut waits = [memo.ask(KEY)];
    wait(&mut waits).await;
    let [waits] = waits;
    *waiter.lock() = Some(waits);
    drop(leader);
    turns().await;
    ensure!(!too_early.load(SeqCst), "the next call of f began before the call of a dropped leader was gone");
    Ok(())
}
