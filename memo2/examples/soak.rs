//! A long storm on `robust::Memo`. `cargo run --release -p memo2 --example soak -- 600` lasts ten minutes.
//!
//! It is the storm of the tests, but bigger and longer: random keys, panics, cancellations, forgetting, and calls
//! that ask for other keys. Each line of output says what has been done so far and how much memory the process
//! uses. The program exits with status 1 if a storm hangs, or if an assertion in a storm fails.

#[path = "../tests/checked/storm.rs"]
mod storm;

use std as checker;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use memo2::robust;

/// The deadline of one storm: thousands of times what it should need.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() {
    let seconds = std::env::args().nth(1).map_or(10, |seconds| {
        seconds.parse().expect("the argument is a number of seconds")
    });
    // The planned panics print nothing. Any other panic ends its storm, and so the program.
    let (sender, storms) = mpsc::sync_channel(0);
    let size = storm::Size { threads: 4, steps: 5_000, keys: 16 };
    thread::spawn(move || {
        for seed in 1.. {
            if sender.send(storm::several(seed, 1, size)).is_err() {
                return;
            }
        }
    });

    let (start, mut all, mut count) = (Instant::now(), Vec::new(), 0);
    let mut next_line = Duration::ZERO;
    while start.elapsed() < Duration::from_secs(seconds) {
        match storms.recv_timeout(PATIENCE) {
            Ok(tally) => all.push(tally),
            Err(mpsc::RecvTimeoutError::Timeout) => {
                eprintln!("a storm has not ended in {PATIENCE:?}: seed {}", count + 1);
                std::process::exit(1);
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                eprintln!("a storm panicked: seed {}", count + 1);
                std::process::exit(1);
            }
        }
        count += 1;
        all = vec![all.into_iter().sum()];
        if start.elapsed() >= next_line {
            next_line += Duration::from_secs(seconds.div_ceil(20));
            let storm::Tally { values, panics, cancelled, forgotten } = all[0];
            println!(
                "{:>4} s: {count} storms, {values} values, {panics} panics, {cancelled} cancelled, \
                 {forgotten} forgotten{}",
                start.elapsed().as_secs(),
                resident()
                    .map_or_else(String::new, |kib| format!(", {kib} KiB resident"))
            );
        }
    }
}

/// The resident memory of this process in KiB, where the kernel tells it.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
