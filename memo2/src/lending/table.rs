//! A table that many threads read while one thread adds to it: a list of pointers, found by hash, to entries that
//! never move.

use std::marker::PhantomData;
use std::sync::RwLock;

use crate::sync::Mutex;
use crate::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use crate::sync::atomic::{AtomicPtr, AtomicU64};

// ANCHOR: line
/// One cache line: as many bytes as a processor fetches at once. A look-up begins with
/// one of these, and usually needs no second.
#[repr(align(64))]
struct Line<K, V> {
    /// A byte for each slot: 0 while the slot is empty, then its tag. The eighth byte
    /// says whether an entry that belongs here is in a later line.
    tags: AtomicU64,
    /// The entries, from the first slot on, without gaps.
    slots: [AtomicPtr<Entry<K, V>>; SLOTS],
}

/// What a slot points to. It is written once, before another thread can see it.
///
/// The fields are in this order so that a hit reads adjacent memory.
#[repr(C)]
struct Entry<K, V> {
    key: K,
    value: V,
    /// Kept so that the table can grow without asking `K` for its hash, because the code
    /// of `K` may panic.
    hash: u64,
}
// ANCHOR_END: line

/// The slots of a line. With the tags they take 64 bytes.
const SLOTS: usize = 7;
/// The most entries per line before the table grows. With more entries, too many lines
/// overflow.
const FILL: usize = 4;
/// The number of lines in the first table.
const FIRST: usize = 4;

/// 1 in each byte.
const EACH: u64 = 0x0101_0101_0101_0101;
/// The highest bit of each slot's byte.
const HIGHEST: u64 = 0x0080_8080_8080_8080;
/// The overflow mark.
const MORE: u64 = 1 << 56;

// ANCHOR: mix
/// Spreads a hash, once per look-up.
///
/// A hash function may be weak. The identity, for example, leaves the low bits at 0 if
/// the keys are multiples of 64. The product's high bits depend on every bit of the hash.
/// So they choose the line, and the bits below them are the tag. The multiplier is odd,
/// so two different hashes stay different. (It is 2^64 divided by the golden ratio:
/// *Fibonacci hashing*, Knuth, *The Art of Computer Programming*, 6.4.)
pub(super) fn mix(hash: u64) -> u64 {
    hash.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
// ANCHOR_END: mix

// ANCHOR: matches
/// The slots that may have this tag, marked by the highest bit of each slot's byte.
///
/// All bytes are compared at once. If a slot has the tag, its difference is 0. If it has
/// another tag, its difference is at most 0x7f. So 0x80 less the difference has its
/// highest bit set only if the difference is 0. The matches may also contain empty slots:
/// where their difference is over 0x80, each borrows from the next byte, which belongs to
/// an empty slot as well. Filtering them out here would cost every look-up two
/// instructions.
fn matches(tags: u64, tag: u64) -> u64 {
    let difference = tags ^ (tag * EACH);
    (0x80 * EACH).wrapping_sub(difference) & HIGHEST
}
// ANCHOR_END: matches

/// The slot of the lowest bit that is set in `matches`.
fn slot(matches: u64) -> usize {
    matches.trailing_zeros() as usize / 8
}

/// The table. It only grows: an entry stays where it is, and a thread that has found it
/// once will find it again.
///
/// One thread at a time adds entries, under the lock. Any number of threads look up
/// entries, without the lock. They meet in three places:
///
/// 1. *An entry is published by the pointer to it.* The writer writes the entry first,
///    and then stores its slot with `Release`. A look-up loads the slot with `Acquire`,
///    so a reader that finds the pointer also sees the entry.
/// 2. *A tag is a hint*, and `Relaxed`. A reader that sees a tag too late misses the
///    entry. A reader that sees it too early finds the slot empty, and misses the entry.
///    The mark of a line that overflowed is a hint in the same way.
/// 3. *A bigger table is published by the pointer to it.* The writer fills it first, and
///    then stores the pointer with `Release`. A look-up loads the pointer with `Acquire`.
///    A reader that still has the old table misses what is only in the new one.
///
/// So a look-up never finds half of an entry, and it may miss an entry that has just been
/// added. It does not miss an entry if its thread has since taken a lock that the adding
/// thread held after the addition: the lock orders the stores of all three kinds before
/// the look-up.
// ANCHOR: table
pub(super) struct Table<K, V> {
    current: AtomicPtr<Lines<K, V>>,
    /// The number of entries. The thread that holds this lock has the right to add.
    len: Mutex<usize>,
    /// Decides whether the table is `Send` and `Sync`, because raw pointers do not.
    /// Threads share entries, and drop what other threads have made, as they would
    /// through an `RwLock`.
    owns: PhantomData<RwLock<Entry<K, V>>>,
}

/// A table of one size.
struct Lines<K, V> {
    /// Their number is a power of two.
    lines: Box<[Line<K, V>]>,
    /// A hash shifted right by this many bits is the index of a line.
    shift: u32,
    /// The table of half the size, or null. Readers may still be in it, and nothing
    /// counts them. So it stays. All old tables together are almost as big as the
    /// current one.
    previous: *mut Lines<K, V>,
}
// ANCHOR_END: table

impl<K, V> Table<K, V> {
    pub(super) fn new() -> Self {
        let current = AtomicPtr::new(Lines::new(FIRST, std::ptr::null_mut()));
        Table { current, len: Mutex::new(0), owns: PhantomData }
    }

    pub(super) fn len(&self) -> usize {
        *self.len.lock()
    }

    /// The value of the key that has this hash and for which `is` returns `true`.
    #[inline]
    pub(super) fn get(&self, hash: u64, is: impl Fn(&K) -> bool + Copy) -> Option<&V> {
        let lines = self.lines();
        match lines.home(hash).get(lines.tag(hash), is) {
            Some(value) => Some(value),
            None => self.get_from_all(hash, is),
        }
    }

    /// The same, but it looks in all lines where the key can be. It is a separate
    /// function because most look-ups end before it, and in those each unnecessary
    /// instruction can be measured.
    #[cold]
    #[inline(never)]
    fn get_from_all(&self, hash: u64, is: impl Fn(&K) -> bool + Copy) -> Option<&V> {
        let lines = self.lines();
        for line in lines.walk(hash) {
            let found = line.get(lines.tag(hash), is);
            if found.is_some() || line.tags.load(Relaxed) & MORE == 0 {
                return found;
            }
        }
        None
    }

    /// Adds an entry, and lends its value. No other caller may add the same key: the
    /// table would have two entries for it.
    pub(super) fn insert(&self, hash: u64, key: K, value: V) -> &V {
        let entry = Box::into_raw(Box::new(Entry { key, value, hash }));
        let mut len = self.len.lock();
        if *len == FILL * self.lines().lines.len() {
            self.grow();
        }
        *len += 1;
        self.lines().put(hash, entry);
        // SAFETY: `entry` was created above, lives as long as the table, which `self`
        // borrows, and no thread changes it.
        unsafe { &(*entry).value }
    }

    // ANCHOR: grow
    /// Doubles the number of lines. The caller holds the lock.
    fn grow(&self) {
        let old = self.lines();
        let new = Lines::new(2 * old.lines.len(), self.current.load(Relaxed));
        // SAFETY: `new` was created above, and nothing drops it before `self`.
        let lines = unsafe { &*new };
        for entry in old.entries() {
            // SAFETY: entries live as long as the table.
            lines.put(unsafe { (*entry).hash }, entry);
        }
        self.current.store(new, Release);
    }

    fn lines(&self) -> &Lines<K, V> {
        // SAFETY: the pointer is to a table that was filled before it was stored (3.),
        // and every table stays until `drop`.
        unsafe { &*self.current.load(Acquire) }
    }
    // ANCHOR_END: grow
}

impl<K, V> Line<K, V> {
    #[inline]
    // ANCHOR: read
    fn get(&self, tag: u64, is: impl Fn(&K) -> bool + Copy) -> Option<&V> {
        let mut matches = matches(self.tags.load(Relaxed), tag);
        while matches != 0 {
            let entry = self.slots[slot(matches)].load(Acquire);
            // SAFETY: in an empty slot the pointer is null. In any other slot it points
            // to an entry that was written before the slot was (1.), that no thread
            // changes, and that lives as long as the table, of which `self` is a part.
            let entry = unsafe { entry.as_ref() }?;
            if is(&entry.key) {
                return Some(&entry.value);
            }
            matches &= matches - 1;
        }
        None
    }
    // ANCHOR_END: read
}

impl<K, V> Lines<K, V> {
    /// `count` is a power of two, and more than one.
    fn new(count: usize, previous: *mut Self) -> *mut Self {
        let slots = || std::array::from_fn(|_| AtomicPtr::default());
        let empty = || Line { tags: AtomicU64::new(0), slots: slots() };
        let lines = (0..count).map(|_| empty()).collect();
        let shift = u64::BITS - count.ilog2();
        Box::into_raw(Box::new(Lines { lines, shift, previous }))
    }

    /// The seven bits of the hash below those that choose the line, and one bit that
    /// tells a tag from an empty slot.
    #[inline]
    fn tag(&self, hash: u64) -> u64 {
        hash >> (self.shift - 7) & 0x7f | 0x80
    }

    /// The line where an entry of this hash belongs.
    #[inline]
    fn home(&self, hash: u64) -> &Line<K, V> {
        let at = (hash >> self.shift) as usize;
        // SAFETY: there are 2^n lines, and the shift by 64 - n leaves n bits, so the
        // index is less than 2^n. The compiler cannot know that, and its own check takes
        // 1% of the time of a hit.
        unsafe { self.lines.get_unchecked(at) }
    }

    /// All lines, beginning with the home of this hash, and wrapping round at the end.
    fn walk(&self, hash: u64) -> impl Iterator<Item = &Line<K, V>> {
        let home = (hash >> self.shift) as usize;
        self.lines[home..].iter().chain(&self.lines[..home])
    }

    // ANCHOR: write
    /// Puts an entry into the first line that has room, beginning with its home, and
    /// marks the full lines before it. One thread at a time may call this.
    fn put(&self, hash: u64, entry: *mut Entry<K, V>) {
        for line in self.walk(hash) {
            let tags = line.tags.load(Relaxed);
            let empty = !tags & HIGHEST;
            if empty != 0 {
                let slot = slot(empty);
                line.slots[slot].store(entry, Release);
                line.tags.store(tags | self.tag(hash) << (8 * slot), Relaxed);
                return;
            }
            line.tags.store(tags | MORE, Relaxed);
        }
        unreachable!("a table grows long before it is full");
    }
    // ANCHOR_END: write

    fn entries(&self) -> impl Iterator<Item = *mut Entry<K, V>> {
        let slots = self.lines.iter().flat_map(|line| &line.slots);
        slots.map(|slot| slot.load(Relaxed)).filter(|entry| !entry.is_null())
    }
}

impl<K, V> Drop for Table<K, V> {
    fn drop(&mut self) {
        let entries = self.lines().entries();
        // SAFETY: each entry was made by `Box::new`, and is in the current table once. No
        // borrow of `self` is left.
        let entries: Vec<_> = entries.map(|at| unsafe { Box::from_raw(at) }).collect();
        let mut table = self.current.load(Relaxed);
        while !table.is_null() {
            // SAFETY: each table was made by `Box::new`, and is in this chain once.
            table = unsafe { Box::from_raw(table) }.previous;
        }
        // Last, because this runs code of `K` and `V`. If that code panics, the vector
        // still drops the other entries.
        drop(entries);
    }
}
