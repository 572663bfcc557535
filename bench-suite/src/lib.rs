//! The shared suite: one set of subjects, driven by the same code whatever is measured or checked.

#![forbid(unsafe_code)]

pub mod child;
pub mod conformance;
pub mod experiment;
pub mod pages;
pub mod race;
pub mod report;
pub mod store;
pub mod subject;
