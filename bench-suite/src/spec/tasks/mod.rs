//! The specification for tasks: the properties of the blocking memos that tasks have too, in the other colour, and
//! those that only tasks have.
//!
//! What is first and what is next is no matter of luck where that matters: there the futures are polled by hand, on one
//! thread ([`hand`]). Where it must be a matter of luck, tasks run on two workers ([`herd`]).

mod aborted;
mod hand;
mod herd;
mod herds;
mod inline;
mod overlap;
mod panics;
mod recursion;
mod resources;
mod runtime;
mod storm;
mod values;

use super::spec::Property;
use crate::subject::AsyncSubject;
use crate::subject::Callers::Tasks;

/// Lists the properties once, for the table and for the way to try them.
macro_rules! spec {
    ($($id:literal, $says:literal, $program:path;)*) => {
        /// Every property of the memos for tasks, in the order in which tables show them.
        pub(super) const PROPERTIES: &[Property] = &[$(Property { id: $id, says: $says, callers: &[Tasks] }),*];

        /// Tries the property `id`; `None` if there is no such property.
        pub(super) fn attempt<S: AsyncSubject>(id: &str) -> Option<anyhow::Result<()>> {
            match id {
                $($id => {{ use $program as program; Some(program::<S>()) }})*
                _ => None,
            }
        }
    };
}

spec! {
    "one-call", "a herd on a cold key makes exactly one call of f (two workers)", herds::one_call;
    "one-call-one-worker", "the same on one worker, and on a runtime of one thread", herds::one_call_one_worker;
    "late-callers", "callers who come as a call ends make no second one", herds::late_callers;
    "callers-in-step", "two callers of a cold key in the same instant, 8,000 times: one call, and both come back", herds::in_step;
    "one-value", "all callers of a key get the same value, not an equal one", herds::one_value;
    "right-values", "every key gets its own value, from many tasks at once", herds::right_values;
    "same-hash-values", "distinct keys of one hash get their own values", values::same_hash;
    "distinct-keys-overlap", "calls for distinct keys are inside f at once", overlap::distinct_keys;
    "same-hash-overlap", "so are those for distinct keys of one hash", overlap::same_hash;
    "hits-pass-slow-keys", "a slow key does not delay a hit on another", overlap::hits_pass_slow_keys;
    "panic-to-caller", "a panic of f reaches its caller whole, and the next call is made", panics::to_caller;
    "panic-hand-over", "no waiter sees the panic: one makes the next call, all get its value", panics::hand_over;
    "panics-in-a-row", "the same after many panics of one key", panics::in_a_row;
    "panic-other-keys", "other keys are untouched by a panic", panics::other_keys;
    "failed-keys-go", "keys whose calls panicked, or whose callers left, do not stay: 10,000 of them", panics::failed_keys;
    "hash-panics", "a key that panics in Hash hurts one call only", panics::hash;
    "eq-panics", "a key that panics in Eq hurts one call only", panics::eq;
    "key-clone-panics", "a key that panics in Clone hurts one call only", panics::key_clone;
    "value-clone-panics", "a value that panics in Clone hurts one call only", panics::value_clone;
    "value-drop-panics", "a value that panics in Drop takes the process down in no case", panics::value_drop;
    "errors-are-kept", "an Err is a value like any other: kept", values::kept;
    "zero-sized", "keys and values may be zero-sized", values::zero_sized;
    "huge", "values may be large (64 KiB, on a stack of 256 MiB)", values::huge;
    "ask-other-keys", "f may ask for other keys, 1,000 deep", recursion::other_keys;
    "diamond", "two keys may both ask for a third", recursion::diamond;
    "same-key", "f asking for its own key is refused", recursion::same_key;
    "cycle", "a cycle A, B, A is refused", recursion::cycle;
    "two-caller-cycle", "a cycle closed by two callers, A to B and B to A, is refused", recursion::two_callers;
    "three-caller-cycle", "and so is one closed by three", recursion::three_callers;
    "leader-cancelled", "a leader dropped inside f, with 0, 1, 8 waiters: all get the value, one call at a time", aborted::leader;
    "old-call-goes-first", "a dropped leader's call of f is gone before the next call begins", aborted::old_call_goes_first;
    "waiters-cancelled", "waiters that are dropped leave the others as they are", aborted::waiters;
    "all-cancelled", "when all callers are dropped nothing of f stays behind, and a later caller gets the value", aborted::all;
    "one-at-a-time", "leaders aborted one after the other, on two workers: never two calls at once", aborted::one_at_a_time;
    "no-call-for-nobody", "a panic after all waiters have left leads to no further call; the next is for the one who stays", aborted::for_nobody;
    "leader-left", "a leader polled until it is inside f, and then left alone, keeps nobody from the value", aborted::left;
    "waiter-left", "a waiter left alone keeps nobody from the value when the leader is dropped", aborted::waiter_left;
    "polled-in-wake", "a waiter may be polled inside its wake-up, when the leader returns and when it is dropped", inline::waiters;
    "cancel-storm", "1,000 random cancellations by hand, from a seed: no hang, no double call, nothing left", storm::by_hand;
    "abort-storm", "the same by aborting tasks on two workers, wherever they are", storm::on_workers_aborted;
    "values-dropped", "every value is dropped once, the last with the memo", resources::values_dropped;
    "no-task-stays", "no task is left when the memo is gone, and no thread", resources::no_task_stays;
}
