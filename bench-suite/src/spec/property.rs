//! The specification: every property once, with its id, a sentence, and the programs that try it.

use futures_util::FutureExt;

use super::program::{
    cancelled, dropped, forgotten, herds, overlap, panicking, polled_in_wake, recursion, resources,
    storm_of_coroutines, storm_of_tasks, values,
};
use super::world::Stage::{self, OneThread, Workers};
use super::world::{Chosen, Program};
use crate::subject::Callers::{self, Coroutines, Tasks, Threads};
use crate::subject::Registry;

/// One property of a memo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Property {
    /// Its name, in tables and on command lines.
    pub id: &'static str,
    /// What a memo that has it does.
    pub says: &'static str,
    /// The callers of each of its programs.
    programs: &'static [&'static [Callers]],
}

impl Property {
    /// Whether `callers` try it.
    #[must_use]
    pub fn is_tried_by(&self, callers: Callers) -> bool {
        self.programs.iter().any(|program| program.contains(&callers))
    }
}

/// Lists the properties once. An `alone` property needs one thread only, so it also tries a memo that threads cannot
/// share. Each program has the callers that run it and, for tasks, the stages on which they do.
macro_rules! spec {
    ($($id:literal, $says:literal, $kind:ident: $($callers:ident => $program:path $([$($stage:expr),+])?),+;)*) => {
        /// Every property, in the order in which tables show them.
        pub const PROPERTIES: &[Property] = &[$(Property { id: $id, says: $says, programs: &[$($callers),+] }),*];

        /// The program that tries the property `id`, and its stages. `None` if there is none for what was chosen.
        pub(super) fn program<R: Registry>(id: &str, chosen: &Chosen) -> Option<(Program, &'static [Stage])> {
            match id {
                $($id if !chosen.is_for_one_thread || spec!(@is_alone $kind) => {
                    $(if $callers.contains(&chosen.callers) {
                        use $program as program;
                        return Some((|| program::<R>().boxed_local(), spec!(@stages $($($stage),+)?)));
                    })+
                    None
                })*
                _ => None,
            }
        }
    };
    (@is_alone alone) => { true };
    (@is_alone shared) => { false };
    (@stages) => { &[OneThread] };
    (@stages $($stage:expr),+) => { &[$($stage),+] };
}

const ALL: &[Callers] = &Callers::ALL;
const BLOCKING: &[Callers] = &[Threads, Coroutines];
// Some properties ask the kernel about the callers, which knows only threads; and threads cannot be cancelled.
const THREADS: &[Callers] = &[Threads];
const COROUTINES: &[Callers] = &[Coroutines];
const TASKS: &[Callers] = &[Tasks];
const NOT_COROUTINES: &[Callers] = &[Threads, Tasks];

/// The properties that only Linux can try: threads must be put on a core, be seen asleep, or be counted.
pub(super) const ON_LINUX: &[&str] = &["one-call-one-core", "waiters-sleep", "no-thread-stays"];

spec! {
    "one-call", "a herd on a cold key makes exactly one call of f", shared:
        ALL => herds::one_call [Workers(2)];
    "one-call-one-core", "a herd of threads on one core makes exactly one call of f", shared:
        THREADS => herds::one_call_one_core;
    "one-call-one-worker", "a herd on one worker, or on a runtime of one thread, makes exactly one call of f", shared:
        TASKS => herds::one_call [Workers(1), OneThread];
    "late-callers", "callers that come as a call ends make no second call", shared:
        ALL => herds::late_callers [Workers(2)];
    "callers-in-step",
    "two callers come to a cold key in the same instant, 8,000 times: one call, and both return", shared:
        NOT_COROUTINES => herds::in_step [Workers(2)];
    "one-value", "all callers of a key get the same value, not an equal one", shared:
        ALL => herds::one_value [Workers(2)];
    "right-values", "every key gets its own value, from many callers at once", shared:
        ALL => herds::right_values [Workers(2)];
    "same-hash-values", "distinct keys of one hash get their own values", alone:
        ALL => values::same_hash;
    "distinct-keys-overlap", "calls for distinct keys are inside f at once", shared:
        ALL => overlap::distinct_keys;
    "same-hash-overlap", "calls for distinct keys of one hash are inside f at once", shared:
        ALL => overlap::same_hash;
    "hits-pass-slow-keys", "a slow key does not delay a hit on another", shared:
        ALL => overlap::hits_pass_slow_keys;
    "panic-to-caller", "a panic of f reaches its caller whole, and the next call is made", alone:
        ALL => panicking::to_caller;
    "panic-hand-over", "no waiter sees the panic: one makes the next call, and all get its value", shared:
        ALL => panicking::hand_over [Workers(2)];
    "panics-in-a-row", "many calls of one key panic in a row: one caller sees each, the others get the value", shared:
        ALL => panicking::in_a_row [Workers(2)];
    "panic-other-keys", "a panic does not touch other keys", alone:
        ALL => panicking::other_keys;
    "failed-keys-go", "keys whose calls left no value do not stay: 10,000 of them", alone:
        ALL => panicking::failed_keys;
    "hash-panics", "a key that panics in Hash hurts one call only", alone:
        ALL => panicking::hash;
    "eq-panics", "a key that panics in Eq hurts one call only", alone:
        ALL => panicking::eq;
    "key-clone-panics", "a key that panics in Clone hurts one call only", alone:
        ALL => panicking::key_clone;
    "value-clone-panics", "a value that panics in Clone hurts one call only", alone:
        ALL => panicking::value_clone;
    "value-drop-panics", "a value that panics in Drop never takes the process down", alone:
        ALL => panicking::value_drop;
    "errors-are-kept", "an Err is kept like any other value", alone:
        ALL => values::kept;
    "zero-sized", "keys and values may be zero-sized", alone:
        ALL => values::zero_sized;
    "huge", "values may be large: 64 KiB", alone:
        ALL => values::huge;
    "ask-other-keys", "f may ask for other keys, 1,000 deep", shared:
        ALL => recursion::other_keys;
    "diamond", "two keys may both ask for a third", shared:
        ALL => recursion::diamond;
    "same-key", "f is refused when it asks for its own key", shared:
        ALL => recursion::same_key;
    "cycle", "a cycle A, B, A is refused", shared:
        ALL => recursion::cycle;
    "two-caller-cycle", "a cycle that two callers close, A to B and B to A, is refused", shared:
        ALL => recursion::two_callers;
    "three-caller-cycle", "a cycle that three callers close is refused", shared:
        ALL => recursion::three_callers;
    "forgotten", "a key that is forgotten is computed anew", shared:
        THREADS => forgotten::ready_key;
    "forgotten-in-f",
    "a key is forgotten while f computes it: later callers make a new call, and the old one leaves that alone", shared:
        THREADS => forgotten::in_f;
    "leader-cancelled",
    "a leader is cancelled inside f, with 0, 1, 8 waiters: all get the value, one call at a time", shared:
        COROUTINES => cancelled::leader,
        TASKS => dropped::leader;
    "old-call-goes-first", "a cancelled leader's call of f is gone before the next call begins", shared:
        TASKS => dropped::old_call_goes_first;
    "waiters-cancelled", "waiters that are cancelled leave the others as they are", shared:
        COROUTINES => cancelled::waiters,
        TASKS => dropped::waiters;
    "all-cancelled",
    "when all callers are cancelled nothing of f stays behind, and a later caller gets the value", shared:
        COROUTINES => cancelled::all,
        TASKS => dropped::all;
    "one-at-a-time", "leaders are cancelled one after the other: never two calls at once", shared:
        COROUTINES => cancelled::one_at_a_time,
        TASKS => dropped::one_at_a_time [Workers(2)];
    "no-call-for-nobody",
    "a panic after all waiters have left leads to no further call; the next one is for a caller that stays", shared:
        BLOCKING => cancelled::for_nobody,
        TASKS => dropped::for_nobody;
    "leader-left",
    "a leader that is polled until it is inside f, and then left alone, keeps no one from the value", shared:
        TASKS => dropped::left;
    "waiter-left", "a waiter that is left alone keeps no one from the value when the leader is dropped", shared:
        TASKS => dropped::waiter_left;
    "polled-in-wake",
    "a waiter may be polled inside its wake-up, when the leader returns and when it is dropped", shared:
        TASKS => polled_in_wake::waiters;
    "cancel-storm", "1,000 random cancellations, from a seed: no hang, no double call, nothing left", shared:
        COROUTINES => storm_of_coroutines::storm,
        TASKS => storm_of_tasks::by_hand;
    "abort-storm", "a storm on two workers, where callers are cancelled while they run", shared:
        COROUTINES => storm_of_coroutines::storm,
        TASKS => storm_of_tasks::aborted [Workers(2)];
    "waiters-sleep", "waiters sleep until they are woken: no spinning, no polling", shared:
        THREADS => resources::waiters_sleep;
    "values-dropped", "every value is dropped once, the last with the memo", alone:
        ALL => resources::values_dropped;
    "no-thread-stays", "no thread is left when the memo is gone", alone:
        THREADS => resources::none_stays;
    "no-task-stays", "no task is left when the memo is gone, and no thread", alone:
        TASKS => resources::none_stays;
}
