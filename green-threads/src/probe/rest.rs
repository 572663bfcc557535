//! Waits until the process has come to rest: all of its units wait.
//!
//! No runtime reports how many of its units are asleep. The kernel reports how much processor time the process has
//! used, and a sleeping unit uses none.

use std::io;
use std::time::Duration;

use crate::system::processor_time;

/// How long one watch lasts.
const WATCH: Duration = Duration::from_millis(5);

/// How much processor time the process may use in one watch and still be at rest: idle workers look for work from
/// time to time.
const IDLE: Duration = Duration::from_micros(500);

/// How many watches there are before this gives up: ten seconds' worth.
const WATCHES: usize = 2_000;

/// Waits until the process uses next to no processor time.
///
/// # Errors
///
/// If the process does not come to rest within about ten seconds, or this is not Linux.
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
