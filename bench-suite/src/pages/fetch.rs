//! Fetching a page: the slow function that memos remember.

use std::io::ErrorKind;
use std::net::IpAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use ureq::config::Config;
use ureq::http::Uri;
use ureq::http::uri::InvalidUri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Proxy};

use super::FetchError;

/// A page's body. Cloning it copies no bytes, so a memo can hand it to everybody who asks.
pub type Body = Arc<[u8]>;

/// What a fetch may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long the whole call may take: finding the host, connecting, waiting, redirects, and the body to its end.
    /// What is longer than a year is taken for a year.
    pub timeout: Duration,
    /// How long the body may be, in bytes.
    pub max_body: u64,
}

impl Default for Limits {
    /// 30 seconds and 16 MiB.
    fn default() -> Self {
        Limits { timeout: Duration::from_secs(30), max_body: 16 << 20 }
    }
}

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

/// Fetches pages within its [`Limits`]. Clones share their connections, which are kept open for the next request.
///
/// It goes through the proxy that the environment names (`ALL_PROXY`, `HTTPS_PROXY`, `HTTP_PROXY`, but for the hosts in
/// `NO_PROXY`), since in many a classroom there is no other way out. To `localhost` and the loopback addresses it
/// always goes directly, whatever the environment says: a proxy there would be measured instead of the server.
#[derive(Clone, Debug)]
pub struct Client {
    agent: Agent,
    limits: Limits,
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
        // Later than anybody waits, and yet a time that can be added to the clock's.
        const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
        // A herd's connections are kept for the next herd, where ureq would keep three: those closed instead would
        // each occupy a port for a minute.
        const IDLE_CONNECTIONS: usize = 64;
        let config = Agent::config_builder()
            .timeout_global(Some(limits.timeout.min(YEAR)))
            .max_idle_connections(IDLE_CONNECTIONS)
            .max_idle_connections_per_host(IDLE_CONNECTIONS)
            .build();
        Client { agent: Agent::with_parts(config, DefaultConnector::new(), Lookup::default()), limits }
    }

    /// Its limits.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// The body of the page at `url`.
    ///
    /// # Errors
    ///
    /// If there is no such page, or it does not come within the limits. A status of 400 or more is an error as well.
    pub fn get_body(&self, url: &str) -> Result<Body, FetchError> {
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

    /// Whose address is looked up for `uri`. Most proxies look the host up themselves.
    fn looked_up(&self, uri: &Uri) -> String {
        match self.proxy(uri).filter(|proxy| !proxy.resolve_target()) {
            Some(proxy) => format!("the proxy {}", proxy.host()),
            None => uri.host().unwrap_or_default().into(),
        }
    }

    /// Whom a request for `uri` connects to.
    fn peer(&self, uri: &Uri) -> String {
        if let Some(proxy) = self.proxy(uri) {
            return format!("the proxy {}:{}", proxy.host(), proxy.port());
        }
        let usual = if uri.scheme_str() == Some("https") { 443 } else { 80 };
        format!("{}:{}", uri.host().unwrap_or_default(), uri.port_u16().unwrap_or(usual))
    }
}

/// What `url` means, or what is wrong with it.
fn parse(url: &str) -> Result<Uri, String> {
    let uri: Uri = url.parse().map_err(|error: InvalidUri| error.to_string())?;
    match uri.scheme_str() {
        Some("http" | "https") => {}
        Some(other) => return Err(format!("{other} is not HTTP")),
        None => return Err("it does not begin with http:// or https://".into()),
    }
    let Some(authority) = uri.authority().filter(|authority| !authority.host().is_empty()) else {
        return Err("it names no host".into());
    };
    // A port that is no number would be taken for none, and the request would go to the usual port instead.
    let port = authority.as_str().rsplit('@').next().and_then(|rest| rest.strip_prefix(authority.host()));
    if authority.port_u16().is_none() && port != Some("") {
        return Err("its port is not a number up to 65535".into());
    }
    Ok(uri)
}

/// Whether `uri` is on this machine.
fn is_loopback(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default();
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// ureq's way of finding a host's address, with a plain answer when there is none: how a system says that differs from
/// one to the next, and ureq passes it on among all other errors of input and output.
#[derive(Debug, Default)]
struct Lookup(DefaultResolver);

impl Resolver for Lookup {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        self.0.resolve(uri, config, timeout).map_err(|error| match error {
            ureq::Error::Io(_) => ureq::Error::HostNotFound,
            other => other,
        })
    }
}
