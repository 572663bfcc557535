//! Step 4: what never forgets can lend. A hit takes no lock and writes nothing that other threads read.

mod table;

use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::sync::{Arc, Condvar, Mutex};
use table::{Table, mix};

// ANCHOR: memo
/// A memo whose values stay where they are for as long as it lives, so that a caller gets
/// a reference and not a clone.
///
/// [`Memo`](crate::Memo) takes two locks for a hit, and every lock is a write to memory
/// that the other cores read: two threads that hit take turns, even on different keys.
/// Here a hit only reads, in a table that grows and never changes what it has. Duplicates
/// are suppressed as before, but what that takes lies beside the table and lasts only as
/// long as the call: an entry for each key *in flight*, with a ready signal of its own.
///
/// # The hash function
///
/// The default is foldhash, which is fast. It starts from a random number in every
/// process, but it does not promise what the standard library's SipHash does: an attacker
/// who may choose the keys, and who can measure or learn enough, may find keys that
/// collide, and make every look-up slow (*hash flooding*).
/// Where strangers choose the keys, give the memo SipHash:
/// `Memo::with_hasher(f, std::hash::RandomState::new())`. A weak hash function, such as
/// the identity, costs no more here than in a `HashMap`.
///
/// Source: gopl section 9.7, `memo4`, and what it says of values that are never changed
/// once they are shared.
pub struct Memo<K, V, F, S = RandomState> {
    f: F,
    hasher: S,
    /// Every key that has its value.
    ready: Table<K, V>,
    /// Every key that waits for one. A key whose call panicked stays here, vacant, until
    /// the next caller asks for it or the table needs room.
    calls: Mutex<HashTable<Arc<Call<K>>>>,
}

/// A call of `f` that has not brought a value yet, and the signal that it has.
struct Call<K> {
    hash: u64,
    key: K,
    state: Mutex<State>,
    /// Waiters sleep here while the state is [`State::Computing`].
    changed: Condvar,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    /// No leader is computing: the next caller that sees this leads.
    Vacant,
    /// A leader is inside `f`.
    Computing,
    /// The value is in the table.
    Ready,
}
// ANCHOR_END: memo

impl<K, V, F> Memo<K, V, F> {
    /// An empty memo of `f`, whose keys are hashed by foldhash: fast, and no defence against hash flooding.
    pub fn new(f: F) -> Self {
        Memo::with_hasher(f, RandomState::default())
    }
}

impl<K, V, F, S> Memo<K, V, F, S> {
    /// An empty memo of `f`, whose keys are hashed by `hasher`.
    pub fn with_hasher(f: F, hasher: S) -> Self {
        Memo { f, hasher, ready: Table::new(), calls: Mutex::new(HashTable::new()) }
    }
}

impl<K, V, F, S> Memo<K, V, F, S>
where
    K: Hash + Eq,
    F: Fn(&K) -> V,
    S: BuildHasher,
{
    // ANCHOR: get
    /// The value of `f` for `key`, on loan: at once if it is there, after a sleep if a
    /// leader is computing it, and by calling `f` if no caller is.
    ///
    /// A hit allocates nothing: a memo of `String` is asked by `&str`. `f` may ask this
    /// memo for other keys. `K`'s `Hash`, `Eq`, `to_owned` and `Drop` may run under
    /// the lock of the calls, so they must not ask this memo for anything.
    ///
    /// # Panics
    ///
    /// If `f` panics and this caller was the leader. The waiters do not see it: one of
    /// them becomes the next leader.
    ///
    /// # Deadlocks
    ///
    /// If `f`, for some key, asks for that same key, itself or through other keys or
    /// other threads: the leader then waits for itself.
    #[inline]
    #[expect(clippy::manual_hash_one, reason = "the compiler does not always put `hash_one` in place: see below")]
    pub fn get<Q>(&self, key: &Q) -> &V
    where
        K: Borrow<Q>,
        Q: ?Sized + Hash + Eq + ToOwned<Owned = K>,
    {
        // What `hash_one` does. Where the compiler makes a call of that, it passes the
        // hash's state through memory. With the standard library's hash function, that is
        // a fifth of a hit's instructions.
        let mut state = self.hasher.build_hasher();
        key.hash(&mut state);
        let hash = mix(state.finish());
        match self.ready.get(hash, move |known| known.borrow() == key) {
            Some(value) => value,
            None => self.miss(hash, key),
        }
    }

    /// What `get` does where the table does not have the key.
    #[cold]
    #[inline(never)]
    fn miss<Q>(&self, hash: u64, key: &Q) -> &V
    where
        K: Borrow<Q>,
        Q: ?Sized + Hash + Eq + ToOwned<Owned = K>,
    {
        loop {
            let call = match self.call(hash, key) {
                Ok(call) => call,
                Err(value) => return value,
            };
            let mut state = call.state.lock();
            while *state == State::Computing {
                call.changed.wait(&mut state);
            }
            if *state == State::Ready {
                // Look again: the table has it now.
                continue;
            }
            *state = State::Computing;
            drop(state);

            let lead = Lead(&call);
            let value = (self.f)(&call.key);
            // A second copy of the key, because waiters may be reading the first one. It
            // may panic, and then this call has failed like any other: `lead` still has
            // its duty.
            let value = self.ready.insert(hash, key.to_owned(), value);
            self.remove(&call);
            lead.publish();
            return value;
        }
    }

    /// The call in flight for `key`, or one that is made here, vacant. If neither is
    /// needed: the value.
    fn call<Q>(&self, hash: u64, key: &Q) -> Result<Arc<Call<K>>, &V>
    where
        K: Borrow<Q>,
        Q: ?Sized + Hash + Eq + ToOwned<Owned = K>,
    {
        // The other way round, because this table looks at the low bits, where the product
        // is weak.
        let swapped = hash.swap_bytes();
        let mut calls = self.calls.lock();
        if let Some(call) = calls.find(swapped, |call| call.hash == swapped && call.key.borrow() == key) {
            return Ok(call.clone());
        }
        // A leader fills the table first, and after that takes its call away, under this
        // lock. So a key that is not among the calls now is either in the table, or no
        // caller is computing it.
        if let Some(value) = self.ready.get(hash, move |known| known.borrow() == key) {
            return Err(value);
        }
        if calls.len() == calls.capacity() {
            // Before they grow, the calls lose those that came to nothing and that no caller holds: only this table can
            // reach such a call, so `get_mut` needs no lock. The room for as many calls as are left makes this a
            // constant number of steps for each new key.
            calls.retain(|call| Arc::get_mut(call).is_none_or(|call| *call.state.get_mut() != State::Vacant));
            let left = calls.len();
            calls.reserve(left, |call| call.hash);
        }
        let (state, changed) = (Mutex::new(State::Vacant), Condvar::new());
        let call = Arc::new(Call { hash: swapped, key: key.to_owned(), state, changed });
        calls.insert_unique(swapped, call.clone(), |call| call.hash);
        Ok(call)
    }

    /// Takes `call` from the calls in flight. It is found by its address, so no code of
    /// `K` runs.
    fn remove(&self, call: &Arc<Call<K>>) {
        if let Ok(found) = self.calls.lock().find_entry(call.hash, |other| Arc::ptr_eq(other, call)) {
            found.remove();
        }
    }
    // ANCHOR_END: get
}

// ANCHOR: lead
/// The leader's duty: as long as this lives, waiters rely on it to be woken, whether `f`
/// returns or panics.
struct Lead<'a, K>(&'a Call<K>);

impl<K> Lead<'_, K> {
    fn publish(self) {
        *self.0.state.lock() = State::Ready;
        // All of them: each needs the value, and nothing else would wake the waiters that
        // are left out.
        self.0.changed.notify_all();
    }
}

impl<K> Drop for Lead<'_, K> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        // Still computing: `f` panicked. One waiter is enough to take over.
        if *state == State::Computing {
            *state = State::Vacant;
            // The lock is free before the waiter wakes and takes it.
            drop(state);
            self.0.changed.notify_one();
        }
    }
}
// ANCHOR_END: lead

impl<K, V, F, S> fmt::Debug for Memo<K, V, F, S> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Memo").field("ready", &self.ready.len()).finish_non_exhaustive()
    }
}
