//! Fetching a page on a coroutine, which is suspended until the page is there and gives its worker to others.
//!
//! ureq is plain blocking code, and on a coroutine plain code may wait, as long as it waits on something of `may`'s. So
//! ureq stays as it is, and gets other sockets: those of [`may::net`], which suspend. What else in it could block the
//! worker is seen to here:
//!
//! - the look-up of a host's *name* is a call of the operating system's that blocks. It has an OS thread of its own, for
//!   which the coroutine waits on a channel of `may`'s;
//! - the pool of connections has an OS mutex, which ureq holds for some instructions and never while it reads or writes.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::LazyLock;
use std::thread::Builder;
use std::time::Duration;

use green_threads::coroutine::mpsc;
use may::net::TcpStream;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::time::Duration as Limit;
use ureq::unversioned::transport::{
    Buffers, ConnectProxyConnector, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, RustlsConnector,
    Transport,
};

use super::agent::Fetcher;
use super::url::{address, port};
use super::{Body, FetchError, Limits};

/// The stack that a coroutine needs to fetch a page, in bytes: for HTTPS too, and for the printing of a panic. It becomes
/// resident as far as it is used.
pub const STACK_BYTES: usize = 256 << 10;

/// The body of the page at `url`, by a client with the default [`Limits`] that the whole process shares.
///
/// The calling coroutine is suspended until the body is there; it needs a stack of [`STACK_BYTES`]. A thread may call it
/// as well, and sleeps. This is the slow function of gopl section 9.7.
///
/// # Errors
///
/// If there is no such page, or it does not come within the limits. A status of 400 or more is an error as well.
pub fn http_get_body(url: &str) -> Result<Body, FetchError> {
    static CLIENT: LazyLock<Client> = LazyLock::new(Client::default);
    CLIENT.get_body(url)
}

/// Fetches pages within its [`Limits`]. Clones share their connections, which are kept open for the next request.
///
/// It goes through an HTTP proxy that the environment names, as [`thread::Client`](super::thread::Client) does, and
/// never to the loopback addresses. A SOCKS proxy it does not speak to.
#[derive(Clone, Debug)]
pub struct Client(Fetcher);

impl Default for Client {
    fn default() -> Self {
        Client::new(Limits::default())
    }
}

impl Client {
    /// A client that keeps to `limits`.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let connector = ().chain(ConnectProxyConnector::default()).chain(Connect).chain(RustlsConnector::default());
        Client(Fetcher::new(limits, connector, Lookup))
    }

    /// Its limits.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.0.limits()
    }

    /// The body of the page at `url`.
    ///
    /// # Errors
    ///
    /// If there is no such page, or it does not come within the limits. A status of 400 or more is an error as well.
    pub fn get_body(&self, url: &str) -> Result<Body, FetchError> {
        self.0.get_body(url)
    }
}

/// Connects by a socket of `may`'s.
#[derive(Debug)]
struct Connect;

impl<In: Transport> Connector<In> for Connect {
    type Out = Either<In, Socket>;

    fn connect(&self, details: &ConnectionDetails<'_>, chained: Option<In>) -> Result<Option<Self::Out>, ureq::Error> {
        // A proxy has connected already.
        if let Some(chained) = chained {
            return Ok(Some(Either::A(chained)));
        }
        let mut refused = None;
        for address in &details.addrs {
            match connect(*address, details.timeout) {
                Ok(stream) => {
                    let buffers =
                        LazyBuffers::new(details.config.input_buffer_size(), details.config.output_buffer_size());
                    return Ok(Some(Either::B(Socket { stream, buffers })));
                }
                // Another address of the host may answer.
                Err(error) if error.kind() != ErrorKind::TimedOut => refused = Some(error),
                Err(_) => return Err(ureq::Error::Timeout(details.timeout.reason)),
            }
        }
        Err(refused.map_or(ureq::Error::HostNotFound, ureq::Error::Io))
    }
}

fn connect(address: SocketAddr, timeout: NextTimeout) -> io::Result<TcpStream> {
    let stream = match left(timeout).map_err(|_| ErrorKind::TimedOut)? {
        Some(left) => TcpStream::connect_timeout(&address, left)?,
        None => TcpStream::connect(address)?,
    };
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// How much time is left: no limit is `None`, and no time an error.
fn left(timeout: NextTimeout) -> Result<Option<Duration>, ureq::Error> {
    match timeout.after {
        Limit::NotHappening => Ok(None),
        Limit::Exact(Duration::ZERO) => Err(ureq::Error::Timeout(timeout.reason)),
        Limit::Exact(left) => Ok(Some(left)),
    }
}

/// A connection, as ureq drives it.
struct Socket {
    stream: TcpStream,
    buffers: LazyBuffers,
}

impl std::fmt::Debug for Socket {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Socket").field("peer", &self.stream.peer_addr().ok()).finish_non_exhaustive()
    }
}

/// A wait that was too long, as ureq names it.
fn explained(error: io::Error, timeout: NextTimeout) -> ureq::Error {
    match error.kind() {
        ErrorKind::TimedOut | ErrorKind::WouldBlock => ureq::Error::Timeout(timeout.reason),
        _ => error.into(),
    }
}

impl Transport for Socket {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        self.stream.set_write_timeout(left(timeout)?)?;
        let output = &self.buffers.output()[..amount];
        self.stream.write_all(output).map_err(|error| explained(error, timeout))
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.stream.set_read_timeout(left(timeout)?)?;
        let input = self.buffers.input_append_buf();
        let amount = self.stream.read(input).map_err(|error| explained(error, timeout))?;
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    /// Whether a connection from the pool can be used: nothing has come on it, and it has not ended. The look is at the
    /// socket itself, since `may`'s would wait.
    fn is_open(&mut self) -> bool {
        matches!(self.stream.inner().peek(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock)
    }
}

/// Finds a host's address without blocking the worker.
#[derive(Debug)]
struct Lookup;

impl Resolver for Lookup {
    fn resolve(&self, uri: &Uri, _: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut addresses = self.empty();
        if let Some(address) = address(uri) {
            addresses.push(address);
            return Ok(addresses);
        }
        let host = uri.host().ok_or(ureq::Error::HostNotFound)?;
        let found = on_a_thread((host.to_string(), port(uri)), timeout)?;
        // So many ureq tries.
        const MOST: usize = 16;
        found.into_iter().take(MOST).for_each(|address| addresses.push(address));
        if addresses.is_empty() { Err(ureq::Error::HostNotFound) } else { Ok(addresses) }
    }
}

/// Looks a name up on an OS thread, which the operating system may block, and waits for it as coroutines wait.
fn on_a_thread(host: (String, u16), timeout: NextTimeout) -> Result<Vec<SocketAddr>, ureq::Error> {
    let (tell, told) = mpsc::channel();
    Builder::new().name("look-up".into()).spawn(move || {
        let found = host.to_socket_addrs().map(Iterator::collect).unwrap_or_default();
        // An error means that the coroutine has had enough of waiting.
        let _ = tell.send(found);
    })?;
    let found = match left(timeout)? {
        Some(left) => told.recv_timeout(left).map_err(|_| ureq::Error::Timeout(timeout.reason))?,
        None => told.recv().unwrap_or_default(),
    };
    // After a wait with a limit `may` goes on on its timer thread, which must be free for others' limits.
    if may::coroutine::is_coroutine() {
        green_threads::coroutine::yield_now();
    }
    Ok(found)
}
