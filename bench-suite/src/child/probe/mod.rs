//! Probes: the children in which runtimes are measured, ours and the Go twin.
//!
//! What a child is and says is [`green_threads::probe`]. Here they are started, asked under a deadline, and what
//! becomes of them is written down: [`Session`] is one child, [`Stop`] how it ended, [`trace`] its system calls,
//! [`twin`] the Go program.

mod session;
mod stop;
pub mod trace;
pub mod twin;

pub use session::{NoAnswer, Programs, Session};
pub use stop::Stop;
