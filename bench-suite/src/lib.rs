//! The shared suite: one set of subjects, driven by the same code whatever is measured or checked.

#![forbid(unsafe_code)]

pub mod subject;
