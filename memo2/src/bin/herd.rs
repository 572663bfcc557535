//! The program of `memo1/src/bin/race.rs`, with a memo that threads may share: no `unsafe`, and nothing goes wrong.
//!
//! `cargo lab race` runs both programs, for comparison.

#![forbid(unsafe_code)]

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::thread;

use memo2::Memo;

/// The number of keys: few enough that a run of the racy program may go well, and enough that it seldom does.
const KEYS: u32 = 100;

/// The value of `key` that the memo should return.
fn value(key: u32) -> String {
    format!("the value of {key}")
}

fn main() {
    // The length of a call of `f`, in turns of an empty loop. In the racy program, two fast threads meet in the map
    // at every step, and crash. Two slow threads seldom meet, and lose some work.
    let slow = std::env::args().nth(1);
    let slow: u32 = slow.map_or(300, |turns| turns.parse().expect("a number of turns"));

    let calls: Vec<AtomicU32> = (0..KEYS).map(|_| AtomicU32::new(0)).collect();
    let memo = Memo::new(|key: &u32| {
        calls[*key as usize].fetch_add(1, Relaxed);
        (0..slow).for_each(|_| std::hint::spin_loop());
        value(*key)
    });

    let ready = AtomicU32::new(0);
    let ask_for_all = |first: u32| {
        // Spinning wastes the processor, but no other start is as even: a thread that slept would start late and
        // find all the work done.
        ready.fetch_add(1, Relaxed);
        while ready.load(Relaxed) < 2 {
            std::hint::spin_loop();
        }
        let keys = (0..KEYS).map(|turn| (first + turn) % KEYS);
        keys.filter(|key| memo.get(key) != value(*key)).count()
    };
    let wrong: usize = thread::scope(|scope| {
        let threads = [0, KEYS / 2].map(|first| scope.spawn(move || ask_for_all(first)));
        threads.into_iter().map(|thread| thread.join().expect("no thread panics")).sum()
    });

    let duplicates = calls.iter().filter(|calls| calls.load(Relaxed) > 1).count();
    // Only one thread is left. It calls `f` again only for keys that are not in the map.
    calls.iter().for_each(|calls| calls.store(0, Relaxed));
    for key in 0..KEYS {
        memo.get(&key);
    }
    let lost = calls.iter().filter(|calls| calls.load(Relaxed) > 0).count();

    println!("wrong values: {wrong}");
    println!("lost entries: {lost}");
    println!("duplicate calls: {duplicates}");
}
