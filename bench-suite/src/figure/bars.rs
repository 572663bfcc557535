//! A row for each subject: a bar from zero to the median, and a line for its interval.

use maud::html;

use super::scale::Scale;
use super::svg::{ACCENT, Drawing, FG, line, px};
use super::{Rows, numbers, panels};

/// The height of a bar, in pixels.
const BAR: f64 = 12.0;

pub(super) fn draw(of: &Rows) -> Drawing {
    let scale = Scale::of_lengths(&numbers(of.values()), of.axis.unit);
    panels::draw(of, &scale, &|estimate, at, y| {
        let (zero, end) = (at(0.0), at(estimate.median));
        html! {
            rect x=(px(zero.min(end))) y=(px(y - BAR / 2.0)) width=(px((end - zero).abs())) height=(BAR) fill=(ACCENT)
                fill-opacity="0.45" {}
            (line((at(estimate.low), y), (at(estimate.high), y), FG, 1.5))
            @for end in [estimate.low, estimate.high] { (line((at(end), y - 4.0), (at(end), y + 4.0), FG, 1.5)) }
        }
    })
}
