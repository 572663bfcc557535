//! The race, run: two threads share a memo that no lock protects, and ask for the same keys.
//!
//! `cargo lab race` runs this program many times, each in a process of its own, for it may end in any way: with right
//! values and nothing lost, with calls made twice, with entries lost, with wrong values, by a crash, or never. That is
//! what a data race is: not an unlucky order of two right steps, but a program without a meaning.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::thread;

use memo1::racy::Memo;

/// Few enough that a run may go well, and many enough that it seldom does.
const KEYS: u32 = 100;

/// What the memo should say of `key`.
fn value(key: u32) -> String {
    format!("the value of {key}")
}

fn main() {
    // How slow `f` is, in turns of an empty loop. Two fast threads meet in the map at every step, and crash; two slow
    // ones meet seldom, and lose some work.
    let slow: u32 = std::env::args().nth(1).map_or(300, |turns| turns.parse().expect("the argument is a number"));

    let calls: Vec<AtomicU32> = (0..KEYS).map(|_| AtomicU32::new(0)).collect();
    let memo = Memo::new(|key: &u32| {
        calls[*key as usize].fetch_add(1, Relaxed);
        (0..slow).for_each(|_| std::hint::spin_loop());
        value(*key)
    });

    let ready = AtomicU32::new(0);
    let ask_for_all = |first: u32| {
        // To spin is rude, but no other start is as even: a thread that slept would come late, and find all done.
        ready.fetch_add(1, Relaxed);
        while ready.load(Relaxed) < 2 {
            std::hint::spin_loop();
        }
        // SAFETY: none. Both threads are in here at once, which `get` forbids: that is what this program shows.
        (0..KEYS).map(|turn| (first + turn) % KEYS).filter(|key| unsafe { memo.get(key) } != value(*key)).count()
    };
    let wrong: usize = thread::scope(|scope| {
        let threads = [scope.spawn(|| ask_for_all(0)), scope.spawn(|| ask_for_all(KEYS / 2))];
        threads.into_iter().map(|thread| thread.join().expect("no panic in the other thread")).sum()
    });

    let duplicates = calls.iter().filter(|calls| calls.load(Relaxed) > 1).count();
    // One thread is left. A key that is in the map is not computed again.
    calls.iter().for_each(|calls| calls.store(0, Relaxed));
    for key in 0..KEYS {
        // SAFETY: the other threads have been joined; but what they left of the map, nobody knows.
        unsafe { memo.get(&key) };
    }
    let lost = calls.iter().filter(|calls| calls.load(Relaxed) > 0).count();

    println!("wrong values: {wrong}");
    println!("lost entries: {lost}");
    println!("duplicate calls: {duplicates}");
}
