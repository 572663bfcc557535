//! What every storm of random cancellations counts, and the seed from which it draws its steps.
//!
//! A storm draws its steps from the seed and from nothing else, so the same seed gives the same steps again.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::OnceLock;

use anyhow::ensure;
use parking_lot::Mutex;
use rand::{SeedableRng, rngs::StdRng};

/// The default seed.
pub const SEED: u64 = 1;

/// The properties that are storms.
pub const PROPERTIES: &[&str] = &["cancel-storm", "abort-storm", "one-at-a-time"];

/// How many callers a storm cancels.
pub(super) const CANCELLATIONS: usize = 1_000;

static CHOSEN: OnceLock<u64> = OnceLock::new();

/// Makes the storms of this process begin from `seed`.
pub(super) fn choose(seed: u64) {
    let _ = CHOSEN.set(seed);
}

/// The random numbers of the storm in this process.
pub(super) fn random() -> StdRng {
    StdRng::seed_from_u64(seed())
}

/// How to repeat a storm that went wrong.
pub(super) fn replay() -> String {
    format!("seed {} (`cargo lab conformance --seed` takes it again)", seed())
}

fn seed() -> u64 {
    *CHOSEN.get().unwrap_or(&SEED)
}

/// Counts the calls of `f` for each key, and what happens to their callers. Clones are the same ledger.
#[derive(Clone, Default)]
pub(super) struct Ledger(Arc<Mutex<HashMap<usize, Record>>>);

/// The counts of one key.
#[derive(Clone, Copy, Debug, Default)]
struct Record {
    /// Calls that have begun.
    calls: usize,
    /// Calls that are under way.
    inside: usize,
    /// The most that were under way at once.
    most: usize,
    /// Calls that panicked.
    panics: usize,
    /// Callers that saw a panic.
    seen: usize,
    /// Callers that were cancelled.
    cancels: usize,
}

/// A call of `f`, which is under way as long as this lives.
pub(super) struct Inside(Ledger, usize);

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.with(self.1, |record| record.inside -= 1);
    }
}

impl Ledger {
    /// Updates the record of `key`. No lock of the ledger is held across a yield: no caller yields in here.
    fn with<T>(&self, key: usize, note: impl FnOnce(&mut Record) -> T) -> T {
        note(self.0.lock().entry(key).or_default())
    }

    /// Notes that a call of `f` for `key` begins.
    pub(super) fn call(&self, key: usize) -> Inside {
        self.with(key, |record| {
            record.calls += 1;
            record.inside += 1;
            record.most = record.most.max(record.inside);
        });
        Inside(self.clone(), key)
    }

    /// Notes that the call for `key` is about to panic.
    pub(super) fn panics(&self, key: usize) {
        self.with(key, |record| record.panics += 1);
    }

    /// Notes that a caller of `key` sees a panic.
    pub(super) fn seen(&self, key: usize) {
        self.with(key, |record| record.seen += 1);
    }

    /// Notes that a caller of `key` is cancelled.
    pub(super) fn cancels(&self, key: usize) {
        self.with(key, |record| record.cancels += 1);
    }

    /// How many callers were cancelled.
    pub(super) fn cancelled(&self) -> usize {
        self.0.lock().values().map(|record| record.cancels).sum()
    }

    /// How many calls of `f` are under way.
    pub(super) fn under_way(&self) -> usize {
        self.0.lock().values().map(|record| record.inside).sum()
    }

    /// Checks the contract for every key: one call at a time, and a new one only if the one before it left no value.
    pub(super) fn judge(&self) -> anyhow::Result<()> {
        let records = self.0.lock().clone();
        for (key, record) in records {
            let Record { calls, most, panics, seen, cancels, .. } = record;
            ensure!(most <= 1, "key {key}: {most} calls of f at once");
            ensure!(seen <= panics, "key {key}: {panics} calls of f panicked, and {seen} callers saw a panic");
            ensure!(
                calls <= 1 + panics + cancels,
                "key {key}: {calls} calls of f, where {panics} panicked and {cancels} callers were cancelled"
            );
        }
        Ok(())
    }
}
