//! A zoo of wrong memos: the specification must catch every one of them.
//!
//! A check that has never failed proves nothing. So the zoo has a wrong memo for each common mistake. Each is a
//! complete memo with one mistake, in a file of its own in `zoo/`. The file says what the mistake is, where it has
//! happened, why it goes wrong, and which property catches it. `// WRONG:` marks the line, and says what a correct memo
//! has there.
//!
//! This test tries each animal against the property that is meant to catch it, in a child process with a deadline, as
//! `cargo lab conformance` does. It fails if the animal gets away, or if the property finds something other than the
//! animal's line in `animals!` says. It also tries this workspace's own memos against the same properties, and fails if
//! a property catches one of them.
//!
//! `cargo test -p bench-suite --test zoo` prints the table. Words after `--` select the animals and properties whose
//! names contain one of these words.

#![forbid(unsafe_code)]

/// One file for each animal. Two animals that are closely related share a file.
mod zoo {
    pub(super) mod calls_for_nobody;
    pub(super) mod calls_for_the_cancelled;
    pub(super) mod check_then_act;
    pub(super) mod clone_off_duty;
    pub(super) mod drop_unnoticed;
    pub(super) mod early_successor;
    pub(super) mod entry_cycle;
    pub(super) mod forgets_by_key;
    pub(super) mod hash_for_key;
    pub(super) mod if_not_while;
    pub(super) mod late_notified;
    pub(super) mod lock_around_f;
    pub(super) mod lost_wake_up;
    pub(super) mod monitor_computes;
    pub(super) mod monitor_stays;
    pub(super) mod one_try;
    pub(super) mod own_circles;
    pub(super) mod panic_unnoticed;
    pub(super) mod poisoned_entry;
    pub(super) mod poisoned_map;
    pub(super) mod relies_on_one;
    pub(super) mod restless;
    pub(super) mod shared_panic;
    pub(super) mod stale_refill;
    pub(super) mod wakes_one;
    pub(super) mod wakes_under_lock;
}

use std::env;
use std::io;
use std::process::{Command, ExitCode};

use bench_suite::spec::declared::{Declared, Failure};
use bench_suite::spec::{Outcome, matrix, storm};
use bench_suite::subject::Callers::{self, Coroutines, Tasks, Threads};
use bench_suite::subject::{
    About, AsyncFunction, AsyncMemo, AsyncSubject, Function, Key, Memo, Registry, Subject, Suite, Value, Visitor,
};

/// A wrong memo, and the property that catches it.
struct Animal {
    name: &'static str,
    callers: Callers,
    /// The id of the property that is meant to catch it.
    caught_by: &'static str,
    /// What the property must find: text that the outcome must contain.
    found: &'static str,
    /// The text of its file.
    source: &'static str,
}

/// The outcome of a child that waits forever. Only Linux shows that its threads sleep.
const HANGS: &str = if cfg!(target_os = "linux") { "hangs, every thread asleep" } else { "hangs" };

/// Lists the animals once, for the table and for the child processes.
macro_rules! animals {
    ($($module:ident::$memo:ident as $subject:ident $name:literal: $callers:ident $kind:ident $caught_by:literal, $found:expr;)*) => {
        const ANIMALS: &[Animal] = &[$(Animal {
            name: $name,
            callers: $callers,
            caught_by: $caught_by,
            found: $found,
            source: include_str!(concat!("zoo/", stringify!($module), ".rs")),
        }),*];

        $(animals!(@$kind $subject $name $callers $module $memo);)*

        /// Shows the visitor all animals.
        fn visit_animals(visitor: &mut impl Visitor) {
            $(animals!(@visit $kind visitor $subject);)*
        }
    };
    (@forgetting $subject:ident $name:literal $callers:ident $module:ident $memo:ident) => {
        animals!(@blocking $subject $name $callers $module $memo {
            fn forget(&self, key: &K) -> bool {
                self.forget(key);
                true
            }
        });
    };
    (@blocking $subject:ident $name:literal $callers:ident $module:ident $memo:ident $({ $($forget:tt)* })?) => {
        struct $subject;
        impl Subject for $subject {
            const ABOUT: About = About::new($name, "a wrong memo").made_for($callers);
            type Memo<K: Key, V: Value> = zoo::$module::$memo<K, V>;
            fn memo<K: Key, V: Value>(f: Function<K, V>) -> Self::Memo<K, V> {
                zoo::$module::$memo::new(f)
            }
        }
        impl<K: Key, V: Value> Memo<K, V> for zoo::$module::$memo<K, V> {
            fn get(&self, key: &K) -> V {
                self.get(key)
            }
            $($($forget)*)?
        }
    };
    (@awaited $subject:ident $name:literal $callers:ident $module:ident $memo:ident) => {
        struct $subject;
        impl AsyncSubject for $subject {
            const ABOUT: About = About::new($name, "a wrong memo").made_for($callers);
            type Memo<K: Key, V: Value> = zoo::$module::$memo<K, V>;
            fn memo<K: Key, V: Value>(f: AsyncFunction<K, V>) -> Self::Memo<K, V> {
                zoo::$module::$memo::new(f)
            }
        }
        impl<K: Key, V: Value> AsyncMemo<K, V> for zoo::$module::$memo<K, V> {
            async fn get(&self, key: &K) -> V {
                self.get(key).await
            }
        }
    };
    (@visit awaited $visitor:ident $subject:ident) => { $visitor.task::<$subject>() };
    (@visit $blocking:ident $visitor:ident $subject:ident) => { $visitor.shared::<$subject>() };
}

animals! {
    check_then_act::Memo as CheckThenAct "check-then-act": Threads blocking "callers-in-step", "keys took";
    lost_wake_up::Memo as LostWakeUp "lost-wake-up": Threads blocking "callers-in-step", HANGS;
    wakes_one::Memo as WakesOne "wakes-one": Threads blocking "one-call", HANGS;
    if_not_while::Memo as IfNotWhile "if-not-while": Threads blocking "panic-hand-over", "calls, where 1 panicked";
    restless::Spins as Spins "spins": Threads blocking "waiters-sleep", "not all waiters were asleep";
    restless::Polls as Polls "polls": Threads blocking "waiters-sleep", "waiters woke up in each of";
    lock_around_f::Memo as LockAroundF "lock-around-f": Threads blocking "same-hash-overlap", HANGS;
    monitor_computes::Memo as MonitorComputes "monitor-computes": Threads blocking "hits-pass-slow-keys", HANGS;
    hash_for_key::Memo as HashForKey "hash-for-key": Threads blocking "same-hash-values", "got the value of key";
    panic_unnoticed::Memo as PanicUnnoticed "panic-unnoticed": Threads blocking "panic-hand-over", HANGS;
    one_try::Memo as OneTry "one-try": Threads blocking "panic-hand-over", "the leader has left no value";
    shared_panic::Memo as SharedPanic "shared-panic": Threads blocking "panic-hand-over", "has panicked";
    poisoned_map::Memo as PoisonedMap "poisoned-map": Threads blocking "panic-other-keys", "PoisonError";
    poisoned_entry::Memo as PoisonedEntry "poisoned-entry": Threads blocking "panic-to-caller", "been poisoned";
    clone_off_duty::Memo as CloneOffDuty "clone-off-duty": Threads blocking "value-clone-panics", HANGS;
    entry_cycle::Memo as EntryCycle "entry-cycle": Threads blocking "values-dropped", "keys are left";
    monitor_stays::Memo as MonitorStays "monitor-stays": Threads blocking "no-thread-stays", "threads before";
    forgets_by_key::Memo as ForgetsByKey "forgets-by-key": Threads forgetting "forgotten-in-f", "made room for another";
    stale_refill::Memo as StaleRefill "stale-refill": Threads forgetting "forgotten-in-f", "which had been forgotten";
    own_circles::Memo as OwnCircles "own-circles": Threads blocking "two-caller-cycle", HANGS;
    late_notified::Memo as LateNotified "late-notified": Tasks awaited "callers-in-step", HANGS;
    drop_unnoticed::Memo as DropUnnoticed "drop-unnoticed": Tasks awaited "leader-cancelled", HANGS;
    relies_on_one::Memo as ReliesOnOne "relies-on-one": Tasks awaited "waiter-left", HANGS;
    early_successor::Memo as EarlySuccessor "early-successor": Tasks awaited "old-call-goes-first", "began before";
    wakes_under_lock::Memo as WakesUnderLock "wakes-under-lock": Tasks awaited "polled-in-wake", HANGS;
    calls_for_nobody::Memo as CallsForNobody "calls-for-nobody": Tasks awaited "no-call-for-nobody", "calls of f, where";
    calls_for_the_cancelled::Memo as CallsForTheCancelled "calls-for-the-cancelled": Coroutines blocking "no-call-for-nobody", "calls of f, where";
}

/// This workspace's memos that promise the property. It must not catch them.
fn right(callers: Callers, property: &str) -> &'static [&'static str] {
    match (callers, property) {
        (Threads, "forgotten-in-f" | "two-caller-cycle") => &["memo2::robust"],
        (Threads, _) => &["memo2", "memo3"],
        (Coroutines, _) => &["memo2::coroutine", "memo3::coroutine"],
        (Tasks, _) => &["memo2::task", "memo3::task"],
    }
}

/// A memo, the kind of its callers, and the property that they try.
#[derive(Clone, Copy, PartialEq)]
struct Situation {
    callers: Callers,
    subject: &'static str,
    property: &'static str,
    /// What the property must find in an animal. `None` for a right memo, in which it must find nothing.
    found: Option<&'static str>,
}

/// The most times that an animal is tried until it is caught. Some mistakes show only if two callers meet within a few
/// nanoseconds.
const TRIES: usize = 5;

impl Situation {
    fn hangs(&self) -> bool {
        self.found == Some(HANGS)
    }

    /// Runs this program as a child that tries the situation, and returns the outcome.
    fn attempt(&self) -> io::Result<Outcome> {
        let declared = if self.hangs() { Declared::Fails(Failure::Hangs) } else { Declared::Kept };
        let attempt = || {
            let mut child = Command::new(env::current_exe()?);
            matrix::outcome(child.args([CHILD, self.callers.name(), self.subject, self.property]), declared)
        };
        let mut outcome = attempt()?;
        for _ in 1..TRIES {
            if self.found.is_none_or(|found| outcome.to_string().contains(found)) {
                break;
            }
            outcome = attempt()?;
        }
        Ok(outcome)
    }
}

/// The animals, and the suite's own subjects.
struct Zoo;

impl Registry for Zoo {
    fn visit(visitor: &mut impl Visitor) {
        visit_animals(visitor);
        Suite::visit(visitor);
    }
}

/// The first argument of a child process. It distinguishes the child from the test itself.
const CHILD: &str = "be-child";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [CHILD, callers, subject, property] = &*arguments.iter().map(String::as_str).collect::<Vec<_>>() {
        matrix::be_child_among::<Zoo>(callers, subject, property, storm::SEED)
            .expect("the parent gives names that the registry has");
        return ExitCode::SUCCESS;
    }
    // Options are for the usual test harness. This program does not use it, and ignores them.
    let words: Vec<String> = arguments.into_iter().filter(|word| !word.starts_with('-')).collect();
    let wanted = |animal: &&Animal| {
        words.is_empty() || words.iter().any(|word| animal.name.contains(word) || animal.caught_by.contains(word))
    };
    let animals: Vec<&Animal> = ANIMALS.iter().filter(wanted).collect();
    match tour(&animals) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("a child process could not be run: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Tries these animals, and the right memos against the same properties. Prints the table, and returns whether every
/// outcome is as it should be.
fn tour(animals: &[&Animal]) -> io::Result<bool> {
    let mut situations = Vec::new();
    for animal in animals {
        let Animal { callers, caught_by: property, .. } = **animal;
        situations.push(Situation { callers, subject: animal.name, property, found: Some(animal.found) });
        for &subject in right(callers, property) {
            let kept = Situation { callers, subject, property, found: None };
            if !situations.contains(&kept) {
                situations.push(kept);
            }
        }
    }
    let outcomes = matrix::each(&situations, Situation::hangs, Situation::attempt)?;
    let outcome = |callers, subject: &str, property: &str| {
        let same = |one: &Situation| (one.callers, one.subject, one.property) == (callers, subject, property);
        &outcomes[situations.iter().position(same).expect("every situation has been tried")]
    };

    let mut good = true;
    println!(
        "{:<23} {:<11} {:<20} {:<34} what the property found",
        "wrong memo", "callers", "caught by", "right memos"
    );
    for animal in animals {
        let Animal { name, callers, caught_by, found, source } = animal;
        let caught = outcome(*callers, name, caught_by);
        let rights = right(*callers, caught_by).iter().map(|right| (*right, outcome(*callers, right, caught_by)));
        let words: Vec<_> = rights.clone().map(|(right, outcome)| format!("{right} {}", outcome.word())).collect();
        println!("{name:<23} {:<11} {caught_by:<20} {:<34} {caught}", callers.name(), words.join(", "));
        let mut complain = |complaint: String| {
            println!("^ {complaint}");
            good = false;
        };
        if let Outcome::CannotBe { .. } = caught {
            continue;
        }
        if !caught.to_string().contains(found) {
            complain(format!("the property should find: {found}"));
        }
        for (right, outcome) in rights {
            if *outcome != Outcome::Kept {
                complain(format!("{right} must keep the property, but it {outcome}"));
            }
        }
        if !source.contains("// WRONG: ") || !source.contains(&format!("**Caught by**: `{caught_by}`")) {
            complain("its file must have a `// WRONG: ` comment, and must name the property that catches it".into());
        }
    }
    Ok(good)
}
