//! The running example of gopl section 9.7: pages over HTTP, which are slow to fetch and so worth remembering.
//!
//! `http_get_body` is the slow function that the memos remember. There is one for each runtime, by the same name: for
//! OS threads [`thread::http_get_body`], which is also [`http_get_body`]; for coroutines [`coroutine::http_get_body`],
//! which suspends its coroutine and not the worker; for async tasks [`task::http_get_body`], which is awaited. Each has
//! a `Client` behind it, with the same [`Limits`] and the same [`FetchError`]s.
//!
//! [`Server`] is where they can fetch from without a network: a server of this process's own, which takes as long as it
//! is told to answer, and counts who asked, so that a memo's claim of one call a key is checked by somebody other than
//! the memo. [`Elsewhere`] is the same in another process.

mod agent;
pub mod coroutine;
mod elsewhere;
mod error;
mod fetch;
mod server;
pub mod task;
pub mod thread;

pub use elsewhere::{Elsewhere, serve};
pub use error::FetchError;
pub use fetch::{Body, Limits};
pub use server::{Server, Site};
pub use thread::{Client, http_get_body};
