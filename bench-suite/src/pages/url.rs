//! URLs: which can be fetched, and which lead to this machine.

use std::net::{IpAddr, SocketAddr};

use ureq::http::Uri;
use ureq::http::uri::InvalidUri;

/// What `url` means, or what is wrong with it.
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
    // A port that is no number would be taken for none, and the request would go to the usual port instead.
    let port = authority.as_str().rsplit('@').next().and_then(|rest| rest.strip_prefix(authority.host()));
    if authority.port_u16().is_none() && port != Some("") {
        return Err("its port is not a number up to 65535".into());
    }
    Ok(uri)
}

/// Whether `uri` is on this machine.
pub(super) fn is_loopback(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default();
    host.eq_ignore_ascii_case("localhost") || address(uri).is_some_and(|address| address.ip().is_loopback())
}

/// Where `uri` leads, if it says so by an address: then there is no name to look up.
pub(super) fn address(uri: &Uri) -> Option<SocketAddr> {
    let host = uri.host()?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let address: IpAddr = host.parse().ok()?;
    Some((address, port(uri)).into())
}

/// The port that `uri` names, or the usual one.
pub(super) fn port(uri: &Uri) -> u16 {
    let usual = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    uri.port_u16().unwrap_or(usual)
}

/// Whom a request for `uri` connects to if it goes there directly.
pub(super) fn peer(uri: &Uri) -> String {
    format!("{}:{}", uri.host().unwrap_or_default(), port(uri))
}
