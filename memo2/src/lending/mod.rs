//! Step 4: a memo that never forgets can lend. A hit takes no lock and writes nothing that other threads read.

mod table;

use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::sync::{Arc, Condvar, Mutex};
use table::{Table, mix};

/// A memo whose values stay in place for as long as it lives, so that a caller gets a
/// reference and not a clone.
///
/// [`Memo`](crate::Memo) takes two locks for a hit, and every lock is a write to memory
/// that the other cores read. So two threads that hit take turns, even on different keys.
/// Here a hit only reads, in a table that grows and never changes what it has. Duplicates
/// are suppressed as before, but the data for that is kept beside the table and lasts
/// only as long as the call: an entry for each key *in flight*, with a ready signal of
/// its own.
///
/// # The hash function
///
/// The default is foldhash, which is fast. It starts from a random number in every
/// process, but it does not promise what the standard library's SipHash promises: an
/// attacker that may choose the keys, and that can measure or learn enough, may find keys
/// that collide. Such keys make every look-up slow (*hash flooding*).
///
/// If strangers choose the keys, give the memo SipHash:
/// `Memo::with_hasher(f, std::hash::RandomState::new())`. A weak hash function, such as
/// the identity, costs no more here than in a `HashMap`.
///
/// Source: gopl section 9.7, `memo4`, and what it says about values that never change
/// once they are shared.
// ANCHOR: memo
pub struct Memo<K, V, F, S = RandomState> {
    f: F,
    hasher: S,
    /// The keys that have their value.
    ready: Table<K, V>,
    /// The keys that wait for one. A key whose call panicked stays here, vacant, until
    /// the next caller asks for it or the table needs room.
    calls: Mutex<HashTable<Arc<Call<K>>>>,
}
// ANCHOR_END: memo

// ANCHOR: call
/// A call of `f` whose value is not in the table yet, and the signal that it is.
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
// ANCHOR_END: call

impl<K, V, F> Memo<K, V, F> {
    /// Creates an empty memo of `f` that hashes its keys with foldhash. It is fast, but does not resist hash
    /// flooding.
    ///
    /// # Example
    ///
    /// The memo lends the same value twice, and a `&str` is enough to ask for a `String`.
    ///
    /// ```
    /// let memo = memo2::lending::Memo::new(|url: &String| format!("the page at {url}"));
    /// let first: &String = memo.get("https://go.dev/");
    /// // The table grows, but `first` stays where it is.
    /// for page in 0..1000 {
    ///     memo.get(&format!("https://go.dev/{page}"));
    /// }
    /// assert_eq!(first, "the page at https://go.dev/");
    /// assert!(std::ptr::eq(first, memo.get("https://go.dev/")));
    /// ```
    pub fn new(f: F) -> Self {
        Memo::with_hasher(f, RandomState::default())
    }
}

impl<K, V, F, S> Memo<K, V, F, S> {
    /// Creates an empty memo of `f` that hashes its keys with `hasher`.
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
    /// Lends the value of `f` for `key`. It returns at once if the value is there, sleeps
    /// while a leader computes it, and calls `f` itself if there is no leader.
    ///
    /// A hit allocates nothing: to ask a memo of `String`, a `&str` is enough. `f` may
    /// ask this memo for other keys. `K`'s `Hash`, `Eq`, `to_owned` and `Drop` may run
    /// under the lock of the calls, so they must not ask this memo for anything.
    ///
    /// # Panics
    ///
    /// If `f` panics and this caller was the leader. The waiters do not see the panic:
    /// one of them becomes the next leader.
    ///
    /// # Deadlocks
    ///
    /// If `f`, for some key, asks for that same key, directly or through other keys or
    /// other threads: the leader then waits for itself.
    #[inline]
    #[expect(clippy::manual_hash_one, reason = "it is not always inlined: see below")]
    // ANCHOR: get
    pub fn get<Q>(&self, key: &Q) -> &V
    where
        K: Borrow<Q>,
        Q: ?Sized + Hash + Eq + ToOwned<Owned = K>,
    {
        // This is what `hash_one` does. Where the compiler does not inline that function,
        // it passes the hash's state through memory. With the standard library's hash
        // function, that takes a fifth of a hit's instructions.
        let mut state = self.hasher.build_hasher();
        key.hash(&mut state);
        let hash = mix(state.finish());
        match self.ready.get(hash, move |known| known.borrow() == key) {
            Some(value) => value,
            None => self.miss(hash, key),
        }
    }
    // ANCHOR_END: get

    /// What `get` does if the table does not have the key.
    #[cold]
    #[inline(never)]
    // ANCHOR: miss
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
                // Look again: the table has the value now.
                continue;
            }
            *state = State::Computing;
            drop(state);

            let lead = Lead(&call);
            let value = (self.f)(&call.key);
            // A second copy of the key, because waiters may be reading the first one.
            // `to_owned` may panic. Then this call has failed like any other: `lead`
            // still has its duty.
            let value = self.ready.insert(hash, key.to_owned(), value);
            self.remove(&call);
            lead.publish();
            return value;
        }
    }
    // ANCHOR_END: miss

    /// Returns the call in flight for `key`, or adds a vacant one. If the value is there
    /// by now, returns the value instead.
    fn call<Q>(&self, hash: u64, key: &Q) -> Result<Arc<Call<K>>, &V>
    where
        K: Borrow<Q>,
        Q: ?Sized + Hash + Eq + ToOwned<Owned = K>,
    {
        // ANCHOR: find
        // The bytes are swapped because this table looks at the low bits, where the
        // product is weak.
        let swapped = hash.swap_bytes();
        let mut calls = self.calls.lock();
        let same = |call: &Arc<Call<K>>| call.hash == swapped && call.key.borrow() == key;
        if let Some(call) = calls.find(swapped, same) {
            return Ok(call.clone());
        }
        // A leader first fills the table, and then removes its call under this lock. So
        // if a key is not among the calls now, it is in the table, or no caller is
        // computing it.
        if let Some(value) = self.ready.get(hash, move |known| known.borrow() == key) {
            return Err(value);
        }
        // ANCHOR_END: find
        if calls.len() == calls.capacity() {
            // Before the table of calls grows, it removes the vacant calls that no caller
            // holds. Only this table can reach such a call, so `get_mut` needs no lock.
            // It then reserves room for as many calls as are left. So this takes a
            // constant number of steps for each new key.
            calls.retain(|call| match Arc::get_mut(call) {
                Some(call) => *call.state.get_mut() != State::Vacant,
                None => true,
            });
            let left = calls.len();
            calls.reserve(left, |call| call.hash);
        }
        let (state, changed) = (Mutex::new(State::Vacant), Condvar::new());
        let call = Arc::new(Call { hash: swapped, key: key.to_owned(), state, changed });
        calls.insert_unique(swapped, call.clone(), |call| call.hash);
        Ok(call)
    }

    /// Removes `call` from the calls in flight. It is found by its address, so no code of
    /// `K` runs.
    fn remove(&self, call: &Arc<Call<K>>) {
        let mut calls = self.calls.lock();
        if let Ok(found) = calls.find_entry(call.hash, |other| Arc::ptr_eq(other, call)) {
            found.remove();
        }
    }
}

/// The leader's duty. As long as this guard lives, waiters rely on it to wake them,
/// whether `f` returns or panics.
struct Lead<'a, K>(&'a Call<K>);

impl<K> Lead<'_, K> {
    fn publish(self) {
        *self.0.state.lock() = State::Ready;
        // All of them: each waiter needs the value, and nothing else wakes a waiter that
        // is left out.
        self.0.changed.notify_all();
    }
}

impl<K> Drop for Lead<'_, K> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        // The state is still `Computing`: the call panicked. One waiter is enough to take
        // over.
        if *state == State::Computing {
            *state = State::Vacant;
            // The lock is released before the waiter wakes, because the waiter takes it.
            drop(state);
            self.0.changed.notify_one();
        }
    }
}

impl<K, V, F, S> fmt::Debug for Memo<K, V, F, S> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Memo").field("ready", &self.ready.len()).finish_non_exhaustive()
    }
}
