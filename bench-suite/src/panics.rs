//! What a panic says.

use std::any::Any;

/// The message of a panic that was caught, whatever it panicked with.
#[must_use]
pub fn message(panic: &(dyn Any + Send)) -> &str {
    let said = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    said.unwrap_or("something without a message")
}
