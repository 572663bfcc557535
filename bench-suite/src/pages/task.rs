//! Fetching a page in a task: an `async fn`, on hyper's client.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::sync::LazyLock;

use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper::http::Uri;
use hyper::http::header::LOCATION;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::url::{parse, peer};
use super::{Body, FetchError, Limits};

/// The body of the page at `url`, by a client with the default [`Limits`] that the whole process shares.
///
/// This is the slow function of gopl section 9.7. It takes a runtime of tokio's, with sockets and time, and all its
/// callers should be on the same one: it keeps connections, and these end with the runtime on which they were made.
///
/// # Errors
///
/// If there is no such page, or it does not come within the limits. A status of 400 or more is an error as well.
pub async fn http_get_body(url: &str) -> Result<Body, FetchError> {
    static CLIENT: LazyLock<Client> = LazyLock::new(Client::default);
    CLIENT.get_body(url).await
}

/// Fetches pages within its [`Limits`]. Clones share their connections, which are kept open for the next request.
///
/// It always goes directly, through no proxy, and where a server redirects it to, it says and does not go.
#[derive(Clone, Debug)]
pub struct Client {
    pool: Pool<HttpsConnector<HttpConnector>, Empty<Bytes>>,
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
        // As many as the clients of the other runtimes keep.
        const IDLE_CONNECTIONS: usize = 64;
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        let connector =
            HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_http1().wrap_connector(http);
        let mut builder = Pool::builder(TokioExecutor::new());
        builder.pool_max_idle_per_host(IDLE_CONNECTIONS).pool_timer(TokioTimer::new());
        Client { pool: builder.build(connector), limits }
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
    pub async fn get_body(&self, url: &str) -> Result<Body, FetchError> {
        let uri = parse(url).map_err(|why| FetchError::BadUrl { url: url.into(), why })?;
        let Limits { timeout, .. } = self.limits;
        match tokio::time::timeout(timeout, self.fetch(url, uri)).await {
            Ok(fetched) => fetched,
            Err(_) => Err(FetchError::Timeout { url: url.into(), limit: timeout }),
        }
    }

    async fn fetch(&self, url: &str, uri: Uri) -> Result<Body, FetchError> {
        let response = match self.pool.get(uri.clone()).await {
            Ok(response) => response,
            Err(error) => return Err(explain(url, &uri, &error)),
        };
        let status = response.status();
        if status.is_client_error() || status.is_server_error() {
            return Err(FetchError::Status { url: url.into(), status: status.as_u16() });
        }
        if status.is_redirection() {
            let to = response.headers().get(LOCATION).and_then(|to| to.to_str().ok()).unwrap_or("nowhere");
            return Err(other(url, format!("it redirects to {to}, where this client does not go: ask for that URL")));
        }
        let max_body = self.limits.max_body;
        let limited = Limited::new(response.into_body(), usize::try_from(max_body).unwrap_or(usize::MAX));
        match limited.collect().await {
            Ok(body) => Ok(Body::from(&*body.to_bytes())),
            Err(error) if error.is::<LengthLimitError>() => {
                Err(FetchError::BodyTooLong { url: url.into(), limit: max_body })
            }
            Err(error) => Err(explain(url, &uri, &*error)),
        }
    }
}

/// What went wrong, from the error and what caused it.
fn explain(url: &str, uri: &Uri, error: &(dyn Error + 'static)) -> FetchError {
    let causes: Vec<_> = std::iter::successors(Some(error), |error| (*error).source()).collect();
    let mut from_below = causes.iter().filter_map(|error| error.downcast_ref::<io::Error>());
    if from_below.any(|error| error.kind() == ErrorKind::ConnectionRefused) {
        return FetchError::Refused { url: url.into(), peer: peer(uri) };
    }
    // The connector's own error type is private; its words are what there is to go by.
    if causes.iter().any(|error| error.to_string().starts_with("dns error")) {
        return FetchError::HostNotFound { url: url.into(), host: uri.host().unwrap_or_default().into() };
    }
    let words: Vec<String> = causes.iter().map(ToString::to_string).collect();
    other(url, words.join(": "))
}

fn other(url: &str, why: String) -> FetchError {
    FetchError::Other { url: url.into(), why }
}
