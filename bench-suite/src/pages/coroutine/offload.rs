//! Fetches a page for a coroutine on an OS thread, where `may` cannot watch a socket: on Windows it watches only
//! sockets that it has opened itself, and has no call that waits for one.
//!
//! The coroutine is suspended until the thread has the page, so its worker runs other coroutines, as on other
//! systems. The price is one thread for each page that is being fetched.

use std::thread::Builder;

use may::sync::mpsc::channel;

use crate::pages::{Body, FetchError, Limits, thread};

/// Fetches pages on OS threads, for coroutines.
#[derive(Clone, Debug)]
pub(super) struct Offload {
    client: thread::Client,
}

impl Offload {
    pub(super) fn new(limits: Limits) -> Self {
        Offload { client: thread::Client::new(limits) }
    }

    /// Fetches the body of the page at `url` on a new thread. The calling coroutine waits for that thread.
    pub(super) fn get_body(&self, url: &str) -> Result<Body, FetchError> {
        let failed = |why: String| FetchError::Other { url: url.to_owned(), why };
        let (tell, told) = channel();
        let (client, of) = (self.client.clone(), url.to_owned());
        // If the coroutine is cancelled meanwhile, the page has no receiver, and the thread ends by itself.
        let thread = Builder::new().name("page-fetch".into()).spawn(move || tell.send(client.get_body(&of)));
        thread.map_err(|error| failed(format!("the operating system refused a thread to fetch it: {error}")))?;
        told.recv().unwrap_or_else(|_| Err(failed("the thread that fetched it panicked".into())))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::coroutine;
    use crate::pages::{Server, Site};

    /// The module is tested on every system, though only Windows uses it.
    #[test]
    fn coroutines_get_their_pages_from_threads() {
        let site = Site { pages: 3, size: 100, delay: Duration::ZERO };
        let server = Server::start(site).unwrap();
        let client = Offload::new(Limits::default());
        let callers: Vec<_> = (0..=site.pages)
            .map(|page| {
                let (client, url) = (client.clone(), server.url(page));
                coroutine::spawn(move || client.get_body(&url))
            })
            .collect();
        for (page, caller) in callers.into_iter().enumerate() {
            match caller.join().unwrap() {
                Ok(body) => assert_eq!(*body, *site.body(page)),
                Err(error) => assert_eq!(error, FetchError::Status { url: server.url(site.pages), status: 404 }),
            }
        }
    }
}
