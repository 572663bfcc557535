//! The subjects: every memo that the suite drives, ours and those that a Rust user would pick instead.
//!
//! A subject is a type that says what its memo is ([`About`]) and how to make it, for any key and value. `registry!`
//! below names them all. Code that drives all of them is a [`Visitor`], called once with each. So each subject is
//! driven by the same code, compiled for it alone, and no virtual call separates the measuring loop from the memo. Code
//! that measures nothing makes its memo by name ([`by_name`]).
//!
//! Each memo hashes with the function that its users get by default. Where the hash function takes most of the time,
//! the memos that accept another one are measured a second time, all with the same one: then only the memos differ.

mod about;
mod async_peers;
pub mod by_name;
mod callers;
mod ladder;
pub mod mine;
#[allow(unsafe_code, reason = "memo3 calls f on coroutines")]
mod on_coroutines;
mod on_tasks;
mod peers;
mod robust;

use std::fmt::Debug;
use std::hash::{BuildHasher, Hash, RandomState};

pub use about::About;
pub use async_peers::{AsyncSingleflight, MokaFuture, QuickCacheAsync, TokioOnceCell};
pub use callers::Callers;
pub use ladder::{Coarse, Duplicating, Lending, Memo1, Memo2, Memo3};
pub use mine::Mine;
pub use on_coroutines::{Memo2Coroutine, Memo3Coroutine};
pub use on_tasks::{AsyncFunction, AsyncMemo, AsyncSubject, Memo2Task, Memo3Task};
pub use peers::{Dashmap, Moka, OnceMap, Papaya, QuickCache};
pub use robust::Robust;

/// What every memo here takes as a key.
pub trait Key: Hash + Eq + Clone + Debug + Send + Sync + 'static {}
impl<K: Hash + Eq + Clone + Debug + Send + Sync + 'static> Key for K {}

/// What every memo here gives as a value.
pub trait Value: Clone + Send + Sync + 'static {}
impl<V: Clone + Send + Sync + 'static> Value for V {}

/// How keys are hashed.
pub trait HashFunction: BuildHasher + Default + Clone + Send + Sync + 'static {}
impl<S: BuildHasher + Default + Clone + Send + Sync + 'static> HashFunction for S {}

/// The slow function that a memo remembers.
pub type Function<K, V> = Box<dyn Fn(&K) -> V + Send + Sync>;

/// What a memo does.
pub trait Memo<K, V> {
    /// The value of the memo's function for `key`.
    fn get(&self, key: &K) -> V;

    /// Forgets `key`, and says whether the memo can do that. Most of ours have no such operation.
    fn forget(&self, key: &K) -> bool {
        let _ = key;
        false
    }
}

/// A memo that threads can share.
pub trait Subject: 'static {
    /// What it is.
    const ABOUT: About;
    /// Its name, as in [`ABOUT`](Self::ABOUT).
    const NAME: &'static str = Self::ABOUT.name;
    /// The memo itself.
    type Memo<K: Key, V: Value>: Memo<K, V> + Send + Sync + 'static;

    /// Starts what must run in this process before a memo can be made. Most need nothing.
    fn prepare() {}

    /// An empty memo of `f`. A memo for coroutines may run `f` on one, so `f` must be fit for that: it holds nothing of
    /// its thread across a yield, and needs no more stack than the runtime gives.
    fn memo<K: Key, V: Value>(f: Function<K, V>) -> Self::Memo<K, V>;

    /// Shows the visitor this memo with the hash function `H`. A memo that accepts no hash function shows nothing.
    fn hashed_by<H: HashFunction>(visitor: &mut impl Visitor) {
        let _ = visitor;
    }
}

/// A memo that one thread at a time can use: each [`Subject`], and [`Memo1`], which threads cannot share.
pub trait OneThread: 'static {
    /// As [`Subject::ABOUT`].
    const ABOUT: About;
    /// As [`Subject::NAME`].
    const NAME: &'static str = Self::ABOUT.name;
    /// As [`Subject::Memo`], but threads need not be able to share it.
    type Memo<K: Key, V: Value>: Memo<K, V> + Send + 'static;

    /// As [`Subject::memo`].
    fn memo<K: Key, V: Value>(f: Function<K, V>) -> Self::Memo<K, V>;
}

impl<S: Subject> OneThread for S {
    const ABOUT: About = S::ABOUT;
    type Memo<K: Key, V: Value> = S::Memo<K, V>;

    fn memo<K: Key, V: Value>(f: Function<K, V>) -> Self::Memo<K, V> {
        S::memo(f)
    }
}

/// Why the cells of [`Memo1`] on more than one thread are empty.
pub const MEMO1_IS_NOT_SYNC: &str = "memo1::Memo is not Sync: a program in which two threads share it does not compile";

/// Something to do with each subject. By default a visitor does nothing.
pub trait Visitor {
    /// Does it with a memo that threads or coroutines can share.
    fn shared<S: Subject>(&mut self) {}
    /// Does it with a memo that threads cannot share.
    fn one_thread<S: OneThread>(&mut self) {}
    /// Does it with a memo that tasks can share.
    fn task<S: AsyncSubject>(&mut self) {}
}

/// A list of subjects.
pub trait Registry: 'static {
    /// Shows the visitor each subject.
    fn visit(visitor: &mut impl Visitor);
}

/// Lists the subjects once, each with the method of [`Visitor`] that takes it.
macro_rules! registry {
    ($($kind:ident $subject:ident;)*) => {
        /// What each memo of the suite says about itself.
        pub const ALL: &[About] = &[$(registry!(@about $kind $subject)),*];

        impl Registry for Suite {
            fn visit(visitor: &mut impl Visitor) {
                $(visitor.$kind::<$subject>();)*
            }
        }

        /// Shows the visitor each memo that accepts a hash function, with `H`.
        pub fn visit_hashed_by<H: HashFunction>(visitor: &mut impl Visitor) {
            $(registry!(@hashed $kind $subject H visitor);)*
        }
    };
    (@about task $subject:ident) => { <$subject as AsyncSubject>::ABOUT };
    (@about $blocking:ident $subject:ident) => { <$subject as OneThread>::ABOUT };
    (@hashed shared $subject:ident $hash:ident $visitor:ident) => {
        <$subject as Subject>::hashed_by::<$hash>($visitor)
    };
    (@hashed $other:ident $subject:ident $hash:ident $visitor:ident) => {};
}

/// The registry of this suite.
#[derive(Debug)]
pub struct Suite;

// The one place that names every memo. The order is that of the tables.
registry! {
    one_thread Memo1;
    shared Coarse;
    shared Duplicating;
    shared Memo2;
    shared Lending;
    shared Robust;
    shared Memo3;
    shared Memo2Coroutine;
    shared Memo3Coroutine;
    task Memo2Task;
    task Memo3Task;
    shared Mine;
    shared Dashmap;
    shared Moka;
    shared OnceMap;
    shared Papaya;
    shared QuickCache;
    task MokaFuture;
    task QuickCacheAsync;
    task TokioOnceCell;
    task AsyncSingleflight;
}

/// What hits are compared with: a plain `HashMap` that no thread writes. It is listed beside the subjects.
const HASH_MAP: About = About::new("HashMap", "a HashMap that no thread writes").hit_takes("no lock");

/// The name under which tables list the plain `HashMap`.
pub const PLAIN_MAP: &str = HASH_MAP.name;

/// The memos made for `callers`.
#[must_use]
pub fn made_for(callers: Callers) -> Vec<About> {
    ALL.iter().filter(|about| about.made_for == callers).copied().collect()
}

/// The memos that `callers` can call: of ours first those made for them, then the others that they can call.
#[must_use]
pub fn called_by(callers: Callers) -> Vec<About> {
    let mut all: Vec<About> = ALL.iter().filter(|about| about.is_called_by(callers)).copied().collect();
    all.sort_by_key(|about| (!about.ours, about.made_for != callers));
    all
}

/// The memos that accept a hash function.
#[must_use]
pub fn hashed() -> Vec<About> {
    struct List(Vec<About>);
    impl Visitor for List {
        fn shared<S: Subject>(&mut self) {
            self.0.push(<S as Subject>::ABOUT);
        }
    }
    let mut list = List(Vec::new());
    visit_hashed_by::<RandomState>(&mut list);
    list.0
}

/// Shows the visitor each memo made for `callers`.
pub fn visit_made_for(callers: Callers, visitor: &mut impl Visitor) {
    Suite::visit(&mut MadeFor { callers, visitor });
}

/// Passes on the memos made for `callers`.
struct MadeFor<'a, V> {
    callers: Callers,
    visitor: &'a mut V,
}

impl<V: Visitor> Visitor for MadeFor<'_, V> {
    fn shared<S: Subject>(&mut self) {
        if <S as Subject>::ABOUT.made_for == self.callers {
            self.visitor.shared::<S>();
        }
    }
    fn one_thread<S: OneThread>(&mut self) {
        if S::ABOUT.made_for == self.callers {
            self.visitor.one_thread::<S>();
        }
    }
    fn task<S: AsyncSubject>(&mut self) {
        if S::ABOUT.made_for == self.callers {
            self.visitor.task::<S>();
        }
    }
}

/// What a hit of the memo `name` takes, or of the plain map; see [`About::hit_takes`].
#[must_use]
pub fn hit_takes(name: &str) -> &'static str {
    ALL.iter().chain([&HASH_MAP]).find(|about| about.name == name).map_or("", |about| about.hit_takes)
}

/// The plain map and the memos that `memo_fill` fills, by name.
pub const FILLED: &[&str] = &filled();

const fn filled() -> [&'static str; count_filled()] {
    let mut names = [PLAIN_MAP; count_filled()];
    let (mut at, mut found) = (0, 1);
    while at < ALL.len() {
        if ALL[at].filled {
            names[found] = ALL[at].name;
            found += 1;
        }
        at += 1;
    }
    names
}

const fn count_filled() -> usize {
    let (mut at, mut count) = (0, 1);
    while at < ALL.len() {
        count += ALL[at].filled as usize;
        at += 1;
    }
    count
}
