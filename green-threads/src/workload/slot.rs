//! A channel between threads with room for one value, by a mutex and a condition variable: who finds it empty, or full,
//! sleeps at once.
//!
//! The channels of crossbeam and std first spin for some microseconds. Between two threads that happen to run at the
//! same time, each on its core, the ball then never leaves user space, and comes back in 0.1 µs; otherwise it takes 50.
//! Which of the two a run shows is luck. `ping_pong`'s variant `spinning` has it; the others should not.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// A new slot's two ends.
pub(super) fn slot<T>() -> (Sender<T>, Receiver<T>) {
    let slot = Arc::new(Slot { state: Mutex::new(State { value: None, closed: false }), changed: Condvar::new() });
    (Sender(Arc::clone(&slot)), Receiver(slot))
}

struct Slot<T> {
    state: Mutex<State<T>>,
    /// Told after each change. Of the two ends at most one waits, since it cannot be both empty and full.
    changed: Condvar,
}

struct State<T> {
    value: Option<T>,
    /// One of the ends is gone.
    closed: bool,
}

impl<T> Slot<T> {
    /// The state, when `ready` holds of it or it is closed.
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
    /// Puts `value` in when there is room; gives it back if nobody can take it any more.
    pub(super) fn send(&self, value: T) -> Result<(), T> {
        let mut state = self.0.when(|state| state.value.is_none());
        if state.closed {
            return Err(value);
        }
        state.value = Some(value);
        // Let go first: who is woken wants the lock.
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
    /// Takes the value out when there is one; nothing, if none will come.
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
        let sending = thread::spawn(move || (0..10_000).for_each(|value| sender.send(value).unwrap()));
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
