//! The one subject that a child tries, behind a pointer.
//!
//! The programs of the specification are generic over their subject. Compiled for every subject they would be some
//! thousand, and after each edit of a memo the compiler would look at all of them. So they are compiled once, for the
//! subjects here, which make memos of the subject that the child was told. A virtual call for each `get` is nothing
//! where nothing is timed.

use std::marker::PhantomData;
use std::sync::OnceLock;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::Callers;
use crate::subject::{
    AsyncFunction, AsyncMemo, AsyncSubject, AsyncVisitor, Function, Key, Memo, OneThread, Subject, Value, Visitor,
};

/// The subjects among which a child finds the one that it tries.
pub trait Registry: 'static {
    /// Shows the visitor each subject that threads, or coroutines, can call.
    fn visit(callers: Callers, visitor: &mut impl Visitor);

    /// Shows the visitor each subject for tasks.
    fn visit_from_tasks(visitor: &mut impl AsyncVisitor);
}

/// Which callers this process tries, and on which subject.
static CHOSEN: OnceLock<(Callers, String)> = OnceLock::new();

/// What a subject is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Threads or coroutines can share it.
    Shared,
    /// One thread at a time can use it.
    OneThread,
    /// It is for tasks.
    Tasks,
}

/// Has this process try the subject of this name, and says what it is. `None` if there is no such subject.
pub(super) fn choose<R: Registry>(callers: Callers, name: &str) -> Option<Kind> {
    CHOSEN.set((callers, name.to_string())).ok()?;
    let mut find = Find(None);
    match callers {
        Callers::Tasks => R::visit_from_tasks(&mut find),
        _ => R::visit(callers, &mut find),
    }
    find.0
}

fn is_chosen(name: &str) -> bool {
    CHOSEN.get().is_some_and(|(_, chosen)| chosen == name)
}

fn callers() -> Callers {
    CHOSEN.get().expect("the child has chosen").0
}

const NAME: &str = "the subject that was chosen";

struct Find(Option<Kind>);

impl Visitor for Find {
    fn shared<S: Subject>(&mut self) {
        if is_chosen(<S as Subject>::NAME) {
            S::prepare();
            self.0 = Some(Kind::Shared);
        }
    }
    fn one_thread<S: OneThread>(&mut self) {
        if is_chosen(S::NAME) {
            self.0 = Some(Kind::OneThread);
        }
    }
}

impl AsyncVisitor for Find {
    fn task<S: AsyncSubject>(&mut self) {
        if is_chosen(S::NAME) {
            self.0 = Some(Kind::Tasks);
        }
    }
}

/// Makes a memo when the chosen subject comes by.
struct Make<F, M: ?Sized> {
    f: Option<F>,
    made: Option<Box<M>>,
}

impl<F, M: ?Sized> Make<F, M> {
    fn of(f: F, visit: impl FnOnce(&mut Self)) -> Box<M> {
        let mut make = Make { f: Some(f), made: None };
        visit(&mut make);
        make.made.expect("the chosen subject is in its registry")
    }
}

/// A memo that threads or coroutines can share.
pub(super) struct Shared<R>(PhantomData<R>);

type SharedMemo<K, V> = dyn Memo<K, V> + Send + Sync;

impl<R: Registry> Subject for Shared<R> {
    const NAME: &'static str = NAME;
    const WHAT: &'static str = NAME;
    type Memo<K: Key, V: Value> = Box<SharedMemo<K, V>>;

    fn memo<K: Key, V: Value>(f: Function<K, V>) -> Self::Memo<K, V> {
        Make::of(f, |make| R::visit(callers(), make))
    }
}

impl<K: Key, V: Value> Visitor for Make<Function<K, V>, SharedMemo<K, V>> {
    fn shared<S: Subject>(&mut self) {
        if is_chosen(<S as Subject>::NAME) {
            self.made = self.f.take().map(|f| Box::new(<S as Subject>::memo(f)) as Box<_>);
        }
    }
    fn one_thread<S: OneThread>(&mut self) {}
}

impl<K, V> Memo<K, V> for Box<SharedMemo<K, V>> {
    fn get(&self, key: &K) -> V {
        (**self).get(key)
    }
    fn forget(&self, key: &K) -> bool {
        (**self).forget(key)
    }
}

/// A memo for one thread at a time.
pub(super) struct Alone<R>(PhantomData<R>);

type AloneMemo<K, V> = dyn Memo<K, V> + Send;

impl<R: Registry> OneThread for Alone<R> {
    const NAME: &'static str = NAME;
    const WHAT: &'static str = NAME;
    type Memo<K: Key, V: Value> = Box<AloneMemo<K, V>>;

    fn memo<K: Key, V: Value>(f: Function<K, V>) -> Self::Memo<K, V> {
        Make::of(f, |make| R::visit(callers(), make))
    }
}

impl<K: Key, V: Value> Visitor for Make<Function<K, V>, AloneMemo<K, V>> {
    fn shared<S: Subject>(&mut self) {}
    fn one_thread<S: OneThread>(&mut self) {
        if is_chosen(S::NAME) {
            self.made = self.f.take().map(|f| Box::new(S::memo(f)) as Box<_>);
        }
    }
}

impl<K, V> Memo<K, V> for Box<AloneMemo<K, V>> {
    fn get(&self, key: &K) -> V {
        (**self).get(key)
    }
    fn forget(&self, key: &K) -> bool {
        (**self).forget(key)
    }
}

/// A memo for tasks.
pub(super) struct Awaited<R>(PhantomData<R>);

/// [`AsyncMemo`] with a future that is the same type for all.
pub(super) trait BoxedMemo<K, V>: Send + Sync {
    fn get_boxed<'a>(&'a self, key: &'a K) -> BoxFuture<'a, V>;
}

impl<K: Key, V: Value, M: AsyncMemo<K, V> + Send + Sync> BoxedMemo<K, V> for M {
    fn get_boxed<'a>(&'a self, key: &'a K) -> BoxFuture<'a, V> {
        self.get(key).boxed()
    }
}

impl<R: Registry> AsyncSubject for Awaited<R> {
    const NAME: &'static str = NAME;
    const WHAT: &'static str = NAME;
    type Memo<K: Key, V: Value> = AwaitedMemo<K, V>;

    fn memo<K: Key, V: Value>(f: AsyncFunction<K, V>) -> Self::Memo<K, V> {
        AwaitedMemo(Make::of(f, |make| R::visit_from_tasks(make)))
    }
}

impl<K: Key, V: Value> AsyncVisitor for Make<AsyncFunction<K, V>, dyn BoxedMemo<K, V>> {
    fn task<S: AsyncSubject>(&mut self) {
        if is_chosen(S::NAME) {
            self.made = self.f.take().map(|f| Box::new(S::memo(f)) as Box<_>);
        }
    }
}

/// A type of its own, because a box of a [`BoxedMemo`] would be one itself.
pub(super) struct AwaitedMemo<K, V>(Box<dyn BoxedMemo<K, V>>);

impl<K: Key, V: Value> AsyncMemo<K, V> for AwaitedMemo<K, V> {
    async fn get(&self, key: &K) -> V {
        self.0.get_boxed(key).await
    }
}
