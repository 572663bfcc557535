//! Selects results: from an address or from the description of a figure to the numbers themselves.
//!
//! An address is an experiment, a subject or a pair of subjects, a quantity, and a setting. The reference set decides
//! which addresses exist, so a page that builds on one machine builds on every machine. The numbers come from the
//! reader's own store if it has results of the experiment. There a cell may be missing or hold a failure. Such a value
//! has a word and a reason instead of a number.
//!
//! | file | idea |
//! |---|---|
//! | `fault.rs` | what can be wrong with an address, with the names that exist |
//! | `sources.rs` | for each experiment the reader's own results, or else the reference |
//! | `find.rs` | from a subject and a setting to a cell, and from a cell to a value |
//! | `measured.rs` | one number, or the ratio of two, in words |
//! | `described.rs` | a figure that is described by what it selects |

mod described;
mod fault;
mod find;
mod measured;
mod sources;
#[cfg(test)]
mod tests;

pub use described::{Described, Kind};
pub use fault::Fault;
pub use measured::{Address, Measured};
pub use sources::{Source, Sources, TraceSource, command};
