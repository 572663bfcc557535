//! Tests of the page server and of the client for threads: what the server serves and counts, and how the client
//! reports each kind of failure.
//!
//! All traffic stays on this machine. A test that could hang runs under a deadline.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use bench_suite::pages::{Body, Client, FetchError, Limits, Server, Site, http_get_body};
use tokio::net::TcpSocket;

/// How long a test may take before it counts as hanging. It is long, because a busy machine is not a hang.
const DEADLINE: Duration = Duration::from_secs(600);
/// A delay that outlasts every test.
const FOREVER: Duration = Duration::from_secs(24 * 60 * 60);

const QUICK: Site = Site { pages: 3, size: 1000, delay: Duration::ZERO };

/// Runs `test` on a thread of its own, and fails if it does not end within the deadline.
fn under_deadline(test: impl FnOnce() + Send + 'static) {
    let (done, wait) = channel();
    let tester = thread::spawn(move || {
        test();
        let _ = done.send(());
    });
    match wait.recv_timeout(DEADLINE) {
        Err(RecvTimeoutError::Timeout) => panic!("still running after {DEADLINE:?}"),
        // The test has returned or panicked; the join tells which.
        _ => tester.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
    }
}

fn client(timeout: Duration, max_body: u64) -> Client {
    Client::new(Limits { timeout, max_body })
}

/// A port that refuses connections as long as the socket lives. The socket is bound, so that no other program gets the
/// port, but it does not listen.
fn refusing() -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

#[test]
fn each_page_has_a_body_of_its_own() {
    under_deadline(|| {
        let server = Server::start(QUICK).unwrap();
        let bodies: Vec<Body> = (0..3).map(|page| http_get_body(&server.url(page)).unwrap()).collect();
        for (page, body) in bodies.iter().enumerate() {
            assert_eq!(body.len(), 1000);
            assert_eq!(**body, QUICK.body(page));
            assert!(body.starts_with(format!("{page} ").as_bytes()));
        }
        assert!(bodies[0] != bodies[1] && bodies[1] != bodies[2]);
    });
}

#[test]
fn bodies_have_any_size() {
    under_deadline(|| {
        for size in [0, 1, 7, 34, 35, 1 << 20] {
            let server = Server::start(Site { size, ..QUICK }).unwrap();
            assert_eq!(http_get_body(&server.url(2)).unwrap().len(), size);
        }
    });
}

#[test]
fn requests_are_counted_by_page() {
    under_deadline(|| {
        let server = Server::start(QUICK).unwrap();
        let nowhere = [
            server.url(3),
            server.url(usize::MAX),
            format!("http://{}/", server.address()),
            // Another spelling of the number 1 is another path.
            format!("http://{}/page/01", server.address()),
            format!("http://{}/page/+1", server.address()),
        ];
        for (page, times) in [(0, 1), (1, 4), (2, 0)] {
            for _ in 0..times {
                http_get_body(&server.url(page)).unwrap();
            }
        }
        for url in &nowhere {
            assert_eq!(http_get_body(url), Err(FetchError::Status { url: url.clone(), status: 404 }));
        }
        assert_eq!([0, 1, 2].map(|page| server.requests(page)), [1, 4, 0]);
        assert_eq!((server.unknown_requests(), server.total_requests()), (5, 10));
        server.reset();
        assert_eq!((server.requests(1), server.unknown_requests(), server.total_requests()), (0, 0, 0));
    });
}

/// Hundreds of requests wait at once, and the server has one thread. A waiting request must not prevent the server from
/// counting the others, or from ending.
#[test]
fn slow_requests_wait_side_by_side_and_do_not_keep_the_server() {
    under_deadline(|| {
        const CALLERS: usize = 300;
        let server = Server::start(Site { delay: FOREVER, ..QUICK }).unwrap();
        let mut callers: Vec<TcpStream> = (0..CALLERS)
            .map(|_| {
                let mut caller = TcpStream::connect(server.address()).unwrap();
                caller.write_all(b"GET /page/1 HTTP/1.1\r\nhost: here\r\n\r\n").unwrap();
                caller
            })
            .collect();
        while server.requests(1) < CALLERS {
            thread::yield_now();
        }
        drop(server);
        for caller in &mut callers {
            // The connection was closed or reset; no answer arrived.
            assert!(matches!(caller.read(&mut [0]), Ok(0) | Err(_)));
        }
    });
}

/// A client keeps its connection open for the next request. The server does not wait for that request.
#[test]
fn open_connections_do_not_keep_the_server() {
    under_deadline(|| {
        let client = Client::default();
        for _ in 0..20 {
            let server = Server::start(QUICK).unwrap();
            client.get_body(&server.url(0)).unwrap();
            let _never_sends_anything = TcpStream::connect(server.address()).unwrap();
            let address = server.address();
            drop(server);
            assert!(TcpStream::connect(address).is_err(), "the port is closed once the server has been dropped");
        }
    });
}

#[test]
fn nonsense_is_ignored() {
    under_deadline(|| {
        let server = Server::start(QUICK).unwrap();
        let mut stranger = TcpStream::connect(server.address()).unwrap();
        stranger.write_all(b"\x16\x03\x01 this is not HTTP\r\n\r\n").unwrap();
        stranger.shutdown(Shutdown::Write).unwrap();
        // The answer does not matter. The server closes the connection after it.
        let _ = stranger.read_to_end(&mut Vec::new());
        assert_eq!(http_get_body(&server.url(0)).unwrap().len(), 1000);
    });
}

#[test]
fn refused() {
    under_deadline(|| {
        let (_socket, address) = refusing();
        let url = format!("http://{address}/");
        let error = http_get_body(&url).unwrap_err();
        assert_eq!(error, FetchError::Refused { url: url.clone(), peer: address.to_string() });
        assert!(error.to_string().starts_with(&url), "{error}");
    });
}

#[test]
fn too_late() {
    under_deadline(|| {
        let server = Server::start(Site { delay: FOREVER, ..QUICK }).unwrap();
        let (url, limit) = (server.url(0), Duration::from_millis(50));
        let start = Instant::now();
        assert_eq!(client(limit, 1000).get_body(&url), Err(FetchError::Timeout { url: url.clone(), limit }));
        assert!(start.elapsed() >= limit);
        // On a busy machine the request may reach the server only now.
        while server.requests(0) == 0 {
            thread::yield_now();
        }
        assert_eq!(server.total_requests(), 1, "the server received exactly one request");
    });
}

/// The time limit covers the whole call: bytes that trickle in do not extend it.
#[test]
fn too_late_in_the_body() {
    under_deadline(|| {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let trickle = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n").unwrap();
            // Ends when the client hangs up. The pause makes the bytes trickle.
            while stream.write_all(b"drop").is_ok() {
                thread::sleep(Duration::from_millis(1));
            }
        });
        let limit = Duration::from_millis(100);
        let fetched = client(limit, u64::MAX).get_body(&url);
        assert_eq!(fetched, Err(FetchError::Timeout { url, limit }));
        trickle.join().unwrap();
    });
}

#[test]
fn extreme_time_limits() {
    under_deadline(|| {
        let server = Server::start(QUICK).unwrap();
        let url = server.url(0);
        assert_eq!(client(Duration::MAX, 1000).get_body(&url).unwrap().len(), 1000);
        let limit = Duration::ZERO;
        assert_eq!(client(limit, 1000).get_body(&url), Err(FetchError::Timeout { url, limit }));
    });
}

#[test]
fn too_long() {
    under_deadline(|| {
        let server = Server::start(QUICK).unwrap();
        let url = server.url(0);
        assert_eq!(client(DEADLINE, 1000).get_body(&url).unwrap().len(), 1000, "the limit itself is allowed");
        let fetched = client(DEADLINE, 999).get_body(&url);
        assert_eq!(fetched, Err(FetchError::BodyTooLong { url, limit: 999 }));
    });
}

#[test]
fn bad_urls() {
    let bad = [
        "",
        "-",
        "example.com",
        "/page/0",
        "http://",
        "http:///page",
        "http://:80/",
        "ftp://127.0.0.1/",
        "socks5://127.0.0.1/",
        "http://a b/",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1:x/",
        "http://[::1/",
        "\u{1b}[31mred",
    ];
    for url in bad {
        let error = http_get_body(url).unwrap_err();
        assert!(matches!(&error, FetchError::BadUrl { url: of, .. } if of == url), "{url:?}: {error:?}");
        assert!(!error.to_string().contains('\u{1b}'), "{error}");
    }
}

/// A server that does not speak TLS causes an error like any other.
#[test]
fn no_tls() {
    under_deadline(|| {
        let server = Server::start(QUICK).unwrap();
        let url = server.url(0).replace("http:", "https:");
        let error = http_get_body(&url).unwrap_err();
        assert!(matches!(error, FetchError::Other { .. }), "{error:?}");
        assert_eq!(server.total_requests(), 0);
    });
}

/// The value of a memo must have these bounds.
#[test]
fn results_can_be_remembered() {
    fn value<V: Clone + Send + Sync + 'static>() {}
    value::<Result<Body, FetchError>>();
}
