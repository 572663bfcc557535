//! The map that a monitor owns.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash};

use crate::panics::{Drops, Payload, caught, quietly};
use crate::sync::Arc;

// ANCHOR: map
/// Maps a key to the number of its entry, and the number to the entry.
///
/// A message about an entry has the number of the entry and not its key. So no code of
/// `K`, which could panic, runs between a call of `f` and its callers.
pub(crate) struct Map<E: Entry, S> {
    numbers: HashMap<Arc<E::Key>, usize, S>,
    entries: Vec<Option<E>>,
    /// The numbers that have no entry.
    free: Vec<usize>,
}

/// What a monitor knows about one key.
pub(crate) trait Entry {
    type Key: Hash + Eq;

    fn new(key: Arc<Self::Key>) -> Self;

    fn key(&self) -> &Arc<Self::Key>;

    /// Whether the entry has neither a value nor a call.
    fn is_idle(&self) -> bool;

    /// Drops the users' parts of the entry, one after the other.
    fn drop_by(self, drops: &mut Drops);
}
// ANCHOR_END: map

impl<E: Entry, S: BuildHasher> Map<E, S> {
    pub(crate) fn with_hasher(hasher: S) -> Self {
        let numbers = HashMap::with_hasher(hasher);
        Map { numbers, entries: Vec::new(), free: Vec::new() }
    }

    /// Returns the number of `key`'s entry, and adds an entry if the key is new.
    ///
    /// `K`'s `Hash`, `Eq` and `Drop` run here, on the monitor, and may panic. Only the caller that sent the key
    /// sees the panic.
    pub(crate) fn find(&mut self, key: E::Key) -> Result<usize, Payload> {
        let mut key = Some(key);
        let found = caught(|| {
            let number = self.numbers.get(key.as_ref()?).copied();
            number.inspect(|_| drop(key.take()))
        });
        match (found, key) {
            (Ok(None), Some(key)) => self.add(Arc::new(key)),
            (Ok(number), _) => Ok(number.expect("a new key is not dropped")),
            (Err(panic), key) => {
                // The key is dropped only after its panic is caught, because its Drop may panic, too.
                quietly(|| drop(key));
                Err(panic)
            }
        }
    }

    fn add(&mut self, key: Arc<E::Key>) -> Result<usize, Payload> {
        let number = self.free.last().copied().unwrap_or(self.entries.len());
        if let Err(panic) = caught(|| self.numbers.insert(key.clone(), number)) {
            quietly(|| drop(key));
            return Err(panic);
        }
        match self.free.pop() {
            Some(number) => self.entries[number] = Some(E::new(key)),
            None => self.entries.push(Some(E::new(key))),
        }
        Ok(number)
    }

    /// The entry with this number.
    pub(crate) fn entry(&mut self, number: usize) -> &mut E {
        self.entries[number].as_mut().expect("an entry in use is never removed")
    }

    /// Forgets the entry if it has neither a value nor a call. So a key whose calls have panicked takes no memory.
    pub(crate) fn tidy(&mut self, number: usize) {
        if self.entry(number).is_idle() {
            self.forget(number);
        }
    }

    fn forget(&mut self, number: usize) {
        let entry = &mut self.entries[number];
        match caught(|| self.numbers.remove(entry.as_ref()?.key())) {
            Ok(Some(_)) => {
                let entry = entry.take();
                quietly(|| drop(entry));
                self.free.push(number);
            }
            // `K`'s code panics, or does not find its key: the entry keeps its number.
            not_removed => quietly(|| drop(not_removed)),
        }
    }
}

/// Drops every key and every value separately. After a Drop that panics the others still run, and a second panic
/// does not end the process.
impl<E: Entry, S> Drop for Map<E, S> {
    fn drop(&mut self) {
        // Each key has another owner in its entry.
        self.numbers.clear();
        let mut drops = Drops::default();
        for entry in self.entries.drain(..).flatten() {
            entry.drop_by(&mut drops);
        }
        drops.end();
    }
}
