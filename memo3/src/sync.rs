//! What the memo is made of: threads, and channels between them.
//!
//! They are in one place so that they can be exchanged: `tests/schedules/` compiles the memo a second time, with a
//! checker's threads and channels under the same names. It then tries many orders in which they can take their
//! turns.

pub(crate) use std::sync::Arc;
pub(crate) use std::thread::{self, Builder, JoinHandle};

pub(crate) use crossbeam::channel::{Receiver, Sender, bounded, unbounded};
