//! What a child says: lines of JSON on its standard output.

use std::io::{self, Write};

use super::protocol::Line;

/// Says one line, at once.
pub(crate) fn say(line: &Line) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, line)?;
    out.write_all(b"\n")?;
    out.flush()
}

/// Says how far a workload has come, so that a crash leaves a number behind.
pub fn progress(so_far: u64) {
    // Without a reader the number is of no use.
    let _ = say(&Line::Progress(so_far));
}
