//! The shared suite: one set of subjects, and the code that measures and checks all of them in the same way.
//!
//! Read the modules in this order, from the subjects to the results:
//!
//! | module | what it contains |
//! |---|---|
//! | [`subject`] | the memos: ours, the peers, and a slot for yours ([`subject::mine`]) |
//! | [`spec`] | what a memo must do, and which memos do it |
//! | [`trace`] | pictures of traces: which actor did what, when, on which thread; and traces of memos |
//! | [`store`] | the results and the traces, and where they are kept |
//! | [`figure`] | pictures of results and of traces, for the report and the book |
//! | [`race`] | what happens to a memo that no lock protects |
//! | [`measure`] | what is timed, in interleaved rounds, and what is observed; `benches/suite.rs` runs it |
//! | [`claim`] | statements of the source text and of this course, compared with the results |
//! | [`report`] | the results as tables and as a page |
//! | [`doctor`] | what this machine allows |
//!
//! A module imports only from modules above it in this table, and from those that serve all of them:
//!
//! | module | what it contains |
//! |---|---|
//! | [`pages`] | the client and the server of the running example |
//! | [`child`] | processes under a deadline |
//! | [`child::probe`] | the child processes in which runtimes are measured |
//! | [`panics`] | the text of a panic |
//! | [`place`] | where the checkout and its programs are |
//! | [`distinct()`] | the items of a list, each once |
//!
//! The `lab` command is in `src/bin/lab/`, one file for each of its commands.

#![deny(unsafe_code)]

mod built;
pub mod child;
pub mod claim;

#[allow(unsafe_code, reason = "a coroutine runs on a stack and on threads that the compiler does not see")]
mod coroutine;
mod distinct;
pub mod doctor;
pub mod figure;
pub mod measure;
pub mod pages;
pub mod panics;
pub mod place;
pub mod race;
pub mod report;
pub mod spec;
pub mod store;
pub mod subject;
pub mod trace;

pub use distinct::distinct;
