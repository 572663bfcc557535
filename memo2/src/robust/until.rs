//! How long a caller is willing to wait.

use std::fmt;
use std::time::{Duration, Instant};

use super::error::Error;
use super::token::Token;

// ANCHOR: until
/// How long a caller waits: until a [`Token`] is cancelled, until a time, or until the
/// first of several such limits. The default has no limit.
#[derive(Clone, Debug, Default)]
pub struct Until {
    pub(super) tokens: Vec<Token>,
    pub(super) deadline: Option<Instant>,
}

impl Until {
    /// Waits until the first of the two limits is reached.
    #[must_use]
    pub fn or(mut self, other: impl Into<Until>) -> Self {
        let Until { tokens, deadline } = other.into();
        self.tokens.extend(tokens);
        self.deadline = [self.deadline, deadline].into_iter().flatten().min();
        self
    }
}
// ANCHOR_END: until

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

/// A duration from now on. A duration past the clock's range means no deadline.
impl From<Duration> for Until {
    fn from(from_now: Duration) -> Self {
        Until { tokens: Vec::new(), deadline: Instant::now().checked_add(from_now) }
    }
}

/// Which of a caller's limits has expired. A limit that has expired stays expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expired {
    /// A token is cancelled, or the call on whose behalf the caller asks was told to stop.
    Cancelled,
    /// The deadline has passed.
    Late,
}

impl Expired {
    /// The error for the caller of `key`, which was waiting for the calls of the keys in `waits_for`.
    pub(super) fn error(self, key: &impl fmt::Debug, waits_for: Vec<String>) -> Error {
        let key = format!("{key:?}");
        match self {
            Expired::Cancelled => Error::Cancelled { key, waits_for },
            Expired::Late => Error::Late { key, waits_for },
        }
    }
}
