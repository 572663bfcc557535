//! Fetches a page on an OS thread, which sleeps meanwhile: the slow function that memos remember.

use std::sync::LazyLock;

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

use super::agent::Fetcher;
use super::error::FetchError;
use super::fetch::{Body, Limits};
use super::fetch::{address, port};

/// Fetches the body of the page at `url`, by a client with the default [`Limits`] that the whole process shares.
///
/// The calling thread sleeps until the body has arrived. This is the slow function of gopl section 9.7.
///
/// # Errors
///
/// If there is no such page, or it does not arrive within the limits. A status of 400 or more is an error as well.
pub fn http_get_body(url: &str) -> Result<Body, FetchError> {
    static CLIENT: LazyLock<Client> = LazyLock::new(Client::default);
    CLIENT.get_body(url)
}

/// Fetches pages within its [`Limits`], up to 10 redirects away. Clones share their connections, which are kept open
/// for the next request.
///
/// It uses the proxy that the environment names (`ALL_PROXY`, `HTTPS_PROXY`, `HTTP_PROXY`, except for the hosts in
/// `NO_PROXY`), because many a classroom has no other way out. To `localhost` and the loopback addresses it always
/// connects directly, whatever the environment says: otherwise a measurement would measure the proxy instead of
/// the server.
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
        Client(Fetcher::new(limits, DefaultConnector::new(), Lookup::default()))
    }

    /// The limits to which this client keeps.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.0.limits()
    }

    /// Fetches the body of the page at `url`. The calling thread sleeps until it has arrived.
    ///
    /// # Errors
    ///
    /// If there is no such page, or it does not arrive within the limits. A status of 400 or more is an error as
    /// well.
    pub fn get_body(&self, url: &str) -> Result<Body, FetchError> {
        self.0.get_body(url)
    }
}

/// ureq's way to look up a host's address, with two changes. It returns one plain error if there is no address:
/// each system reports that differently, and ureq passes the report on as an I/O error like any other. And it
/// looks nothing up if the host is an address already: ureq would start a thread even for that.
#[derive(Debug, Default)]
struct Lookup(DefaultResolver);

impl Resolver for Lookup {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        // A proxy's URL may have another scheme, with another usual port.
        let http = matches!(uri.scheme_str(), Some("http" | "https"));
        if let Some(address) = uri.host().filter(|_| http).and_then(address) {
            let mut addresses = self.empty();
            addresses.push((address, port(uri)).into());
            return Ok(addresses);
        }
        self.0.resolve(uri, config, timeout).map_err(|error| match error {
            ureq::Error::Io(_) => ureq::Error::HostNotFound,
            other => other,
        })
    }
}
