//! The damage that `cargo lab race` shows for memo1 is really seen, and memo2 has none.

use bench_suite::race::{self, Damage, Detected, Program};

/// How often each kind of damage occurs depends on the machine. That a race does harm, and that a lock prevents it,
/// does not.
#[test]
fn the_race_does_harm_and_the_lock_prevents_it() {
    let [racy, locked] = Program::ALL.map(|program| program.build().unwrap());
    let harmed = (0..1_000).any(|turn| race::run(&racy, turn).unwrap() != Damage::Right);
    assert!(harmed || std::thread::available_parallelism().map_or(1, usize::from) == 1);
    assert!((0..100).all(|turn| race::run(&locked, turn).unwrap() == Damage::Right));
}

/// ThreadSanitizer is skipped if it is not installed.
#[test]
fn thread_sanitizer_agrees() {
    for (program, races) in Program::ALL.into_iter().zip([true, false]) {
        match race::sanitize(program).unwrap() {
            Detected::Race(report) => {
                assert!(races, "{}: {report:?}", program.subject);
                assert!(report.iter().any(|line| line.contains("memo1/src/racy.rs")), "{report:?}");
            }
            Detected::None => assert!(!races, "{}: ThreadSanitizer sees no race", program.subject),
            Detected::Skipped(why) => println!("{}: skipped: {why}", program.subject),
        }
    }
}
