//! A TCP connection on which a coroutine waits and a worker does not.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::{Duration, Instant};

use may::io::{CoIo, WaitIo};
use socket2::{Domain, Type};
use ureq::unversioned::transport::{
    Buffers, ConnectProxyConnector, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, RustlsConnector,
    Transport,
};

use super::deadline::Deadline;
use super::lookup::Lookup;
use crate::pages::agent::Fetcher;
use crate::pages::{Body, FetchError, Limits};

/// Fetches pages over such connections.
#[derive(Clone, Debug)]
pub(super) struct Suspending(Fetcher);

impl Suspending {
    pub(super) fn new(limits: Limits) -> Self {
        let connector =
            ().chain(ConnectProxyConnector::default()).chain(SocketConnector).chain(RustlsConnector::default());
        Suspending(Fetcher::new(limits, connector, Lookup))
    }

    /// The body of the page at `url`. The calling coroutine is suspended meanwhile.
    pub(super) fn get_body(&self, url: &str) -> Result<Body, FetchError> {
        self.0.get_body(url)
    }
}

/// Connects to where the resolver says, unless there is a connection already: one through a proxy.
#[derive(Debug)]
struct SocketConnector;

impl<In: Transport> Connector<In> for SocketConnector {
    type Out = Either<In, SocketTransport>;

    fn connect(&self, details: &ConnectionDetails<'_>, chained: Option<In>) -> Result<Option<Self::Out>, ureq::Error> {
        if let Some(connected) = chained {
            return Ok(Some(Either::A(connected)));
        }
        let proxy = details.config.proxy().filter(|proxy| !proxy.is_no_proxy(details.uri));
        if let Some(proxy) =
            proxy.filter(|proxy| proxy.uri().scheme_str().is_some_and(|name| name.starts_with("socks")))
        {
            let why = format!(
                "the environment names the SOCKS proxy {}:{}, through which a coroutine cannot go; fetch it on a thread, \
                 or name the host in NO_PROXY",
                proxy.host(),
                proxy.port(),
            );
            return Err(io::Error::new(ErrorKind::Unsupported, why).into());
        }
        let buffers = LazyBuffers::new(details.config.input_buffer_size(), details.config.output_buffer_size());
        let socket = Socket::connect_to_one(&details.addrs, details.timeout)?;
        Ok(Some(Either::B(SocketTransport { socket, buffers })))
    }
}

/// A connection and ureq's buffers for it.
struct SocketTransport {
    socket: Socket,
    buffers: LazyBuffers,
}

impl Transport for SocketTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        let output = &self.buffers.output()[..amount];
        self.socket.within(timeout.for_write(), |socket| socket.write_all(output))
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        let input = self.buffers.input_append_buf();
        let amount = self.socket.within(timeout.for_read(), |socket| socket.read(input))?;
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    /// ureq asks this while it holds the lock of its connections, so it must not wait.
    fn is_open(&mut self) -> bool {
        // The server has nothing to say before it is asked. If there is something to read, it is a farewell.
        matches!(self.socket.stream.peek(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock)
    }
}

impl fmt::Debug for SocketTransport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("SocketTransport").field("peer", &self.socket.stream.peer_addr().ok()).finish()
    }
}

/// A socket that does not block, and its place among those that `may`'s workers watch.
///
/// The fields are dropped in this order, and must be: `may` takes the watch off by the descriptor's number, which would
/// be somebody else's as soon as the descriptor were closed.
struct Socket {
    watched: CoIo<Shared>,
    stream: Arc<TcpStream>,
}

impl Socket {
    /// Connects to one of `addresses`, the first that can be reached. Each has its share of the time that is left.
    fn connect_to_one(addresses: &[SocketAddr], timeout: NextTimeout) -> Result<Socket, ureq::Error> {
        let until = timeout.not_zero().map(|after| Instant::now() + *after);
        let mut failed = io::Error::new(ErrorKind::ConnectionRefused, "the host has no address");
        for (tried, address) in addresses.iter().enumerate() {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            let share = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
            match Socket::connect(address, left.map(|left| left / share)) {
                Ok(socket) => return Ok(socket),
                Err(error) => failed = error,
            }
        }
        match failed.kind() {
            ErrorKind::TimedOut => Err(ureq::Error::Timeout(timeout.reason)),
            _ => Err(failed.into()),
        }
    }

    fn connect(address: &SocketAddr, within: Option<Duration>) -> io::Result<Socket> {
        let socket = socket2::Socket::new(Domain::for_address(*address), Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        match socket.connect(&(*address).into()) {
            Ok(()) => {}
            Err(error) if is_under_way(&error) => {}
            Err(error) => return Err(error),
        }
        let stream = Arc::new(TcpStream::from(socket));
        // What has become of the attempt meanwhile is told as soon as it is watched.
        let watched = CoIo::new(Shared(stream.clone())).map_err(io::Error::from)?;
        // Set now and not before: a socket that is not yet connecting cannot be shut down.
        let deadline = Deadline::set(&stream, within)?;
        loop {
            let failed = stream.take_error()?;
            match stream.peer_addr() {
                Ok(_) => break,
                // Asked first, since to be shut down looks like one failure or another.
                Err(_) if deadline.is_over() => return Err(ErrorKind::TimedOut.into()),
                Err(error) if error.kind() == ErrorKind::NotConnected => {}
                Err(error) => return Err(error),
            }
            if let Some(error) = failed {
                return Err(error);
            }
            // It returns for any event, and for none only if the coroutine is being cancelled.
            if watched.wait_io() == 0 {
                end_cancelled();
            }
        }
        // A small request must not wait for the acknowledgement of others.
        stream.set_nodelay(true)?;
        Ok(Socket { watched, stream })
    }

    /// Makes a call that may suspend the coroutine, and ends it when the time is over.
    fn within<T: Default + PartialEq>(
        &mut self,
        timeout: NextTimeout,
        call: impl FnOnce(&mut CoIo<Shared>) -> io::Result<T>,
    ) -> Result<T, ureq::Error> {
        if timeout.after.is_zero() {
            return Err(ureq::Error::Timeout(timeout.reason));
        }
        let deadline = Deadline::set(&self.stream, timeout.not_zero().map(|after| *after))?;
        let result = call(&mut self.watched);
        // A socket that was shut down reads nothing, as if the server had hung up; or the call fails.
        match result {
            Ok(amount) if amount != T::default() => Ok(amount),
            _ if deadline.is_over() => Err(ureq::Error::Timeout(timeout.reason)),
            result => Ok(result?),
        }
    }
}

/// Whether a connection is being made, and only the waiting for it remains.
fn is_under_way(error: &io::Error) -> bool {
    error.kind() == ErrorKind::WouldBlock || error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error())
}

/// Ends a coroutine that was cancelled in [`WaitIo::wait_io`], as `may` ends one that was cancelled in a read. That
/// call alone does not: it takes the word back and returns.
fn end_cancelled() -> ! {
    // What `may` leaves for whoever was to wait next, and would be found by the next coroutine on this stack.
    let _ = generator::co_get_yield::<io::Error>();
    resume_unwind(Box::new(generator::Error::Cancel))
}

/// The socket, as `may` takes it. Whoever sets a deadline has it too.
struct Shared(Arc<TcpStream>);

impl Read for Shared {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        (&*self.0).read(into)
    }
}

impl Write for Shared {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        (&*self.0).write(from)
    }

    fn flush(&mut self) -> io::Result<()> {
        (&*self.0).flush()
    }
}

impl AsRawFd for Shared {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}
