//! The size of a stack, in bytes, checked once at construction.

use std::fmt;

use thiserror::Error;

use crate::system::{memory_bytes, page_size};

/// The size of a stack, in bytes: a whole number of pages, at least one, and at most the machine's memory.
///
/// `may` counts stacks in words, commits every page of a stack whose number of words is odd, and never reuses a
/// stack that is not a whole number of pages; std and tokio round. A size that was checked here avoids all of
/// that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StackSize(usize);

/// Why a number of bytes cannot be the size of a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum StackSizeError {
    /// The size is 0; the smallest stack is one page.
    #[error(
        "a stack of 0 bytes cannot hold anything; the smallest has {page} bytes, one page"
    )]
    Zero {
        /// The size of a page, in bytes.
        page: usize,
    },
    /// The size is not a whole number of pages.
    #[error(
        "a stack of {bytes} bytes is not a whole number of pages of {page} bytes; the next valid size is {next} bytes"
    )]
    NotPages {
        /// The size that was asked for, in bytes.
        bytes: usize,
        /// The size of a page, in bytes.
        page: usize,
        /// The next larger valid size, in bytes.
        next: usize,
    },
    /// One stack would be larger than the machine's memory.
    #[error(
        "a stack of {bytes} bytes is larger than this machine's memory, {memory} bytes"
    )]
    OverMemory {
        /// The size that was asked for, in bytes.
        bytes: usize,
        /// The machine's memory, in bytes.
        memory: usize,
    },
}

impl StackSize {
    /// The default of `may`: 32 KiB.
    pub const MAY_DEFAULT: StackSize = StackSize(32 << 10);

    /// The default of Rust's threads and of tokio's workers: 2 MiB.
    pub const STD_DEFAULT: StackSize = StackSize(2 << 20);

    /// Checks `bytes` and makes it a stack size.
    ///
    /// # Errors
    ///
    /// If `bytes` is 0, not a whole number of pages, or more than the machine's memory.
    pub fn new(bytes: usize) -> Result<Self, StackSizeError> {
        let page = page_size();
        let memory = memory_bytes();
        match bytes {
            0 => Err(StackSizeError::Zero { page }),
            _ if bytes > memory => Err(StackSizeError::OverMemory { bytes, memory }),
            _ if !bytes.is_multiple_of(page) => Err(StackSizeError::NotPages {
                bytes,
                page,
                next: bytes.next_multiple_of(page),
            }),
            _ => Ok(StackSize(bytes)),
        }
    }

    /// Returns the size in bytes.
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
            assert_eq!(
                StackSize::new(bytes),
                Err(StackSizeError::NotPages { bytes, page, next })
            );
        }
        let too_large = if cfg!(target_os = "linux") { 1 << 50 } else { usize::MAX };
        for bytes in [too_large, usize::MAX] {
            assert!(
                matches!(StackSize::new(bytes), Err(StackSizeError::OverMemory { .. })),
                "{bytes}"
            );
        }
        for bytes in [page, 2 * page, 8 << 20] {
            assert_eq!(StackSize::new(bytes).unwrap().bytes(), bytes);
        }
    }

    #[test]
    fn sizes_are_shown_in_round_numbers() {
        let shown: Vec<_> =
            [4096, 32 << 10, 8 << 20].map(|bytes| StackSize(bytes).to_string()).into();
        assert_eq!(shown, ["4 KiB", "32 KiB", "8 MiB"]);
    }
}
