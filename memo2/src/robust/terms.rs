//! On what terms a caller asks: its own limits, and the call for which it asks.

use std::time::Instant;

use super::Token;
use super::running::{Running, first};
use super::token::Listening;
use super::until::{Expired, Until};
use crate::sync::Arc;

// ANCHOR: terms
/// A caller's own limits, and the call for which it asks. A caller from outside asks for
/// none.
#[derive(Default)]
pub(super) struct Terms {
    until: Until,
    call: Option<Arc<Running>>,
}

impl Terms {
    pub(super) fn new(until: Until, call: Option<Arc<Running>>) -> Self {
        Terms { until, call }
    }

    pub(super) fn call(&self) -> Option<&Arc<Running>> {
        self.call.as_ref()
    }

    /// The call that the caller makes, of the key in words.
    pub(super) fn lead(&self, key: String) -> Arc<Running> {
        Arc::new(Running::new(key, self.until.deadline, self.call.clone()))
    }

    /// Which of the limits has expired. This takes no longer the deeper the calls are
    /// nested, and reads the clock only if there is a deadline.
    pub(super) fn expired(&self) -> Option<Expired> {
        let cancelled = self.until.tokens.iter().any(Token::is_cancelled)
            || self.call.as_ref().is_some_and(|call| call.is_stopped());
        match self.until.deadline {
            _ if cancelled => Some(Expired::Cancelled),
            Some(deadline) if deadline <= Instant::now() => Some(Expired::Late),
            _ => None,
        }
    }

    /// When a limit may expire by time alone.
    pub(super) fn look_at(&self) -> Option<Instant> {
        first(self.until.deadline, self.call.as_ref().and_then(|call| call.look_at()))
    }

    /// Runs `listener` when a limit expires by other means than time, while the result
    /// lives.
    pub(super) fn listen(&self, listener: impl Fn() -> Option<Token> + Clone + Send + 'static) -> Vec<Listening> {
        let call = self.call.as_ref().map(|call| &call.stop);
        self.until.tokens.iter().chain(call).map(|token| token.listen(listener.clone())).collect()
    }
}
// ANCHOR_END: terms
