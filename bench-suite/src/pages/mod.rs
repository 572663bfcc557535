//! The running example of gopl section 9.7: pages over HTTP. They are slow to fetch, and so worth remembering.
//!
//! `http_get_body` is the slow function whose results the memos remember. Each runtime has one of that name: for
//! OS threads [`thread::http_get_body`], which is also [`http_get_body`]; for coroutines
//! [`coroutine::http_get_body`], which suspends its coroutine and not the worker; for async tasks
//! [`task::http_get_body`], which is awaited. Behind each is a `Client`, with the same [`Limits`] and the same
//! [`FetchError`]s.
//!
//! [`Server`] lets them fetch without a network. It runs in this process, takes a given time to answer, and counts
//! the requests. So a memo's claim of one call per key is checked outside the memo. [`Elsewhere`] is the same
//! server in another process.

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
