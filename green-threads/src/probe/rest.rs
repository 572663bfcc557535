//! Whether the process has come to rest: all of its units wait.
//!
//! No runtime tells how many of its units are asleep. The kernel tells how much processor the process has used, and who
//! sleeps uses none.

use std::io;
use std::time::Duration;

use crate::system::processor_time;

/// How long the process is watched at a time.
const WATCH: Duration = Duration::from_millis(5);

/// How much processor time it may use meanwhile and still be at rest: idle workers look round from time to time.
const IDLE: Duration = Duration::from_micros(500);

/// How many times it is watched.
const WATCHES: usize = 2_000;

/// Waits until the process uses next to no processor.
///
/// # Errors
///
/// If it does not come to rest within ten seconds or so, or this is not Linux.
pub fn come_to_rest() -> io::Result<()> {
    let mut before = processor_time()?;
    for _ in 0..WATCHES {
        std::thread::sleep(WATCH);
        let now = processor_time()?;
        if now.saturating_sub(before) < IDLE {
            return Ok(());
        }
        before = now;
    }
    Err(io::Error::new(io::ErrorKind::TimedOut, "the units do not come to rest"))
}
