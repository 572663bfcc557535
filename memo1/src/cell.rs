//! The cell in which the racy memo keeps its map: `std`'s cell, with the two methods of loom's.
//!
//! loom's cell reports every access to the model checker, so it passes its pointer to a closure. `tests/model.rs`
//! compiles `racy.rs` a second time, with loom's cell in place of this one. So the model checks the same code that
//! runs.

/// `std::cell::UnsafeCell`, with each access in a closure.
pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

impl<T> UnsafeCell<T> {
    pub(crate) const fn new(value: T) -> Self {
        UnsafeCell(std::cell::UnsafeCell::new(value))
    }

    pub(crate) fn with<R>(&self, read: impl FnOnce(*const T) -> R) -> R {
        read(self.0.get())
    }

    pub(crate) fn with_mut<R>(&self, write: impl FnOnce(*mut T) -> R) -> R {
        write(self.0.get())
    }
}
