//! `memo2::robust::Memo`, behind the same interface as the others.
//!
//! Its `f` should ask for other keys through the call that it receives. The suite's `f` receives no call, so here each
//! thread notes which call it is in, and `get` asks through that call.

use std::cell::RefCell;

use memo2::robust::{self, Call};

use super::{About, Function, Key, Memo, Subject, Value};

/// `memo2::robust::Memo`.
#[derive(Debug)]
pub struct Robust;

impl Subject for Robust {
    const ABOUT: About = About::ours("memo2::robust", "memo2::robust::Memo: cycles are errors, and callers can leave")
        .filled()
        .hit_takes("one lock");
    type Memo<K: Key, V: Value> = RobustMemo<K, V>;

    fn memo<K: Key, V: Value>(f: Function<K, V>) -> Self::Memo<K, V> {
        RobustMemo(robust::Memo::new(Box::new(move |call, key| inside(call, || f(key)))))
    }
}

#[expect(missing_debug_implementations, reason = "it holds a function")]
pub struct RobustMemo<K, V>(robust::Memo<K, V, WithCall<K, V>>);

type WithCall<K, V> = Box<dyn Fn(&Call, &K) -> V + Send + Sync>;

impl<K: Key, V: Value> Memo<K, V> for RobustMemo<K, V> {
    /// # Panics
    ///
    /// Where the memo returns an error, because this `get` has no other way to refuse.
    fn get(&self, key: &K) -> V {
        let got = match current() {
            Some(call) => call.get(&self.0, key),
            None => self.0.get(key),
        };
        got.unwrap_or_else(|error| panic!("{error}"))
    }

    fn forget(&self, key: &K) -> bool {
        self.0.forget(key);
        true
    }
}

thread_local! {
    /// The calls in which this thread is, the innermost last.
    static CALLS: RefCell<Vec<Call>> = const { RefCell::new(Vec::new()) };
}

fn current() -> Option<Call> {
    CALLS.with_borrow(|calls| calls.last().cloned())
}

/// Runs `f` in `call`.
fn inside<T>(call: &Call, f: impl FnOnce() -> T) -> T {
    /// Leaves the call, also by a panic.
    struct Out;
    impl Drop for Out {
        fn drop(&mut self) {
            CALLS.with_borrow_mut(Vec::pop);
        }
    }
    CALLS.with_borrow_mut(|calls| calls.push(call.clone()));
    let _out = Out;
    f()
}
