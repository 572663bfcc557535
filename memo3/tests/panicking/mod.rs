//! Keys, values, payloads and hash functions whose own code panics on the monitor.
//!
//! The monitor survives all of them. Two of these panics at once would end the process, so the monitor never runs
//! such code while another panic unwinds.

#![allow(dead_code, reason = "each test file uses a part of this")]

use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher};
use std::panic::panic_any;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

/// Panics when it is dropped. A clone of it does not.
pub(crate) struct PanicsInDrop(pub(crate) bool);

impl Clone for PanicsInDrop {
    fn clone(&self) -> Self {
        PanicsInDrop(false)
    }
}

impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        if self.0 {
            panic_any("a value's drop");
        }
    }
}

/// Where a key's code panics.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum PanicsIn {
    Nothing,
    Hash,
    Eq,
    Drop,
    HashAndDrop,
}

pub(crate) struct Key(pub(crate) usize, pub(crate) PanicsIn);

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        if matches!(self.1, PanicsIn::Hash | PanicsIn::HashAndDrop) {
            panic_any("a key's hash");
        }
        state.write_usize(self.0);
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        if self.1 == PanicsIn::Eq || other.1 == PanicsIn::Eq {
            panic_any("a key's eq");
        }
        self.0 == other.0
    }
}

impl Eq for Key {}

impl Drop for Key {
    fn drop(&mut self) {
        if matches!(self.1, PanicsIn::Drop | PanicsIn::HashAndDrop) {
            panic_any("a key's drop");
        }
    }
}

/// Keys that panic when a caller asks for a key that is kept, and the payload that the caller sees.
pub(crate) const PANICKING_KEYS: [(PanicsIn, &str); 4] = [
    (PanicsIn::Hash, "a key's hash"),
    (PanicsIn::Eq, "a key's eq"),
    (PanicsIn::Drop, "a key's drop"),
    (PanicsIn::HashAndDrop, "a key's hash"),
];

/// A hash function that panics while its flag is set.
#[derive(Clone, Default)]
pub(crate) struct PanickingHasher(pub(crate) Arc<AtomicBool>);

impl BuildHasher for PanickingHasher {
    type Hasher = DefaultHasher;

    fn build_hasher(&self) -> DefaultHasher {
        if self.0.load(Relaxed) {
            panic_any("the hash function");
        }
        DefaultHasher::new()
    }
}

/// A value that counts its drops. The drop of the original panics, and that of a clone does not.
pub(crate) struct CountsDrops {
    drops: Arc<AtomicUsize>,
    original: bool,
}

impl CountsDrops {
    pub(crate) fn new(drops: &Arc<AtomicUsize>) -> Self {
        CountsDrops { drops: drops.clone(), original: true }
    }
}

impl Clone for CountsDrops {
    fn clone(&self) -> Self {
        CountsDrops { drops: self.drops.clone(), original: false }
    }
}

impl Drop for CountsDrops {
    fn drop(&mut self) {
        if self.original {
            self.drops.fetch_add(1, Relaxed);
            panic_any("a value's drop");
        }
    }
}
