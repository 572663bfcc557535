//! How a child speaks: it writes lines of JSON to its standard output.

use std::io::{self, Write};

use super::protocol::Line;

/// Writes one line and flushes it, so that the parent has the line even if this process crashes next.
pub(crate) fn say(line: &Line) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, line)?;
    out.write_all(b"\n")?;
    out.flush()
}

/// Reports how far a workload has come, so that the parent knows the number even if this process crashes. The
/// workload decides what `so_far` counts.
pub fn progress(so_far: u64) {
    // An error means that the parent has ended. Then nothing reads the number.
    let _ = say(&Line::Progress(so_far));
}
