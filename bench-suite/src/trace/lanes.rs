//! A trace as lines of text, one for each lane.

use std::collections::BTreeMap;
use std::fmt::Write;

use green_threads::probe::trace::{Clock, Event, Trace};

use super::{distinct, kind};

/// The width of the picture, in characters.
const WIDTH: usize = 80;

/// The most lanes that are drawn.
const MOST_LANES: usize = 16;

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
    let picture = if needs_actors(trace) { Picture::of_actors(trace) } else { Picture::of_threads(trace) };
    let mut text = picture.draw(trace);
    if trace.dropped > 0 {
        let _ = writeln!(text, "{} further events are not in the trace: it was full.", trace.dropped);
    }
    text
}

/// Whether a lane for each actor tells more than one for each thread.
fn needs_actors(trace: &Trace) -> bool {
    let mut places: BTreeMap<&str, Option<usize>> = BTreeMap::new();
    trace
        .events
        .iter()
        .any(|event| event.thread.is_none() || *places.entry(&event.actor).or_insert(event.thread) != event.thread)
}

struct Picture<'a> {
    lanes: Vec<Lane<'a>>,
    /// Each symbol that a lane may have, and what it means. Symbols of one meaning follow each other.
    legend: Vec<(char, String)>,
}

struct Lane<'a> {
    name: String,
    /// The events on this lane. Each has an index into the legend.
    marks: Vec<(&'a Event, usize)>,
    remark: String,
}

impl<'a> Picture<'a> {
    fn of_threads(trace: &'a Trace) -> Self {
        let kinds = distinct(trace.events.iter().map(kind));
        let actors_of = |kind: &str| distinct(of_kind(trace, kind).map(|event| &*event.actor));
        // The actors of one kind can have their numbers as symbols, if each number is a digit.
        let all_digits = |kind: &&&str| {
            let actors = actors_of(kind);
            actors.len() > 1 && actors.iter().all(|actor| digit(actor).is_some())
        };
        let numbered = kinds.iter().find(all_digits).copied();
        let mut legend: Vec<(char, String)> = Vec::new();
        // The index into the legend of each actor.
        let mut keys: BTreeMap<&str, usize> = BTreeMap::new();
        for name in &kinds {
            let actors = actors_of(name);
            if numbered == Some(name) {
                for actor in actors {
                    keys.insert(actor, legend.len());
                    legend.extend(digit(actor).map(|digit| (digit, format!("{} by number", clean(name)))));
                }
                continue;
            }
            keys.extend(actors.iter().map(|actor| (*actor, legend.len())));
            let alone = actors.len() == 1;
            let meaning = if alone { clean(actors[0]) } else { format!("{} ({})", clean(name), actors.len()) };
            legend.push((symbol(name, alone, &legend), meaning));
        }
        let lane = |thread: usize| {
            let here = trace.events.iter().filter(|event| event.thread == Some(thread));
            let marks: Vec<_> = here.map(|event| (event, keys[&*event.actor])).collect();
            let actors = distinct(marks.iter().map(|(event, _)| &event.actor)).len();
            let remark = if actors > 1 { format!("{actors} units") } else { String::new() };
            Lane { name: format!("thread {}", thread + 1), marks, remark }
        };
        let threads = distinct(trace.events.iter().filter_map(|event| event.thread));
        Picture { lanes: threads.into_iter().map(lane).collect(), legend }
    }

    fn of_actors(trace: &'a Trace) -> Self {
        // On a thread, an actor's place tells more than what it does there. Off the threads its word tells why.
        let place = |event: &'a Event| (event.thread, if event.thread.is_some() { "" } else { &*event.did });
        let mut places = distinct(trace.events.iter().map(place));
        places.sort_by_key(|(thread, _)| thread.unwrap_or(usize::MAX));
        let mut legend: Vec<(char, String)> = Vec::new();
        for (thread, did) in &places {
            legend.push(match thread {
                None => (symbol(did, false, &legend), clean(did)),
                Some(thread @ 0..9) => (char::from(b'1' + *thread as u8), format!("on thread {}", thread + 1)),
                Some(_) => ('+', "on a further thread".to_string()),
            });
        }
        let lane = |actor: &'a str| {
            let its = trace.events.iter().filter(|event| event.actor == actor);
            let mark = |event| (event, places.iter().position(|other| *other == place(event)).unwrap_or(0));
            let marks: Vec<(&Event, usize)> = its.map(mark).collect();
            let threads: Vec<usize> = marks.iter().filter_map(|(event, _)| event.thread).collect();
            let remark = match threads.windows(2).filter(|pair| pair[0] != pair[1]).count() {
                0 => String::new(),
                1 => "1 move".to_string(),
                moves => format!("{moves} moves"),
            };
            Lane { name: clean(actor), marks, remark }
        };
        Picture {
            lanes: distinct(trace.events.iter().map(|event| &*event.actor)).into_iter().map(lane).collect(),
            legend,
        }
    }

    fn draw(&self, trace: &Trace) -> String {
        let shown = &self.lanes[..self.lanes.len().min(MOST_LANES)];
        let axis = Axis::of(trace);
        let names = shown.iter().map(|lane| lane.name.chars().count()).chain([axis.unit.len()]);
        let name = names.max().unwrap_or(0).min(MOST_NAME);
        let width = WIDTH - name - 2 - 2 - REMARK;
        let mut text = format!("{:>name$}  {}\n", axis.unit, axis.draw(width));
        for lane in shown {
            let line =
                format!("{:<name$}  {}  {}", cut(&lane.name, name), self.draw_lane(lane, &axis, width), lane.remark);
            text += line.trim_end();
            text.push('\n');
        }
        if let Some(more @ 1..) = self.lanes.len().checked_sub(shown.len()) {
            let _ = writeln!(text, "and {more} more lanes");
        }
        text.push('\n');
        let used = |at: &usize| shown.iter().any(|lane| lane.marks.iter().any(|(_, key)| key == at));
        // Symbols with the same meaning share a key.
        let mut keys: Vec<(String, &str)> = Vec::new();
        for (_, (symbol, meaning)) in self.legend.iter().enumerate().filter(|(at, _)| used(at)) {
            match keys.last_mut() {
                Some((symbols, last)) if last == meaning => {
                    if !symbols.contains(*symbol) {
                        symbols.push(*symbol);
                    }
                }
                _ => keys.push((symbol.to_string(), meaning)),
            }
        }
        keys.push((".".to_string(), "nothing"));
        let keys: Vec<String> =
            keys.iter().map(|(symbols, meaning)| cut(&format!("{symbols} {meaning}"), WIDTH)).collect();
        text + &flow(&keys)
    }

    /// Draws the marks of one lane. If several share a column, the symbol with the fewest columns in this lane is
    /// shown, so that a long span does not hide a short one.
    fn draw_lane(&self, lane: &Lane<'_>, axis: &Axis, width: usize) -> String {
        let mut columns = vec![Vec::new(); width];
        for (event, key) in &lane.marks {
            let first = axis.position(event.at, width).min(width - 1);
            // The column in which a span ends belongs to the next span.
            let last = axis.position(event.end(), width).saturating_sub(1).max(first);
            for column in &mut columns[first..=last] {
                if !column.contains(key) {
                    column.push(*key);
                }
            }
        }
        let mut covers = vec![0_usize; self.legend.len()];
        columns.iter().flatten().for_each(|key| covers[*key] += 1);
        let rarest = |keys: &Vec<usize>| keys.iter().copied().min_by_key(|key| (covers[*key], *key));
        columns.iter().map(|keys| rarest(keys).map_or('.', |key| self.legend[key].0)).collect()
    }
}

fn of_kind<'a>(trace: &'a Trace, name: &str) -> impl Iterator<Item = &'a Event> {
    trace.events.iter().filter(move |event| kind(event) == name)
}

/// Returns the number at the end of an actor's name, if it is a single digit.
fn digit(actor: &str) -> Option<char> {
    let (_, number) = actor.rsplit_once(' ')?;
    number.parse().ok().filter(char::is_ascii_digit)
}

/// Returns a symbol for `name` that the legend does not have yet: one of its letters, a capital for a single actor, or
/// else the first free letter of the alphabet.
fn symbol(name: &str, single: bool, legend: &[(char, String)]) -> char {
    let case = |letter: char| if single { letter.to_ascii_uppercase() } else { letter.to_ascii_lowercase() };
    let free = |symbol: &char| legend.iter().all(|(taken, _)| taken != symbol);
    let letters = name.chars().filter(char::is_ascii_alphabetic).chain('a'..='z');
    letters.map(case).find(free).unwrap_or('#')
}

/// Returns `name` without characters that would break a line or move the cursor.
fn clean(name: &str) -> String {
    name.chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect()
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

/// The time axis of a picture.
struct Axis {
    /// The last moment of the trace, in its own unit. At least 1.
    end: u64,
    /// The name of the unit of the labels, and how many units of the trace it has.
    unit: &'static str,
    size: u64,
}

impl Axis {
    fn of(trace: &Trace) -> Self {
        let end = trace.events.iter().map(Event::end).max().unwrap_or(0).max(1);
        let units = [("s", 1_000_000_000), ("ms", 1_000_000), ("µs", 1000)];
        let (unit, size) = match trace.clock {
            Clock::Steps => ("steps", 1),
            // The largest unit in which the axis has several labels.
            Clock::Nanoseconds => units.into_iter().find(|(_, size)| end >= 4 * size).unwrap_or(("ns", 1)),
        };
        Axis { end, unit, size }
    }

    /// Returns the column in which this moment is; for the last moment, `width`.
    fn position(&self, at: u64, width: usize) -> usize {
        let position = u128::from(at) * width as u128 / u128::from(self.end);
        usize::try_from(position).unwrap_or(width)
    }

    /// Draws a stroke and a label for each multiple of 1, 2 or 5 times a power of ten that leaves room for labels.
    fn draw(&self, width: usize) -> String {
        let steps = (0..18).flat_map(|power| [1, 2, 5].map(|times| times * 10_u64.pow(power)));
        let enough = |step: &u64| self.end / self.size / step < 5;
        let step = steps.map(|step| step.saturating_mul(self.size)).find(|step| enough(&(step / self.size)));
        let step = step.unwrap_or(u64::MAX);
        let mut line = vec![' '; width];
        for tick in (0..).map_while(|tick: u64| tick.checked_mul(step)).take_while(|tick| *tick <= self.end) {
            let label: Vec<char> = format!("|{}", tick / self.size).chars().collect();
            let from = self.position(tick, width);
            // A label that does not fit at the end is left out.
            if let Some(room) = line.get_mut(from..from + label.len()) {
                room.copy_from_slice(&label);
            }
        }
        line.into_iter().collect::<String>().trim_end().to_string()
    }
}

#[cfg(test)]
mod tests {
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

l locks   w waits   u unlocks   . nothing
";
}
