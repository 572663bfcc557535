//! The one subject that a child tries, behind a pointer.
//!
//! The programs of the specification are generic over their subject. Compiled for every subject they would be some
//! thousand, and after each edit of a memo the compiler would look at all of them. So they are compiled once, for the
//! subjects here, which make memos of the subject that the child was told. A virtual call for each `get` is nothing
//! where nothing is timed.

use std::marker::PhantomData;
use std::sync::OnceLock;

use crate::subject::by_name::{self, Alone as AloneMemo, Awaited as AwaitedMemo, Shared as SharedMemo};
use crate::subject::{
    About, AsyncFunction, AsyncMemo, AsyncSubject, Callers, Function, Key, Memo, OneThread, Registry, Subject, Value,
    Visitor,
};

/// The name of the subject that this process tries.
static CHOSEN: OnceLock<String> = OnceLock::new();

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

/// Has this process try the subject of this name, and says what it is. `None` if `callers` have no such subject.
pub(super) fn choose<R: Registry>(callers: Callers, name: &str) -> Option<Kind> {
    CHOSEN.set(name.to_string()).ok()?;
    let mut find = Find { callers, name, kind: None };
    R::visit(&mut find);
    find.kind
}

fn chosen() -> &'static str {
    CHOSEN.get().expect("the child has chosen")
}

const THE_CHOSEN: About = About::new("the chosen one", "the subject that was chosen");

struct Find<'a> {
    callers: Callers,
    name: &'a str,
    kind: Option<Kind>,
}

impl Find<'_> {
    fn is_found(&mut self, about: About, kind: Kind) -> bool {
        let found = about.name == self.name && about.is_called_by(self.callers);
        if found {
            self.kind = Some(kind);
        }
        found
    }
}

impl Visitor for Find<'_> {
    fn shared<S: Subject>(&mut self) {
        if self.is_found(<S as Subject>::ABOUT, Kind::Shared) {
            S::prepare();
        }
    }
    fn one_thread<S: OneThread>(&mut self) {
        self.is_found(S::ABOUT, Kind::OneThread);
    }
    fn task<S: AsyncSubject>(&mut self) {
        self.is_found(S::ABOUT, Kind::Tasks);
    }
}

/// A memo that threads or coroutines can share.
pub(super) struct Shared<R>(PhantomData<R>);

impl<R: Registry> Subject for Shared<R> {
    const ABOUT: About = THE_CHOSEN;
    type Memo<K: Key, V: Value> = SharedMemo<K, V>;

    fn memo<K: Key, V: Value>(f: Function<K, V>) -> Self::Memo<K, V> {
        by_name::shared::<R, K, V>(chosen(), f).expect("the chosen subject is in its registry")
    }
}

impl<K, V> Memo<K, V> for SharedMemo<K, V> {
    fn get(&self, key: &K) -> V {
        (**self).get(key)
    }
    fn forget(&self, key: &K) -> bool {
        (**self).forget(key)
    }
}

/// A memo for one thread at a time.
pub(super) struct Alone<R>(PhantomData<R>);

impl<R: Registry> OneThread for Alone<R> {
    const ABOUT: About = THE_CHOSEN;
    type Memo<K: Key, V: Value> = AloneMemo<K, V>;

    fn memo<K: Key, V: Value>(f: Function<K, V>) -> Self::Memo<K, V> {
        by_name::alone::<R, K, V>(chosen(), f).expect("the chosen subject is in its registry")
    }
}

impl<K, V> Memo<K, V> for AloneMemo<K, V> {
    fn get(&self, key: &K) -> V {
        (**self).get(key)
    }
    fn forget(&self, key: &K) -> bool {
        (**self).forget(key)
    }
}

/// A memo for tasks.
pub(super) struct Awaited<R>(PhantomData<R>);

impl<R: Registry> AsyncSubject for Awaited<R> {
    const ABOUT: About = THE_CHOSEN;
    type Memo<K: Key, V: Value> = TheAwaited<K, V>;

    fn memo<K: Key, V: Value>(f: AsyncFunction<K, V>) -> Self::Memo<K, V> {
        TheAwaited(by_name::awaited::<R, K, V>(chosen(), f).expect("the chosen subject is in its registry"))
    }
}

/// A type of its own, because a pointer to a `BoxedMemo` would be one itself.
pub(super) struct TheAwaited<K, V>(AwaitedMemo<K, V>);

impl<K: Key, V: Value> AsyncMemo<K, V> for TheAwaited<K, V> {
    async fn get(&self, key: &K) -> V {
        self.0.get_boxed(key).await
    }
}
