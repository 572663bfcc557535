//! shuttle's threads and channels, with the names and methods of those in `src/sync.rs`.

use shuttle::sync::mpsc::{self, RecvError, SendError, SyncSender};

pub(crate) use shuttle::sync::Arc;
pub(crate) use shuttle::thread::JoinHandle;
pub(crate) use thread::Builder;

pub(crate) mod thread {
    use std::io;

    pub(crate) use shuttle::thread::{Scope, ScopedJoinHandle, scope};
    pub(crate) use std::thread::Result;

    /// shuttle's own builder cannot spawn into a scope.
    pub(crate) struct Builder(shuttle::thread::Builder);

    impl Builder {
        pub(crate) fn new() -> Self {
            Builder(shuttle::thread::Builder::new())
        }

        pub(crate) fn name(self, name: String) -> Self {
            Builder(self.0.name(name))
        }

        pub(crate) fn spawn<T: Send + 'static>(
            self,
            body: impl FnOnce() -> T + Send + 'static,
        ) -> io::Result<super::JoinHandle<T>> {
            self.0.spawn(body)
        }

        pub(crate) fn spawn_scoped<'scope, T: Send + 'scope>(
            self,
            scope: &'scope Scope<'scope, '_>,
            body: impl FnOnce() -> T + Send + 'scope,
        ) -> io::Result<ScopedJoinHandle<'scope, T>> {
            Ok(scope.spawn(body))
        }
    }
}

/// One type for both kinds of channels, as in crossbeam.
pub(crate) enum Sender<T> {
    Unbounded(mpsc::Sender<T>),
    Bounded(SyncSender<T>),
}

pub(crate) struct Receiver<T>(mpsc::Receiver<T>);

pub(crate) fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = mpsc::channel();
    (Sender::Unbounded(sender), Receiver(receiver))
}

pub(crate) fn bounded<T>(room: usize) -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = mpsc::sync_channel(room);
    (Sender::Bounded(sender), Receiver(receiver))
}

impl<T> Sender<T> {
    pub(crate) fn send(&self, message: T) -> Result<(), SendError<T>> {
        match self {
            Sender::Unbounded(sender) => sender.send(message),
            Sender::Bounded(sender) => sender.send(message),
        }
    }

    /// These tests never call this.
    pub(crate) fn len(&self) -> usize {
        unreachable!("shuttle does not count the messages of a channel")
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        match self {
            Sender::Unbounded(sender) => Sender::Unbounded(sender.clone()),
            Sender::Bounded(sender) => Sender::Bounded(sender.clone()),
        }
    }
}

impl<T> Receiver<T> {
    pub(crate) fn recv(&self) -> Result<T, RecvError> {
        self.0.recv()
    }
}

impl<'a, T> IntoIterator for &'a Receiver<T> {
    type Item = T;
    type IntoIter = mpsc::Iter<'a, T>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}
