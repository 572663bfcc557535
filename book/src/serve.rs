//! `cargo book serve`: shows the book in a browser, and builds it again when something that it shows changes.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use bench_suite::store::Store;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::build;

/// How often the files are looked at.
const EVERY: Duration = Duration::from_millis(500);

/// Builds the book and serves it on `port` of this machine, until the process is stopped. A build with faults is
/// reported, and the pages of the build are served all the same.
///
/// # Errors
///
/// If the port cannot be used, or if there is no book.
pub(crate) fn serve(port: u16) -> anyhow::Result<Infallible> {
    let root = build::root()?;
    let dest = build::dest()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let listener = runtime.block_on(TcpListener::bind(address)).with_context(|| format!("port {port}"))?;
    let address = listener.local_addr()?;
    let look = || files(&[&root, Store::here().folder()], &dest);
    let mut seen = look();
    rebuild();
    let folder: Arc<Path> = dest.as_path().into();
    thread::spawn(move || runtime.block_on(accept(&listener, &folder)));
    println!("http://{address}/");
    loop {
        thread::sleep(EVERY);
        let now = look();
        if now != seen {
            seen = now;
            rebuild();
        }
    }
}

fn rebuild() {
    match build::build(None) {
        Ok(_) => eprintln!("the book is built"),
        Err(error) => eprintln!("error: {error:#}"),
    }
}

/// What is known of a file without reading it: its size, and the time of its last change.
type Seen = BTreeMap<PathBuf, (u64, Option<SystemTime>)>;

/// Every file in `folders`, except in the folder `dest`, into which the book is built.
fn files(folders: &[&Path], dest: &Path) -> Seen {
    let (mut folders, mut files): (Vec<PathBuf>, _) = (folders.iter().map(PathBuf::from).collect(), Seen::new());
    while let Some(folder) = folders.pop() {
        // A folder may go away at any time, and the store need not exist.
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let (path, Ok(metadata)) = (entry.path(), entry.metadata()) else { continue };
            if !metadata.is_dir() {
                files.insert(path, (metadata.len(), metadata.modified().ok()));
            } else if path.canonicalize().is_ok_and(|path| path != dest) {
                folders.push(path);
            }
        }
    }
    files
}

/// Answers requests until the process ends. A connection that fails concerns its browser only.
async fn accept(listener: &TcpListener, folder: &Arc<Path>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let folder = Arc::clone(folder);
        let answer = move |request: Request<Incoming>| {
            let folder = Arc::clone(&folder);
            async move { Ok::<_, Infallible>(answer(&folder, request.uri().path())) }
        };
        let connection = hyper::server::conn::http1::Builder::new();
        tokio::spawn(async move {
            let _ = connection.serve_connection(TokioIo::new(stream), service_fn(answer)).await;
        });
    }
}

/// The file that a path of a URL names, or a page that says that there is none.
fn answer(folder: &Path, path: &str) -> Response<Full<Bytes>> {
    let found = file(folder, path).and_then(|file| Some((fs::read(&file).ok()?, kind(&file))));
    let (status, (bytes, kind)) = match found {
        Some(found) => (StatusCode::OK, found),
        None => (StatusCode::NOT_FOUND, (b"There is no such page.".to_vec(), "text/plain; charset=utf-8")),
    };
    let response = Response::builder().status(status).header(CONTENT_TYPE, kind).header(CACHE_CONTROL, "no-cache");
    response.body(Full::from(bytes)).expect("the parts of this response are valid")
}

/// The file in `folder` that a path of a URL names; `None` if the path leads out of the folder.
fn file(folder: &Path, path: &str) -> Option<PathBuf> {
    let relative = Path::new(path.strip_prefix('/')?);
    let is_inside = relative.components().all(|component| matches!(component, Component::Normal(_)));
    let file = folder.join(relative);
    let file = if file.is_dir() { file.join("index.html") } else { file };
    is_inside.then_some(file)
}

/// The media type of a file of the book.
fn kind(file: &Path) -> &'static str {
    match file.extension().and_then(|extension| extension.to_str()).unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "json" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "woff2" => "font/woff2",
        _ => "text/plain; charset=utf-8",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_never_leads_out_of_the_book() {
        let folder = Path::new("/book");
        assert_eq!(file(folder, "/a/b.html"), Some(PathBuf::from("/book/a/b.html")));
        for outside in ["/../secret", "/a/../../secret", "//etc/passwd", "secret"] {
            assert_eq!(file(folder, outside), None, "{outside}");
        }
    }
}
