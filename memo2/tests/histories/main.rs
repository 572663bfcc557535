//! Checks the memos against simple models, with random histories of single steps. When a history fails, proptest
//! shortens it before it shows it.

mod lending;
mod robust;
