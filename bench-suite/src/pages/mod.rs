//! The running example of gopl section 9.7: pages over HTTP, which are slow to fetch and so worth remembering.
//!
//! [`http_get_body`] is the slow function that the memos remember. It stands three times, under the same names: in
//! [`thread`], in [`coroutine`] and in [`task`]. The first two share ureq (`agent.rs`), which does not care on whose
//! sockets it waits; the third is another library, since what awaits is another function.
//!
//! [`Server`] is where it can fetch from without a network: a server of this process's own, which takes as long as it is
//! told to answer, and counts who asked, so that a memo's claim of one call a key is checked by somebody other than the
//! memo. [`Elsewhere`] is the same in another process.

mod agent;
pub mod coroutine;
mod elsewhere;
mod error;
mod limits;
mod server;
pub mod task;
pub mod thread;
mod url;

pub use elsewhere::{Elsewhere, serve};
pub use error::FetchError;
pub use limits::{Body, Limits};
pub use server::{Server, Site};
pub use thread::{Client, http_get_body};
