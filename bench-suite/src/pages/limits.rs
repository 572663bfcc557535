//! What a page is to those who fetch it, and what a fetch may cost.

use std::sync::Arc;
use std::time::Duration;

/// A page's body. Cloning it copies no bytes, so a memo can hand it to everybody who asks.
pub type Body = Arc<[u8]>;

/// What a fetch may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long the whole call may take: finding the host, connecting, waiting, redirects, and the body to its end.
    /// What is longer than a year is taken for a year.
    pub timeout: Duration,
    /// How long the body may be, in bytes.
    pub max_body: u64,
}

impl Default for Limits {
    /// 30 seconds and 16 MiB.
    fn default() -> Self {
        Limits { timeout: Duration::from_secs(30), max_body: 16 << 20 }
    }
}
