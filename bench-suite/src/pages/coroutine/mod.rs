//! Fetching a page on a coroutine of `may`, which is suspended meanwhile; its worker runs others.
//!
//! HTTP and TLS are ureq's, as for threads. They are written as for a thread: they call `read` and go on when it
//! returns. A coroutine can run them as they are, for it has a stack that can be left standing in the middle of that
//! call. Three things would block the worker, and with it every coroutine behind this one:
//!
//! - **reading and writing**: so the bytes come and go through a socket that does not block (`socket.rs`), which
//!   suspends the coroutine until the worker's own `epoll` says that it can go on;
//! - **looking up a host's name**: the system has no call for it that does not block, so an OS thread of its own makes
//!   it while the coroutine waits (`lookup.rs`). An address that is written in numbers is not looked up;
//! - **a lock that is held across a wait**: ureq keeps its open connections under an OS mutex. It is held while a
//!   connection is picked, put back or dropped, and to pick one means to look whether it is still open. That look must
//!   not wait, and here it does not. Connecting, reading and writing are outside of it.
//!
//! On Windows `may` watches no socket but its own, so there an OS thread makes each fetch (`offload.rs`).
//!
//! Time limits are kept by a thread of their own (`deadline.rs`). So a process that fetches on coroutines has one OS
//! thread besides `may`'s, and one more for each name that is being looked up.

#[cfg(unix)]
mod deadline;
#[cfg(unix)]
mod lookup;
#[cfg(any(not(unix), test))]
mod offload;
#[cfg(unix)]
mod socket;

use std::sync::LazyLock;

use may::coroutine::is_coroutine;

#[cfg(not(unix))]
use self::offload::Offload as Suspending;
#[cfg(unix)]
use self::socket::Suspending;
use super::{Body, FetchError, Limits, thread};

/// How large a stack a coroutine should have that fetches: 256 KiB, in bytes.
///
/// Measured on x86-64: HTTP overflows 16 KiB and fits 24, HTTPS overflows 32 and fits 48, as far as a handshake goes
/// whose certificate is then refused; without optimization, which makes large frames, HTTP overflows 64 and fits 96,
/// and HTTPS overflows 96 and fits 128. This is twice the most of these. What is not touched of it takes no memory.
pub const STACK_BYTES: usize = 256 << 10;

/// The body of the page at `url`, by a client with the default [`Limits`] that the whole process shares.
///
/// The calling coroutine is suspended until the body is there. It needs a stack of [`STACK_BYTES`].
///
/// # Errors
///
/// If there is no such page, or it does not come within the limits. A status of 400 or more is an error as well.
pub fn http_get_body(url: &str) -> Result<Body, FetchError> {
    static CLIENT: LazyLock<Client> = LazyLock::new(Client::default);
    CLIENT.get_body(url)
}

/// Fetches pages within its [`Limits`], up to 10 redirects away, and suspends the coroutine that asks. Clones share
/// their connections, which are kept open for the next request.
///
/// A thread may call it as well. It then sleeps, as with [`thread::Client`], which does its work: threads and
/// coroutines share no connections.
///
/// To `localhost` and the loopback addresses it always goes directly; to others through the proxy that the environment
/// names, as [`thread::Client`] does, but not through a SOCKS proxy: that is an error.
///
/// A coroutine that fetches needs a stack of [`STACK_BYTES`], where `may` gives 32 KiB if nobody says.
///
/// A coroutine that is cancelled while it waits for an answer, or for a connection, ends there.
#[derive(Clone, Debug)]
pub struct Client {
    on_coroutines: Suspending,
    on_threads: thread::Client,
}

impl Default for Client {
    fn default() -> Self {
        Client::new(Limits::default())
    }
}

impl Client {
    /// A client that keeps to `limits`.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Client { on_coroutines: Suspending::new(limits), on_threads: thread::Client::new(limits) }
    }

    /// Its limits.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.on_threads.limits()
    }

    /// The body of the page at `url`. The calling coroutine is suspended until it is there.
    ///
    /// # Errors
    ///
    /// If there is no such page, or it does not come within the limits. A status of 400 or more is an error as well.
    pub fn get_body(&self, url: &str) -> Result<Body, FetchError> {
        match is_coroutine() {
            true => self.on_coroutines.get_body(url),
            false => self.on_threads.get_body(url),
        }
    }
}
