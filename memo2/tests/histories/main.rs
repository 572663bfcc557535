//! Histories drawn by lot, one step after another, against a model so simple that it is plainly right. A history that
//! goes otherwise is made as short as it can be before it is shown.

mod lending;
mod robust;
