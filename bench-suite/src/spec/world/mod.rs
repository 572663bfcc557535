//! The worlds in which the programs run: threads, coroutines and tasks.
//!
//! A program is written once, as async code, and what it waits for is what its callers wait for. In the worlds of
//! threads and coroutines a wait puts the caller itself to sleep, inside the poll. So each future there is ready at its
//! first poll ([`now`]): the program takes the steps that a blocking one would take, on real threads and coroutines.
//! In the world of tasks a wait suspends the task, on the runtime that the program needs ([`Stage`]).
//!
//! A child process tries one subject from one kind of callers, so its world is chosen once ([`choose`]).

mod chosen;
mod gate;
mod hand;
mod herd;
pub(super) mod in_step;
mod memo;
mod soon;
mod stage;

pub(super) use chosen::{Chosen, callers, choose};
pub(super) use gate::Gate;
pub(super) use hand::{once, wait};
pub(super) use herd::{all_wait, herd, sleepers, thread_herd};
pub(super) use memo::{Memo, WeakMemo, boxed, memo};
pub(super) use soon::{SOON, soon, tasks, threads};
pub(super) use stage::{Program, Stage, now, outcome, turns};
