//! The message of a caught panic.

use std::any::Any;

/// Returns the message of a caught panic, or a placeholder if its payload is not text.
#[must_use]
pub fn message(panic: &(dyn Any + Send)) -> &str {
    let said = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    said.unwrap_or("something without a message")
}
