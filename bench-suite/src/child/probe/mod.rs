//! Probes: the child processes in which runtimes are measured. They are our own programs and the Go twin.
//!
//! The module [`green_threads::probe`] says what a child does and which lines it writes. This module starts the
//! children, asks them under a deadline, and records what happens: [`Session`] is one child, [`Stop`] says why it
//! gave no answer, [`system_calls`] counts its system calls, and [`twin`] builds the Go program.

mod session;
mod stop;
pub mod system_calls;
pub mod twin;

pub use session::{NoAnswer, Programs, Session};
pub use stop::Stop;
