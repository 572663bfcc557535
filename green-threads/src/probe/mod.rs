//! What is asked of the operating system about the threads that are measured.

pub mod placement;
#[cfg(target_os = "linux")]
pub mod threads;
