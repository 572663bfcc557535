//! The names of the models, as results have them.

use green_threads::probe::protocol::Model;

pub(super) const THREAD: &str = Model::Thread.name();
pub(super) const COROUTINE: &str = Model::Coroutine.name();
pub(super) const TASK: &str = Model::Task.name();
pub(super) const CURRENT_THREAD: &str = Model::TaskCurrentThread.name();
pub(super) const GOROUTINE: &str = Model::Goroutine.name();
