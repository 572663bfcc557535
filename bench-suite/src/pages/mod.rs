//! The running example of gopl section 9.7: pages over HTTP, which are slow to fetch and so worth remembering.
//!
//! [`http_get_body`] is the slow function that the memos remember. [`Server`] is where it can fetch from without a
//! network: a server of this process's own, which takes as long as it is told to answer, and counts who asked, so that
//! a memo's claim of one call a key is checked by somebody other than the memo.

mod elsewhere;
mod error;
mod fetch;
mod server;

pub use elsewhere::{Elsewhere, serve};
pub use error::FetchError;
pub use fetch::{Body, Client, Limits, http_get_body};
pub use server::{Server, Site};
