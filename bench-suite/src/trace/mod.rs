//! Traces as pictures: [`lanes()`] for a terminal, [`chrome()`] for Perfetto. A [`Herd`] records one of a memo.
//!
//! The module [`green_threads::probe::trace`] says what a trace is. A renderer here knows no workload, no model and no
//! memo, so a trace of a checker is shown in the same way as a recorded run. The figures draw the same lanes.

mod chrome;
mod herd;
mod lanes;
pub(crate) mod picture;

pub use chrome::chrome;
use green_threads::probe::trace::Event;
pub use herd::Herd;
pub use lanes::lanes;

/// Returns the kind of this event's actor: its name without the number at its end.
fn kind(event: &Event) -> &str {
    match event.actor.rsplit_once(' ') {
        Some((kind, number)) if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) => kind,
        _ => &event.actor,
    }
}
