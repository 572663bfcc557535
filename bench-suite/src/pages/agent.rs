//! Fetches pages with ureq. The clients for threads and for coroutines share this code; they differ in how they send
//! and receive bytes.

use std::io::ErrorKind;

use ureq::http::Uri;
use ureq::unversioned::resolver::Resolver;
use ureq::unversioned::transport::Connector;
use ureq::{Agent, Proxy};

use super::error::FetchError;
use super::fetch::{Body, Limits};
use super::fetch::{IDLE_CONNECTIONS, MOST_REDIRECTS, host_and_port, is_loopback, parse};

/// A ureq agent that keeps to limits and turns ureq's errors into ours.
#[derive(Clone, Debug)]
pub(super) struct Fetcher {
    agent: Agent,
    limits: Limits,
}

impl Fetcher {
    /// A fetcher that connects by `connector` to the addresses that `resolver` finds.
    pub(super) fn new(limits: Limits, connector: impl Connector, resolver: impl Resolver) -> Self {
        // For each direction. ureq's default is 128 KiB, which makes a quarter of a gigabyte for a thousand
        // connections at once.
        const BUFFER: usize = 16 << 10;
        let config = Agent::config_builder()
            .input_buffer_size(BUFFER)
            .output_buffer_size(BUFFER)
            .timeout_global(Some(limits.deadline_after()))
            .max_redirects(MOST_REDIRECTS)
            .max_idle_connections(IDLE_CONNECTIONS)
            .max_idle_connections_per_host(IDLE_CONNECTIONS)
            .build();
        Fetcher { agent: Agent::with_parts(config, connector, resolver), limits }
    }

    pub(super) fn limits(&self) -> Limits {
        self.limits
    }

    pub(super) fn get_body(&self, url: &str) -> Result<Body, FetchError> {
        let uri = parse(url).map_err(|why| FetchError::BadUrl { url: url.into(), why })?;
        self.fetch(&uri).map_err(|error| self.explain(url, &uri, error))
    }

    fn fetch(&self, uri: &Uri) -> Result<Body, ureq::Error> {
        let request = self.agent.get(uri);
        let mut response = match is_loopback(uri) {
            true => request.config().proxy(None).build().call()?,
            false => request.call()?,
        };
        let body = response.body_mut().with_config().limit(self.limits.max_body).read_to_vec()?;
        Ok(body.into())
    }

    fn explain(&self, url: &str, uri: &Uri, error: ureq::Error) -> FetchError {
        let (url, Limits { timeout, max_body }) = (url.to_owned(), self.limits);
        match error {
            ureq::Error::HostNotFound => FetchError::HostNotFound { url, host: self.looked_up(uri) },
            ureq::Error::Io(error) if error.kind() == ErrorKind::ConnectionRefused => {
                FetchError::Refused { url, peer: self.peer(uri) }
            }
            ureq::Error::Timeout(_) => FetchError::Timeout { url, limit: timeout },
            ureq::Error::StatusCode(status) => FetchError::Status { url, status },
            ureq::Error::BodyExceedsLimit(_) => FetchError::BodyTooLong { url, limit: max_body },
            other => FetchError::Other { url, why: other.to_string() },
        }
    }

    /// The proxy that a request for `uri` goes through.
    fn proxy(&self, uri: &Uri) -> Option<&Proxy> {
        self.agent.config().proxy().filter(|proxy| !is_loopback(uri) && !proxy.is_no_proxy(uri))
    }

    /// The host whose address is looked up for `uri`. Most proxies look up the URL's host themselves.
    fn looked_up(&self, uri: &Uri) -> String {
        match self.proxy(uri).filter(|proxy| !proxy.resolve_target()) {
            Some(proxy) => format!("the proxy {}", proxy.host()),
            None => uri.host().unwrap_or_default().into(),
        }
    }

    /// The peer to which a request for `uri` connects.
    fn peer(&self, uri: &Uri) -> String {
        match self.proxy(uri) {
            Some(proxy) => format!("the proxy {}:{}", proxy.host(), proxy.port()),
            None => host_and_port(uri),
        }
    }
}
