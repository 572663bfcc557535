//! OS threads and M:N tasks: the runtime models, the workloads that compare them, and the probe that watches both.
//!
//! To read it:
//!
//! | module | what it is for |
//! |---|---|
//! | [`coroutine`] | stackful coroutines: `may`, with its traps closed |
//! | [`probe`] | a measurement from inside: what is asked and answered, and what the kernel says about the process |
//! | [`workload`] | what is measured: a file for each, with its thread, coroutine and task versions one below the other |
//! | [`serve`] | the body of a child process, which runs one workload on one runtime |
//!
//! and two numbers that all of them take: [`StackSize`] and [`Workers`].

#![deny(unsafe_code)]

pub mod coroutine;
pub mod probe;
pub mod serve;
mod stack_size;
mod system;
mod workers;
pub mod workload;

pub use stack_size::{StackSize, StackSizeError};
pub use workers::{Workers, WorkersError};
