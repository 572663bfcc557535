//! Tests of the clients of the three runtimes: each gets the same pages and has the same limits and errors.
//!
//! Coroutines and tasks have one worker here: a call that kept the worker while it waits would stop all others. Each
//! test is a function of the runtime, and runs in a process of its own, under a deadline. All traffic stays on this
//! machine.

use std::env;
use std::fmt::Debug;
use std::fs::File;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use bench_suite::child::{self, Patience};
use bench_suite::pages::{self, Body, FetchError, Limits, Server, Site};
use green_threads::coroutine::{self, Config};
use green_threads::{StackSize, Workers};
use rusty_fork::{ChildWrapper, rusty_fork_test_name};
use tokio::net::TcpSocket;

/// A delay that outlasts every test.
const FOREVER: Duration = Duration::from_secs(24 * 60 * 60);
/// Limits that no test reaches.
const AMPLE: Limits = Limits { timeout: Duration::from_secs(600), max_body: 1 << 20 };
/// How many callers fetch at once.
const HERD: usize = 100;

const QUICK: Site = Site { pages: 3, size: 1000, delay: Duration::ZERO };

type Fetched = Result<Body, FetchError>;

/// The runtime on which the callers run.
enum Runtime {
    Thread,
    Coroutine(&'static coroutine::Runtime),
    Task(tokio::runtime::Runtime),
}

/// The client for one runtime.
#[derive(Clone)]
enum Client {
    Thread(pages::thread::Client),
    Coroutine(pages::coroutine::Client, &'static coroutine::Runtime),
    Task(pages::task::Client, tokio::runtime::Handle),
}

impl Runtime {
    fn coroutine() -> Runtime {
        let stack = StackSize::new(pages::coroutine::STACK_BYTES).unwrap();
        Runtime::Coroutine(coroutine::start(Config { pool: HERD, ..Config::new(Workers::ONE, stack) }).unwrap())
    }

    fn task() -> Runtime {
        Runtime::Task(tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap())
    }

    fn client(&self, limits: Limits) -> Client {
        match self {
            Runtime::Thread => Client::Thread(pages::thread::Client::new(limits)),
            Runtime::Coroutine(runtime) => Client::Coroutine(pages::coroutine::Client::new(limits), runtime),
            Runtime::Task(runtime) => Client::Task(pages::task::Client::new(limits), runtime.handle().clone()),
        }
    }

    fn get(&self, url: &str, limits: Limits) -> Fetched {
        self.client(limits).get(url)
    }
}

impl Client {
    fn get(&self, url: &str) -> Fetched {
        self.get_all(&[url.to_owned()]).remove(0)
    }

    /// Fetches all `urls` at once, each on a thread, coroutine or task of its own.
    fn get_all(&self, urls: &[String]) -> Vec<Fetched> {
        match self {
            Client::Thread(client) => thread::scope(|scope| {
                let callers: Vec<_> = urls.iter().map(|url| scope.spawn(|| client.get_body(url))).collect();
                callers.into_iter().map(|caller| caller.join().unwrap()).collect()
            }),
            Client::Coroutine(client, runtime) => {
                let ask = |url: &String| {
                    let (client, url) = (client.clone(), url.clone());
                    // SAFETY: what the closure holds is `Send`, and it calls only the client, which holds nothing
                    // of its thread across its waits and fits on a stack of the size that `Runtime::coroutine`
                    // sets.
                    unsafe { runtime.spawn(move || client.get_body(&url)) }.unwrap()
                };
                let callers: Vec<_> = urls.iter().map(ask).collect();
                callers.into_iter().map(|caller| caller.join().unwrap()).collect()
            }
            Client::Task(client, runtime) => {
                let ask = |url: &String| {
                    let (client, url) = (client.clone(), url.clone());
                    runtime.spawn(async move { client.get_body(&url).await })
                };
                let callers: Vec<_> = urls.iter().map(ask).collect();
                callers.into_iter().map(|caller| runtime.block_on(caller).unwrap()).collect()
            }
        }
    }
}

/// Declares each test below for each runtime.
macro_rules! by_each_runtime {
    ($($test:ident)*) => {
        mod by_threads {
            use super::*;
            $(#[test] fn $test() { in_child(rusty_fork_test_name!($test), || super::$test(&Runtime::Thread)); })*
        }
        mod by_coroutines {
            use super::*;
            $(#[test] fn $test() { in_child(rusty_fork_test_name!($test), || super::$test(&Runtime::coroutine())); })*
        }
        mod by_tasks {
            use super::*;
            $(#[test] fn $test() { in_child(rusty_fork_test_name!($test), || super::$test(&Runtime::task())); })*
        }
    };
}

/// The environment variables that name a proxy.
const PROXY_VARIABLES: [&str; 8] =
    ["ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "all_proxy", "https_proxy", "http_proxy", "no_proxy"];

/// How long a test may take before it counts as hanging.
const DEADLINE: Duration = Duration::from_secs(600);

/// Runs the test `name`, whose body is `test`, in a process of its own, under a deadline. The process does not get the
/// proxy that the tester's environment may name, because the clients would use it.
fn in_child(name: &str, test: fn()) {
    let without_proxy = |child: &mut Command| {
        for variable in PROXY_VARIABLES {
            child.env_remove(variable);
        }
    };
    let supervise = |child: &mut ChildWrapper, _: &mut File| match child.wait_timeout(DEADLINE).unwrap() {
        Some(status) => assert!(status.success(), "the child ended with {status}"),
        None => panic!("still running after {DEADLINE:?}"),
    };
    rusty_fork::fork(name, name, without_proxy, supervise, test).unwrap();
}

by_each_runtime! {
    bodies_are_those_of_the_pages
    a_herd_is_in_flight_at_once
    a_herd_is_late_together
    a_connection_is_kept
    a_connection_that_was_closed_is_replaced
    names_are_looked_up
    bad_urls
    no_such_host
    refused
    status
    too_long
    too_late
    too_late_in_the_body
    too_late_to_connect
    extreme_time_limits
    broken_midway
    redirects_are_followed
    but_not_for_ever
    no_tls
}

fn bodies_are_those_of_the_pages(runtime: &Runtime) {
    let server = Server::start(QUICK).unwrap();
    let client = runtime.client(AMPLE);
    for page in 0..QUICK.pages {
        assert_eq!(*client.get(&server.url(page)).unwrap(), *QUICK.body(page));
    }
    for size in [0, 1, 1 << 20] {
        let server = Server::start(Site { size, ..QUICK }).unwrap();
        assert_eq!(client.get(&server.url(2)).unwrap().len(), size);
        assert_eq!(server.total_requests(), 1);
    }
}

/// The server counts all requests before it answers any. All of them can arrive only if a waiting caller does not keep
/// the worker.
fn a_herd_is_in_flight_at_once(runtime: &Runtime) {
    let client = runtime.client(AMPLE);
    let server = Server::start(Site { delay: FOREVER, ..QUICK }).unwrap();
    let urls = vec![server.url(1); HERD];
    thread::scope(|scope| {
        let herd = scope.spawn(|| client.get_all(&urls));
        while server.requests(1) < HERD {
            thread::yield_now();
        }
        drop(server);
        for fetched in herd.join().unwrap() {
            assert!(matches!(fetched, Err(FetchError::Other { .. })), "{fetched:?}");
        }
    });
    let server = Server::start(Site { delay: Duration::from_millis(50), ..QUICK }).unwrap();
    let fetched = client.get_all(&vec![server.url(1); HERD]);
    assert!(fetched.iter().all(|fetched| fetched.as_ref().is_ok_and(|body| **body == *QUICK.body(1))));
    assert_eq!(server.requests(1), HERD);
}

fn a_herd_is_late_together(runtime: &Runtime) {
    let server = Server::start(Site { delay: FOREVER, ..QUICK }).unwrap();
    let limit = Duration::from_millis(200);
    let client = runtime.client(Limits { timeout: limit, ..AMPLE });
    for fetched in client.get_all(&vec![server.url(0); HERD]) {
        assert_eq!(fetched, Err(FetchError::Timeout { url: server.url(0), limit }));
    }
}

/// This server accepts one connection and no more.
fn a_connection_is_kept(runtime: &Runtime) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let client = runtime.client(AMPLE);
    let served = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        for _ in 0..50 {
            request(&mut stream).unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi").unwrap();
        }
        // The listener lives until here. So a client that opened a second connection would get it, and would wait.
    });
    for _ in 0..50 {
        assert_eq!(*client.get(&url).unwrap(), *b"hi");
    }
    served.join().unwrap();
}

/// The server hangs up between two requests, without announcing it.
fn a_connection_that_was_closed_is_replaced(runtime: &Runtime) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let client = runtime.client(AMPLE);
    let (hang_up, may_hang_up) = mpsc::channel();
    let (hung_up, has_hung_up) = mpsc::channel();
    let served = thread::spawn(move || {
        for () in may_hang_up {
            let (mut stream, _) = listener.accept().unwrap();
            request(&mut stream).unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi").unwrap();
            drop(stream);
            hung_up.send(()).unwrap();
        }
    });
    for _ in 0..20 {
        hang_up.send(()).unwrap();
        let mut fetched = client.get(&url);
        // A task of hyper notices that a connection was closed, and that task may run too late: see
        // `pages::task::Client`.
        if fetched.is_err() && matches!(client, Client::Task(..)) {
            fetched = client.get(&url);
        }
        assert_eq!(*fetched.unwrap(), *b"hi");
        has_hung_up.recv().unwrap();
    }
    drop(hang_up);
    served.join().unwrap();
}

/// `localhost` may also have an IPv6 address, at which nothing listens.
fn names_are_looked_up(runtime: &Runtime) {
    let server = Server::start(QUICK).unwrap();
    let url = format!("http://LocalHost:{}/page/2", server.address().port());
    let client = runtime.client(AMPLE);
    assert!(client.get_all(&vec![url; 20]).iter().all(|fetched| **fetched.as_ref().unwrap() == *QUICK.body(2)));
}

fn bad_urls(runtime: &Runtime) {
    for url in ["", "-", "example.com", "http://", "http://:80/", "ftp://127.0.0.1/", "http://127.0.0.1:x/"] {
        let error = runtime.get(url, AMPLE).unwrap_err();
        assert!(matches!(&error, FetchError::BadUrl { url: of, .. } if of == url), "{url:?}: {error:?}");
    }
}

/// This name cannot exist, because its first two labels are empty. A client can tell that without a network.
fn no_such_host(runtime: &Runtime) {
    let url = "http://..localhost/".to_owned();
    let fetched = runtime.get(&url, AMPLE);
    assert_eq!(fetched, Err(FetchError::HostNotFound { url, host: "..localhost".into() }));
}

fn refused(runtime: &Runtime) {
    // The socket is bound, so that no other program gets the port, but it does not listen.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let peer = socket.local_addr().unwrap().to_string();
    let url = format!("http://{peer}/");
    assert_eq!(runtime.get(&url, AMPLE), Err(FetchError::Refused { url, peer }));
}

fn status(runtime: &Runtime) {
    let server = Server::start(QUICK).unwrap();
    let url = server.url(QUICK.pages);
    assert_eq!(runtime.get(&url, AMPLE), Err(FetchError::Status { url, status: 404 }));
    let server = answering(|_| "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n".into());
    let url = format!("http://{server}/");
    assert_eq!(runtime.get(&url, AMPLE), Err(FetchError::Status { url, status: 503 }));
}

fn too_long(runtime: &Runtime) {
    let server = Server::start(QUICK).unwrap();
    let url = server.url(0);
    let fetched = runtime.get(&url, Limits { max_body: 1000, ..AMPLE });
    assert_eq!(fetched.unwrap().len(), 1000, "the limit itself is allowed");
    let fetched = runtime.get(&url, Limits { max_body: 999, ..AMPLE });
    assert_eq!(fetched, Err(FetchError::BodyTooLong { url, limit: 999 }));
}

fn too_late(runtime: &Runtime) {
    let server = Server::start(Site { delay: FOREVER, ..QUICK }).unwrap();
    let (url, limit) = (server.url(0), Duration::from_millis(50));
    let start = Instant::now();
    let fetched = runtime.get(&url, Limits { timeout: limit, ..AMPLE });
    assert_eq!(fetched, Err(FetchError::Timeout { url, limit }));
    assert!(start.elapsed() >= limit);
}

/// The time limit covers the whole call: bytes that trickle in do not extend it.
fn too_late_in_the_body(runtime: &Runtime) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let trickle = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        request(&mut stream).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n").unwrap();
        // Ends when the client hangs up. The pause makes the bytes trickle.
        while stream.write_all(b"drop").is_ok() {
            thread::sleep(Duration::from_millis(1));
        }
    });
    let limit = Duration::from_millis(100);
    let fetched = runtime.get(&url, Limits { timeout: limit, max_body: u64::MAX });
    assert_eq!(fetched, Err(FetchError::Timeout { url, limit }));
    trickle.join().unwrap();
}

/// The server accepts no connection and its queue is full, so the kernel leaves new connections unanswered.
#[cfg_attr(
    not(target_os = "linux"),
    allow(unreachable_code, unused_variables, reason = "other systems refuse instead")
)]
fn too_late_to_connect(runtime: &Runtime) {
    #[cfg(not(target_os = "linux"))]
    return;
    let listening = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    let _inside = listening.enter();
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut queue = Vec::new();
    while let Ok(waits) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
        queue.push(waits);
    }
    let (url, limit) = (format!("http://{address}/"), Duration::from_millis(100));
    let fetched = runtime.get(&url, Limits { timeout: limit, ..AMPLE });
    assert_eq!(fetched, Err(FetchError::Timeout { url, limit }));
}

fn extreme_time_limits(runtime: &Runtime) {
    let server = Server::start(QUICK).unwrap();
    let url = server.url(0);
    assert_eq!(runtime.get(&url, Limits { timeout: Duration::MAX, ..AMPLE }).unwrap().len(), 1000);
    let limit = Duration::ZERO;
    let fetched = runtime.get(&url, Limits { timeout: limit, ..AMPLE });
    assert_eq!(fetched, Err(FetchError::Timeout { url, limit }));
    assert_eq!(server.total_requests(), 1);
}

fn broken_midway(runtime: &Runtime) {
    let server = answering(|_| "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nno more than this".into());
    let url = format!("http://{server}/");
    let error = runtime.get(&url, AMPLE).unwrap_err();
    assert!(matches!(error, FetchError::Other { .. }), "{error:?}");
}

fn redirects_are_followed(runtime: &Runtime) {
    let server = answering(|path| match path {
        "/there" => "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nthere".into(),
        _ => "HTTP/1.1 302 Found\r\nlocation: /there\r\ncontent-length: 3\r\n\r\nlet".into(),
    });
    assert_eq!(*runtime.get(&format!("http://{server}/here"), AMPLE).unwrap(), *b"there");
    let target = Server::start(QUICK).unwrap();
    let location = target.url(1);
    let server = answering(move |_| format!("HTTP/1.1 301 Moved\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n"));
    assert_eq!(*runtime.get(&format!("http://{server}/"), AMPLE).unwrap(), *QUICK.body(1));
}

fn but_not_for_ever(runtime: &Runtime) {
    let (asked, questions) = mpsc::channel();
    let server = answering(move |path| {
        asked.send(path.to_owned()).unwrap();
        "HTTP/1.1 307 Again\r\nlocation: /again\r\ncontent-length: 0\r\n\r\n".into()
    });
    let error = runtime.get(&format!("http://{server}/"), AMPLE).unwrap_err();
    assert!(matches!(error, FetchError::Other { .. }), "{error:?}");
    assert_eq!(questions.try_iter().count(), 11, "one request for the page, and ten redirects");
}

/// A server that does not speak TLS causes an error like any other.
fn no_tls(runtime: &Runtime) {
    let server = Server::start(QUICK).unwrap();
    let url = server.url(0).replace("http:", "https:");
    let error = runtime.get(&url, AMPLE).unwrap_err();
    assert!(matches!(error, FetchError::Other { .. }), "{error:?}");
    assert_eq!(server.total_requests(), 0);
}

/// Reads a request and returns its path, or `None` if the client has hung up.
fn request(stream: &mut impl Read) -> Option<String> {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        text.extend(byte);
    }
    String::from_utf8(text).unwrap().split(' ').nth(1).map(str::to_owned)
}

/// Starts a server that answers each path with `answer` and closes each connection. It runs until the process ends.
fn answering(answer: impl Fn(&str) -> String + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            if let Some(path) = request(&mut stream) {
                // The header announces the close. Without it, a client might send its next request on a connection that
                // is about to close.
                let answer = answer(&path).replacen("\r\n", "\r\nconnection: close\r\n", 1);
                // The client may have left already.
                let _ = stream.write_all(answer.as_bytes());
            }
        }
    });
    address
}

/// Threads may use the coroutines' client. A thread that waits in it sleeps, as in its own client.
#[test]
fn threads_may_ask_the_coroutines_client() {
    in_child(rusty_fork_test_name!(threads_may_ask_the_coroutines_client), || {
        let server = Server::start(Site { delay: Duration::from_millis(20), ..QUICK }).unwrap();
        let client = pages::coroutine::Client::new(AMPLE);
        thread::scope(|scope| {
            let ask = |page| {
                let (client, url) = (&client, server.url(page));
                scope.spawn(move || client.get_body(&url))
            };
            let callers = [0, 1, 2, 3].map(ask).map(|caller| caller.join().unwrap());
            for (page, fetched) in callers.into_iter().enumerate() {
                if page < QUICK.pages {
                    assert_eq!(*fetched.unwrap(), *QUICK.body(page));
                } else {
                    assert_eq!(fetched, Err(FetchError::Status { url: server.url(page), status: 404 }));
                }
            }
        });
    });
}

/// A coroutine that is cancelled while it waits for its answer ends; the other coroutines get their answers.
#[test]
fn a_cancelled_coroutine_leaves_the_others() {
    in_child(rusty_fork_test_name!(a_cancelled_coroutine_leaves_the_others), || {
        let Runtime::Coroutine(runtime) = Runtime::coroutine() else { unreachable!() };
        let never = Server::start(Site { delay: FOREVER, ..QUICK }).unwrap();
        let client = pages::coroutine::Client::new(AMPLE);
        let (waiting, url) = (client.clone(), never.url(0));
        // SAFETY: as in `get_all`.
        let caller = unsafe { runtime.spawn(move || waiting.get_body(&url)) }.unwrap();
        while never.requests(0) == 0 {
            thread::yield_now();
        }
        // SAFETY: ureq is safe code, and allows unwinding out of its reads.
        unsafe { caller.coroutine().cancel() };
        assert!(matches!(caller.join(), Err(coroutine::JoinError::Cancelled)));
        let server = Server::start(QUICK).unwrap();
        assert_eq!(*Client::Coroutine(client, runtime).get(&server.url(1)).unwrap(), *QUICK.body(1));
    });
}

/// Runs the tests of a missing host again, with an environment that names a proxy, as in many schools. The proxy would
/// refuse a client that used it.
#[test]
fn the_testers_proxy_is_not_asked() {
    let mut tests = Command::new(env::current_exe().unwrap());
    tests.args(["no_such_host", "--test-threads=1"]);
    for variable in PROXY_VARIABLES {
        // On Windows the names of both cases are one variable.
        match variable.eq_ignore_ascii_case("no_proxy") {
            true => tests.env_remove(variable),
            false => tests.env(variable, "http://127.0.0.1:9"),
        };
    }
    let ended = child::run(&mut tests, Patience::new(Duration::from_secs(60), DEADLINE)).unwrap();
    assert_eq!(ended.end.status(), Some(0), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("test result: ok. 3 passed"), "{}", ended.stdout);
}

/// The function of a memo must have these bounds, and so must the client of a herd.
#[test]
fn clients_can_be_shared() {
    fn shared<C: Clone + Debug + Default + Send + Sync + 'static>() {}
    fn sent<F: Future<Output = Fetched> + Send>(_: F) {}
    shared::<pages::thread::Client>();
    shared::<pages::coroutine::Client>();
    shared::<pages::task::Client>();
    sent(pages::task::Client::default().get_body("http://127.0.0.1/"));
    sent(pages::task::http_get_body("http://127.0.0.1/"));
}
