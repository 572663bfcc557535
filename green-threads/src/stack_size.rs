//! The size of a stack, in bytes, checked once and then believed.

use std::fmt;

use thiserror::Error;

use crate::system::{memory_bytes, page_size};

/// How large a stack is, in bytes: a whole number of pages, at least one, and no more than the machine's memory.
///
/// `may` counts stacks in words, commits every page of a stack whose number of words is odd, and never reuses one that
/// is no whole number of pages; std and tokio round. None of that can happen to a size that was checked here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StackSize(usize);

/// Why a number of bytes is no size of a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum StackSizeError {
    /// There is no stack of no bytes.
    #[error("a stack of 0 bytes holds nothing; the smallest has {page} bytes, one page")]
    Zero {
        /// The size of a page.
        page: usize,
    },
    /// Memory comes in pages.
    #[error("a stack of {bytes} bytes is no whole number of pages of {page} bytes; the next that is has {next} bytes")]
    NotPages {
        /// What was asked for.
        bytes: usize,
        /// The size of a page.
        page: usize,
        /// The next larger size that will do.
        next: usize,
    },
    /// One stack would take more than all there is.
    #[error("a stack of {bytes} bytes is larger than this machine's memory, {memory} bytes")]
    OverMemory {
        /// What was asked for.
        bytes: usize,
        /// What there is.
        memory: usize,
    },
}

impl StackSize {
    /// What `may` takes when nobody says: 32 KiB.
    pub const MAY_DEFAULT: StackSize = StackSize(32 << 10);

    /// What Rust's threads and tokio's workers take when nobody says: 2 MiB.
    pub const STD_DEFAULT: StackSize = StackSize(2 << 20);

    /// A stack of `bytes` bytes.
    ///
    /// # Errors
    ///
    /// If `bytes` is 0, no whole number of pages, or more than the machine's memory.
    pub fn new(bytes: usize) -> Result<Self, StackSizeError> {
        let page = page_size();
        let memory = memory_bytes();
        match bytes {
            0 => Err(StackSizeError::Zero { page }),
            _ if bytes > memory => Err(StackSizeError::OverMemory { bytes, memory }),
            _ if !bytes.is_multiple_of(page) => {
                Err(StackSizeError::NotPages { bytes, page, next: bytes.next_multiple_of(page) })
            }
            _ => Ok(StackSize(bytes)),
        }
    }

    /// Its bytes.
    #[must_use]
    pub const fn bytes(self) -> usize {
        self.0
    }
}

impl fmt::Display for StackSize {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            bytes if bytes.is_multiple_of(1 << 20) => write!(out, "{} MiB", bytes >> 20),
            bytes if bytes.is_multiple_of(1 << 10) => write!(out, "{} KiB", bytes >> 10),
            bytes => write!(out, "{bytes} bytes"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_pages_that_fit_are_sizes() {
        let page = page_size();
        assert_eq!(StackSize::new(0), Err(StackSizeError::Zero { page }));
        for bytes in [1, page - 1, page + 1, 8 * 4097] {
            let next = bytes.next_multiple_of(page);
            assert_eq!(StackSize::new(bytes), Err(StackSizeError::NotPages { bytes, page, next }));
        }
        let too_large = if cfg!(target_os = "linux") { 1 << 50 } else { usize::MAX };
        for bytes in [too_large, usize::MAX] {
            assert!(matches!(StackSize::new(bytes), Err(StackSizeError::OverMemory { .. })), "{bytes}");
        }
        for bytes in [page, 2 * page, 8 << 20] {
            assert_eq!(StackSize::new(bytes).unwrap().bytes(), bytes);
        }
    }

    #[test]
    fn sizes_are_shown_in_round_numbers() {
        let shown: Vec<_> = [4096, 32 << 10, 8 << 20].map(|bytes| StackSize(bytes).to_string()).into();
        assert_eq!(shown, ["4 KiB", "32 KiB", "8 MiB"]);
    }
}
