//! Which call waits for which: one graph for all memos. A wait that would close a cycle is refused.

use std::collections::BTreeMap;

use super::running::Running;
use crate::sync::{Arc, Mutex, global};

global! {
    /// Every wait of one call for another.
    ///
    /// One lock guards all of them, because the search for a cycle and the new edge must
    /// be one step. Otherwise two callers could each search, find no cycle, and close one
    /// together. Only calls that ask for other keys are here. Nothing waits for a caller
    /// from outside, so it closes no cycle. Nothing waits for a call that has ended
    /// either, even if a waiter of it has not woken up yet: such a call gets no edge, and
    /// no search goes through it.
    static WAITS: Mutex<Waits> = Mutex::new(Waits { edges: BTreeMap::new(), made: 0 });
}

// ANCHOR: graph
struct Waits {
    /// The key of an edge is the call that waits and the edge's number. A call has
    /// several edges if `f` asks from several threads.
    edges: BTreeMap<(usize, u64), Arc<Running>>,
    /// The number of edges made so far.
    made: u64,
}
// ANCHOR_END: graph

/// Marks that one call waits for another. Dropping it removes the edge.
pub(super) struct Edge(usize, u64);

/// The keys along a chain of waits: the call of each key waits for the next.
type Path = Vec<String>;

/// A call's identity is its address, which is stable while any `Arc` to it lives.
fn id(call: &Arc<Running>) -> usize {
    std::ptr::from_ref::<Running>(call).addr()
}

/// Notes that `from` makes the call `to`. That call is new and waits for nothing yet, so
/// it closes no cycle.
pub(super) fn lead(from: &Arc<Running>, to: &Arc<Running>) -> Option<Edge> {
    WAITS.lock().add(from, to)
}

// ANCHOR: wait
/// Notes that `from` waits for `to`, which another caller makes.
///
/// # Errors
///
/// If `to` waits for `from`, in one step or in many: the keys of the cycle, from `from`
/// to `from`.
pub(super) fn wait(from: &Arc<Running>, to: &Arc<Running>) -> Result<Option<Edge>, Path> {
    let mut waits = WAITS.lock();
    let back = if from.has_ended() { None } else { waits.path(to, from) };
    match back {
        Some(back) => {
            let path = std::iter::once(from).chain(&back);
            Err(path.map(|call| call.key.clone()).collect())
        }
        None => Ok(waits.add(from, to)),
    }
}
// ANCHOR_END: wait

impl Waits {
    fn add(&mut self, from: &Arc<Running>, to: &Arc<Running>) -> Option<Edge> {
        if from.has_ended() {
            return None;
        }
        self.made += 1;
        self.edges.insert((id(from), self.made), to.clone());
        Some(Edge(id(from), self.made))
    }

    /// The calls that `call` waits for. None if it has ended, even if threads that it
    /// lent itself to still wait.
    fn of(&self, call: &Arc<Running>) -> impl Iterator<Item = &Arc<Running>> {
        let first = if call.has_ended() { u64::MAX } else { 0 };
        self.edges.range((id(call), first)..(id(call), u64::MAX)).map(|(_, next)| next)
    }

    // ANCHOR: path
    /// The path along the edges from `from` to `to`, both included, if there is one.
    fn path(&self, from: &Arc<Running>, to: &Arc<Running>) -> Option<Vec<Arc<Running>>> {
        // Every call that the search has reached, and the call before it.
        let mut before = BTreeMap::from([(id(from), None)]);
        let mut open = vec![from];
        while let Some(at) = open.pop() {
            if id(at) == id(to) {
                let back = std::iter::successors(Some(at), |at| before[&id(at)]);
                let mut path: Vec<Arc<Running>> = back.cloned().collect();
                path.reverse();
                return Some(path);
            }
            for next in self.of(at) {
                before.entry(id(next)).or_insert_with(|| {
                    open.push(next);
                    Some(at)
                });
            }
        }
        None
    }
    // ANCHOR_END: path
}

/// The keys of the calls that `call` waits for.
pub(super) fn waits_for(call: &Arc<Running>) -> Vec<String> {
    WAITS.lock().of(call).map(|next| next.key.clone()).collect()
}

/// The keys from `call` on: each call waits for the next, and the `f` of the last is at work.
pub(super) fn chain(call: &Arc<Running>) -> Vec<String> {
    let waits = WAITS.lock();
    // If `f` asks from several threads, the chain follows the first of the calls that it waits for.
    let chain = std::iter::successors(Some(call), |call| waits.of(call).next());
    chain.map(|call| call.key.clone()).collect()
}

impl Drop for Edge {
    fn drop(&mut self) {
        // A separate statement, so that the call is dropped after the lock is released. This may be the last
        // reference to it.
        let to = WAITS.lock().edges.remove(&(self.0, self.1));
        drop(to);
    }
}
