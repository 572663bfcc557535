//! A TCP connection whose waits suspend a coroutine and do not block its worker.

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

/// Fetches pages over connections that suspend the calling coroutine.
#[derive(Clone, Debug)]
pub(super) struct Suspending(Fetcher);

impl Suspending {
    pub(super) fn new(limits: Limits) -> Self {
        let connector =
            ().chain(ConnectProxyConnector::default()).chain(SocketConnector).chain(RustlsConnector::default());
        Suspending(Fetcher::new(limits, connector, Lookup))
    }

    /// Fetches the body of the page at `url`. The calling coroutine is suspended meanwhile.
    pub(super) fn get_body(&self, url: &str) -> Result<Body, FetchError> {
        self.0.get_body(url)
    }
}

/// Connects to the addresses from the resolver, unless there is already a connection through a proxy.
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
                "the environment names the SOCKS proxy {}:{}, which the client for coroutines cannot use; fetch on a \
                 thread, or name the host in NO_PROXY",
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

    /// ureq calls this while it holds the lock of its connections, so it must not wait.
    fn is_open(&mut self) -> bool {
        // The server sends nothing before it is asked. If there is something to read, the server is closing the
        // connection.
        matches!(self.socket.stream.peek(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock)
    }
}

impl fmt::Debug for SocketTransport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("SocketTransport").field("peer", &self.socket.stream.peer_addr().ok()).finish()
    }
}

/// A socket that does not block, and its registration with the sockets that `may`'s workers watch.
///
/// The fields are dropped in this order, and must be: `may` removes the registration by the descriptor's number.
/// If the descriptor were closed first, that number could already belong to another socket.
struct Socket {
    watched: CoIo<Shared>,
    stream: Arc<TcpStream>,
}

impl Socket {
    /// Connects to the first of `addresses` that can be reached. Each attempt has its share of the time that is
    /// left.
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
        // If the attempt has already succeeded or failed, the watch reports that at once.
        let watched = CoIo::new(Shared(stream.clone())).map_err(io::Error::from)?;
        // Set only now: a socket that is not yet connecting cannot be shut down.
        let deadline = Deadline::set(&stream, within)?;
        loop {
            let failed = stream.take_error()?;
            match stream.peer_addr() {
                Ok(_) => break,
                // The deadline is checked before the errors, because a socket that was shut down may report any of
                // them.
                Err(_) if deadline.is_over() => return Err(ErrorKind::TimedOut.into()),
                Err(error) if error.kind() == ErrorKind::NotConnected => {}
                Err(error) => return Err(error),
            }
            if let Some(error) = failed {
                return Err(error);
            }
            // `wait_io` returns 0 only if the coroutine is being cancelled, otherwise the events.
            if watched.wait_io() == 0 {
                end_cancelled();
            }
        }
        // A small request must not wait for the acknowledgement of earlier ones.
        stream.set_nodelay(true)?;
        Ok(Socket { watched, stream })
    }

    /// Makes a call that may suspend the coroutine, and stops it at its time limit.
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
        // After a shutdown, a read returns nothing, as if the server had hung up, or the call fails.
        match result {
            Ok(amount) if amount != T::default() => Ok(amount),
            _ if deadline.is_over() => Err(ureq::Error::Timeout(timeout.reason)),
            result => Ok(result?),
        }
    }
}

/// Whether the connection attempt has begun and only needs waiting for.
fn is_under_way(error: &io::Error) -> bool {
    error.kind() == ErrorKind::WouldBlock || error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error())
}

/// Ends a coroutine that was cancelled in [`WaitIo::wait_io`], as `may` ends one that was cancelled in a read.
/// `wait_io` alone does not end it: it clears the cancellation and returns.
fn end_cancelled() -> ! {
    // Takes the value that `may` leaves for the coroutine's next wait. Otherwise the next coroutine on this stack
    // would find it.
    let _ = generator::co_get_yield::<io::Error>();
    resume_unwind(Box::new(generator::Error::Cancel))
}

/// The socket in the form that `may` takes. The deadline of a call shares it.
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
