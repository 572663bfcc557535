//! What all clients share: what a fetch may cost, what it returns, and which URLs are worth trying.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ureq::http::Uri;
use ureq::http::uri::InvalidUri;

/// A page's body. Cloning it copies no bytes, so a memo can give it to every caller.
pub type Body = Arc<[u8]>;

/// The most that a fetch may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long the whole call may take: finding the host, connecting, waiting, redirects, and the body to its
    /// end. A time longer than a year counts as a year.
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

impl Limits {
    /// How long a call may take, as a time that can be added to the clock's. A year is longer than any caller
    /// waits.
    pub(super) fn deadline_after(&self) -> Duration {
        const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
        self.timeout.min(YEAR)
    }
}

/// How many connections a client keeps open for its next request, both in all and per server. The connections of
/// one herd are kept for the next herd. ureq would keep three; each connection that it closes would occupy a port
/// for a minute.
pub(super) const IDLE_CONNECTIONS: usize = 64;

/// How many redirects in a row are followed.
pub(super) const MOST_REDIRECTS: u32 = 10;

/// Parses `url`, or says what is wrong with it.
pub(super) fn parse(url: &str) -> Result<Uri, String> {
    let uri: Uri = url.parse().map_err(|error: InvalidUri| error.to_string())?;
    match uri.scheme_str() {
        Some("http" | "https") => {}
        Some(other) => return Err(format!("{other} is not HTTP")),
        None => return Err("it does not begin with http:// or https://".into()),
    }
    let Some(authority) = uri.authority().filter(|authority| !authority.host().is_empty()) else {
        return Err("it names no host".into());
    };
    // A port that is not a number would be ignored, and the request would go to the usual port instead.
    let port = authority.as_str().rsplit('@').next().and_then(|rest| rest.strip_prefix(authority.host()));
    if authority.port_u16().is_none() && port != Some("") {
        return Err("its port is not a number up to 65535".into());
    }
    Ok(uri)
}

/// Whether the host of `uri` is this machine.
pub(super) fn is_loopback(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default();
    host.eq_ignore_ascii_case("localhost") || address(host).is_some_and(|address| address.is_loopback())
}

/// Parses `host` as an IP address. Returns `None` if it is a name.
pub(super) fn address(host: &str) -> Option<IpAddr> {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host).parse().ok()
}

/// The port to which a request for `uri` goes.
pub(super) fn port(uri: &Uri) -> u16 {
    let usual = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    uri.port_u16().unwrap_or(usual)
}

/// The server that is asked for `uri`, as host and port.
pub(super) fn host_and_port(uri: &Uri) -> String {
    format!("{}:{}", uri.host().unwrap_or_default(), port(uri))
}
