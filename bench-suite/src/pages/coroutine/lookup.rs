//! Finding a host's address without blocking a worker.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::mpsc::RecvTimeoutError;
use std::thread::Builder;

use may::coroutine::yield_now;
use may::sync::mpsc::channel;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

use crate::pages::fetch::{address, port};

/// How many addresses of one host ureq can hold.
const MOST_ADDRESSES: usize = 16;

/// Finds the address of the host in a URL. An address in numbers is taken as it is. A name is looked up on an OS
/// thread of its own, because the look-up blocks, and the coroutine waits for that thread's result.
#[derive(Debug)]
pub(super) struct Lookup;

impl Resolver for Lookup {
    fn resolve(&self, uri: &Uri, _: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let host = uri.host().unwrap_or_default();
        let port = match uri.scheme_str() {
            // A proxy's URL always has its port, so `port` is only needed for these two schemes.
            Some("http" | "https") => port(uri),
            _ => uri.port_u16().ok_or(ureq::Error::HostNotFound)?,
        };
        let found = match address(host) {
            Some(address) => vec![SocketAddr::new(address, port)],
            None => elsewhere((host.to_owned(), port), timeout)?,
        };
        let mut addresses = self.empty();
        found.into_iter().take(MOST_ADDRESSES).for_each(|address| addresses.push(address));
        match addresses.is_empty() {
            true => Err(ureq::Error::HostNotFound),
            false => Ok(addresses),
        }
    }
}

/// Looks `host` up on a new thread. If that takes longer than the coroutine may wait, the thread continues alone:
/// the system's look-up cannot be stopped, but it ends at some point.
fn elsewhere(host: (String, u16), timeout: NextTimeout) -> Result<Vec<SocketAddr>, ureq::Error> {
    let (tell, told) = channel();
    Builder::new().name("page-lookup".into()).spawn(move || {
        let found = host.to_socket_addrs().map(Vec::from_iter);
        // An error means that the coroutine no longer waits.
        let _ = tell.send(found);
    })?;
    let found = match timeout.not_zero() {
        Some(after) => told.recv_timeout(*after),
        None => told.recv().map_err(|_| RecvTimeoutError::Disconnected),
    };
    // After a wait that timed out, `may` runs the coroutine on its timer thread until it next yields.
    yield_now();
    match found {
        Ok(Ok(addresses)) => Ok(addresses),
        // Each system reports an unknown host differently.
        Ok(Err(_)) => Err(ureq::Error::HostNotFound),
        Err(RecvTimeoutError::Timeout) => Err(ureq::Error::Timeout(timeout.reason)),
        Err(RecvTimeoutError::Disconnected) => Err(io::Error::other("the thread that looks up hosts panicked").into()),
    }
}
