//! The specification: every property, by its id and in a sentence, and the program that tries it.

mod cancelled;
mod forgotten;
mod herd;
mod overlap;
mod panics;
mod recursion;
mod resources;
mod values;

use crate::subject::Callers::{self, Coroutines, Threads};
use crate::subject::{OneThread, Subject};

/// One property of a memo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Property {
    /// Its name, in tables and on command lines.
    pub id: &'static str,
    /// What a memo that has it does.
    pub says: &'static str,
    /// From whom it is tried.
    pub callers: &'static [Callers],
}

/// Lists the properties once, for the table and for both ways to try them. Each has a program, which ends well or with
/// what is wrong, and the kinds of callers from whom it is tried. `shared` ones take many callers; `alone` ones take
/// one, so that a memo that cannot be shared is tried too.
macro_rules! spec {
    ($($id:literal, $says:literal, $callers:expr, $kind:ident $program:path;)*) => {
        /// Every property of the memos that block, in the order in which tables show them.
        pub const PROPERTIES: &[Property] = &[$(Property { id: $id, says: $says, callers: $callers }),*];

        /// Tries the property `id` on a memo that threads can share; `None` if there is no such property.
        #[must_use]
        pub fn try_shared<S: Subject>(id: &str) -> Option<anyhow::Result<()>> {
            match id {
                $($id => Some(spec!(@shared $kind $program)),)*
                _ => None,
            }
        }

        /// Tries the property `id` on a memo for one thread; `None` if it takes more than one, or there is no such.
        #[must_use]
        pub fn try_alone<S: OneThread>(id: &str) -> Option<anyhow::Result<()>> {
            match id {
                $($id => spec!(@alone $kind $program),)*
                _ => None,
            }
        }
    };
    (@shared $kind:ident $program:path) => {{ use $program as program; program::<S>() }};
    (@alone alone $program:path) => {{ use $program as program; Some(program::<S>()) }};
    (@alone shared $program:path) => { None };
}

/// Most are tried from both. Those that are not ask the kernel about the callers, and of coroutines it knows nothing.
const BOTH: &[Callers] = &[Threads, Coroutines];

/// The properties that only Linux can try: threads must be put on a core, be seen asleep, or be counted.
pub const ON_LINUX: &[&str] = &["one-call-one-core", "waiters-sleep", "no-thread-stays"];

spec! {
    "one-call", "a herd on a cold key makes exactly one call of f", BOTH, shared herd::one_call;
    "one-call-one-core", "the same with all threads on one core", &[Threads], shared herd::one_call_one_core;
    "late-callers", "callers who come as a call ends make no second one", BOTH, shared herd::late_callers;
    "callers-in-step", "two callers of a cold key in the same instant, 8,000 times: one call, and both come back", &[Threads], shared herd::in_step;
    "one-value", "all callers of a key get the same value, not an equal one", BOTH, shared herd::one_value;
    "right-values", "every key gets its own value, from many threads at once", BOTH, shared herd::right_values;
    "same-hash-values", "distinct keys of one hash get their own values", BOTH, alone values::same_hash;
    "distinct-keys-overlap", "calls for distinct keys are inside f at once", BOTH, shared overlap::distinct_keys;
    "same-hash-overlap", "so are those for distinct keys of one hash", BOTH, shared overlap::same_hash;
    "hits-pass-slow-keys", "a slow key does not delay a hit on another", BOTH, shared overlap::hits_pass_slow_keys;
    "panic-to-caller", "a panic of f reaches its caller whole, and the next call is made", BOTH, alone panics::to_caller;
    "panic-hand-over", "no waiter sees the panic: one makes the next call, all get its value", BOTH, shared panics::hand_over;
    "panics-in-a-row", "the same after many panics of one key", BOTH, shared panics::in_a_row;
    "panic-other-keys", "other keys are untouched by a panic", BOTH, alone panics::other_keys;
    "failed-keys-go", "keys whose calls panicked do not stay: 10,000 of them", BOTH, alone panics::failed_keys;
    "hash-panics", "a key that panics in Hash hurts one call only", BOTH, alone panics::hash;
    "eq-panics", "a key that panics in Eq hurts one call only", BOTH, alone panics::eq;
    "key-clone-panics", "a key that panics in Clone hurts one call only", BOTH, alone panics::key_clone;
    "value-clone-panics", "a value that panics in Clone hurts one call only", BOTH, alone panics::value_clone;
    "value-drop-panics", "a value that panics in Drop takes the process down in no case", BOTH, alone panics::value_drop;
    "errors-are-kept", "an Err is a value like any other: kept", BOTH, alone values::kept;
    "zero-sized", "keys and values may be zero-sized", BOTH, alone values::zero_sized;
    "huge", "values may be large", BOTH, alone values::huge;
    "ask-other-keys", "f may ask for other keys, 1,000 deep", BOTH, shared recursion::other_keys;
    "diamond", "two keys may both ask for a third", BOTH, shared recursion::diamond;
    "same-key", "f asking for its own key is refused", BOTH, shared recursion::same_key;
    "cycle", "a cycle A, B, A is refused", BOTH, shared recursion::cycle;
    "two-caller-cycle", "a cycle closed by two callers, A to B and B to A, is refused", BOTH, shared recursion::two_callers;
    "three-caller-cycle", "and so is one closed by three", BOTH, shared recursion::three_callers;
    "forgotten", "a key that is forgotten is computed anew", &[Threads], shared forgotten::ready;
    "forgotten-in-f", "forgotten while f computes it: who comes then makes a new call, and the old one's end leaves that alone", &[Threads], shared forgotten::in_f;
    "leader-cancelled", "a leader cancelled in f, with 0, 1, 8 waiters: all get the value, one call at a time", &[Coroutines], shared cancelled::leader;
    "waiters-cancelled", "waiters that are cancelled leave the others as they are", &[Coroutines], shared cancelled::waiters;
    "all-cancelled", "when all are cancelled nothing of f stays behind, and a later caller gets the value", &[Coroutines], shared cancelled::all;
    "one-at-a-time", "leaders cancelled one after the other: never two calls at once", &[Coroutines], shared cancelled::one_at_a_time;
    "no-call-for-nobody", "a panic after all waiters have left leads to no further call; the next is for the one who stays", BOTH, shared cancelled::for_nobody;
    "cancel-storm", "1,000 random cancellations, from a seed: no hang, no double call, nothing left", &[Coroutines], shared cancelled::storm;
    "abort-storm", "the same on two workers, where callers are cancelled while they run", &[Coroutines], shared cancelled::storm;
    "waiters-sleep", "waiters sleep until they are woken: no spinning, no polling", &[Threads], shared resources::waiters_sleep;
    "values-dropped", "every value is dropped once, the last with the memo", BOTH, alone resources::values_dropped;
    "no-thread-stays", "no thread is left when the memo is gone", &[Threads], alone resources::no_thread_stays;
}
