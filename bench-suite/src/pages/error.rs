//! Why a page could not be fetched.

use std::time::Duration;

use ureq::http::StatusCode;

/// Why a page could not be fetched. Every message says what happened, for which URL, and what to do.
///
/// It can be cloned, so that a memo can remember it: like gopl's, our memos remember errors as well as values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The text is not a URL, or not an HTTP URL. Nothing was sent.
    #[error("{url:?} is not a URL that can be fetched: {why}; write it as http://host/path or https://host/path")]
    BadUrl {
        /// The URL that was asked for.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// The host's name has no address.
    #[error("{url}: {host} has no address; check the spelling, and that this machine has a network")]
    HostNotFound {
        /// The URL that was asked for.
        url: String,
        /// The host whose name has no address: the URL's host, or the proxy.
        host: String,
    },
    /// The host has an address, but nothing listens at that port.
    #[error("{url}: {peer} refused the connection; check the port, and that the server is running")]
    Refused {
        /// The URL that was asked for.
        url: String,
        /// The peer that refused the connection, as host and port: the URL's host, or the proxy.
        peer: String,
    },
    /// The whole call took longer than its limit; the time may have passed in any part of it.
    #[error("{url}: no complete answer within {limit:?}; ask again, or allow more time")]
    Timeout {
        /// The URL that was asked for.
        url: String,
        /// How long the call was allowed to take.
        limit: Duration,
    },
    /// The server answered with a status of 400 or more.
    #[error("{url}: the server answered {}", status_and_advice(*status))]
    Status {
        /// The URL that was asked for.
        url: String,
        /// The HTTP status, such as 404.
        status: u16,
    },
    /// The body is longer than allowed. How much longer is unknown, because the rest of it was not read.
    #[error("{url}: the body is longer than {limit} bytes; allow more, or fetch something smaller")]
    BodyTooLong {
        /// The URL that was asked for.
        url: String,
        /// How long the body was allowed to be, in bytes.
        limit: u64,
    },
    /// Anything else: a broken connection, an untrusted certificate, endless redirects.
    #[error("{url}: {why}; open it in a browser, or ask again")]
    Other {
        /// The URL that was asked for.
        url: String,
        /// What happened, in the words of the library or the operating system.
        why: String,
    },
}

/// A status in numbers and words, with advice.
fn status_and_advice(status: u16) -> String {
    let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    let advice = match status {
        401 | 403 | 407 => "it asks for a login, which this client cannot give",
        429 | 500.. => "the problem is on the server's side: ask again later",
        _ => "check the path",
    };
    match reason {
        Some(reason) => format!("{status} {reason}; {advice}"),
        None => format!("{status}; {advice}"),
    }
}
