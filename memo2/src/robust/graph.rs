//! Who waits for whom: one graph for all memos, in which no cycle is ever closed.

use std::collections::BTreeMap;

use super::running::Running;
use crate::sync::{Arc, Mutex, global};

// ANCHOR: graph
global! {
    /// For each call, the calls that it waits for: several, if `f` asks from several threads.
    ///
    /// One lock guards them all, because to look for a cycle and to add an edge must be one step: otherwise two callers
    /// could each look, see none, and close one together. Only calls that ask for other keys come here; a caller from
    /// outside is waited for by nobody, and closes no cycle.
    static WAITS: Mutex<Waits> = Mutex::new(Waits::new());
}

type Waits = BTreeMap<usize, Vec<Arc<Running>>>;

/// One call waits for another, as long as this lives.
pub(super) struct Edge {
    from: usize,
    to: usize,
}

/// A call is itself where it is in memory, for as long as it is anywhere.
fn id(call: &Arc<Running>) -> usize {
    std::ptr::from_ref::<Running>(call).addr()
}

/// `from` is about to make the call `to`. That is a new one, which waits for nobody yet, and so closes no cycle.
pub(super) fn lead(from: &Arc<Running>, to: &Arc<Running>) -> Edge {
    add(&mut WAITS.lock(), from, to)
}

/// `from` is about to wait for `to`, which somebody else makes. If `to` waits for `from`, in one step or in many, the
/// error is the cycle's path, from `from` to `from`.
pub(super) fn wait(from: &Arc<Running>, to: &Arc<Running>) -> Result<Edge, Vec<String>> {
    let mut waits = WAITS.lock();
    match path(&waits, to, from) {
        Some(back) => Err(std::iter::once(from).chain(&back).map(|call| call.key.clone()).collect()),
        None => Ok(add(&mut waits, from, to)),
    }
}

/// The way along the edges from `start` to `end`, both included, if there is one.
fn path(waits: &Waits, start: &Arc<Running>, end: &Arc<Running>) -> Option<Vec<Arc<Running>>> {
    // Each call that has been come to, and the one from which.
    let mut came_from = BTreeMap::from([(id(start), None)]);
    let mut open = vec![start];
    while let Some(at) = open.pop() {
        if id(at) == id(end) {
            let mut way: Vec<Arc<Running>> =
                std::iter::successors(Some(at), |at| came_from[&id(at)]).cloned().collect();
            way.reverse();
            return Some(way);
        }
        for next in waits.get(&id(at)).into_iter().flatten() {
            came_from.entry(id(next)).or_insert_with(|| {
                open.push(next);
                Some(at)
            });
        }
    }
    None
}

/// The keys of the calls that `call` waits for.
pub(super) fn waits_for(call: &Arc<Running>) -> Vec<String> {
    let waits = WAITS.lock();
    waits.get(&id(call)).map_or(Vec::new(), |next| next.iter().map(|next| next.key.clone()).collect())
}

/// The keys from `call` on, each the one that the call before it waits for, up to the one whose `f` is at work.
pub(super) fn chain(call: &Arc<Running>) -> Vec<String> {
    let waits = WAITS.lock();
    let mut chain = vec![call.clone()];
    // Where `f` asks from several threads, the way goes on with the first of what they ask for.
    while let Some(next) = waits.get(&id(&chain[chain.len() - 1])).and_then(|next| next.first()) {
        chain.push(next.clone());
    }
    chain.iter().map(|call| call.key.clone()).collect()
}

fn add(waits: &mut Waits, from: &Arc<Running>, to: &Arc<Running>) -> Edge {
    waits.entry(id(from)).or_default().push(to.clone());
    Edge { from: id(from), to: id(to) }
}

impl Drop for Edge {
    fn drop(&mut self) {
        let mut waits = WAITS.lock();
        let Some(next) = waits.get_mut(&self.from) else { return };
        let at = next.iter().position(|next| id(next) == self.to);
        let gone = at.map(|at| next.remove(at));
        if next.is_empty() {
            waits.remove(&self.from);
        }
        drop(waits);
        // After the lock is let go: it may be the last that is known of that call.
        drop(gone);
    }
}
// ANCHOR_END: graph
