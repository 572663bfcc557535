//! Memos that are made by name, behind a pointer.
//!
//! Code that measures is compiled once for each memo. All other code is compiled only once: it asks for a memo by its
//! name, and pays a virtual call for each `get`.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::{
    AsyncFunction, AsyncMemo, AsyncSubject, Function, Key, Memo, OneThread, Registry, Subject, Value, Visitor,
};

/// A memo that threads or coroutines can share.
pub type Shared<K, V> = Arc<dyn Memo<K, V> + Send + Sync>;

/// A memo that one thread at a time can use.
pub type Alone<K, V> = Box<dyn Memo<K, V> + Send>;

/// A memo that tasks can share.
pub type Awaited<K, V> = Arc<dyn BoxedMemo<K, V>>;

/// [`AsyncMemo`] with a future that has the same type for all memos.
pub trait BoxedMemo<K, V>: Send + Sync {
    /// As [`AsyncMemo::get`].
    fn get_boxed<'a>(&'a self, key: &'a K) -> BoxFuture<'a, V>;
}

impl<K: Key, V: Value, M: AsyncMemo<K, V> + Send + Sync> BoxedMemo<K, V> for M {
    fn get_boxed<'a>(&'a self, key: &'a K) -> BoxFuture<'a, V> {
        self.get(key).boxed()
    }
}

/// Makes the memo `name` of `R` for `f`; `None` if `R` has no such memo that threads or coroutines can share. For a
/// memo for coroutines, the coroutine runtime must have started, and `f` must be fit for it, as [`Subject::memo`] says.
#[must_use]
pub fn shared<R: Registry, K: Key, V: Value>(name: &str, f: Function<K, V>) -> Option<Shared<K, V>> {
    Make::by::<R>(name, f)
}

/// Makes the memo `name` of `R` for `f`; `None` if `R` has no such memo for a blocking caller.
#[must_use]
pub fn alone<R: Registry, K: Key, V: Value>(name: &str, f: Function<K, V>) -> Option<Alone<K, V>> {
    Make::by::<R>(name, f)
}

/// Makes the memo `name` of `R` for `f`; `None` if `R` has no such memo that tasks can share. Like
/// [`AsyncSubject::memo`], this must be called within a tokio runtime.
#[must_use]
pub fn awaited<R: Registry, K: Key, V: Value>(name: &str, f: AsyncFunction<K, V>) -> Option<Awaited<K, V>> {
    Make::by::<R>(name, f)
}

/// A visitor that makes the memo of this name.
struct Make<'a, F, M> {
    name: &'a str,
    f: Option<F>,
    made: Option<M>,
}

impl<'a, F, M> Make<'a, F, M>
where
    Self: Visitor,
{
    fn by<R: Registry>(name: &'a str, f: F) -> Option<M> {
        let mut make = Make { name, f: Some(f), made: None };
        R::visit(&mut make);
        make.made
    }
}

impl<K: Key, V: Value> Visitor for Make<'_, Function<K, V>, Shared<K, V>> {
    fn shared<S: Subject>(&mut self) {
        if <S as Subject>::NAME == self.name {
            self.made = self.f.take().map(|f| Arc::new(<S as Subject>::memo(f)) as Shared<K, V>);
        }
    }
}

impl<K: Key, V: Value> Visitor for Make<'_, Function<K, V>, Alone<K, V>> {
    fn one_thread<S: OneThread>(&mut self) {
        if S::NAME == self.name {
            self.made = self.f.take().map(|f| Box::new(S::memo(f)) as Alone<K, V>);
        }
    }
    fn shared<S: Subject>(&mut self) {
        self.one_thread::<S>();
    }
}

impl<K: Key, V: Value> Visitor for Make<'_, AsyncFunction<K, V>, Awaited<K, V>> {
    fn task<S: AsyncSubject>(&mut self) {
        if S::NAME == self.name {
            self.made = self.f.take().map(|f| Arc::new(S::memo(f)) as Awaited<K, V>);
        }
    }
}
