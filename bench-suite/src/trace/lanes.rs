//! A trace as lines of text, one for each lane.

use std::collections::BTreeMap;
use std::fmt::Write;

use green_threads::probe::trace::Trace;

use super::picture::{Axis, Key, Lane, Picture};

/// The width of the picture, in characters.
const WIDTH: usize = 80;

/// The most characters of a lane's name.
const MOST_NAME: usize = 16;

/// The room for the remark at the end of a lane, in characters.
const REMARK: usize = 10;

/// Draws `trace` in lines of at most 80 characters: a time axis, the lanes, and a legend.
///
/// If every actor stays on one thread, each thread has a lane, which shows the actors that run on it. If an actor
/// moves or waits, or if there are no threads, each actor has a lane, which shows where it runs or what it does. The
/// picture depends on nothing but the trace.
#[must_use]
pub fn lanes(trace: &Trace) -> String {
    if trace.events.is_empty() {
        return "The trace has no events.\n".to_string();
    }
    let mut text = draw(&Picture::of(trace), &Axis::of(trace));
    if trace.dropped > 0 {
        let _ = writeln!(text, "{} further events are not in the trace: it was full.", trace.dropped);
    }
    text
}

fn draw(picture: &Picture<'_>, axis: &Axis) -> String {
    let names = picture.lanes.iter().map(|lane| lane.name.chars().count()).chain([axis.unit.len()]);
    let name = names.max().unwrap_or(0).min(MOST_NAME);
    let width = WIDTH - name - 2 - 2 - REMARK;
    let mut text = format!("{:>name$}  {}\n", axis.unit, draw_axis(axis, width));
    for lane in &picture.lanes {
        let line = format!("{:<name$}  {}  {}", cut(&lane.name, name), draw_lane(lane, axis, width), lane.remark);
        text += line.trim_end();
        text.push('\n');
    }
    if picture.more > 0 {
        let _ = writeln!(text, "and {} more lanes", picture.more);
    }
    text.push('\n');
    let key = |(_, symbols, key): (usize, String, &Key)| {
        let by_number = if key.symbols.chars().count() > 1 { " by number" } else { "" };
        format!("{symbols} {}{by_number}", key.meaning)
    };
    let keys = picture.used().into_iter().map(key);
    let keys: Vec<String> = keys.chain([". nothing".to_string()]).map(|key| cut(&key, WIDTH)).collect();
    text + &flow(&keys)
}

/// Draws the marks of one lane. If several share a column, the symbol with the fewest columns in this lane is
/// shown, so that a long span does not hide a short one.
fn draw_lane(lane: &Lane<'_>, axis: &Axis, width: usize) -> String {
    let mut columns = vec![Vec::new(); width];
    for mark in &lane.marks {
        let symbol = (mark.key, mark.symbol);
        let first = position(axis, mark.event.at, width).min(width - 1);
        // The column in which a span ends belongs to the next span.
        let last = position(axis, mark.event.end(), width).saturating_sub(1).max(first);
        for column in &mut columns[first..=last] {
            if !column.contains(&symbol) {
                column.push(symbol);
            }
        }
    }
    let mut covers: BTreeMap<(usize, char), usize> = BTreeMap::new();
    columns.iter().flatten().for_each(|symbol| *covers.entry(*symbol).or_default() += 1);
    let rarest = |symbols: &Vec<(usize, char)>| symbols.iter().copied().min_by_key(|symbol| (covers[symbol], *symbol));
    columns.iter().map(|symbols| rarest(symbols).map_or('.', |(_, symbol)| symbol)).collect()
}

/// Returns the column in which this moment is; for the last moment, `width`.
fn position(axis: &Axis, at: u64, width: usize) -> usize {
    let position = u128::from(at) * width as u128 / u128::from(axis.end);
    usize::try_from(position).unwrap_or(width)
}

/// Draws a stroke and a label for each tick.
fn draw_axis(axis: &Axis, width: usize) -> String {
    let mut line = vec![' '; width];
    for tick in axis.ticks() {
        let label: Vec<char> = format!("|{}", axis.label(tick)).chars().collect();
        let from = position(axis, tick, width);
        // A label that does not fit at the end is left out.
        if let Some(room) = line.get_mut(from..from + label.len()) {
            room.copy_from_slice(&label);
        }
    }
    line.into_iter().collect::<String>().trim_end().to_string()
}

/// Shortens `text` to at most `most` characters.
fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some(_) => text.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
        None => text.to_string(),
    }
}

/// Puts as many keys into each line as fit.
fn flow(keys: &[String]) -> String {
    let mut lines = vec![String::new()];
    for key in keys {
        let line = lines.last().map_or("", |line| line);
        if !line.is_empty() && line.chars().count() + 3 + key.chars().count() > WIDTH {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            *line += if line.is_empty() { "" } else { "   " };
            *line += key;
        }
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use green_threads::probe::trace::{Clock, Event};

    use super::super::picture::MOST_LANES;
    use super::*;

    fn event(actor: &str, did: &str, thread: Option<usize>, at: u64, until: Option<u64>) -> Event {
        Event { actor: actor.to_string(), did: did.to_string(), thread, at, until }
    }

    fn trace(events: Vec<Event>) -> Trace {
        Trace { threads: vec![11, 12], events, ..Trace::default() }
    }

    #[track_caller]
    fn shows(trace: &Trace, expected: &str) {
        let text = lanes(trace);
        assert_eq!(text, expected, "\n{text}");
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
    }

    #[test]
    fn nothing_is_said() {
        shows(&Trace::default(), "The trace has no events.\n");
    }

    #[test]
    fn one_moment_is_one_mark() {
        shows(&trace(vec![event("hog", "began", Some(0), 0, None)]), ONE);
    }

    const MS: u64 = 1_000_000;

    /// The short units are shown, although they share a column with the hog.
    #[test]
    fn short_units_run_beside_a_hog_and_after_it() {
        let hog = event("hog", "computes", Some(0), 0, Some(200 * MS));
        let beside = (0..3).map(|at| event(&format!("short {at}"), "ran", Some(1), (1 + 10 * at) * MS, None));
        let after = (3..6).map(|at| event(&format!("short {at}"), "ran", Some(0), 200 * MS + at, None));
        let events = [hog].into_iter().chain(beside).chain(after).collect();
        shows(&Trace { dropped: 7, ..trace(events) }, HOG);
    }

    #[test]
    fn an_actor_that_moves_has_a_lane() {
        shows(
            &trace(vec![
                event("unit 0", "runs", Some(0), 0, Some(400)),
                event("unit 1", "runs", Some(1), 0, Some(800)),
                event("unit 0", "sleeps", None, 400, Some(600)),
                event("unit 0", "runs", Some(1), 800, Some(800)),
            ]),
            MOVES,
        );
    }

    /// There are nine digits for threads.
    #[test]
    fn later_threads_share_a_symbol() {
        let text = lanes(&trace([0, 8, 9, 10].map(|at| event("unit", "ran", Some(at), at as u64, None)).into()));
        assert!(text.contains("\nunit  1..") && text.contains("3 moves\n"), "{text}");
        assert!(text.contains("\n1 on thread 1   9 on thread 9   + on a further thread   . nothing\n"), "{text}");
    }

    /// A checker's trace has no threads and counts steps.
    #[test]
    fn logical_time_is_in_steps() {
        let events = vec![
            event("caller 1", "locks", None, 0, None),
            event("caller 2", "waits", None, 1, Some(3)),
            event("caller 1", "unlocks", None, 2, None),
            event("caller 2", "locks", None, 3, Some(4)),
        ];
        shows(&Trace { clock: Clock::Steps, threads: Vec::new(), events, dropped: 0 }, STEPS);
    }

    /// Each caller has a thread of its own, so its place says nothing.
    #[test]
    fn callers_show_what_they_do() {
        let mut events = Vec::new();
        for (caller, thread, key) in [(10, 0, 'a'), (9, 1, 'b'), (2, 2, 'a')] {
            let caller = format!("caller {caller}");
            let runs = if key == 'a' { 0..50 } else { 50..100 };
            events.extend([
                event(&caller, &format!("waits for {key}"), None, 0, Some(runs.start)),
                event(&caller, &format!("runs f for {key}"), Some(thread), runs.start, Some(runs.end)),
                event(&caller, "has the value", Some(thread), runs.end, None),
            ]);
        }
        shows(&trace(events), CALLERS);
    }

    #[test]
    fn lanes_that_do_not_fit_are_counted() {
        let events = (0..MOST_LANES + 4).map(|at| event(&format!("unit {at}"), "ran", Some(at), at as u64, None));
        let text = lanes(&trace(events.collect()));
        assert!(text.contains("thread 16") && !text.contains("thread 17"), "{text}");
        assert!(text.contains("and 4 more lanes\n"), "{text}");
    }

    #[test]
    fn a_strange_name_breaks_nothing() {
        let long = "<a&b>\n\u{1b}[31m ".repeat(20);
        let text = lanes(&trace(vec![
            event(&long, "<did & did>", None, 0, Some(0)),
            event("<b>", "ran", Some(0), u64::MAX, Some(u64::MAX)),
        ]));
        assert!(text.contains("<a&b>??[31m <a&…") && text.contains("\n<b> "), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH && !line.contains('\u{1b}')), "{text}");
    }

    const ONE: &str = "      ns  |0
thread 1  H.........................................................

H hog   . nothing
";

    const HOG: &str = "      ms  |0            |50           |100           |150
thread 1  HHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHH3  4 units
thread 2  0..1..2...................................................  3 units

H hog   012345 short by number   . nothing
7 further events are not in the trace: it was full.
";

    const MOVES: &str = "    ns  |0             |200           |400           |600
unit 0  111111111111111111111111111111sssssssssssssss..............2  1 move
unit 1  222222222222222222222222222222222222222222222222222222222222

1 on thread 1   2 on thread 2   s sleeps   . nothing
";

    const STEPS: &str = "   steps  |0            |1             |2            |3
caller 1  l............................u............................
caller 2  ..............wwwwwwwwwwwwwwwwwwwwwwwwwwwwwlllllllllllllll

l locks   u unlocks   w waits   . nothing
";

    const CALLERS: &str = "       ns  |0                          |50
caller 2   aAAAAAAAAAAAAAAAAAAAAAAAAAAAH............................
caller 9   bbbbbbbbbbbbbbbbbbbbbbbbbbbbBBBBBBBBBBBBBBBBBBBBBBBBBBBBH
caller 10  aAAAAAAAAAAAAAAAAAAAAAAAAAAAH............................

H has the value   A runs f for a   B runs f for b   a waits for a
b waits for b   . nothing
";
}
