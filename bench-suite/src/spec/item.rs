//! The keys and values of programs for which a number is not enough: an item is counted, panics where it is told to,
//! and may have the same hash as all others.
//!
//! One type does all of this. The compiler translates each memo for each pair of a key's and a value's type that a
//! program asks for, and that takes most of the time between an edit and its verdict.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::panic::panic_any;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicIsize, Ordering::SeqCst};

use super::payload::Payload;

/// What all items of a kind share. Clones are the same kind.
#[derive(Clone, Default)]
pub(super) struct Kind(Arc<Shared>);

#[derive(Default)]
struct Shared {
    alive: AtomicIsize,
    lit: [AtomicBool; 4],
    one_hash: bool,
}

/// The operation in which an item panics next.
#[derive(Clone, Copy)]
pub(super) enum Fuse {
    Hash,
    Eq,
    Clone,
    Drop,
}

impl Kind {
    /// A kind whose items all have the same hash.
    pub(super) fn of_one_hash() -> Self {
        Kind(Arc::new(Shared { one_hash: true, ..Shared::default() }))
    }

    /// A new item of this kind.
    pub(super) fn item(&self, number: usize) -> Item {
        self.0.alive.fetch_add(1, SeqCst);
        Item { number, kind: self.clone() }
    }

    /// How many items are alive, clones included. An item that stays behind, or is dropped twice, shows here.
    pub(super) fn alive(&self) -> isize {
        self.0.alive.load(SeqCst)
    }

    /// If `lit`, the next operation of this kind panics. Otherwise none does.
    pub(super) fn light(&self, fuse: Fuse, lit: bool) {
        self.0.lit[fuse as usize].store(lit, SeqCst);
    }

    /// Panics if the fuse is lit, and so puts it out.
    fn burn(&self, fuse: Fuse) {
        if self.0.lit[fuse as usize].swap(false, SeqCst) {
            panic_any(Payload(0));
        }
    }
}

/// A key or a value.
pub(super) struct Item {
    pub(super) number: usize,
    kind: Kind,
}

impl fmt::Debug for Item {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number.fmt(out)
    }
}

impl Clone for Item {
    fn clone(&self) -> Self {
        self.kind.burn(Fuse::Clone);
        self.kind.item(self.number)
    }
}

impl PartialEq for Item {
    fn eq(&self, other: &Self) -> bool {
        self.kind.burn(Fuse::Eq);
        self.number == other.number
    }
}

impl Eq for Item {}

impl Hash for Item {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.kind.burn(Fuse::Hash);
        state.write_usize(if self.kind.0.one_hash { 0 } else { self.number });
    }
}

impl Drop for Item {
    fn drop(&mut self) {
        self.kind.0.alive.fetch_sub(1, SeqCst);
        self.kind.burn(Fuse::Drop);
    }
}
