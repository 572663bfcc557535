//! A model checker tries every order in which threads can take their turns inside the memos.
//!
//! The memos are compiled here a second time, with loom's locks and atomics in place of the real ones
//! (`../checked/sync.rs`). So loom checks the same code that runs. It runs a small program again and again, once
//! for every order of turns and for every value that a load may return under the memory model, up to a limit on how
//! often a thread is interrupted. It fails when the program fails, when every thread sleeps, or when a thread reads
//! a cell that another thread wrote and nothing orders the two. Each test prints how many orders it tried.
//!
//! loom treats `SeqCst` as `AcqRel`. Nothing here uses `SeqCst`.

#[path = "../../src/lending/mod.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    reason = "public in its own crate, private in this one"
)]
mod lending;
#[path = "../../src/memo.rs"]
#[expect(unreachable_pub, reason = "public in its own crate, private in this one")]
mod memo;
#[path = "../../src/robust/mod.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "public in its own crate, private in this one"
)]
mod robust;
#[path = "../checked/sync.rs"]
mod sync;

mod forgotten;
mod growth;
mod leaving;
mod one_call;
mod values;

use loom as checker;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// Checks `program` in every order with at most `interruptions` interruptions of a thread. That finds nearly every
/// fault: faults that need more interruptions are rare, and each further interruption multiplies the number of
/// orders.
fn check(name: &str, interruptions: usize, program: impl Fn() + Send + Sync + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(interruptions);
    model.max_branches = 10_000;
    // The standard library's types, which loom does not see.
    let orders = std::sync::Arc::new(AtomicUsize::new(0));
    let (counted, start) = (orders.clone(), Instant::now());
    model.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        program();
    });
    let orders = orders.load(Ordering::Relaxed);
    println!(
        "{name}: {orders} orders, at most {interruptions} interruptions, {:.1?}",
        start.elapsed()
    );
}
