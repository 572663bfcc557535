//! On what terms a caller asks: its own limits, and the call for which it asks.

use std::time::Instant;

use super::running::{Running, earlier};
use super::token::{Listening, Token};
use super::until::{Expired, Until};
use crate::sync::Arc;

// ANCHOR: terms
/// A caller's own limits, and the call for which it asks. A caller from outside asks for
/// none.
#[derive(Default)]
pub(super) struct Terms {
    until: Until,
    above: Option<Arc<Running>>,
}

impl Terms {
    pub(super) fn new(until: Until, above: Option<Arc<Running>>) -> Self {
        Terms { until, above }
    }

    pub(super) fn above(&self) -> Option<&Arc<Running>> {
        self.above.as_ref()
    }

    /// The call that the caller makes, of the key in words.
    pub(super) fn lead(&self, key: String) -> Arc<Running> {
        Arc::new(Running::new(key, self.until.deadline, self.above.clone()))
    }

    /// Which of the limits has expired. This takes no longer the deeper the calls are
    /// nested, and reads the clock only if there is a deadline.
    pub(super) fn expired(&self) -> Option<Expired> {
        let cancelled = self.until.tokens.iter().any(Token::is_cancelled)
            || self.above.as_ref().is_some_and(|above| above.told_to_stop());
        match self.until.deadline {
            _ if cancelled => Some(Expired::Cancelled),
            Some(deadline) if deadline <= Instant::now() => Some(Expired::Late),
            _ => None,
        }
    }

    /// When a limit may expire by time alone.
    pub(super) fn look_at(&self) -> Option<Instant> {
        earlier(self.until.deadline, self.above.as_ref().and_then(|above| above.look_at()))
    }

    /// Runs `listener` when a limit expires by other means than time, while the result
    /// lives.
    pub(super) fn listen(&self, listener: impl Fn() -> Option<Token> + Clone + Send + 'static) -> Vec<Listening> {
        let above = self.above.as_ref().map(|above| &above.stop);
        self.until.tokens.iter().chain(above).map(|token| token.listen(listener.clone())).collect()
    }
}
// ANCHOR_END: terms
