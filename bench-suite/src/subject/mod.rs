//! The subjects: every memo that the suite drives, ours and those that a Rust user would pick instead.
//!
//! A subject is a type that says how to make its memo, for any key and value. Code that drives all of them is a
//! [`Visitor`], called once with each: so each subject is driven by the same code, compiled for it alone, and no
//! virtual call stands between the measuring loop and the memo.
//!
//! Each memo hashes with the function that its users get if they ask for nothing else. Where the hash function takes most
//! of the time, the memos that can be given another are measured once more, all with the same one, so that what is
//! compared is the memo.

mod async_peers;
mod ladder;
pub mod mine;
mod on_coroutines;
mod peers;
mod robust;
mod task;

use std::fmt::Debug;
use std::hash::{BuildHasher, Hash};

pub use async_peers::{AsyncSingleflight, MokaFuture, QuickCacheAsync, TokioOnceCell};
pub use ladder::{Coarse, Duplicating, Lending, Memo1, Memo2, Memo3};
pub use mine::Mine;
pub use on_coroutines::{Memo2Coroutine, Memo3Coroutine};
pub use peers::{Dashmap, Moka, OnceMap, Papaya, QuickCache};
pub use robust::Robust;
pub use task::{AsyncFunction, AsyncMemo, AsyncSubject, Memo2Task, Memo3Task};

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

    /// Forgets `key`, and says whether it could: most of ours have no such operation, as a memo need not.
    fn forget(&self, key: &K) -> bool {
        let _ = key;
        false
    }
}

/// A memo that threads can share.
pub trait Subject: 'static {
    /// Its name, in tables and on command lines.
    const NAME: &'static str;
    /// What it is, in a line.
    const WHAT: &'static str;
    /// The memo itself.
    type Memo<K: Key, V: Value>: Memo<K, V> + Send + Sync + 'static;

    /// Starts what must run in this process before a memo can be made: for most, nothing.
    fn prepare() {}

    /// An empty memo of `f`.
    fn memo<K: Key, V: Value>(f: Function<K, V>) -> Self::Memo<K, V>;
}

/// A memo that one thread at a time can use: each [`Subject`], and [`Memo1`], which is nothing more.
pub trait OneThread: 'static {
    /// As [`Subject::NAME`].
    const NAME: &'static str;
    /// As [`Subject::WHAT`].
    const WHAT: &'static str;
    /// As [`Subject::Memo`], but perhaps not to be shared.
    type Memo<K: Key, V: Value>: Memo<K, V> + Send + 'static;

    /// As [`Subject::memo`].
    fn memo<K: Key, V: Value>(f: Function<K, V>) -> Self::Memo<K, V>;
}

impl<S: Subject> OneThread for S {
    const NAME: &'static str = S::NAME;
    const WHAT: &'static str = S::WHAT;
    type Memo<K: Key, V: Value> = S::Memo<K, V>;

    fn memo<K: Key, V: Value>(f: Function<K, V>) -> Self::Memo<K, V> {
        S::memo(f)
    }
}

/// Why the cells of [`Memo1`] on more than one thread are empty.
pub const MEMO1_IS_NOT_SYNC: &str = "memo1::Memo is not Sync: a program in which two threads share it does not compile";

/// Something to do with each subject.
pub trait Visitor {
    /// With one that threads can share.
    fn shared<S: Subject>(&mut self);
    /// With one that they cannot.
    fn one_thread<S: OneThread>(&mut self);
}

/// Something to do with each subject for tasks.
pub trait AsyncVisitor {
    /// With this one.
    fn task<S: AsyncSubject>(&mut self);
}

/// The registry: calls `visitor` with each subject, in the order in which tables list them.
pub fn visit(visitor: &mut impl Visitor) {
    visit_ours(visitor);
    visit_others(visitor);
}

/// The registry of the memos that can be given a hash function: here, `S` for all of them.
pub fn visit_hashed_by<S: HashFunction>(visitor: &mut impl Visitor) {
    visitor.shared::<Lending<S>>();
    visitor.shared::<Dashmap<S>>();
    visitor.shared::<Moka<S>>();
    visitor.shared::<OnceMap<S>>();
    visitor.shared::<Papaya<S>>();
    visitor.shared::<QuickCache<S>>();
}

/// The registry of those whom threads can call: those of [`visit`], and our memos for coroutines.
pub fn visit_from_threads(visitor: &mut impl Visitor) {
    visit_ours(visitor);
    visitor.shared::<Memo2Coroutine>();
    visitor.shared::<Memo3Coroutine>();
    visit_others(visitor);
}

/// The registry of those that are tried from coroutines: our memos for them, and those for threads, to see what they do
/// there.
pub fn visit_from_coroutines(visitor: &mut impl Visitor) {
    visitor.shared::<Memo2Coroutine>();
    visitor.shared::<Memo3Coroutine>();
    visitor.shared::<Memo2>();
    visitor.shared::<Memo3>();
}

/// The registry of the memos for tasks.
pub fn visit_from_tasks(visitor: &mut impl AsyncVisitor) {
    visitor.task::<Memo2Task>();
    visitor.task::<Memo3Task>();
    visitor.task::<MokaFuture>();
    visitor.task::<QuickCacheAsync>();
    visitor.task::<TokioOnceCell>();
    visitor.task::<AsyncSingleflight>();
}

fn visit_ours(visitor: &mut impl Visitor) {
    visitor.one_thread::<Memo1>();
    visitor.shared::<Coarse>();
    visitor.shared::<Duplicating>();
    visitor.shared::<Memo2>();
    visitor.shared::<Lending>();
    visitor.shared::<Robust>();
    visitor.shared::<Memo3>();
}

fn visit_others(visitor: &mut impl Visitor) {
    visitor.shared::<Mine>();
    visitor.shared::<Dashmap>();
    visitor.shared::<Moka>();
    visitor.shared::<OnceMap>();
    visitor.shared::<Papaya>();
    visitor.shared::<QuickCache>();
}

/// Names, and what each is in a line.
pub type Names = Vec<(&'static str, &'static str)>;

struct List(Names);

impl Visitor for List {
    fn shared<S: Subject>(&mut self) {
        self.one_thread::<S>();
    }
    fn one_thread<S: OneThread>(&mut self) {
        self.0.push((S::NAME, S::WHAT));
    }
}

impl AsyncVisitor for List {
    fn task<S: AsyncSubject>(&mut self) {
        self.0.push((S::NAME, S::WHAT));
    }
}

/// Every subject of [`visit`], in the registry's order.
#[must_use]
pub fn list() -> Names {
    let mut list = List(Vec::new());
    visit(&mut list);
    list.0
}

/// Every subject of [`visit_hashed_by`].
#[must_use]
pub fn list_hashed_by<S: HashFunction>() -> Names {
    let mut list = List(Vec::new());
    visit_hashed_by::<S>(&mut list);
    list.0
}

/// Every subject of [`visit_from_threads`].
#[must_use]
pub fn list_from_threads() -> Names {
    let mut list = List(Vec::new());
    visit_from_threads(&mut list);
    list.0
}

/// Every subject of [`visit_from_coroutines`].
#[must_use]
pub fn list_from_coroutines() -> Names {
    let mut list = List(Vec::new());
    visit_from_coroutines(&mut list);
    list.0
}

/// Every subject of [`visit_from_tasks`].
#[must_use]
pub fn list_from_tasks() -> Names {
    let mut list = List(Vec::new());
    visit_from_tasks(&mut list);
    list.0
}

/// What a hit has to write to memory that other threads use: why sharing costs what it costs.
#[must_use]
pub fn hit_takes(subject: &str) -> &'static str {
    match subject {
        "HashMap" | "memo1" | "memo2::lending" => "no lock",
        "memo2::coarse" | "memo2::duplicating" | "memo2::robust" => "one lock",
        "memo2" => "two locks",
        "memo3" => "two messages",
        "dashmap" | "once_map" | "quick_cache" => "a shard's lock",
        "papaya" => "no lock, a guard",
        "moka" => "no lock, a record",
        _ => "",
    }
}
