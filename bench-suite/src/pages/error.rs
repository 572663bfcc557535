//! Why a page could not be fetched.

use std::time::Duration;

use ureq::http::StatusCode;

/// Why a page could not be fetched. Every message says what happened, with which URL, and what to do.
///
/// It can be cloned, so that a memo can remember it: like gopl's, our memos remember errors as they do values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// It is no URL, or not one of HTTP. Nothing was sent.
    #[error("{url:?} is no URL to fetch: {why}; write it as http://host/path or https://host/path")]
    BadUrl {
        /// What was asked for.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// The host's name has no address.
    #[error("{url}: {host} has no address; check the spelling, and that this machine has a network")]
    HostNotFound {
        /// What was asked for.
        url: String,
        /// Whose name that is: the URL's host, or the proxy.
        host: String,
    },
    /// The host has an address, but nothing listens at that port.
    #[error("{url}: {peer} refused the connection; check the port, and that the server is running")]
    Refused {
        /// What was asked for.
        url: String,
        /// Who refused it, as host and port: the URL's host, or the proxy.
        peer: String,
    },
    /// The whole call took too long, wherever the time went.
    #[error("{url}: no complete answer within {limit:?}; ask again, or allow more time")]
    Timeout {
        /// What was asked for.
        url: String,
        /// How long the call was allowed to take.
        limit: Duration,
    },
    /// The server answered that it cannot, with a status of 400 or more.
    #[error("{url}: the server answered {}", status_and_advice(*status))]
    Status {
        /// What was asked for.
        url: String,
        /// The HTTP status, such as 404.
        status: u16,
    },
    /// The body is longer than allowed. How much longer nobody knows: the rest of it was not read.
    #[error("{url}: the body is longer than {limit} bytes; allow more, or fetch something smaller")]
    BodyTooLong {
        /// What was asked for.
        url: String,
        /// How long the body was allowed to be, in bytes.
        limit: u64,
    },
    /// Anything else: a connection that broke, a certificate that nobody trusts, redirects without an end.
    #[error("{url}: {why}; look at it with a browser, or ask again")]
    Other {
        /// What was asked for.
        url: String,
        /// What happened, in the words of the library or the operating system.
        why: String,
    },
}

/// A status in numbers and words, and what can be done about it.
fn status_and_advice(status: u16) -> String {
    let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    let advice = match status {
        401 | 403 | 407 => "it wants to know who asks, which this client cannot tell",
        429 | 500.. => "the trouble is the server's: ask again later",
        _ => "check the path",
    };
    match reason {
        Some(reason) => format!("{status} {reason}; {advice}"),
        None => format!("{status}; {advice}"),
    }
}
