//! The few marks of which every picture is made: text, lines, and the frame around them.

use maud::{Markup, html};

/// The size of text, in pixels.
pub(super) const SIZE: f64 = 12.0;
/// An estimate of the width of a character, in pixels. It errs on the wide side, because the page chooses the font.
const CHARACTER: f64 = 7.2;

/// The colours. Each is a CSS variable, with a default for an SVG file outside a page.
pub(super) const FG: &str = "var(--fg, #1f2328)";
pub(super) const MUTED: &str = "var(--muted, #59636e)";
pub(super) const ACCENT: &str = "var(--accent, #0757ba)";
pub(super) const RULE: &str = "var(--rule, #d1d9e0)";
pub(super) const GOOD: &str = "var(--good, #1a7f37)";
pub(super) const BAD: &str = "var(--bad, #c0392b)";
/// The colours of things that differ only by name. Each differs from its neighbours for colour-blind readers too.
pub(super) const COLOURS: [&str; 6] = [
    "var(--line-1, #0072b2)",
    "var(--line-2, #d55e00)",
    "var(--line-3, #009e73)",
    "var(--line-4, #b0619a)",
    "var(--line-5, #8a6d00)",
    "var(--line-6, #4a4a4a)",
];

/// What a picture draws, and the size at which it is drawn.
pub(super) struct Drawing {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) marks: Markup,
}

impl Drawing {
    /// The picture as an SVG element with a title and a description for a screen reader. It has a fixed size, so a
    /// narrow page scrolls it and its text stays readable.
    pub(super) fn svg(&self, id: &str, title: &str, description: &str) -> Markup {
        let (title_id, description_id) = (format!("{id}-title"), format!("{id}-desc"));
        html! {
            svg xmlns="http://www.w3.org/2000/svg" id=(id) role="img"
                aria-labelledby={ (title_id) " " (description_id) } width=(px(self.width)) height=(px(self.height))
                viewBox={ "0 0 " (px(self.width)) " " (px(self.height)) }
                font-family="system-ui, sans-serif" font-size=(SIZE)
            {
                title id=(title_id) { (title) }
                desc id=(description_id) { (description) }
                (self.marks)
            }
        }
    }
}

/// Where a text is, relative to its point.
#[derive(Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// A text whose baseline begins, is centred or ends at the point (`x`, `y`).
pub(super) fn text(x: f64, y: f64, anchor: Anchor, colour: &str, text: &str) -> Markup {
    let anchor = match anchor {
        Anchor::Start => "start",
        Anchor::Middle => "middle",
        Anchor::End => "end",
    };
    html! { text x=(px(x)) y=(px(y)) text-anchor=(anchor) fill=(colour) { (text) } }
}

/// A straight line.
pub(super) fn line(from: (f64, f64), to: (f64, f64), colour: &str, width: f64) -> Markup {
    html! { line x1=(px(from.0)) y1=(px(from.1)) x2=(px(to.0)) y2=(px(to.1)) stroke=(colour) stroke-width=(width) {} }
}

/// A coordinate in pixels, rounded to a tenth.
pub(super) fn px(pixels: f64) -> String {
    let tenths = (pixels * 10.0).round() / 10.0;
    format!("{tenths}")
}

/// The width of the widest of `texts`.
pub(super) fn widest<'a>(texts: impl Iterator<Item = &'a str>) -> f64 {
    texts.map(|text| text.chars().count()).max().unwrap_or(0) as f64 * CHARACTER
}
