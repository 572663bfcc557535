//! Deadlines of sockets on which a coroutine waits.
//!
//! `may` 0.3.51 has time limits for input and output, but they have three faults. A limit that expires while the
//! coroutine is still on its way to sleep is lost, and the coroutine sleeps forever. A worker removes a limit from
//! the list of another worker without a lock. And each length of time has a list of its own, which is kept until
//! that time is over; here each call has what is left of its limit, which is never the same length twice. So one
//! thread per process keeps the deadlines here, and shuts down a socket that is late. The shutdown ends any wait
//! on that socket. It is a state and not an event, so it cannot be missed.

use std::collections::BTreeMap;
use std::io;
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::Builder;
use std::time::{Duration, Instant};

static DEADLINES: Deadlines = Deadlines {
    state: Mutex::new(State { due: BTreeMap::new(), set: 0, wakes: None, runs: false }),
    sooner: Condvar::new(),
};

struct Deadlines {
    /// Locked for a few instructions and never across a wait, so an OS mutex is safe for coroutines.
    state: Mutex<State>,
    /// Notified when the thread would otherwise wake too late.
    sooner: Condvar,
}

struct State {
    /// The deadlines, ordered by time, and by number if times are equal. A socket that has been dropped cannot be
    /// late.
    due: BTreeMap<(Instant, u64), Weak<TcpStream>>,
    /// How many deadlines have been set so far.
    set: u64,
    /// When the thread will look next; `None` if it sleeps until it is notified.
    wakes: Option<Instant>,
    /// Whether the thread has been started.
    runs: bool,
}

/// A deadline that has been set. Dropping it removes the deadline.
pub(super) struct Deadline(Option<(Instant, u64)>);

impl Deadline {
    /// Shuts `socket` down `after` from now, unless the returned value is dropped earlier. `None` sets no
    /// deadline.
    ///
    /// # Errors
    ///
    /// If the operating system has no thread left to watch the clock.
    pub(super) fn set(socket: &Arc<TcpStream>, after: Option<Duration>) -> io::Result<Deadline> {
        let Some(after) = after else { return Ok(Deadline(None)) };
        let at = Instant::now() + after;
        let mut state = DEADLINES.lock();
        if !state.runs {
            Builder::new().name("page-deadlines".into()).spawn(|| DEADLINES.watch())?;
            state.runs = true;
        }
        state.set += 1;
        let key = (at, state.set);
        state.due.insert(key, Arc::downgrade(socket));
        // Most deadlines lie as far ahead as the one before, and so are later; then the thread need not wake for
        // them.
        if state.wakes.is_none_or(|wakes| at < wakes) {
            state.wakes = Some(at);
            DEADLINES.sooner.notify_one();
        }
        Ok(Deadline(Some(key)))
    }

    /// Whether the deadline has passed. From then on the socket may have been shut down.
    pub(super) fn is_over(&self) -> bool {
        self.0.is_some_and(|(at, _)| at <= Instant::now())
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        if let Some(key) = self.0 {
            DEADLINES.lock().due.remove(&key);
        }
    }
}

impl Deadlines {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread's body: sleeps until the next deadline, and runs as long as the process lives.
    fn watch(&self) {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            while let Some(late) = state.due.first_entry().filter(|first| first.key().0 <= now) {
                if let Some(socket) = late.remove().upgrade() {
                    // An error means that the socket is closed already, or not yet connecting: either way no wait
                    // has to be ended.
                    let _ = socket.shutdown(Shutdown::Both);
                }
            }
            state.wakes = state.due.first_key_value().map(|((at, _), _)| *at);
            state = match state.wakes {
                Some(at) => {
                    let waited = self.sooner.wait_timeout(state, at.saturating_duration_since(now));
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.sooner.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }
}
