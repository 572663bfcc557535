//! The memos as workloads: each on the runtime for which it was made, in a child process like any other workload.
//!
//! | file | what it asks |
//! |---|---|
//! | `memo_fill.rs` | what it takes to bring keys in, in time and in memory |
//! | `runtime_hit.rs` | what a look-up of a key that is there costs |
//! | `monitor_round_trip.rs` | what of that, in memo3, is the memo's and not the channels' |
//! | `runtime_herd.rs` | how a cold key is served to all who wait for it, and what each of them takes |
//! | `runtime_http.rs` | the running example: thousands of requests for pages |
//!
//! As in [`green_threads::workload`], the versions for threads, coroutines and tasks follow each other in one file.

use green_threads::probe::protocol::Model;
pub use green_threads::workload::Workload;
use green_threads::workload::{Depth, Program, Setting, in_places};

mod memo_fill;
#[allow(unsafe_code, reason = "it spawns coroutines")]
mod monitor_round_trip;
#[allow(unsafe_code, reason = "it spawns coroutines")]
mod runtime_herd;
#[allow(unsafe_code, reason = "it spawns coroutines")]
mod runtime_hit;
#[allow(unsafe_code, reason = "it spawns coroutines")]
mod runtime_http;

/// The workloads of the memos, in the order in which tables show them.
pub const MEMOS: &[Workload] = &[
    memo_fill::WORKLOAD,
    runtime_hit::WORKLOAD,
    monitor_round_trip::WORKLOAD,
    runtime_herd::WORKLOAD,
    runtime_http::WORKLOAD,
];

/// Every workload that a child can run: those of the runtimes, and those of the memos.
pub fn all() -> impl Iterator<Item = &'static Workload> {
    green_threads::workload::ALL.iter().chain(MEMOS)
}

/// The two algorithms, which are the variants of most of these workloads.
const ALGORITHMS: &[&str] = &["memo2", "memo3"];

/// A workload whose variants are the two [`ALGORITHMS`], of up to 100,000 callers. There is no Go twin, because the memos
/// are Rust's.
const fn of_both_memos(name: &'static str, what: &'static str, run: Program) -> Workload {
    Workload {
        variants: ALGORITHMS,
        most: 100_000,
        models: &[Model::Thread, Model::Coroutine, Model::Task, Model::TaskCurrentThread],
        ..Workload::new(name, what, run)
    }
}

/// Both memos with each number of callers, in all places. Each child is asked three times, but at quick depth a large
/// crowd is asked once.
fn crowds(depth: Depth, sizes: &[u64]) -> Vec<Setting> {
    let both: Vec<(&str, u64)> =
        ALGORITHMS.iter().flat_map(|memo| sizes.iter().map(move |&callers| (*memo, callers))).collect();
    let times = |setting: Setting| if setting.n >= 1000 && depth != Depth::Full { 1 } else { 3 };
    in_places(depth, &both).into_iter().map(|setting| Setting { times: times(setting), ..setting }).collect()
}
