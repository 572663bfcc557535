//! Counts the bytes that the process has allocated.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicIsize, Ordering::Relaxed};

static BYTES: AtomicIsize = AtomicIsize::new(0);

/// The number of bytes that are allocated now.
pub(crate) fn bytes() -> isize {
    BYTES.load(Relaxed)
}

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

// SAFETY: the system's allocator does everything, and the count allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        BYTES.fetch_add(layout.size().cast_signed(), Relaxed);
        // SAFETY: the caller's promise for `layout` is the one that the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        BYTES.fetch_sub(layout.size().cast_signed(), Relaxed);
        // SAFETY: `at` came from `alloc` above, which got it from the system's allocator, with this layout.
        unsafe { System.dealloc(at, layout) }
    }
}
