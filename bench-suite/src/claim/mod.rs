//! Claims: statements of the source text about runtimes, and of this course about memos on them. Each is compared
//! with the results.
//!
//! A [`Claim`] has a statement, the settings that it covers, the subjects that it speaks of, and a predicate over
//! *all* cells of those settings. A claim reads only the store, so it can be judged by the results of any machine.
//! If a cell is missing or has no answer, the verdict is *not measured*, and the finding says what is missing. A
//! claim is *pinned* if a test of this suite measures it anew; the claim then names the verdict that the test
//! asserts.

mod cover;
mod evidence;
mod identity;
mod models;
mod pairing;
mod sample;
mod scheduling;
mod stacks;
mod statement;

use crate::store::Store;

pub use cover::{Cover, EVERY_CORE};
pub use evidence::Evidence;
pub use statement::{Claim, Finding, Verdict};

/// Every claim: first those of section 9.8 of gopl in the order of the text, then those of this course.
pub fn all() -> impl Iterator<Item = &'static Claim> {
    [stacks::CLAIMS, scheduling::CLAIMS, identity::CLAIMS, pairing::CLAIMS].into_iter().flatten()
}

/// Reads the evidence in `store`. Files that cannot be read are left out; the second value lists the reasons.
#[must_use]
pub fn evidence(store: &Store) -> (Evidence, Vec<String>) {
    Evidence::read(store, all().flat_map(|claim| claim.covers).map(|cover| cover.experiment))
}
