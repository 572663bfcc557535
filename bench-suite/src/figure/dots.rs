//! A row for each subject: a dot for the median, and a line for its interval.

use maud::html;

use super::scale::Scale;
use super::svg::{ACCENT, Drawing, line, px};
use super::{Rows, numbers, panels};

pub(super) fn draw(of: &Rows) -> Drawing {
    let scale = Scale::of_positions(&numbers(of.values()), of.axis.unit);
    panels::draw(of, &scale, &|estimate, at, y| {
        html! {
            (line((at(estimate.low), y), (at(estimate.high), y), ACCENT, 2.5))
            circle cx=(px(at(estimate.median))) cy=(px(y)) r="4" fill=(ACCENT) {}
        }
    })
}
