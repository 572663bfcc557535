//! Fetching a page on an OS thread, which sleeps meanwhile: the slow function that memos remember.

use std::sync::LazyLock;

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

use super::agent::Fetcher;
use super::fetch::{address, port};
use super::{Body, FetchError, Limits};

/// The body of the page at `url`, by a client with the default [`Limits`] that the whole process shares.
///
/// The calling thread sleeps until the body is there. This is the slow function of gopl section 9.7.
///
/// # Errors
///
/// If there is no such page, or it does not come within the limits. A status of 400 or more is an error as well.
pub fn http_get_body(url: &str) -> Result<Body, FetchError> {
    static CLIENT: LazyLock<Client> = LazyLock::new(Client::default);
    CLIENT.get_body(url)
}

/// Fetches pages within its [`Limits`], up to 10 redirects away. Clones share their connections, which are kept open
/// for the next request.
///
/// It goes through the proxy that the environment names (`ALL_PROXY`, `HTTPS_PROXY`, `HTTP_PROXY`, but for the hosts in
/// `NO_PROXY`), since in many a classroom there is no other way out. To `localhost` and the loopback addresses it
/// always goes directly, whatever the environment says: a proxy there would be measured instead of the server.
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

    /// Its limits.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.0.limits()
    }

    /// The body of the page at `url`. The calling thread sleeps until it is there.
    ///
    /// # Errors
    ///
    /// If there is no such page, or it does not come within the limits. A status of 400 or more is an error as well.
    pub fn get_body(&self, url: &str) -> Result<Body, FetchError> {
        self.0.get_body(url)
    }
}

/// ureq's way of finding a host's address, with a plain answer when there is none: how a system says that differs from
/// one to the next, and ureq passes it on among all other errors of input and output. And without a look-up where there
/// is no name: ureq would start a thread even for that.
#[derive(Debug, Default)]
struct Lookup(DefaultResolver);

impl Resolver for Lookup {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        // A proxy's URL may be of another kind, with another usual port.
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
