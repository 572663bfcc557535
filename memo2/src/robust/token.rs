//! Tokens: how another thread tells callers to give up.

use std::collections::BTreeMap;
use std::fmt;

use crate::sync::{Arc, Mutex};

// ANCHOR: token
/// Tells every caller that holds a clone of it to stop waiting.
#[derive(Clone)]
pub struct Token {
    shared: Arc<Mutex<Shared>>,
}

struct Shared {
    cancelled: bool,
    /// What runs when the token is cancelled. The keys are the numbers of the
    /// [`Listening`]s.
    listeners: BTreeMap<u64, Listener>,
    next: u64,
}

/// What to do when a token is cancelled. It may return another token, which is then
/// cancelled as well: the token of a call that no caller wants any more.
type Listener = Box<dyn FnOnce() -> Option<Token> + Send>;
// ANCHOR_END: token

impl Token {
    /// Creates a token that is not cancelled.
    pub fn new() -> Self {
        let shared = Shared { cancelled: false, listeners: BTreeMap::new(), next: 0 };
        Token { shared: Arc::new(Mutex::new(shared)) }
    }

    // ANCHOR: cancel
    /// Cancels the token. This is final.
    ///
    /// Callers that wait until this token is cancelled wake up. Calls that no caller
    /// wants any more are told to stop, and so are the calls that these wait for.
    pub fn cancel(&self) {
        // A list and a loop, because calls can be nested deeper than this thread's stack.
        let mut tokens = vec![self.clone()];
        while let Some(token) = tokens.pop() {
            tokens.extend(token.set().into_values().filter_map(|listener| listener()));
        }
    }

    /// Marks the token as cancelled, and returns its listeners. They run after this lock
    /// is released, because they take locks of their own and wake threads that may ask
    /// this token.
    fn set(&self) -> BTreeMap<u64, Listener> {
        let mut shared = self.shared.lock();
        shared.cancelled = true;
        std::mem::take(&mut shared.listeners)
    }
    // ANCHOR_END: cancel

    /// Whether the token is cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.shared.lock().cancelled
    }

    /// Runs `listener` when the token is cancelled: now, if it already is. Dropping the
    /// result removes the listener. If a cancellation has already taken the listener out,
    /// it may still run after that.
    pub(super) fn listen<L>(&self, listener: L) -> Listening
    where
        L: FnOnce() -> Option<Token> + Send + 'static,
    {
        let mut shared = self.shared.lock();
        let number = shared.next;
        let listening = Listening { token: self.clone(), number };
        if shared.cancelled {
            drop(shared);
            if let Some(token) = listener() {
                token.cancel();
            }
        } else {
            shared.next += 1;
            shared.listeners.insert(number, Box::new(listener));
        }
        listening
    }
}

impl Default for Token {
    fn default() -> Self {
        Token::new()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Token")
            .field("cancelled", &self.is_cancelled())
            .finish_non_exhaustive()
    }
}

/// Keeps a listener registered at its token. Dropping it removes the listener.
pub(super) struct Listening {
    token: Token,
    number: u64,
}

impl Drop for Listening {
    fn drop(&mut self) {
        // A separate statement, so that the listener is dropped after the lock is released. It may hold the last
        // reference to a call.
        let listener = self.token.shared.lock().listeners.remove(&self.number);
        drop(listener);
    }
}
