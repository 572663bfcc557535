//! Tests of the figures: some from fixed data, compared with the files in `tests/figures/`, and properties of many
//! random ones. `UPDATE=1` writes the files anew.

use std::path::Path;
use std::sync::LazyLock;
use std::{env, fs};

use bench_suite::figure::{Axis, Figure, Heat, Lines, Mood, Panel, Picture, Rows, Value, Word};
use bench_suite::store::Estimate;
use green_threads::workload::Unit;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use regex::Regex;

/// The width of a character in the checks below, in pixels. It is that of a usual font at 12 pixels.
const CHARACTER: f64 = 6.6;
/// The height of a line of text, in pixels.
const LINE: f64 = 12.0;

static TEXT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"<text x="([^"]+)" y="([^"]+)" text-anchor="([a-z]+)" fill="[^"]*">([^<]*)</text>"#).unwrap()
});

fn measured(median: f64, low: f64, high: f64) -> Value {
    Value::Measured(Estimate { median, low, high, rounds: 11 })
}

fn missing(word: &str, why: &str) -> Value {
    Value::Missing { word: word.to_string(), why: why.to_string() }
}

fn figure(picture: Picture) -> Figure {
    Figure {
        id: "made-up".to_string(),
        title: "Made-up <times> & sizes".to_string(),
        description: "A figure from fixed data.".to_string(),
        picture,
    }
}

fn rows(unit: Unit, panels: Vec<(&str, Vec<(&str, Value)>)>) -> Rows {
    let owned = |(name, value): (&str, Value)| (name.to_string(), value);
    let panel =
        |(head, rows): (&str, Vec<_>)| Panel { head: head.to_string(), rows: rows.into_iter().map(owned).collect() };
    Rows { axis: Axis { label: "time".to_string(), unit }, panels: panels.into_iter().map(panel).collect() }
}

/// Compares the figure with the file of this name.
fn assert_is_in_file(name: &str, picture: Picture) {
    let svg = figure(picture).svg().into_string().replace("><", ">\n<") + "\n";
    let package = env::var_os("CARGO_MANIFEST_DIR").expect("Cargo runs this");
    let path = Path::new(&package).join("tests/figures").join(name).with_extension("svg");
    if env::var_os("UPDATE").is_some() {
        fs::write(&path, &svg).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default().replace('\r', "");
    assert_eq!(svg, expected, "{} differs; look at it after UPDATE=1", path.display());
}

#[test]
fn dots_are_as_drawn_before() {
    let near = vec![
        ("thread", measured(740.0, 700.0, 790.0)),
        ("task", measured(245.0, 240.0, 262.0)),
        ("a <b> & \"c\"", missing("not measured", "It <cannot> run & was left out.")),
    ];
    let far = vec![
        ("thread", measured(48_000.0, 15_000.0, 78_000.0)),
        ("task", missing("disturbed", "Other programs disturbed this setting.")),
        ("goroutine", measured(245.0, 245.0, 245.0)),
    ];
    assert_is_in_file("dots-linear", Picture::Dots(rows(Unit::Nanoseconds, vec![("", near)])));
    let near = vec![("thread", measured(740.0, 700.0, 790.0)), ("goroutine", missing("hangs", "It hung."))];
    assert_is_in_file("dots-log", Picture::Dots(rows(Unit::Nanoseconds, vec![("free", far), ("one core", near)])));
}

#[test]
fn bars_are_as_drawn_before() {
    let all = vec![
        ("nothing", measured(0.0, 0.0, 0.0)),
        ("thread", measured(8192.0, 8000.0, 8400.0)),
        ("wild", measured(2000.0, 100.0, 12_000.0)),
        ("coroutine", missing("crashes", "It overflowed its stack.")),
    ];
    assert_is_in_file("bars", Picture::Bars(rows(Unit::Bytes, vec![("", all)])));
}

#[test]
fn lines_are_as_drawn_before() {
    let line = |name: &str, values: [Value; 3]| (name.to_string(), [1.0, 2.0, 4.0].into_iter().zip(values).collect());
    let lines = Lines {
        over: Axis { label: "workers".to_string(), unit: Unit::Count },
        axis: Axis { label: "time".to_string(), unit: Unit::Nanoseconds },
        lines: vec![
            line("task", [measured(250.0, 245.0, 260.0), measured(310.0, 280.0, 390.0), measured(330.0, 300.0, 350.0)]),
            line(
                "goroutine",
                [measured(240.0, 230.0, 260.0), measured(300.0, 290.0, 330.0), measured(335.0, 310.0, 350.0)],
            ),
            line(
                "coroutine",
                [measured(980.0, 920.0, 1014.0), missing("hangs", "It hung."), measured(700.0, 650.0, 900.0)],
            ),
            line(
                "thread",
                [
                    missing("not measured", "It has no workers."),
                    missing("not measured", "It has no workers."),
                    missing("not measured", "It has no workers."),
                ],
            ),
        ],
    };
    assert_is_in_file("lines", Picture::Lines(lines));
}

#[test]
fn heat_is_as_drawn_before() {
    let words = |words: [(&str, Mood); 3]| words.map(|(text, mood)| Word::new(text, mood)).to_vec();
    let heat = Heat {
        heads: ["property", "memo2", "memo2\nlending", "a<b>"].map(str::to_string).to_vec(),
        rows: vec![
            ("one-call".to_string(), words([("kept", Mood::Good), ("kept", Mood::Good), ("hangs", Mood::Bad)])),
            ("re-entrant".to_string(), words([("undecided", Mood::Plain), ("-", Mood::Faint), ("", Mood::Faint)])),
        ],
    };
    assert_is_in_file("heat", Picture::Heat(heat));
}

/// A random value: a number of up to `orders` orders of magnitude, with an interval that may be wider than the number;
/// or nothing; or zero.
fn random_value(random: &mut StdRng, orders: f64) -> Value {
    let median = 10_f64.powf(random.random_range(0.0..=orders));
    let high = median * random.random_range(1.0..5.0);
    match random.random_range(0..10) {
        0 => missing("hangs", "It hung & was <killed>."),
        1 => measured(0.0, 0.0, 0.0),
        2 => measured(median, median, median),
        3 => measured(median, 0.0, high),
        _ => measured(median, median * random.random_range(0.3..1.0), high),
    }
}

/// Many random figures of every kind.
fn random_figures() -> Vec<Figure> {
    const NAMES: [&str; 6] = ["memo2", "memo2::duplicating", "a <b> & c", "async_singleflight", "x", "tokio::OnceCell"];
    const UNITS: [Unit; 5] = [Unit::Nanoseconds, Unit::Bytes, Unit::Count, Unit::Ratio, Unit::Share];
    let mut random = StdRng::seed_from_u64(7);
    let mut figures = Vec::new();
    for turn in 0..200 {
        let unit = UNITS[turn % UNITS.len()];
        let orders = if unit == Unit::Share { 0.0 } else { random.random_range(0.0..12.0) };
        let names = &NAMES[..random.random_range(1..=NAMES.len())];
        let mut row = |name: &&'static str| (*name, random_value(&mut random, orders));
        let panels = vec![("first", names.iter().map(&mut row).collect()), ("", names.iter().map(&mut row).collect())];
        let rows = rows(unit, panels);
        let mut line = |name: &&str| {
            let points = [1.0, 2.0, 4.0, 1000.0].into_iter().map(|place| (place, random_value(&mut random, orders)));
            (name.to_string(), points.collect())
        };
        let lines = Lines {
            over: Axis { label: "units".to_string(), unit: Unit::Count },
            axis: rows.axis.clone(),
            lines: names.iter().map(&mut line).collect(),
        };
        figures.extend([Picture::Dots(rows.clone()), Picture::Bars(rows), Picture::Lines(lines)].map(figure));
        let word = |name: &&str| Word::new(*name, [Mood::Good, Mood::Bad, Mood::Plain, Mood::Faint][turn % 4]);
        let heads = std::iter::once("property").chain(names.iter().copied()).map(|name| name.replace("::", "\n"));
        let words = |name: &&str| (name.to_string(), names.iter().map(word).collect());
        figures.push(figure(Picture::Heat(Heat { heads: heads.collect(), rows: names.iter().map(words).collect() })));
    }
    figures
}

/// The texts of a picture: each with its left, right, upper and lower end.
fn texts(svg: &str) -> Vec<([f64; 4], String)> {
    let text = |found: regex::Captures<'_>| {
        let (x, y): (f64, f64) = (found[1].parse().unwrap(), found[2].parse().unwrap());
        let shown = found[4].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
        let width = shown.chars().count() as f64 * CHARACTER;
        let left = match &found[3] {
            "start" => x,
            "middle" => x - width / 2.0,
            _ => x - width,
        };
        ([left, left + width, y - LINE + 2.0, y + 2.0], found[4].to_string())
    };
    TEXT.captures_iter(svg).map(text).collect()
}

#[test]
fn no_text_covers_another_or_leaves_the_picture() {
    let size = Regex::new(r#"viewBox="0 0 ([^ ]+) ([^"]+)""#).unwrap();
    for figure in random_figures() {
        let svg = figure.svg().into_string();
        let texts = texts(&svg);
        let (_, [width, height]) = size.captures(&svg).unwrap().extract();
        let (width, height): (f64, f64) = (width.parse().unwrap(), height.parse().unwrap());
        for (at, (one, words)) in texts.iter().enumerate() {
            assert!(one[0] >= 0.0 && one[1] <= width && one[2] >= 0.0 && one[3] <= height, "{words}: {svg}");
            for (other, others) in &texts[at + 1..] {
                let is_apart = one[1] <= other[0] || other[1] <= one[0] || one[3] <= other[2] || other[3] <= one[2];
                assert!(is_apart, "{words} and {others}: {svg}");
            }
        }
    }
}

#[test]
fn no_mark_leaves_the_picture_and_every_number_is_finite() {
    let coordinate = Regex::new(r#" (x|y|x1|x2|y1|y2|cx|cy|width|height)="([^"]+)""#).unwrap();
    let size = Regex::new(r#"viewBox="0 0 ([^ ]+) ([^"]+)""#).unwrap();
    for figure in random_figures() {
        let svg = figure.svg().into_string();
        let (_, [width, height]) = size.captures(&svg).unwrap().extract();
        for (_, [name, number]) in coordinate.captures_iter(&svg).map(|found| found.extract()) {
            let end: f64 = if name.contains('x') || name == "width" { width } else { height }.parse().unwrap();
            let number: f64 = number.parse().unwrap();
            assert!((0.0..=end).contains(&number), "{name} {number}: {svg}");
        }
    }
}

#[test]
fn every_value_of_the_picture_is_in_the_table() {
    for figure in random_figures() {
        let page = figure.html().into_string();
        let (_, table) = page.split_once("<table>").unwrap();
        let texts = texts(&figure.svg().into_string());
        let is_shown = |of: &dyn Fn(&[f64; 4]) -> bool| -> Vec<String> {
            texts.iter().filter(|(ends, _)| of(ends)).map(|(_, words)| words.clone()).collect()
        };
        let (shown, expected) = match &figure.picture {
            // The value of a row is the only text that starts at the right of the plot.
            Picture::Dots(rows) | Picture::Bars(rows) => {
                let right = texts.iter().map(|(ends, _)| ends[0]).fold(0.0, f64::max);
                (is_shown(&|ends| ends[0] == right), rows.panels.iter().map(|panel| panel.rows.len()).sum())
            }
            // The texts above the label of the lowest axis are the four places of the points.
            Picture::Lines(_) => {
                let label = texts.iter().map(|(ends, _)| ends[3]).fold(0.0, f64::max);
                let places = texts.iter().map(|(ends, _)| ends[3]).filter(|end| *end < label).fold(0.0, f64::max);
                let shown = is_shown(&|ends| ends[3] == places);
                assert_eq!(shown.first().zip(shown.last()), Some((&"1".to_string(), &"1,000".to_string())));
                (shown.clone(), shown.len())
            }
            Picture::Heat(heat) => {
                let columns = heat.rows.len();
                let words = texts[texts.len() - columns * (columns + 1)..].iter().map(|(_, words)| words.clone());
                let shown: Vec<_> =
                    words.enumerate().filter(|(at, _)| at % (columns + 1) > 0).map(|(_, word)| word).collect();
                (shown, columns * columns)
            }
        };
        assert_eq!(shown.len(), expected, "{figure:?}");
        for words in shown {
            assert!(table.contains(&format!("<td>{words}</td>")), "{words}: {table}");
        }
    }
}

#[test]
fn a_figure_without_values_has_no_marks() {
    let axis = || Axis { label: "time".to_string(), unit: Unit::Nanoseconds };
    let pictures = [
        Picture::Dots(rows(Unit::Nanoseconds, Vec::new())),
        Picture::Bars(rows(Unit::Bytes, vec![("empty", Vec::new())])),
        Picture::Lines(Lines { over: axis(), axis: axis(), lines: Vec::new() }),
        Picture::Lines(Lines { over: axis(), axis: axis(), lines: vec![("task".to_string(), Vec::new())] }),
        Picture::Heat(Heat { heads: Vec::new(), rows: Vec::new() }),
    ];
    for picture in pictures {
        let svg = figure(picture).svg().into_string();
        let has_marks = ["<circle", "<rect", "NaN", "inf"].iter().any(|mark| svg.contains(mark));
        assert!(!has_marks, "{svg}");
    }
}

#[test]
fn a_missing_value_has_no_mark_and_its_reason_is_in_the_table() {
    let all = vec![("memo2", missing("disturbed", "Others <ran>."))];
    let page = figure(Picture::Dots(rows(Unit::Nanoseconds, vec![("", all)]))).html().into_string();
    assert!(!page.contains("<circle"), "{page}");
    assert!(page.contains("disturbed</text>") && page.contains("<td>disturbed</td>"), "{page}");
    assert!(page.contains("Others &lt;ran&gt;."), "{page}");
}
