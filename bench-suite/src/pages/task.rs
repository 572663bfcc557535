//! Fetches a page in an async task of tokio. The task is suspended meanwhile, and its worker runs other tasks.
//!
//! No library that was written for threads can do this. A task has no stack of its own on which a call could
//! pause halfway, so every function on the way down to the socket must be awaited. Hence another library, hyper,
//! which is written that way. What ureq does beyond HTTP itself, the limits and the redirects, is written here.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::sync::LazyLock;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::{MapErr, TryFutureExt};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{LOCATION, USER_AGENT};
use hyper::http::uri::PathAndQuery;
use hyper::{Request, Response, StatusCode, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tower_service::Service;
use ureq::Proxy;

use super::error::FetchError;
use super::fetch::{Body, Limits};
use super::fetch::{IDLE_CONNECTIONS, MOST_REDIRECTS, host_and_port, is_loopback, parse};

/// How long a connection is kept for the next request, the same as in ureq.
const IDLE_AT_MOST: Duration = Duration::from_secs(15);

/// Fetches the body of the page at `url`, by a client with the default [`Limits`] that the whole process shares.
///
/// # Errors
///
/// If there is no such page, or it does not arrive within the limits. A status of 400 or more is an error as well.
///
/// # Panics
///
/// As [`Client::get_body`].
pub async fn http_get_body(url: &str) -> Result<Body, FetchError> {
    static CLIENT: LazyLock<Client> = LazyLock::new(Client::default);
    CLIENT.get_body(url).await
}

/// Fetches pages within its [`Limits`], up to 10 redirects away, in tasks of tokio. Clones share their connections,
/// which are kept open for the next request.
///
/// Each connection is driven by a task of its own, in the runtime in which it was opened, and closes when that
/// runtime ends. So a client may serve several runtimes in turn, but not two at once.
///
/// If the server closes an idle connection just when the client takes it for the next request, that request may
/// fail with [`FetchError::Other`]: the connection's task may not have run yet, so it has not noticed. The other
/// clients check a connection before they take it.
///
/// This client uses no proxy. If the environment names one (`ALL_PROXY`, `HTTPS_PROXY`, `HTTP_PROXY`, except for
/// the hosts in `NO_PROXY`), fetching from any other machine is an error that says so.
#[derive(Clone, Debug)]
pub struct Client {
    http: legacy::Client<HttpsConnector<HttpConnector<Lookup>>, Empty<Bytes>>,
    proxy: Option<Proxy>,
    limits: Limits,
}

impl Default for Client {
    fn default() -> Self {
        Client::new(Limits::default())
    }
}

impl Client {
    /// A client that keeps to `limits`. It can be made outside a runtime.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let mut connector = HttpConnector::new_with_resolver(Lookup(GaiResolver::new()));
        // The TCP layer must accept https URLs too; the next layer speaks TLS.
        connector.enforce_http(false);
        // A small request must not wait for the acknowledgement of earlier ones.
        connector.set_nodelay(true);
        let connector =
            HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_http1().wrap_connector(connector);
        let http = legacy::Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .pool_idle_timeout(IDLE_AT_MOST)
            .pool_timer(TokioTimer::new())
            .build(connector);
        Client { http, proxy: Proxy::try_from_env(), limits }
    }

    /// The limits to which this client keeps.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Fetches the body of the page at `url`.
    ///
    /// # Errors
    ///
    /// If there is no such page, or it does not arrive within the limits. A status of 400 or more is an error as
    /// well.
    ///
    /// # Cancel safety
    ///
    /// The future may be dropped at any `.await`. The connection is then closed, or never used.
    ///
    /// # Panics
    ///
    /// If called outside a tokio runtime, or in a runtime without its timer or its I/O driver.
    pub async fn get_body(&self, url: &str) -> Result<Body, FetchError> {
        let uri = parse(url).map_err(|why| FetchError::BadUrl { url: url.into(), why })?;
        let late = || FetchError::Timeout { url: url.into(), limit: self.limits.timeout };
        // A limit of zero allows nothing at all, though a first poll might already return something.
        if self.limits.timeout.is_zero() {
            return Err(late());
        }
        let fetched = tokio::time::timeout(self.limits.deadline_after(), self.fetch(uri)).await;
        fetched.map_err(|_| late())?.map_err(|trouble| trouble.explain(url))
    }

    async fn fetch(&self, mut uri: Uri) -> Result<Body, Trouble> {
        for _ in 0..=MOST_REDIRECTS {
            let response = self.request(&uri).await?;
            match response.status() {
                StatusCode::MOVED_PERMANENTLY
                | StatusCode::FOUND
                | StatusCode::SEE_OTHER
                | StatusCode::TEMPORARY_REDIRECT
                | StatusCode::PERMANENT_REDIRECT => uri = redirected(&uri, &response)?,
                status if status.as_u16() >= 400 => return Err(Trouble::Status(status.as_u16())),
                _ => return self.body(response).await,
            }
        }
        Err(Trouble::Other(format!("it was redirected more than {MOST_REDIRECTS} times")))
    }

    async fn request(&self, uri: &Uri) -> Result<Response<Incoming>, Trouble> {
        if let Some(proxy) = self.proxy.as_ref().filter(|proxy| !is_loopback(uri) && !proxy.is_no_proxy(uri)) {
            return Err(Trouble::Other(format!(
                "the environment names the proxy {}:{}, and the client for tasks uses no proxy; fetch with the client \
                 for threads or for coroutines, or name the host in NO_PROXY",
                proxy.host(),
                proxy.port(),
            )));
        }
        let request = Request::get(uri).header(USER_AGENT, concat!("bench-suite/", env!("CARGO_PKG_VERSION")));
        let request = request.body(Empty::new()).map_err(|error| Trouble::Other(error.to_string()))?;
        self.http.request(request).await.map_err(|error| Trouble::of_request(uri, &error))
    }

    async fn body(&self, response: Response<Incoming>) -> Result<Body, Trouble> {
        let most = self.limits.max_body;
        let limit = usize::try_from(most).unwrap_or(usize::MAX);
        match Limited::new(response.into_body(), limit).collect().await {
            Ok(body) => Ok(Body::from(&*body.to_bytes())),
            Err(error) if error.is::<LengthLimitError>() => Err(Trouble::TooLong(most)),
            Err(error) => Err(Trouble::Other(in_full(&*error))),
        }
    }
}

/// The URL to which `response`, the answer for `uri`, redirects: another URL, or another path on the same server.
/// (A path relative to the page's own is an error here; servers do not send one today.)
fn redirected(uri: &Uri, response: &Response<Incoming>) -> Result<Uri, Trouble> {
    let location =
        response.headers().get(LOCATION).ok_or_else(|| Trouble::Other("a redirect without a target".into()))?;
    let unfit =
        || Trouble::Other(format!("it was redirected to {location:?}, which is neither a URL nor a whole path"));
    let location = location.to_str().map_err(|_| unfit())?;
    let same_server = location.starts_with('/') && !location.starts_with("//");
    if same_server {
        let mut parts = uri.clone().into_parts();
        parts.path_and_query = Some(location.parse::<PathAndQuery>().map_err(|_| unfit())?);
        return Uri::from_parts(parts).map_err(|_| unfit());
    }
    let scheme = uri.scheme_str().unwrap_or("http");
    let whole = if location.starts_with("//") { format!("{scheme}:{location}") } else { location.to_owned() };
    parse(&whole).map_err(|_| unfit())
}

/// Why a fetch failed, without the URL that was asked for.
enum Trouble {
    NoHost(String),
    Refused(String),
    Status(u16),
    TooLong(u64),
    Other(String),
}

impl Trouble {
    /// Explains hyper's error for a request for `uri`. The reason is in the errors that caused it.
    fn of_request(uri: &Uri, error: &legacy::Error) -> Trouble {
        let refused = |cause: &(dyn Error + 'static)| {
            cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::ConnectionRefused)
        };
        if causes(error).any(<dyn Error>::is::<NoAddress>) {
            return Trouble::NoHost(uri.host().unwrap_or_default().into());
        }
        match error.is_connect() && causes(error).any(refused) {
            true => Trouble::Refused(host_and_port(uri)),
            false => Trouble::Other(in_full(error)),
        }
    }

    fn explain(self, url: &str) -> FetchError {
        let url = url.to_owned();
        match self {
            Trouble::NoHost(host) => FetchError::HostNotFound { url, host },
            Trouble::Refused(peer) => FetchError::Refused { url, peer },
            Trouble::Status(status) => FetchError::Status { url, status },
            Trouble::TooLong(limit) => FetchError::BodyTooLong { url, limit },
            Trouble::Other(why) => FetchError::Other { url, why },
        }
    }
}

/// An error and its chain of causes.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| (*error).source())
}

/// The text of an error and of its causes, without repetitions.
fn in_full(error: &(dyn Error + 'static)) -> String {
    let mut text = String::new();
    for cause in causes(error).map(ToString::to_string) {
        if !text.contains(&cause) {
            text.push_str(if text.is_empty() { "" } else { ": " });
            text.push_str(&cause);
        }
    }
    text
}

/// tokio's way to look up a host's address, on its threads for blocking calls, but with one plain error if there
/// is none: each system reports that differently.
#[derive(Clone, Debug)]
struct Lookup(GaiResolver);

/// A host's name has no address.
#[derive(Debug, thiserror::Error)]
#[error("there is no such host")]
struct NoAddress;

impl Service<Name> for Lookup {
    type Response = <GaiResolver as Service<Name>>::Response;
    type Error = NoAddress;
    type Future = MapErr<<GaiResolver as Service<Name>>::Future, fn(io::Error) -> NoAddress>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), NoAddress>> {
        self.0.poll_ready(context).map_err(|_| NoAddress)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        self.0.call(name).map_err(|_| NoAddress)
    }
}
