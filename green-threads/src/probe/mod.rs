//! The probe: one workload, on one runtime, in a process of its own.
//!
//! A runtime's workers and `may`'s stacks can be set once in a process, and what is measured may hang, crash or run
//! into a limit. So each setup has its own child process: the child's body is [`serve`](crate::serve::serve), and [`protocol`] is what it
//! says and hears. The Go twin in `bench-suite/go/` speaks the same protocol.
//!
//! [`placement`], [`memory`] and [`threads`] are what the kernel is asked (Linux's; elsewhere a child refuses). How
//! many units really run at once is proved before anything is measured (`parallelism.rs`).

pub mod memory;
pub(crate) mod parallelism;
pub mod placement;
pub mod protocol;
pub mod quantity;
pub mod rest;
mod runtime;
mod say;
pub mod threads;

pub use runtime::{Runtime, on_a_task, outside};
pub use say::progress;
pub(crate) use say::say;
