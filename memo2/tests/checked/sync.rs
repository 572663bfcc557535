//! A checker's types, with the names and methods of those in `src/sync.rs`. The checker, loom or shuttle, is that
//! of the test which compiles this file.

use std::ops::{Deref, DerefMut};
use std::sync::PoisonError;
use std::time::Instant;

use crate::checker;
pub(crate) use checker::sync::Arc;

pub(crate) struct Mutex<T>(checker::sync::Mutex<T>);

/// Always `Some`, except while a [`Condvar`] holds the guard.
pub(crate) struct MutexGuard<'a, T>(Option<checker::sync::MutexGuard<'a, T>>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Mutex(checker::sync::Mutex::new(value))
    }

    /// Ignores poison, like `parking_lot`'s.
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        MutexGuard(Some(self.0.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.0.try_lock().ok().map(|guard| MutexGuard(Some(guard)))
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        self.0.as_ref().unwrap()
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.as_mut().unwrap()
    }
}

pub(crate) struct Condvar(checker::sync::Condvar);

impl Condvar {
    pub(crate) fn new() -> Self {
        Condvar(checker::sync::Condvar::new())
    }

    pub(crate) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        let lent = guard.0.take().unwrap();
        guard.0 = Some(self.0.wait(lent).unwrap_or_else(PoisonError::into_inner));
    }

    /// No model has deadlines, so this waits without a limit. Returns whether the time has passed: never.
    pub(crate) fn wait_until<T>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        _: Instant,
    ) -> bool {
        self.wait(guard);
        false
    }

    pub(crate) fn notify_one(&self) {
        self.0.notify_one();
    }

    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }
}

/// Initialised anew in every run of a model.
macro_rules! global {
    ($(#[$attribute:meta])* static $name:ident: $type:ty = $value:expr;) => {
        crate::checker::lazy_static! {
            $(#[$attribute])*
            static ref $name: $type = $value;
        }
    };
}
pub(crate) use global;

/// Atomics whose orderings can be weakened, to see that the model needs them.
pub(crate) mod atomic {
    use std::cell::Cell;

    use crate::checker;

    pub(crate) use checker::sync::atomic::Ordering;

    thread_local! {
        /// All threads of a check run on the OS thread of its test, so each test has a flag of its own.
        static RELAXED: Cell<bool> = const { Cell::new(false) };
    }

    /// From now on, in this test, every ordering is `Relaxed`.
    #[allow(dead_code, reason = "only loom models weak orderings")]
    pub(crate) fn relax() {
        RELAXED.set(true);
    }

    fn order(wanted: Ordering) -> Ordering {
        if RELAXED.get() { Ordering::Relaxed } else { wanted }
    }

    pub(crate) struct AtomicU64(checker::sync::atomic::AtomicU64);

    impl AtomicU64 {
        pub(crate) fn new(value: u64) -> Self {
            AtomicU64(checker::sync::atomic::AtomicU64::new(value))
        }

        pub(crate) fn load(&self, wanted: Ordering) -> u64 {
            self.0.load(order(wanted))
        }

        pub(crate) fn store(&self, value: u64, wanted: Ordering) {
            self.0.store(value, order(wanted));
        }
    }

    pub(crate) struct AtomicUsize(checker::sync::atomic::AtomicUsize);

    impl AtomicUsize {
        pub(crate) fn new(value: usize) -> Self {
            AtomicUsize(checker::sync::atomic::AtomicUsize::new(value))
        }

        pub(crate) fn load(&self, wanted: Ordering) -> usize {
            self.0.load(order(wanted))
        }

        pub(crate) fn fetch_add(&self, more: usize, wanted: Ordering) -> usize {
            self.0.fetch_add(more, order(wanted))
        }

        pub(crate) fn fetch_sub(&self, less: usize, wanted: Ordering) -> usize {
            self.0.fetch_sub(less, order(wanted))
        }
    }

    pub(crate) struct AtomicPtr<T>(checker::sync::atomic::AtomicPtr<T>);

    impl<T> AtomicPtr<T> {
        pub(crate) fn new(pointer: *mut T) -> Self {
            AtomicPtr(checker::sync::atomic::AtomicPtr::new(pointer))
        }

        pub(crate) fn load(&self, wanted: Ordering) -> *mut T {
            self.0.load(order(wanted))
        }

        pub(crate) fn store(&self, pointer: *mut T, wanted: Ordering) {
            self.0.store(pointer, order(wanted));
        }
    }

    impl<T> Default for AtomicPtr<T> {
        fn default() -> Self {
            AtomicPtr::new(std::ptr::null_mut())
        }
    }
}
