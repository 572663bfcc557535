//! The memos that threads or coroutines call, made for the runtime in which the workload runs. (Those that tasks await
//! are made as [`AsyncSubject`](crate::subject::AsyncSubject)s are, in whichever runtime that happens.)

use std::sync::Arc;

use crate::subject::{Function, Key, Memo, Value};

/// A memo that is called.
pub(super) trait Called<K: Key, V: Value>: Memo<K, V> + Send + Sync + 'static {
    /// A memo of `f`. Where it runs `f` on coroutines, `f` must be fit for them, as each that is made in this folder
    /// is: it holds nothing of its thread across a yield, and needs no more stack than the workload asks for.
    fn memo(f: Function<K, V>) -> Arc<Self>;
}

impl<K: Key, V: Value> Called<K, V> for memo2::Memo<K, V, Function<K, V>> {
    fn memo(f: Function<K, V>) -> Arc<Self> {
        Arc::new(memo2::Memo::new(f))
    }
}

impl<K: Key, V: Value> Called<K, V> for memo3::Memo<K, V> {
    fn memo(f: Function<K, V>) -> Arc<Self> {
        Arc::new(memo3::Memo::new(f))
    }
}

impl<K: Key, V: Value> Called<K, V> for memo2::coroutine::Memo<K, V, Function<K, V>> {
    fn memo(f: Function<K, V>) -> Arc<Self> {
        Arc::new(memo2::coroutine::Memo::new(f))
    }
}

impl<K: Key, V: Value> Called<K, V> for memo3::coroutine::Memo<K, V> {
    #[allow(unsafe_code, reason = "f runs on coroutines")]
    fn memo(f: Function<K, V>) -> Arc<Self> {
        // SAFETY: every `f` of this folder is fit for coroutines, as the trait asks. Keys and values are numbers and
        // strings, and bodies behind an `Arc`: their `Hash`, `Eq` and `Drop` do not yield, and are not deep.
        Arc::new(unsafe { memo3::coroutine::Memo::new(f) })
    }
}
