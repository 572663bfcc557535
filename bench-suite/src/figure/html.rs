//! The `<figure>` around a picture, and the table of its values.

use green_threads::workload::Unit;
use maud::{Markup, html};

use super::words::number;
use super::{
    Figure, Heat, Lines, Picture, Rows, Stacked, Value, bars, dots, ends, heat, lanes, lines, stacked, strips,
};

impl Figure {
    /// The picture as an SVG element.
    #[must_use]
    pub fn svg(&self) -> Markup {
        let drawing = match &self.picture {
            Picture::Dots(rows) => dots::draw(rows),
            Picture::Bars(rows) => bars::draw(rows),
            Picture::Ends(rows) => ends::draw(rows),
            Picture::Stacked(stacked) => stacked::draw(stacked, &self.id),
            Picture::Lines(lines) => lines::draw(lines),
            Picture::Strips(strips) => strips::draw(strips),
            Picture::Lanes(trace) => lanes::draw(trace, &self.id),
            Picture::Heat(heat) => heat::draw(heat),
        };
        drawing.svg(&self.id, &self.title, &self.description)
    }

    /// The picture with its title, its description, and the table of its values. The page must contain
    /// [`STYLE`](super::STYLE).
    #[must_use]
    pub fn html(&self) -> Markup {
        html! {
            figure.results {
                figcaption { strong { (self.title) } br; (self.description) }
                div.scroll tabindex="0" role="group" aria-label=(self.title) { (self.svg()) }
                details {
                    summary { "The values of this figure" }
                    div.scroll tabindex="0" role="group" aria-label={ "The values of " (self.title) } { (self.table()) }
                }
            }
        }
    }

    fn table(&self) -> Markup {
        match &self.picture {
            Picture::Dots(rows) | Picture::Bars(rows) | Picture::Ends(rows) => of_rows(rows),
            Picture::Stacked(stacked) => of_stacked(stacked),
            Picture::Lines(lines) => of_lines(lines),
            Picture::Strips(strips) => strips::table(strips),
            Picture::Lanes(trace) => lanes::table(trace),
            Picture::Heat(heat) => of_heat(heat),
        }
    }
}

fn of_rows(rows: &Rows) -> Markup {
    let heads = ["", rows.axis.label.as_str(), "median", "low end", "high end"];
    html! {
        table {
            thead { tr { @for head in heads { th { (head) } } } }
            @for panel in &rows.panels {
                tbody {
                    @if !panel.head.is_empty() { tr { th colspan=(heads.len()) { strong { (panel.head) } } } }
                    @for (name, value) in &panel.rows { tr { th { (name) } (cells(value, rows.axis.unit)) } }
                }
            }
        }
    }
}

fn of_stacked(stacked: &Stacked) -> Markup {
    let columns = stacked.segments.len() + 2;
    html! {
        table {
            thead { tr {
                th {}
                th { (stacked.axis.label) }
                @for segment in &stacked.segments { th { (segment) } }
            } }
            @for panel in &stacked.panels {
                tbody {
                    @if !panel.head.is_empty() { tr { th colspan=(columns) { strong { (panel.head) } } } }
                    @for (name, row) in &panel.rows {
                        tr {
                            th { (name) }
                            td { (stacked::words(row, stacked)) }
                            @for value in row {
                                @match value {
                                    Value::Measured(of) => td { (number(of.median, stacked.axis.unit)) },
                                    Value::Stopped { why, .. } => {
                                        td.why { (value.text(stacked.axis.unit)) ": " (why) }
                                    }
                                    Value::Missing { word, why } => td.why { (word) ": " (why) },
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn of_lines(lines: &Lines) -> Markup {
    let heads = ["", lines.over.label.as_str(), lines.axis.label.as_str(), "median", "low end", "high end"];
    html! {
        table {
            thead { tr { @for head in heads { th { (head) } } } }
            @for (name, points) in &lines.lines {
                tbody {
                    @for (place, value) in points {
                        tr { th { (name) } td { (number(*place, lines.over.unit)) } (cells(value, lines.axis.unit)) }
                    }
                }
            }
        }
    }
}

/// The value as the picture shows it, and then its numbers or the reason why there are none.
fn cells(value: &Value, unit: Unit) -> Markup {
    html! {
        td { (value.text(unit)) }
        @match value {
            Value::Measured(of) => { @for end in [of.median, of.low, of.high] { td { (number(end, unit)) } } }
            Value::Stopped { why, .. } | Value::Missing { why, .. } => td.why colspan="3" { (why) },
        }
    }
}

fn of_heat(heat: &Heat) -> Markup {
    html! {
        table {
            thead { tr { @for head in &heat.heads { th { @for line in head.lines() { (line) br; } } } } }
            tbody {
                @for (name, words) in &heat.rows { tr { th { (name) } @for word in words { td { (word.text) } } } }
            }
        }
    }
}
