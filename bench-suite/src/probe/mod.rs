//! Probes: the children in which runtimes are measured, ours and the Go twin.
//!
//! What a child is and says is [`green_threads::probe`]. Here they are started, asked under a deadline, and what
//! becomes of them is written down: [`Session`] is one child, [`Fate`] how it ended, [`trace`] its system calls,
//! [`twin`] the Go program.

mod fate;
mod session;
pub mod trace;
pub mod twin;

pub use fate::Fate;
pub use session::{Ended, Programs, Session};
