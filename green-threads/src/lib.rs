//! OS threads and M:N tasks: the runtime models, the workloads that compare them, and the probe that measures
//! both.
//!
//! Read the modules in this order:
//!
//! | module | what it contains |
//! |---|---|
//! | [`coroutine`] | stackful coroutines: `may`, with its traps closed |
//! | [`probe`] | a measurement from inside: its protocol, and what the kernel reports about the process |
//! | [`workload`] | what is measured: one file each, with a thread, a coroutine and a task version |
//! | [`serve`] | the body of a child process, which runs one workload on one runtime |
//!
//! All of them take two numbers: [`StackSize`] and [`Workers`].

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
