//! Tests of the figures: some from fixed data, compared with the files in `tests/figures/`, and properties of many
//! random ones. `UPDATE=1` writes the files anew.

use std::path::Path;
use std::sync::LazyLock;
use std::{env, fs};

use bench_suite::figure::{Axis, Figure, Heat, Lines, Mood, Panel, Picture, Rows, Stacked, Strip, Strips, Value, Word};
use bench_suite::store::Estimate;
use green_threads::probe::trace::{Clock, Event, Trace};
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

fn stopped(number: f64, is_least: bool, end: &str, why: &str) -> Value {
    let so_far = Estimate { median: number, low: number, high: number, rounds: 1 };
    Value::Stopped { so_far, is_least, end: end.to_string(), why: why.to_string() }
}

fn figure(picture: Picture) -> Figure {
    Figure {
        id: "made-up".to_string(),
        title: "Made-up <times> & sizes".to_string(),
        description: "A figure from fixed data.".to_string(),
        picture,
    }
}

type Named<'a, T> = Vec<(&'a str, T)>;

fn panels<T>(panels: Named<'_, Named<'_, T>>) -> Vec<Panel<T>> {
    let owned = |(name, value): (&str, T)| (name.to_string(), value);
    let panel =
        |(head, rows): (&str, Vec<_>)| Panel { head: head.to_string(), rows: rows.into_iter().map(owned).collect() };
    panels.into_iter().map(panel).collect()
}

fn axis(unit: Unit) -> Axis {
    Axis { label: "time".to_string(), unit }
}

fn rows(unit: Unit, of: Named<'_, Named<'_, Value>>) -> Rows {
    Rows { axis: axis(unit), panels: panels(of) }
}

fn stacked(unit: Unit, segments: &[&str], of: Named<'_, Named<'_, Vec<Value>>>) -> Picture {
    let segments = segments.iter().copied().map(str::to_string).collect();
    Picture::Stacked(Stacked { axis: axis(unit), segments, panels: panels(of) })
}

fn strips(of: Named<'_, Named<'_, Strip>>) -> Picture {
    let kinds = ["<ones>", "zeros"].map(str::to_string);
    Picture::Strips(Strips { label: "digits".to_string(), kinds, panels: panels(of) })
}

fn event(actor: &str, did: &str, thread: Option<usize>, at: u64, until: Option<u64>) -> Event {
    Event { actor: actor.to_string(), did: did.to_string(), thread, at, until }
}

fn trace(events: Vec<Event>) -> Trace {
    Trace { threads: vec![501, 502], events, ..Trace::default() }
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
fn ends_are_as_drawn_before() {
    let all = vec![
        ("thread", stopped(15_360.0, true, "then SIGABRT", "It had <no> room.")),
        ("coroutine", stopped(32_501.0, false, "then a limit", "No mapping & no stack was left.")),
        ("task", measured(1e6, 1e6, 1e6)),
        ("goroutine", missing("not measured here", "Go is not installed.")),
    ];
    let near = vec![("thread", stopped(4.0, true, "then a hang", "It hung.")), ("task", measured(9.0, 9.0, 9.0))];
    assert_is_in_file("ends-log", Picture::Ends(rows(Unit::Count, vec![("", all)])));
    assert_is_in_file("ends-linear", Picture::Ends(rows(Unit::Count, vec![("", near)])));
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

/// A row for each unit, a column for each thread. One unit has moved.
#[test]
fn heat_of_a_trace_is_as_drawn_before() {
    let looks = |unit: u64, did: &'static str, thread: usize, times: u64| {
        (0..times).map(move |at| event(&format!("unit {unit}"), did, Some(thread), at, None))
    };
    let events = looks(0, "wrong", 0, 20).chain(looks(1, "right", 0, 13)).chain(looks(1, "wrong", 1, 7));
    let events = events.chain(looks(10, "right", 1, 19)).chain(looks(10, "<wrong>", 1, 1)).collect();
    assert_is_in_file("heat-trace", Picture::Heat(Heat::of(&trace(events), Some("right"))));
}

const KIB: f64 = 1024.0;

#[test]
fn stacked_bars_are_as_drawn_before() {
    let bytes = |bytes: f64| measured(bytes, bytes, bytes);
    let unread = || missing("not measured", "Only <Linux> shows it.");
    let hung = || missing("hangs", "It hung & was killed.");
    let all = vec![
        ("thread", vec![bytes(8.0 * KIB), bytes(12.0 * KIB), bytes(4.0 * KIB), bytes(9.0 * KIB)]),
        ("coroutine", vec![bytes(4.0 * KIB), bytes(16.0 * KIB), bytes(100.0), unread()]),
        ("task", vec![bytes(0.0), bytes(500.0), bytes(0.0), bytes(0.0)]),
        ("nothing", [0.0; 4].map(bytes).to_vec()),
        ("goroutine", vec![hung(), hung(), hung(), hung()]),
    ];
    let segments = ["resident", "reserved & not resident", "page tables", "kernel"];
    assert_is_in_file("stacked", stacked(Unit::Bytes, &segments, vec![("", all)]));
}

#[test]
fn strips_are_as_drawn_before() {
    let mixed: Vec<u64> = (0..4000).map(|at| if at % 1000 == 500 { 700 } else { 1 + at % 7 }).collect();
    let total = mixed.iter().sum::<u64>();
    let one_worker = vec![
        ("coroutine", Strip::Runs(vec![total / 2, total / 2])),
        ("task", Strip::Runs(vec![0, 900, total - 1800, 900])),
    ];
    let several = vec![
        ("thread", Strip::Runs(mixed)),
        ("task", Strip::Runs(Vec::new())),
        ("a <b> & c", Strip::Missing { word: "hangs".to_string(), why: "It hung & was <killed>.".to_string() }),
    ];
    assert_is_in_file("strips", strips(vec![("one worker", one_worker), ("2 workers", several)]));
}

const MS: u64 = 1_000_000;

/// Each thread has a lane.
#[test]
fn lanes_of_threads_are_as_drawn_before() {
    let hog = event("hog", "computes", Some(0), 0, Some(200 * MS));
    let beside = (0..6).map(|at| event(&format!("short {at}"), "ran", Some(1), (1 + 10 * at) * MS, None));
    let late = event("<idle & co>", "spins", Some(1), 80 * MS, Some(195 * MS));
    let after = (6..9).map(|at| event(&format!("short {at}"), "ran", Some(0), (200 + at) * MS, None));
    let events = [hog].into_iter().chain(beside).chain([late]).chain(after).collect();
    assert_is_in_file("lanes-threads", Picture::Lanes(Trace { dropped: 7, ..trace(events) }));
}

/// Each caller has a lane, and a call of `f` hides no wait.
#[test]
fn lanes_of_callers_are_as_drawn_before() {
    let mut events = Vec::new();
    for (caller, key, begins, ends) in [(1, 'a', 0, 10), (2, 'b', 10, 20), (3, 'c', 20, 20), (4, 'a', 10, 10)] {
        let name = format!("caller {caller}");
        let thread = Some(caller - 1);
        let last = ends * MS + caller as u64 * 40_000;
        events.push(event(&name, &format!("waits for {key}"), None, caller as u64 * 1000, Some(begins * MS + 4000)));
        if ends > begins {
            events.push(event(&name, &format!("runs f for {key}"), thread, begins * MS + 4000, Some(last)));
        }
        events.push(event(&name, "has the value", thread, last, None));
    }
    assert_is_in_file("lanes-callers", Picture::Lanes(trace(events)));
}

/// An actor that moves has a lane, and what it does off the threads is hollow.
#[test]
fn lanes_of_units_that_move_are_as_drawn_before() {
    let mut events = Vec::new();
    for unit in 0..20 {
        let name = format!("unit {unit}");
        events.push(event(&name, "sleeps", None, unit * 50, Some(unit * 50 + 2000)));
        events.push(event(&name, "runs", Some(unit as usize % 3), unit * 50 + 2000, Some(unit * 50 + 2600)));
        events.push(event(&name, "ended", Some(unit as usize % 2), unit * 50 + 3000, None));
    }
    assert_is_in_file("lanes-units", Picture::Lanes(trace(events)));
}

/// A checker's trace counts steps and has no threads.
#[test]
fn lanes_of_steps_are_as_drawn_before() {
    let events = vec![
        event("caller 1", "locks", None, 0, None),
        event("caller 2", "waits", None, 1, Some(3)),
        event("caller 1", "unlocks", None, 2, None),
        event("caller 2", "locks", None, 3, Some(4)),
    ];
    assert_is_in_file(
        "lanes-steps",
        Picture::Lanes(Trace { clock: Clock::Steps, threads: Vec::new(), ..trace(events) }),
    );
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
        4 => stopped(median, random.random(), "then <exit> status 2", "It hung & was <killed>."),
        _ => measured(median, median * random.random_range(0.3..1.0), high),
    }
}

fn random_strip(random: &mut StdRng, orders: f64) -> Strip {
    let length = |random: &mut StdRng| 10_f64.powf(random.random_range(0.0..=orders)) as u64;
    match random.random_range(0..6) {
        0 => Strip::Missing { word: "hangs".to_string(), why: "It hung & was <killed>.".to_string() },
        1 => Strip::Runs(vec![0, length(random)]),
        _ => Strip::Runs((0..random.random_range(1..2000)).map(|_| length(random)).collect()),
    }
}

fn random_trace(random: &mut StdRng, names: &[&str], orders: f64) -> Trace {
    let threads = random.random_range(0..12);
    let mut events = Vec::new();
    for _ in 0..random.random_range(1..100) {
        let name = names[random.random_range(0..names.len())];
        let actor = if random.random() { format!("{name} {}", random.random_range(0..20)) } else { name.to_string() };
        let time = |random: &mut StdRng| 10_f64.powf(random.random_range(0.0..=orders)) as u64;
        let at = time(random);
        let until = random.random::<bool>().then(|| at + time(random));
        let did = ["runs f for a", "waits for a", "<did & did>", "ran"][random.random_range(0..4)];
        let thread = (threads > 0 && random.random()).then(|| random.random_range(0..threads));
        events.push(event(&actor, did, thread, at, until));
    }
    events.sort_by_key(|event| event.at);
    let clock = if random.random() { Clock::Steps } else { Clock::Nanoseconds };
    Trace { clock, threads: (0..threads as u32).collect(), events, dropped: random.random_range(0..2) }
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
        figures.extend(
            [Picture::Dots(rows.clone()), Picture::Bars(rows.clone()), Picture::Ends(rows), Picture::Lines(lines)]
                .map(figure),
        );
        if turn % 4 == 0 {
            let segments = &names[..names.len().min(4)];
            let mut bar =
                |name: &&'static str| (*name, segments.iter().map(|_| random_value(&mut random, orders)).collect());
            let bars =
                vec![("first", names.iter().map(&mut bar).collect()), ("", names.iter().map(&mut bar).collect())];
            figures.push(figure(stacked(unit, segments, bars)));
            let mut strip = |name: &&'static str| (*name, random_strip(&mut random, orders / 4.0));
            let of =
                vec![("first", names.iter().map(&mut strip).collect()), ("", names.iter().map(&mut strip).collect())];
            figures.push(figure(strips(of)));
            figures.push(figure(Picture::Lanes(random_trace(&mut random, names, orders))));
        }
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
        let right_of_the_plot = |label: &str| -> Vec<String> {
            let at = texts.iter().position(|(_, words)| words == label).unwrap();
            let above = || texts[..at].iter();
            let right = above().map(|(ends, _)| ends[0]).fold(0.0, f64::max);
            above().filter(|(ends, _)| ends[0] == right).map(|(_, words)| words.clone()).collect()
        };
        let (shown, expected) = match &figure.picture {
            // The value of a row is the only text that starts at the right of the plot.
            Picture::Dots(rows) | Picture::Bars(rows) | Picture::Ends(rows) => {
                let right = texts.iter().map(|(ends, _)| ends[0]).fold(0.0, f64::max);
                (is_shown(&|ends| ends[0] == right), rows.panels.iter().map(|panel| panel.rows.len()).sum())
            }
            // In the same place; but the legend, below the label of the axis, may be further to the right.
            Picture::Stacked(Stacked { panels, .. }) => {
                let shown = right_of_the_plot("time");
                (shown, panels.iter().map(|panel| panel.rows.len()).sum())
            }
            Picture::Strips(Strips { panels, .. }) => {
                let shown = right_of_the_plot("digits");
                (shown, panels.iter().map(|panel| panel.rows.len()).sum())
            }
            // The texts in the bars are the beginnings of what the table says.
            Picture::Lanes(_) => {
                let is_in_lane = |words: &String| words.starts_with("runs f") || words.starts_with("waits for");
                let legend = texts.iter().position(|(_, words)| words == "steps" || words.starts_with("time in "));
                let lanes =
                    texts.iter().skip(legend.unwrap()).take_while(|(ends, _)| ends[3] < texts[legend.unwrap()].0[3]);
                for (_, words) in lanes.filter(|(_, words)| is_in_lane(words)) {
                    assert!(table.contains(&format!("<td>{words}")), "{words}: {table}");
                }
                continue;
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
        Picture::Ends(rows(Unit::Count, vec![("", vec![("task", missing("hangs", "It hung."))])])),
        Picture::Lines(Lines { over: axis(), axis: axis(), lines: Vec::new() }),
        Picture::Lines(Lines { over: axis(), axis: axis(), lines: vec![("task".to_string(), Vec::new())] }),
        Picture::Heat(Heat { heads: Vec::new(), rows: Vec::new() }),
        stacked(Unit::Bytes, &["resident"], vec![("empty", Vec::new())]),
        stacked(Unit::Bytes, &[], vec![("", vec![("task", Vec::new())])]),
        strips(Vec::new()),
        strips(vec![("empty", vec![("task", Strip::Runs(Vec::new())), ("thread", Strip::Runs(vec![0, 0]))])]),
        Picture::Lanes(Trace::default()),
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

/// Where a bar ends, whether in a stroke, and whether an arrow says that it may be longer.
#[test]
fn a_lower_bound_has_an_arrow() {
    let bar = Regex::new(r#"<rect x="([^"]+)" y="[^"]+" width="([^"]+)""#).unwrap();
    let (stroke, arrow) = ("stroke=\"var(--bad, #c0392b)\" stroke-width=\"3\"", "stroke-width=\"2\"");
    let end = |value: Value| {
        let all = vec![("thread", value), ("task", measured(1e6, 1e6, 1e6)), ("nothing", measured(10.0, 10.0, 10.0))];
        let svg = figure(Picture::Ends(rows(Unit::Count, vec![("", all)]))).svg().into_string();
        let (_, [x, width]) = bar.captures(&svg).unwrap().extract();
        let width: f64 = width.parse().unwrap();
        (width, x.parse::<f64>().unwrap() + width, svg.matches(stroke).count(), svg.matches(arrow).count(), svg)
    };
    let (width, place, strokes, arrows, svg) = end(stopped(1e4, true, "then SIGABRT", "Why."));
    // The plot is 400 pixels wide, and five decades long.
    assert!((width - 240.0).abs() < 0.2, "{width}: {svg}");
    assert_eq!((strokes, arrows), (1, 2), "{svg}");
    assert!(svg.contains(&format!("<line x1=\"{place}\"")), "{place}: {svg}");
    assert!(svg.contains("10,000 or more, then SIGABRT</text>"), "{svg}");
    let (.., strokes, arrows, svg) = end(stopped(1e4, false, "then a limit", "Why."));
    assert_eq!((strokes, arrows), (1, 0), "{svg}");
    assert!(svg.contains("10,000, then a limit</text>"), "{svg}");
    let (.., strokes, arrows, svg) = end(measured(1e4, 1e4, 1e4));
    assert_eq!((strokes, arrows), (0, 0), "{svg}");
}

#[test]
fn one_moment_is_one_mark() {
    let svg = figure(Picture::Lanes(trace(vec![event("hog", "began", Some(0), 0, None)]))).svg().into_string();
    // One in the lane, and one in the legend.
    assert_eq!((svg.matches("<path d=\"M").count(), svg.matches("<rect").count()), (2, 0), "{svg}");
}

/// From a nanosecond to a quarter of an hour.
#[test]
fn a_short_span_beside_a_long_one_is_visible() {
    let spans = (0..=12).map(|order| event("unit", "runs", Some(0), 10_u64.pow(order), Some(2 * 10_u64.pow(order))));
    let svg = figure(Picture::Lanes(trace(spans.collect()))).svg().into_string();
    let width = Regex::new(r#"<rect x="[^"]*" y="[^"]*" width="([^"]+)" height="18" fill="var"#).unwrap();
    let widths: Vec<f64> = width.captures_iter(&svg).map(|found| found[1].parse().unwrap()).collect();
    assert!(widths.len() >= 3 && widths.iter().all(|width| *width >= 1.5), "{widths:?}: {svg}");
}

#[test]
fn a_thousand_actors_make_a_small_picture() {
    let events = (0..1000).map(|at| event(&format!("unit {at}"), "runs", Some(at % 7), at as u64, Some(2000)));
    let moves = event("unit 0", "runs", Some(6), 3000, Some(3001));
    let page = figure(Picture::Lanes(trace(events.chain([moves]).collect()))).html().into_string();
    assert!(page.contains("unit 15</text>") && !page.contains("unit 16</text>"), "{page}");
    assert!(page.contains("and 984 more lanes"), "{page}");
    assert!(page.len() < 20_000, "{} bytes", page.len());
}

#[test]
fn a_thousand_events_on_a_pixel_are_one_mark() {
    let events = (0..1000).map(|at| event("unit", "ran", Some(0), at, None));
    let last = event("unit", "ran", Some(0), 1_000_000_000, None);
    let page = figure(Picture::Lanes(trace(events.chain([last]).collect()))).html().into_string();
    assert!(page.contains("and 901 more"), "the table is capped: {page}");
    assert!(page.len() < 16_000, "{} bytes", page.len());
}

#[test]
fn names_of_a_trace_are_escaped() {
    let long = "<a&b>\n\u{1b}[31m ".repeat(9);
    let spans = [event(&long, "<did & did>", None, 0, Some(100)), event("b", "waits for <c>", None, 0, Some(90))];
    let page = figure(Picture::Lanes(trace(spans.into()))).html().into_string();
    assert!(page.contains("&lt;did &amp; did&gt;</text>") && page.contains("&lt;a&amp;b&gt;??[31m"), "{page}");
    let is_left = ["<a&b>", "<did", "<c>", "\u{1b}"].iter().any(|text| page.contains(text));
    assert!(!is_left, "{page}");
}

/// However many runs there are, a strip has at most one mark for each pixel.
#[test]
fn thousands_of_runs_make_a_small_picture() {
    let mut random = StdRng::seed_from_u64(3);
    for longest in [1, 2, 40, 1000] {
        let runs: Vec<u64> = (0..20_000).map(|_| random.random_range(1..=longest)).collect();
        let svg = figure(strips(vec![("", vec![("thread", Strip::Runs(runs))])])).svg().into_string();
        assert!(svg.len() < 14_000, "{} bytes", svg.len());
    }
}

#[test]
fn the_longest_run_is_marked_where_it_is() {
    let strip = Strip::Runs(vec![100, 100, 400, 100, 300]);
    let svg = figure(strips(vec![("", vec![("task", strip)])])).svg().into_string();
    let marks = Regex::new(r#"<line x1="([^"]+)" y1="16.5" x2="([^"]+)" y2="16.5""#).unwrap();
    let (_, [from, until]) = marks.captures(&svg).unwrap().extract();
    let (from, until): (f64, f64) = (from.parse().unwrap(), until.parse().unwrap());
    // The plot is 400 pixels wide, and shows 0 to 1,000.
    assert!((until - from - 160.0).abs() < 0.2, "{from} {until}: {svg}");
    assert!(svg.contains("longest 400"), "{svg}");
}

#[test]
fn a_missing_segment_is_named_beside_the_bar_and_in_the_table() {
    let row = vec![measured(1000.0, 900.0, 1100.0), missing("not read", "Only <Linux> shows it.")];
    let of =
        vec![("", vec![("task", row), ("thread", vec![missing("hangs", "It hung."), missing("hangs", "It hung.")])])];
    let page = figure(stacked(Unit::Bytes, &["resident", "kernel"], of)).html().into_string();
    assert!(page.contains("1000 B without kernel</text>") && page.contains("hangs</text>"), "{page}");
    assert!(page.contains("not read: Only &lt;Linux&gt; shows it."), "{page}");
}
