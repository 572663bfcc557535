//! Proves how many units really run at once.
//!
//! A runtime's own answer proves nothing: `may` returns the number of workers that was set last, whatever it runs
//! with. So each child proves the number before it measures. *At least* as many as asked: that many units, none of
//! which yields, meet at a barrier on which they spin. *At most* as many: far more units, none of which yields,
//! run on no more OS threads than that.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;

use super::{Runtime, placement, threads};
use crate::coroutine;

/// How many units per worker report the thread that they run on.
const UNITS_PER_WORKER: usize = 16;

/// Returns the parallelism of `runtime`, which should be `workers`, or an error that says what was found instead.
/// If there are fewer workers this hangs, and the child's deadline ends it.
#[allow(unsafe_code, reason = "it spawns coroutines")]
pub(crate) fn prove(runtime: &Runtime, workers: usize) -> io::Result<usize> {
    let inside = Arc::new(AtomicUsize::new(0));
    let meet = move |inside: &AtomicUsize| {
        inside.fetch_add(1, Relaxed);
        while inside.load(Relaxed) < workers {
            // Yield to the kernel, so that workers which share a core can meet; do not yield to the runtime.
            thread::yield_now();
        }
        threads::this()
    };
    let look = threads::this;
    let units = workers * UNITS_PER_WORKER;
    let ran_on: BTreeSet<u32> = match runtime {
        Runtime::Thread { .. } => return Ok(placement::allowed_cores()?.len()),
        Runtime::Coroutine(runtime) => {
            let mut handles = Vec::new();
            for _ in 0..workers {
                let inside = Arc::clone(&inside);
                // SAFETY: it never yields, so nothing is held across a yield; it calls nothing deep.
                handles.push(unsafe { runtime.spawn(move || meet(&inside)) }?);
            }
            for _ in 0..units {
                // SAFETY: as above.
                handles.push(unsafe { runtime.spawn(look) }?);
            }
            handles
                .into_iter()
                .map(coroutine::JoinHandle::join)
                .collect::<Result<_, _>>()?
        }
        Runtime::Task(runtime) => runtime.block_on(async {
            let mut handles = Vec::new();
            for _ in 0..workers {
                let inside = Arc::clone(&inside);
                handles.push(tokio::spawn(async move { meet(&inside) }));
            }
            handles.extend((0..units).map(|_| tokio::spawn(async move { look() })));
            let mut ran_on = BTreeSet::new();
            for handle in handles {
                ran_on.insert(handle.await?);
            }
            Ok::<_, io::Error>(ran_on)
        })?,
    };
    match ran_on.len() {
        found if found == workers => Ok(found),
        found => Err(io::Error::other(format!(
            "{workers} workers were asked for, but units ran on {found} threads"
        ))),
    }
}
