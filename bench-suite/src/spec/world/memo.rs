//! The memo that a program asks: a memo of the chosen subject, behind a pointer.
//!
//! The programs are compiled once for a registry and not once for each subject. Otherwise there would be about a
//! thousand of them, and the compiler would check all of them after each edit of a memo.

use std::future::Future;
use std::sync::{Arc, Weak};

use anyhow::ensure;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;

use super::chosen::chosen;
use super::now;
use crate::subject::by_name::{self, Alone, Awaited, BoxedMemo, Shared};
use crate::subject::{self, AsyncFunction, Callers, Key, Registry, Value};

/// A memo of the chosen subject. A clone is another pointer to the same memo.
pub(crate) enum Memo<K, V> {
    /// Its callers block.
    Blocking(Shared<K, V>),
    /// Its callers await.
    Awaited(Awaited<K, V>),
}

/// Makes a memo of `f`.
pub(crate) fn memo<R: Registry, K: Key, V: Value, A>(f: impl Fn(&K) -> A + Send + Sync + 'static) -> Memo<K, V>
where
    A: Future<Output = V> + Send + 'static,
{
    boxed::<R, K, V>(Box::new(move |key| f(key).boxed()))
}

/// Makes a memo of `f`, which is boxed already.
pub(crate) fn boxed<R: Registry, K: Key, V: Value>(f: AsyncFunction<K, V>) -> Memo<K, V> {
    let chosen = chosen();
    let made = if chosen.callers == Callers::Tasks {
        by_name::awaited::<R, K, V>(chosen.name, f).map(Memo::Awaited)
    } else {
        let f = Box::new(move |key: &K| now(f(key)));
        match chosen.is_for_one_thread {
            true => {
                by_name::alone::<R, K, V>(chosen.name, f).map(|memo| Memo::Blocking(Arc::new(Guarded(memo.into()))))
            }
            false => by_name::shared::<R, K, V>(chosen.name, f).map(Memo::Blocking),
        }
    };
    made.expect("the chosen subject is in its registry")
}

/// A memo for one thread, in a lock. No caller finds the lock taken, because only programs with one thread get such a
/// memo.
struct Guarded<K, V>(Mutex<Alone<K, V>>);

impl<K: Key, V: Value> subject::Memo<K, V> for Guarded<K, V> {
    fn get(&self, key: &K) -> V {
        self.0.try_lock().expect("a memo for one thread is not shared").get(key)
    }
}

impl<K: Key, V: Value> Memo<K, V> {
    /// Returns the value for `key`. The memo is asked at the first poll.
    pub(crate) async fn get(&self, key: &K) -> V {
        match self {
            Memo::Blocking(memo) => memo.get(key),
            Memo::Awaited(memo) => memo.get_boxed(key).await,
        }
    }

    /// A caller that wants the value for `key`, and has not been polled yet.
    pub(crate) fn ask(&self, key: K) -> BoxFuture<'static, V> {
        let memo = self.clone();
        async move { memo.get(&key).await }.boxed()
    }

    /// Forgets `key`, and says whether the memo can do that.
    pub(crate) fn forget(&self, key: &K) -> bool {
        match self {
            Memo::Blocking(memo) => memo.forget(key),
            Memo::Awaited(_) => false,
        }
    }

    /// Drops the memo.
    ///
    /// # Errors
    ///
    /// If this is not the last pointer to the memo.
    pub(crate) fn drop_last(self) -> anyhow::Result<()> {
        let last = match self {
            Memo::Blocking(memo) => Arc::strong_count(&memo) == 1,
            Memo::Awaited(memo) => Arc::strong_count(&memo) == 1,
        };
        ensure!(last, "a caller that has left still holds the memo");
        Ok(())
    }

    pub(crate) fn downgrade(&self) -> WeakMemo<K, V> {
        match self {
            Memo::Blocking(memo) => WeakMemo::Blocking(Arc::downgrade(memo)),
            Memo::Awaited(memo) => WeakMemo::Awaited(Arc::downgrade(memo)),
        }
    }
}

impl<K, V> Clone for Memo<K, V> {
    fn clone(&self) -> Self {
        match self {
            Memo::Blocking(memo) => Memo::Blocking(memo.clone()),
            Memo::Awaited(memo) => Memo::Awaited(memo.clone()),
        }
    }
}

/// A weak pointer to a memo: it does not keep the memo alive.
pub(crate) enum WeakMemo<K, V> {
    Blocking(Weak<dyn subject::Memo<K, V> + Send + Sync>),
    Awaited(Weak<dyn BoxedMemo<K, V>>),
}

impl<K, V> WeakMemo<K, V> {
    /// The memo, if it still lives.
    pub(crate) fn upgrade(&self) -> Option<Memo<K, V>> {
        match self {
            WeakMemo::Blocking(memo) => memo.upgrade().map(Memo::Blocking),
            WeakMemo::Awaited(memo) => memo.upgrade().map(Memo::Awaited),
        }
    }
}
