//! A row for each subject: a bar that ends at the median, and a mark that says how it ended. A bar that something stopped
//! ends in a stroke. If its number is only a lower bound, an arrow follows: the real end is somewhere to the right.

use maud::{Markup, html};

use super::panels::{self, Words};
use super::scale::Scale;
use super::svg::{ACCENT, BAD, Drawing, line, px};
use super::{Rows, Value, numbers};

/// The height of a bar, in pixels.
const BAR: f64 = 12.0;
/// The width of an arrow, in pixels, and half its height.
const ARROW: f64 = 5.0;

pub(super) fn draw(of: &Rows) -> Drawing {
    let scale = Scale::of_positions(&numbers(of.values()), of.axis.unit);
    let says = |value: &Value| Words { text: value.text(of.axis.unit), is_number: value.so_far().is_some() };
    panels::draw_all(&of.axis, &of.panels, &scale, &says, &|value, at, y| {
        let Some(end) = value.so_far().map(|estimate| at(estimate.median)) else { return html! {} };
        let from = at(scale.start());
        html! {
            rect x=(px(from.min(end))) y=(px(y - BAR / 2.0)) width=(px((end - from).abs())) height=(BAR) fill=(ACCENT)
                fill-opacity="0.45" {}
            @if let Value::Stopped { is_least, .. } = value {
                (line((end, y - 8.0), (end, y + 8.0), BAD, 3.0))
                @if *is_least { (arrow(end + 4.0, y)) }
            }
        }
    })
}

/// An arrow to the right, from `x` on.
fn arrow(x: f64, y: f64) -> Markup {
    html! {
        (line((x, y - ARROW), (x + ARROW, y), BAD, 2.0))
        (line((x, y + ARROW), (x + ARROW, y), BAD, 2.0))
    }
}
