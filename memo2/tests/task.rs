//! Tests of what only tasks can do to the memo: drop the future of a call at any point, or poll it once and leave
//! it.
//!
//! The futures are polled by hand, so that their order does not depend on luck.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use memo2::task::Memo;
use tokio::sync::oneshot;

/// Polls `future` once.
fn poll<T>(future: &mut Pin<Box<impl Future<Output = T>>>) -> Poll<T> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

/// The calls of `f`: a sender for each call, to end it, and the number of calls that are inside `f`.
#[derive(Default)]
struct Calls {
    ends: RefCell<Vec<oneshot::Sender<bool>>>,
    inside: Rc<Cell<usize>>,
}

impl Calls {
    /// A call of `f`. When it is ended with `true`, it returns twice the key. When it is ended with `false`, it
    /// panics.
    async fn call(self: Rc<Self>, key: usize) -> usize {
        struct Inside(Rc<Cell<usize>>);
        impl Drop for Inside {
            fn drop(&mut self) {
                self.0.set(self.0.get() - 1);
            }
        }

        assert_eq!(self.inside.replace(1), 0, "two calls at once");
        let _inside = Inside(self.inside.clone());
        let (end, ended) = oneshot::channel();
        self.ends.borrow_mut().push(end);
        assert!(ended.await.unwrap(), "this call is meant to panic");
        key * 2
    }

    fn made(&self) -> usize {
        self.ends.borrow().len()
    }

    /// Ends the last call.
    fn end(&self, well: bool) {
        let (replaced, _) = oneshot::channel();
        let last =
            std::mem::replace(self.ends.borrow_mut().last_mut().unwrap(), replaced);
        last.send(well).unwrap();
    }
}

#[test]
fn debug_says_how_many_entries_there_are() {
    let memo = Memo::new(|key: &u32| std::future::ready(*key));
    for key in 0..20 {
        assert_eq!(poll(&mut Box::pin(memo.get(&key))), Poll::Ready(key));
    }
    assert_eq!(format!("{memo:?}"), "Memo { entries: Some(20), .. }");
}

/// A memo whose calls wait until the test ends them.
macro_rules! memo {
    () => {{
        let calls = Rc::<Calls>::default();
        let counted = calls.clone();
        (calls, Memo::new(move |key: &usize| counted.clone().call(*key)))
    }};
}

#[test]
fn tasks_may_share_it() {
    fn shareable<T: Send + Sync>(_: &T) {}
    fn movable<T: Send>(_: T) {}
    let memo = Memo::new(|key: &String| std::future::ready(key.len()));
    shareable(&memo);
    movable(memo.get(&"a key".into()));
}

#[test]
fn one_call_for_all_waiters() {
    let (calls, memo) = memo!();
    let mut callers: Vec<_> = (0..10).map(|_| Box::pin(memo.get(&7))).collect();
    assert!(callers.iter_mut().all(|caller| poll(caller).is_pending()));
    assert_eq!(calls.made(), 1);
    calls.end(true);
    // The leader first, because only its future polls the call.
    assert!(callers.iter_mut().all(|caller| poll(caller) == Poll::Ready(14)));
    assert_eq!(calls.made(), 1);
}

#[test]
fn a_dropped_leader_hands_over() {
    for waiters in [0, 1, 10] {
        let (calls, memo) = memo!();
        let mut leader = Box::pin(memo.get(&7));
        assert!(poll(&mut leader).is_pending());
        let mut waiters: Vec<_> = (0..waiters).map(|_| Box::pin(memo.get(&7))).collect();
        assert!(waiters.iter_mut().all(|waiter| poll(waiter).is_pending()));

        drop(leader);
        assert_eq!(calls.inside.get(), 0, "a dropped leader drops its call");
        // Any caller that is polled may lead now, but only one.
        assert!(waiters.iter_mut().all(|waiter| poll(waiter).is_pending()));
        let mut late = Box::pin(memo.get(&7));
        assert!(poll(&mut late).is_pending());
        assert_eq!(calls.made(), 2);
        calls.end(true);
        waiters.push(late);
        assert!(waiters.iter_mut().all(|waiter| poll(waiter) == Poll::Ready(14)));
    }
}

/// When a leader is dropped, all waiters are woken, because the memo cannot know which of them will be polled. Some
/// are dropped before they are polled, some are never polled again, and the first that is polled leads.
#[test]
fn the_first_polled_waiter_leads() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
    #[derive(Default)]
    struct Woken(AtomicBool);
    impl std::task::Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Relaxed);
        }
    }

    let (calls, memo) = memo!();
    let mut leader = Box::pin(memo.get(&7));
    assert!(poll(&mut leader).is_pending());
    let mut waiters: Vec<_> =
        (0..3).map(|_| (Box::pin(memo.get(&7)), Arc::<Woken>::default())).collect();
    for (waiter, woken) in &mut waiters {
        assert!(
            waiter
                .as_mut()
                .poll(&mut Context::from_waker(&woken.clone().into()))
                .is_pending()
        );
    }
    drop(leader);
    assert!(
        waiters.iter().all(|(_, woken)| woken.0.load(Relaxed)),
        "all waiters are woken"
    );
    let (_left_alone, mut polled) = (waiters.remove(0), waiters.pop().unwrap().0);
    drop(waiters);
    assert!(poll(&mut polled).is_pending());
    assert_eq!(calls.made(), 2);
    calls.end(true);
    assert_eq!(poll(&mut polled), Poll::Ready(14));
}

#[test]
fn dropped_waiters_leave() {
    let (calls, memo) = memo!();
    let mut leader = Box::pin(memo.get(&7));
    assert!(poll(&mut leader).is_pending());
    let mut waiters: Vec<_> = (0..10).map(|_| Box::pin(memo.get(&7))).collect();
    assert!(waiters.iter_mut().all(|waiter| poll(waiter).is_pending()));
    waiters.truncate(4);
    calls.end(true);
    assert_eq!(poll(&mut leader), Poll::Ready(14));
    assert!(waiters.iter_mut().all(|waiter| poll(waiter) == Poll::Ready(14)));
    assert_eq!(calls.made(), 1);
}

/// The leader sees its panic, and one waiter makes the next call.
#[test]
fn a_panic_hands_over() {
    let (calls, memo) = memo!();
    let mut callers: Vec<_> = (0..10).map(|_| Box::pin(memo.get(&7))).collect();
    assert!(callers.iter_mut().all(|caller| poll(caller).is_pending()));
    for panics in 1..10 {
        calls.end(false);
        let mut leader = callers.remove(0);
        assert!(catch_unwind(AssertUnwindSafe(|| poll(&mut leader))).is_err());
        assert!(callers.iter_mut().all(|caller| poll(caller).is_pending()));
        assert_eq!(calls.made(), panics + 1);
    }
    calls.end(true);
    assert_eq!(poll(&mut callers[0]), Poll::Ready(14));
}

/// A leader that is neither polled nor dropped keeps its key. `memo3::task` avoids this; this memo cannot. Its
/// waiters get the value once the leader is polled again.
#[test]
fn a_leader_that_is_left_alone_keeps_its_key() {
    let (calls, memo) = memo!();
    let (mut leader, mut waiter) = (Box::pin(memo.get(&7)), Box::pin(memo.get(&7)));
    assert!(poll(&mut leader).is_pending());
    calls.end(true);
    for _ in 0..1000 {
        assert!(poll(&mut waiter).is_pending());
    }
    assert_eq!(poll(&mut leader), Poll::Ready(14));
    assert_eq!(poll(&mut waiter), Poll::Ready(14));
}
