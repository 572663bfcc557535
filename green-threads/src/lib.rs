//! OS threads and M:N tasks: the runtime models, the workloads that compare them, and the probe that watches both.
//!
//! So far it holds the probe's two ends at the operating system, which every measurement needs: on which cores threads
//! may run ([`probe::placement`]) and what the kernel says of them ([`probe::threads`]).

#![forbid(unsafe_code)]

pub mod probe;
