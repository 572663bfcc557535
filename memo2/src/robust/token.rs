//! Tokens: how somebody outside tells callers to give up.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Instant;

use super::running::Running;
use crate::sync::{Arc, Mutex};

// ANCHOR: token
/// Tells every caller that has been given a clone of it to stop waiting.
#[derive(Clone)]
pub struct Token {
    shared: Arc<Mutex<Shared>>,
}

struct Shared {
    cancelled: bool,
    /// The calls whose waiters or leaders want to hear of it, each as often as it listens.
    listening: BTreeMap<u64, Arc<Running>>,
    next: u64,
}

impl Token {
    /// One that is not cancelled.
    pub fn new() -> Self {
        let shared = Shared { cancelled: false, listening: BTreeMap::new(), next: 0 };
        Token { shared: Arc::new(Mutex::new(shared)) }
    }

    /// Cancels it, for good. Who waits until then wakes up; calls that nobody wants now are told to stop, and so are
    /// those that they wait for.
    pub fn cancel(&self) {
        let now = Instant::now();
        // A loop, since calls can ask for calls deeper than a stack would be.
        let mut tokens = vec![self.clone()];
        while let Some(token) = tokens.pop() {
            for running in token.set() {
                running.nudge();
                if running.tell_if_unwanted(now) {
                    tokens.push(running.stop.clone());
                }
            }
        }
    }

    /// Marks it as cancelled, and says who listens: to be told after the lock is let go, because they have locks too.
    fn set(&self) -> Vec<Arc<Running>> {
        let mut shared = self.shared.lock();
        shared.cancelled = true;
        shared.listening.values().cloned().collect()
    }

    /// Whether it has been cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.shared.lock().cancelled
    }

    /// Has `running` nudged when this is cancelled. If it already is, nobody will do that: so ask after this, not
    /// before.
    pub(super) fn listen(&self, running: &Arc<Running>) -> Heard {
        let mut shared = self.shared.lock();
        let at = shared.next;
        shared.next += 1;
        shared.listening.insert(at, running.clone());
        Heard { token: self.clone(), at }
    }
}

impl Default for Token {
    fn default() -> Self {
        Token::new()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Token").field("cancelled", &self.is_cancelled()).finish_non_exhaustive()
    }
}

/// As long as this lives, a token is listened to.
pub(super) struct Heard {
    token: Token,
    at: u64,
}

impl Drop for Heard {
    fn drop(&mut self) {
        // Dropped after the lock is let go: the last of a call holds its leader's tokens.
        let heard = self.token.shared.lock().listening.remove(&self.at);
        drop(heard);
    }
}
// ANCHOR_END: token
