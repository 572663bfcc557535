//! The clients: the same pages, and the same troubles, on threads, on coroutines and in tasks.
//!
//! Nothing here leaves this machine. What hangs is given up after a while, wherever it hangs.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::mpsc::channel;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use bench_suite::pages::{self, Body, FetchError, Limits, Server, Site};
use green_threads::coroutine::{Config, Runtime, start};
use green_threads::{StackSize, Workers};
use tokio::net::TcpSocket;

/// How long a test may take before it counts as hanging.
const DEADLINE: Duration = Duration::from_secs(60);
/// A delay that no test sits out.
const FOREVER: Duration = Duration::from_secs(24 * 60 * 60);

const QUICK: Site = Site { pages: 3, size: 1000, delay: Duration::ZERO };

type Fetched = Result<Body, FetchError>;

/// What asks.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Unit {
    Thread,
    Coroutine,
    Task,
}

const UNITS: [Unit; 3] = [Unit::Thread, Unit::Coroutine, Unit::Task];

/// Coroutines on one worker: whoever blocks it blocks all.
fn coroutines() -> &'static Runtime {
    static RUNTIME: OnceLock<&'static Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let stack = StackSize::new(pages::coroutine::STACK_BYTES).unwrap();
        start(Config::new(Workers::ONE, stack)).unwrap()
    })
}

impl Unit {
    /// Fetches all `urls` with one client, one after the other if `at_once` is 1, or so many at a time, on one worker.
    fn fetch(self, limits: Limits, urls: Vec<String>, at_once: usize) -> Vec<Fetched> {
        let (done, wait) = channel();
        thread::spawn(move || {
            let fetched = match self {
                Unit::Thread => by_threads(limits, &urls, at_once),
                Unit::Coroutine => by_coroutines(limits, &urls, at_once),
                Unit::Task => by_tasks(limits, &urls, at_once),
            };
            let _ = done.send(fetched);
        });
        wait.recv_timeout(DEADLINE).unwrap_or_else(|_| panic!("{self:?}: panicked, or runs after {DEADLINE:?} still"))
    }

    fn one(self, limits: Limits, url: &str) -> Fetched {
        self.fetch(limits, vec![url.into()], 1).remove(0)
    }
}

fn by_threads(limits: Limits, urls: &[String], at_once: usize) -> Vec<Fetched> {
    let client = pages::thread::Client::new(limits);
    let in_turns = |urls: &[String]| {
        thread::scope(|scope| {
            let asks: Vec<_> = urls.iter().map(|url| scope.spawn(|| client.get_body(url))).collect();
            asks.into_iter().map(|ask| ask.join().unwrap()).collect::<Vec<_>>()
        })
    };
    urls.chunks(at_once).flat_map(in_turns).collect()
}

#[allow(unsafe_code)]
fn by_coroutines(limits: Limits, urls: &[String], at_once: usize) -> Vec<Fetched> {
    let client = pages::coroutine::Client::new(limits);
    let in_turns = |urls: &[String]| {
        let asks: Vec<_> = urls
            .iter()
            .map(|url| {
                let (client, url) = (client.clone(), url.clone());
                // SAFETY: it holds a client and a URL, and has the stack that the client asks for.
                unsafe { coroutines().spawn(move || client.get_body(&url)) }.unwrap()
            })
            .collect();
        asks.into_iter().map(|ask| ask.join().unwrap()).collect::<Vec<_>>()
    };
    urls.chunks(at_once).flat_map(in_turns).collect()
}

fn by_tasks(limits: Limits, urls: &[String], at_once: usize) -> Vec<Fetched> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = Arc::new(pages::task::Client::new(limits));
        let mut fetched = Vec::new();
        for urls in urls.chunks(at_once) {
            let ask = |url: &String| {
                let (client, url) = (client.clone(), url.clone());
                tokio::spawn(async move { client.get_body(&url).await })
            };
            let asks: Vec<_> = urls.iter().map(ask).collect();
            for ask in asks {
                fetched.push(ask.await.unwrap());
            }
        }
        fetched
    })
}

fn limits(timeout: Duration, max_body: u64) -> Limits {
    Limits { timeout, max_body }
}

/// A server of its own making: it says `answer` to the first who connects, and hangs up when that one does.
fn says(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(answer);
    });
    url
}

#[test]
fn each_page_has_its_body() {
    for unit in UNITS {
        for size in [0, 1, 1000, 1 << 20] {
            let server = Server::start(Site { size, ..QUICK }).unwrap();
            let urls = (0..3).map(|page| server.url(page)).collect();
            for (page, body) in unit.fetch(Limits::default(), urls, 1).into_iter().enumerate() {
                assert!(*body.unwrap() == *server.site().body(page), "{unit:?}, page {page} of {size} bytes");
            }
        }
    }
}

#[test]
fn a_host_has_a_name() {
    for unit in UNITS {
        let server = Server::start(QUICK).unwrap();
        let url = server.url(1).replace("127.0.0.1", "localhost");
        assert_eq!(unit.one(Limits::default(), &url).unwrap().len(), 1000, "{unit:?}");
    }
}

/// The server answers nobody before all have asked: on one worker they only can if none of them blocks it.
#[test]
fn hundreds_wait_side_by_side_on_one_worker() {
    const CALLERS: usize = 300;
    for unit in UNITS {
        let server = Server::start(Site { delay: FOREVER, ..QUICK }).unwrap();
        let urls = vec![server.url(1); CALLERS];
        let callers = thread::spawn(move || unit.fetch(limits(FOREVER, 1000), urls, CALLERS));
        while server.requests(1) < CALLERS && !callers.is_finished() {
            thread::yield_now();
        }
        assert_eq!(server.requests(1), CALLERS, "{unit:?}");
        // They are told when the server goes.
        drop(server);
        let fetched = callers.join().unwrap();
        assert!(
            fetched.iter().all(|fetched| matches!(fetched, Err(FetchError::Other { .. }))),
            "{unit:?}: {fetched:?}"
        );
    }
}

/// One connection serves many requests: were each to have its own, the ports of a machine would soon be used up.
#[test]
fn a_connection_is_kept() {
    for unit in UNITS {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut answered = 0;
            while stream.read(&mut [0; 4096]).is_ok_and(|length| length > 0) {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi").unwrap();
                answered += 1;
            }
            answered
        });
        let fetched = unit.fetch(Limits::default(), vec![url; 20], 1);
        assert!(fetched.iter().all(|body| body.as_ref().is_ok_and(|body| **body == *b"hi")), "{unit:?}: {fetched:?}");
        assert_eq!(server.join().unwrap(), 20, "{unit:?}");
    }
}

#[test]
fn refused() {
    for unit in UNITS {
        // Bound, so that nobody else gets the port, and listened to by nobody.
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let address = socket.local_addr().unwrap();
        let url = format!("http://{address}/");
        let expected = FetchError::Refused { url: url.clone(), peer: address.to_string() };
        assert_eq!(unit.one(Limits::default(), &url), Err(expected), "{unit:?}");
    }
}

#[test]
fn no_such_host_and_no_such_url() {
    for unit in UNITS {
        let url = "http://..localhost/";
        let expected = FetchError::HostNotFound { url: url.into(), host: "..localhost".into() };
        assert_eq!(unit.one(Limits::default(), url), Err(expected), "{unit:?}");
        for url in ["", "ftp://127.0.0.1/", "http://127.0.0.1:x/"] {
            let fetched = unit.one(Limits::default(), url);
            assert!(matches!(fetched, Err(FetchError::BadUrl { .. })), "{unit:?}: {fetched:?}");
        }
    }
}

#[test]
fn no_such_page() {
    for unit in UNITS {
        let server = Server::start(QUICK).unwrap();
        let url = server.url(3);
        let expected = FetchError::Status { url: url.clone(), status: 404 };
        assert_eq!(unit.one(Limits::default(), &url), Err(expected), "{unit:?}");
    }
}

#[test]
fn too_long() {
    for unit in UNITS {
        let server = Server::start(QUICK).unwrap();
        let url = server.url(0);
        assert_eq!(unit.one(limits(DEADLINE, 1000), &url).unwrap().len(), 1000, "{unit:?}: the limit is allowed");
        let expected = FetchError::BodyTooLong { url: url.clone(), limit: 999 };
        assert_eq!(unit.one(limits(DEADLINE, 999), &url), Err(expected), "{unit:?}");
    }
}

#[test]
fn too_late() {
    for unit in UNITS {
        let server = Server::start(Site { delay: FOREVER, ..QUICK }).unwrap();
        let (url, limit) = (server.url(0), Duration::from_millis(50));
        let expected = FetchError::Timeout { url: url.clone(), limit };
        assert_eq!(unit.one(limits(limit, 1000), &url), Err(expected), "{unit:?}");
        let expected = FetchError::Timeout { url: url.clone(), limit: Duration::ZERO };
        assert_eq!(unit.one(limits(Duration::ZERO, 1000), &url), Err(expected), "{unit:?}");
        let server = Server::start(QUICK).unwrap();
        assert_eq!(unit.one(limits(Duration::MAX, 1000), &server.url(0)).unwrap().len(), 1000, "{unit:?}");
    }
}

/// The server hangs up in the middle of the body, or says something that is not HTTP, or does not speak TLS.
#[test]
fn broken() {
    for unit in UNITS {
        for answer in [&b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf"[..], b"what?\r\n\r\n", b""] {
            let fetched = unit.one(Limits::default(), &says(answer));
            assert!(matches!(fetched, Err(FetchError::Other { .. })), "{unit:?}: {fetched:?}");
        }
        let url = says(b"what?\r\n\r\n").replace("http:", "https:");
        let fetched = unit.one(Limits::default(), &url);
        assert!(matches!(fetched, Err(FetchError::Other { .. })), "{unit:?}: {fetched:?}");
    }
}

/// Where a server redirects to, the clients on ureq go, and the one in tasks says.
#[test]
fn redirected() {
    let server = Server::start(QUICK).unwrap();
    let answer = format!("HTTP/1.1 302 Found\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n", server.url(2));
    let answer: &'static [u8] = answer.leak().as_bytes();
    for unit in UNITS {
        match (unit, unit.one(Limits::default(), &says(answer))) {
            (Unit::Thread | Unit::Coroutine, fetched) => assert_eq!(*fetched.unwrap(), *QUICK.body(2), "{unit:?}"),
            (Unit::Task, fetched) => {
                let said = fetched.unwrap_err().to_string();
                assert!(said.contains(&format!("redirects to {}", server.url(2))), "{said}");
            }
        }
    }
}
