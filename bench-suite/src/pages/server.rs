//! A page server that runs in the process that fetches from it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::{self, Runtime};
use tokio::sync::oneshot;

/// How many connections the kernel keeps until the server accepts them: those of a whole herd.
const BACKLOG: u32 = 4096;

/// How long the server waits before it accepts again after a failure.
const BREATHER: Duration = Duration::from_millis(10);

/// The pages that a [`Server`] serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Site {
    /// How many pages there are.
    pub pages: usize,
    /// The size of each page's body, in bytes.
    pub size: usize,
    /// How long the server waits before it answers a request for a page.
    pub delay: Duration,
}

impl Site {
    /// The body of page number `page`: text in which each line says which page it is, cut off at the site's size.
    ///
    /// The number is first, so that two pages differ from their first byte on, and a memo that mixes them up is
    /// caught.
    #[must_use]
    pub fn body(&self, page: usize) -> Vec<u8> {
        let line = format!("{page} is the number of this page.\n");
        let mut body = line.repeat(self.size.div_ceil(line.len())).into_bytes();
        body.truncate(self.size);
        body
    }
}

/// A page server on the loopback interface, for HTTP/1.1, at a port that the operating system picks.
///
/// It has one thread, however many requests it has at once: a request that waits for its delay is a timer and not
/// a thread. So it disturbs a measurement as little as a server in the same process can, and thousands of requests
/// may wait.
///
/// Its pages are at `/page/0`, `/page/1` and so on. Every other path is answered with 404, at once.
///
/// Dropping it stops it: requests that still wait lose their connection. Its thread has ended when the drop
/// returns.
#[derive(Debug)]
pub struct Server {
    site: Site,
    address: SocketAddr,
    requests: Arc<Requests>,
    /// Dropping the sender stops the server. `None` once `drop` has taken it.
    running: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

/// How many requests have arrived. They are counted before they wait. No other memory is published through these
/// counts, so they are relaxed.
#[derive(Debug)]
struct Requests {
    pages: Vec<AtomicUsize>,
    unknown: AtomicUsize,
}

impl Server {
    /// Starts a server of `site`. The server answers from the moment this returns.
    ///
    /// # Errors
    ///
    /// If the operating system has no port, no thread or no file descriptor left.
    pub fn start(site: Site) -> io::Result<Server> {
        let runtime = runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let listener = listen(&runtime)?;
        let address = listener.local_addr()?;
        let requests = Arc::new(Requests {
            pages: (0..site.pages).map(|_| AtomicUsize::new(0)).collect(),
            unknown: AtomicUsize::new(0),
        });
        let (stop, stopped) = oneshot::channel();
        let counts = requests.clone();
        let thread = Builder::new().name("page-server".into()).spawn(move || {
            runtime.block_on(async {
                tokio::spawn(accept(listener, site, counts));
                // Nothing is ever sent. The wait ends with the error that says that the sender was dropped.
                let _ = stopped.await;
            });
            // Dropping the runtime, here, drops its tasks wherever they wait: the one that accepts, requests that wait
            // for their delay, and connections that a client keeps open for its next request. Waiting for these to
            // end by themselves could take forever.
        })?;
        Ok(Server { site, address, requests, running: Some((stop, thread)) })
    }

    /// The site that it serves.
    #[must_use]
    pub fn site(&self) -> Site {
        self.site
    }

    /// The address and port at which it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of page number `page`, whether or not the page exists.
    #[must_use]
    pub fn url(&self, page: usize) -> String {
        format!("http://{}/page/{page}", self.address)
    }

    /// How many requests for page number `page` have arrived since the start or the last [`reset`](Server::reset).
    /// A request is counted when it arrives, before its delay.
    ///
    /// # Panics
    ///
    /// If there is no such page.
    #[must_use]
    pub fn requests(&self, page: usize) -> usize {
        self.requests.pages[page].load(Relaxed)
    }

    /// How many requests were answered with 404: those for anything that is not a page.
    #[must_use]
    pub fn unknown_requests(&self) -> usize {
        self.requests.unknown.load(Relaxed)
    }

    /// How many requests have arrived, for pages and for anything else.
    #[must_use]
    pub fn total_requests(&self) -> usize {
        self.requests.all().map(|count| count.load(Relaxed)).sum()
    }

    /// Sets all counts to zero. A request that arrives meanwhile may be counted or not.
    pub fn reset(&self) {
        self.requests.all().for_each(|count| count.store(0, Relaxed));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.running.take() {
            drop(stop);
            // An error is a panic of the server's thread. The panic has printed its message, and a destructor must
            // not add another panic.
            let _ = thread.join();
        }
    }
}

impl Requests {
    fn all(&self) -> impl Iterator<Item = &AtomicUsize> {
        self.pages.iter().chain([&self.unknown])
    }
}

/// Opens a listener at a free port, for use in `runtime`.
fn listen(runtime: &Runtime) -> io::Result<TcpListener> {
    let _inside = runtime.enter();
    let socket = TcpSocket::new_v4()?;
    socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
    socket.listen(BACKLOG)
}

/// Accepts connections forever, and gives each one its own task.
async fn accept(listener: TcpListener, site: Site, requests: Arc<Requests>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // This process may have no file descriptor left, or the client has gone. To try again at once could
            // keep this thread from the tasks that would give a descriptor back.
            tokio::time::sleep(BREATHER).await;
            continue;
        };
        // Small answers must not wait for the acknowledgement of earlier ones. If this fails, they are late, not
        // wrong.
        let _ = stream.set_nodelay(true);
        let requests = requests.clone();
        tokio::spawn(async move {
            let answer = service_fn(|request| {
                let page = requests.count(request.uri().path());
                answer(site, page)
            });
            // An error is the client's fault: it has gone away, or it does not speak HTTP. Either way it cannot be
            // told.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
        });
    }
}

impl Requests {
    /// Counts a request for `path`, and returns the page's number, or `None` if the page does not exist.
    fn count(&self, path: &str) -> Option<usize> {
        let page = path
            .strip_prefix("/page/")
            .and_then(|number| number.parse::<usize>().ok().filter(|page| page.to_string() == number))
            .filter(|&page| page < self.pages.len());
        page.map_or(&self.unknown, |page| &self.pages[page]).fetch_add(1, Relaxed);
        page
    }
}

/// The answer to a request for `page`.
async fn answer(site: Site, page: Option<usize>) -> hyper::http::Result<Response<Full<Bytes>>> {
    let Some(page) = page else {
        return Response::builder().status(StatusCode::NOT_FOUND).body("There is no such page.\n".into());
    };
    if !site.delay.is_zero() {
        tokio::time::sleep(site.delay).await;
    }
    Response::builder().header("content-type", "text/plain").body(site.body(page).into())
}
