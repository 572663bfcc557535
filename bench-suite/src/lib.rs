//! The shared suite: one set of subjects, driven by the same code whatever is measured or checked.
//!
//! To read it, begin with what is driven and go on to what drives it:
//!
//! | module | what it is for |
//! |---|---|
//! | [`subject`] | the memos, ours and the peers, and the slot for yours: [`subject::mine`] |
//! | [`conformance`] | what a memo must do, and which of them does |
//! | [`race`] | what becomes of a memo that no lock protects |
//! | [`measure`] | what is timed, in interleaved rounds, and what is observed; `benches/suite.rs` runs it |
//! | [`store`] | the results, and where they are kept |
//! | [`report`] | the results as tables and as a page |
//! | [`claim`] | what the source text says, and what this course does, held against the results |
//!
//! and those that serve them: [`pages`], the running example's client and server; [`child::probe`], the children in which
//! runtimes are measured; [`child`], processes under a deadline; [`panics`], what a panic says; [`doctor`], what this
//! machine allows; [`place`], where the checkout and its programs are. The `lab` command is in `src/bin/lab/`, a file for each of its commands.

#![deny(unsafe_code)]

mod built;
pub mod child;
pub mod claim;
pub mod conformance;
#[allow(unsafe_code, reason = "a coroutine runs on a stack and on threads that the compiler does not see")]
mod coroutine;
pub mod doctor;
pub mod measure;
pub mod pages;
pub mod panics;
pub mod place;
pub mod race;
pub mod report;
pub mod store;
pub mod subject;
