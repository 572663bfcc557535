//! Fetches a page on a coroutine of `may`. The coroutine is suspended meanwhile, and its worker runs other
//! coroutines.
//!
//! HTTP and TLS are ureq's, as for threads. They are written for threads: they call `read` and continue when it
//! returns. A coroutine can run them unchanged, because it has a stack of its own on which that call can pause
//! halfway. Three things would block the worker, and with it every coroutine that waits for the worker:
//!
//! - **reading and writing**: so all bytes go through a non-blocking socket (`socket.rs`), which suspends the
//!   coroutine until the worker's own `epoll` says that the socket is ready;
//! - **looking up a host's name**: the system has no non-blocking call for it, so a separate OS thread makes the
//!   call while the coroutine waits (`lookup.rs`). An address that is written in numbers is not looked up;
//! - **a lock that is held across a wait**: ureq keeps its open connections under an OS mutex. It holds the mutex
//!   while it picks a connection, puts one back or drops one. Picking one includes checking that it is still open.
//!   That check must not wait, and here it does not. ureq connects, reads and writes outside the lock.
//!
//! On Windows `may` watches only its own sockets, so there an OS thread makes each fetch (`offload.rs`).
//!
//! One thread keeps all time limits (`deadline.rs`). So a process that fetches on coroutines has one OS thread
//! besides `may`'s, and one more for each name that is being looked up.

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

/// How large the stack of a coroutine that fetches should be: 256 KiB, in bytes.
///
/// Measured on x86-64: HTTP overflows 16 KiB and fits 24; HTTPS overflows 32 and fits 48, up to a handshake whose
/// certificate is then refused. Without optimization, which makes large frames, HTTP overflows 64 and fits 96, and
/// HTTPS overflows 96 and fits 128. The constant is twice the largest of these. The pages that are never touched
/// take no memory.
pub const STACK_BYTES: usize = 256 << 10;

/// Fetches the body of the page at `url`, by a client with the default [`Limits`] that the whole process shares.
///
/// The calling coroutine is suspended until the body has arrived. It needs a stack of [`STACK_BYTES`].
///
/// # Errors
///
/// If there is no such page, or it does not arrive within the limits. A status of 400 or more is an error as well.
pub fn http_get_body(url: &str) -> Result<Body, FetchError> {
    static CLIENT: LazyLock<Client> = LazyLock::new(Client::default);
    CLIENT.get_body(url)
}

/// Fetches pages within its [`Limits`], up to 10 redirects away, and suspends the calling coroutine meanwhile.
/// Clones share their connections, which are kept open for the next request.
///
/// A thread may call it as well. The thread then sleeps, as with [`thread::Client`], which does its work: threads
/// and coroutines share no connections.
///
/// To `localhost` and the loopback addresses it always connects directly. To other hosts it uses the proxy that
/// the environment names, as [`thread::Client`] does, but not a SOCKS proxy: that is an error.
///
/// A coroutine that fetches needs a stack of [`STACK_BYTES`]; `may`'s default is 32 KiB.
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

    /// The limits to which this client keeps.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.on_threads.limits()
    }

    /// Fetches the body of the page at `url`. The calling coroutine is suspended until it has arrived.
    ///
    /// # Errors
    ///
    /// If there is no such page, or it does not arrive within the limits. A status of 400 or more is an error as
    /// well.
    pub fn get_body(&self, url: &str) -> Result<Body, FetchError> {
        match is_coroutine() {
            true => self.on_coroutines.get_body(url),
            false => self.on_threads.get_body(url),
        }
    }
}
