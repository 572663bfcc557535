//! A channel between threads with room for one value, made of a mutex and a condition variable. A receiver that
//! finds it empty, or a sender that finds it full, sleeps at once.
//!
//! The channels of crossbeam and std first spin for some microseconds. If two threads happen to run at the same
//! time, each on its own core, a ball then never enters the kernel and returns in 0.1 µs; otherwise it takes 50
//! µs. Which of the two a run shows is luck. `ping_pong`'s variant `spinning` shows this luck; no other variant or
//! workload should depend on it.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Creates a channel with room for one value, and returns its two ends.
pub(super) fn slot<T>() -> (Sender<T>, Receiver<T>) {
    let slot = Arc::new(Slot {
        state: Mutex::new(State { value: None, closed: false }),
        changed: Condvar::new(),
    });
    (Sender(Arc::clone(&slot)), Receiver(slot))
}

struct Slot<T> {
    state: Mutex<State<T>>,
    /// Notified after each change. At most one of the two ends waits, because a slot is never both empty and full.
    /// So `notify_one` is enough.
    changed: Condvar,
}

struct State<T> {
    value: Option<T>,
    /// Whether one of the ends has been dropped.
    closed: bool,
}

impl<T> Slot<T> {
    /// Waits until the state is `ready` or closed, and returns it locked.
    fn when(&self, ready: impl Fn(&State<T>) -> bool) -> MutexGuard<'_, State<T>> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let waits = |state: &mut State<T>| !ready(state) && !state.closed;
        self.changed.wait_while(state, waits).unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        self.changed.notify_one();
    }
}

pub(super) struct Sender<T>(Arc<Slot<T>>);

impl<T> Sender<T> {
    /// Waits until the slot is empty, and puts `value` in. If the receiver has been dropped, returns `value` as
    /// the error.
    pub(super) fn send(&self, value: T) -> Result<(), T> {
        let mut state = self.0.when(|state| state.value.is_none());
        if state.closed {
            return Err(value);
        }
        state.value = Some(value);
        // The receiver that this wakes needs the lock, so unlock it first.
        drop(state);
        self.0.changed.notify_one();
        Ok(())
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.0.close();
    }
}

pub(super) struct Receiver<T>(Arc<Slot<T>>);

impl<T> Receiver<T> {
    /// Waits for a value and takes it out. Returns `None` if the slot is empty and the sender has been dropped.
    pub(super) fn recv(&self) -> Option<T> {
        let mut state = self.0.when(|state| state.value.is_some());
        let value = state.value.take();
        drop(state);
        self.0.changed.notify_one();
        value
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.0.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn values_come_in_order_and_the_end_is_told() {
        let (sender, receiver) = slot();
        let sending = thread::spawn(move || {
            (0..10_000).for_each(|value| sender.send(value).unwrap());
        });
        let received: Vec<u32> = std::iter::from_fn(|| receiver.recv()).collect();
        sending.join().unwrap();
        assert_eq!(received, (0..10_000).collect::<Vec<_>>());
    }

    #[test]
    fn who_sends_to_nobody_gets_it_back() {
        let (sender, receiver) = slot();
        sender.send(1).unwrap();
        drop(receiver);
        assert_eq!(sender.send(2), Err(2));
    }
}
