//! Child processes: code that could hang or crash runs in one, and how the process ended is a result.
//!
//! [`run`] runs a command to its end. A [`Conversation`] asks a child and hears its answers. Both watch for a hang.
//! [`probe`] holds the conversations in which runtimes are measured.

mod conversation;
mod end;
mod finished;
pub mod probe;
mod watch;

pub use conversation::Conversation;
pub use end::End;
pub use finished::{Finished, run};
pub use watch::Patience;
