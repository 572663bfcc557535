//! Deadlines of sockets on which a coroutine waits.
//!
//! `may` has time limits for input and output, but not good ones (0.3.51): a limit that passes while the coroutine is
//! still on its way to sleep is lost, and the coroutine sleeps for ever; a worker takes a limit off the list of another
//! worker without a lock; and every length of time is a list of its own, kept until that time is over, where here each
//! call has what is left of its limit, which is never twice the same. So deadlines are kept here, by one thread for the
//! process, and a socket that is late is shut down: that ends whatever waits on it, and, being a state and not an
//! event, cannot be missed.

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
    /// Locked for some instructions and never across a wait, so an OS mutex will do for coroutines.
    state: Mutex<State>,
    /// Notified when the thread would wake too late.
    sooner: Condvar,
}

struct State {
    /// By time, and by number where times are equal. A socket that is gone meanwhile cannot be late.
    due: BTreeMap<(Instant, u64), Weak<TcpStream>>,
    /// How many have been set so far.
    set: u64,
    /// When the thread looks next; nothing if it waits to be notified.
    wakes: Option<Instant>,
    /// Whether there is a thread.
    runs: bool,
}

/// A deadline that has been set; dropping it takes it back.
pub(super) struct Deadline(Option<(Instant, u64)>);

impl Deadline {
    /// Shuts `socket` down in `after` from now, unless dropped before. `None` sets none.
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
        // Most deadlines are as far away as the one before, and so later: then nobody need wake for it.
        if state.wakes.is_none_or(|wakes| at < wakes) {
            state.wakes = Some(at);
            DEADLINES.sooner.notify_one();
        }
        Ok(Deadline(Some(key)))
    }

    /// Whether it is over. From then on the socket may have been shut down.
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

    /// The thread: sleeps until the first deadline, for as long as the process lives.
    fn watch(&self) {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            while let Some(late) = state.due.first_entry().filter(|first| first.key().0 <= now) {
                if let Some(socket) = late.remove().upgrade() {
                    // An error means that it is closed already, or not yet open: either way there is no one to wake.
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
