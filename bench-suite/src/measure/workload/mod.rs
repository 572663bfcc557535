//! The memos as workloads: each memo on the runtime for which it was made, in a child process like any other
//! workload.
//!
//! | file | its question |
//! |---|---|
//! | `memo_fill.rs` | how much time and memory does a new key take? |
//! | `runtime_hit.rs` | what does a look-up cost if the memo has the key? |
//! | `monitor_round_trip.rs` | which part of that cost, in memo3, is the memo's own, and which its channels'? |
//! | `runtime_herd.rs` | how soon do all waiters of a cold key get the value, and how much memory does each take? |
//! | `runtime_http.rs` | the running example: what do thousands of requests for pages take? |
//!
//! As in [`green_threads::workload`], each file contains the versions for threads, coroutines and tasks one below
//! the other.

use green_threads::probe::protocol::Model;
pub use green_threads::workload::Workload;
use green_threads::workload::{Depth, Program, Setting, in_places};

mod memo_fill;
mod monitor_round_trip;
mod runtime_herd;
mod runtime_hit;
mod runtime_http;

/// The workloads that measure memos, in the order in which tables show them.
pub const MEMOS: &[Workload] = &[
    memo_fill::WORKLOAD,
    runtime_hit::WORKLOAD,
    monitor_round_trip::WORKLOAD,
    runtime_herd::WORKLOAD,
    runtime_http::WORKLOAD,
];

/// Lists every workload that a child can run: first those that measure runtimes, then those that measure memos.
pub fn all() -> impl Iterator<Item = &'static Workload> {
    green_threads::workload::ALL.iter().chain(MEMOS)
}

/// The two algorithms, which are the variants of most of these workloads.
const ALGORITHMS: &[&str] = &["memo2", "memo3"];

/// Creates a workload whose variants are the two [`ALGORITHMS`], for up to 100,000 callers. It has no Go twin,
/// because the memos are written in Rust.
const fn of_both_memos(name: &'static str, what: &'static str, run: Program) -> Workload {
    Workload {
        variants: ALGORITHMS,
        most: 100_000,
        models: &[Model::Thread, Model::Coroutine, Model::Task, Model::TaskCurrentThread],
        ..Workload::new(name, what, run)
    }
}

/// Returns settings for both memos with each of these numbers of callers, in all places. Each child is asked three
/// times, except that outside full depth a child with 1,000 callers or more is asked once.
fn crowds(depth: Depth, sizes: &[u64]) -> Vec<Setting> {
    let both: Vec<(&str, u64)> =
        ALGORITHMS.iter().flat_map(|memo| sizes.iter().map(move |&callers| (*memo, callers))).collect();
    let times = |setting: Setting| if setting.n >= 1000 && depth != Depth::Full { 1 } else { 3 };
    in_places(depth, &both).into_iter().map(|setting| Setting { times: times(setting), ..setting }).collect()
}
