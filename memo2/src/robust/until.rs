//! For how long a caller wants a value.

use std::fmt;
use std::time::{Duration, Instant};

use super::running::Running;
use super::token::Heard;
use super::{Error, Token};
use crate::sync::Arc;

// ANCHOR: until
/// How long a caller waits: until a [`Token`] is cancelled, or a time comes, or the first of several. By default, as
/// long as it takes.
#[derive(Clone, Debug, Default)]
pub struct Until {
    tokens: Vec<Token>,
    deadline: Option<Instant>,
}

impl Until {
    /// Until this or that, whichever comes first.
    #[must_use]
    pub fn or(mut self, other: impl Into<Until>) -> Self {
        let Until { tokens, deadline } = other.into();
        self.tokens.extend(tokens);
        self.deadline = [self.deadline, deadline].into_iter().flatten().min();
        self
    }
}

impl From<&Token> for Until {
    fn from(token: &Token) -> Self {
        Until { tokens: vec![token.clone()], deadline: None }
    }
}

impl From<Instant> for Until {
    fn from(deadline: Instant) -> Self {
        Until { tokens: Vec::new(), deadline: Some(deadline) }
    }
}

/// From now on. So long a time that no clock has it is for ever.
impl From<Duration> for Until {
    fn from(from_now: Duration) -> Self {
        Until { tokens: Vec::new(), deadline: Instant::now().checked_add(from_now) }
    }
}
// ANCHOR_END: until

// ANCHOR: terms
/// A caller's own limits, and those of the call for which it asks.
#[derive(Clone, Default)]
pub(super) struct Terms {
    until: Until,
    call: Option<Arc<Running>>,
}

/// How terms end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    Cancelled,
    Late,
}

impl Terms {
    pub(super) fn new(until: Until, call: Option<Arc<Running>>) -> Self {
        Terms { until, call }
    }

    /// The call for which the caller asks, if it is not one from outside.
    pub(super) fn call(&self) -> Option<&Arc<Running>> {
        self.call.as_ref()
    }

    /// Whether there is anything that could end them.
    pub(super) fn is_limited(&self) -> bool {
        self.call.is_some() || !self.until.tokens.is_empty() || self.until.deadline.is_some()
    }

    pub(super) fn over(&self) -> Option<Over> {
        // Most callers have no limits, and to ask for the time takes as long as a hit.
        if self.is_limited() { self.over_at(Instant::now()) } else { None }
    }

    /// Whether they are over, and how. For good: terms that have ended do not begin again.
    pub(super) fn over_at(&self, now: Instant) -> Option<Over> {
        let cancelled = self.until.tokens.iter().any(Token::is_cancelled)
            || self.call.as_ref().is_some_and(|call| call.is_stopped(now));
        let late = self.until.deadline.is_some_and(|deadline| deadline <= now);
        match (cancelled, late) {
            (true, _) => Some(Over::Cancelled),
            (false, true) => Some(Over::Late),
            (false, false) => None,
        }
    }

    /// The next time after `now` at which they may be over without anybody's doing: the first deadline of the caller's
    /// and of the leaders of the calls for which it asks.
    pub(super) fn next_after(&self, now: Instant) -> Option<Instant> {
        let own = self.until.deadline.filter(|deadline| *deadline > now);
        // A leader's deadline that has passed changes nothing more by itself: its call goes on for its waiters, and
        // when the last of them leaves, that is a nudge.
        let call = self.call.as_ref().and_then(|call| call.leader().next_after(now));
        [own, call].into_iter().flatten().min()
    }

    /// Has `running` nudged by whoever ends them, as long as what this returns lives.
    pub(super) fn listen(&self, running: &Arc<Running>) -> Vec<Heard> {
        let call = self.call.as_ref().map(|call| &call.stop);
        self.until.tokens.iter().chain(call).map(|token| token.listen(running)).collect()
    }
}

impl Over {
    pub(super) fn error(self, key: &impl fmt::Debug, waits_for: Vec<String>) -> Error {
        let key = format!("{key:?}");
        match self {
            Over::Cancelled => Error::Cancelled { key, waits_for },
            Over::Late => Error::Late { key, waits_for },
        }
    }
}
// ANCHOR_END: terms
