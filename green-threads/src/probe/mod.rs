//! The probe: a child process that runs one workload on one runtime.
//!
//! A runtime's workers and `may`'s stack size can be set once per process, and a measurement may hang, crash or
//! run into a limit. So each setup has its own child process. [`serve`](crate::serve::serve) is the child's body,
//! and [`protocol`] is the language that it speaks with its parent. The Go twin in `bench-suite/go/` speaks the
//! same protocol.
//!
//! [`placement`], [`memory`] and [`threads`] ask the kernel about the process (Linux only; elsewhere a child
//! refuses every setup). [`trace`] records what the units do and when, if a setup asks for it. Before a child
//! measures anything, it proves how many units really run at once (`parallelism.rs`).

pub mod memory;
pub(crate) mod parallelism;
pub mod placement;
pub mod protocol;
pub mod quantity;
pub mod rest;
mod runtime;
pub mod threads;
pub mod trace;

pub(crate) use protocol::progress;
pub use runtime::{Runtime, on_a_task, outside};
