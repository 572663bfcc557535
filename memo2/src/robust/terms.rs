//! The terms on which a caller asks: its own limits, and the call on whose behalf it asks.

use std::time::Instant;

use super::running::{Running, earlier};
use super::token::{Listening, Token};
use super::until::{Expired, Until};
use crate::sync::Arc;

// ANCHOR: terms
/// A caller's own limits, and the call on whose behalf it asks. A caller from outside has
/// no such call.
#[derive(Default)]
pub(super) struct Terms {
    until: Until,
    above: Option<Arc<Running>>,
}
// ANCHOR_END: terms

impl Terms {
    pub(super) fn new(until: Until, above: Option<Arc<Running>>) -> Self {
        Terms { until, above }
    }

    pub(super) fn above(&self) -> Option<&Arc<Running>> {
        self.above.as_ref()
    }

    /// Creates the call that this caller makes. `key` is the text of its key.
    pub(super) fn lead(&self, key: String) -> Arc<Running> {
        Arc::new(Running::new(key, self.until.deadline, self.above.clone()))
    }

    // ANCHOR: expired
    /// Which of the limits has expired. The time that this takes does not grow with the
    /// depth of nesting. It reads the clock only if there is a deadline.
    pub(super) fn expired(&self) -> Option<Expired> {
        let cancelled = self.until.tokens.iter().any(Token::is_cancelled)
            || self.above.as_ref().is_some_and(|above| above.told_to_stop());
        match self.until.deadline {
            _ if cancelled => Some(Expired::Cancelled),
            Some(deadline) if deadline <= Instant::now() => Some(Expired::Late),
            _ => None,
        }
    }
    // ANCHOR_END: expired

    /// When the caller must look at the clock: no limit expires by time alone before
    /// that.
    pub(super) fn look_at(&self) -> Option<Instant> {
        let above = self.above.as_ref().and_then(|above| above.look_at());
        earlier(self.until.deadline, above)
    }

    /// Runs `listener` when a limit expires by other means than time, as long as the
    /// result lives.
    pub(super) fn listen<L>(&self, listener: L) -> Vec<Listening>
    where
        L: Fn() -> Option<Token> + Clone + Send + 'static,
    {
        let above = self.above.as_ref().map(|above| &above.stop);
        let tokens = self.until.tokens.iter().chain(above);
        tokens.map(|token| token.listen(listener.clone())).collect()
    }
}
