//! Which lanes a picture of a trace has, and what is on them. Text and SVG draw the same lanes.

use std::collections::{BTreeMap, BTreeSet};

use green_threads::probe::trace::{Clock, Event, Trace};

use super::kind;
use crate::distinct;

/// The most lanes that are drawn.
pub(crate) const MOST_LANES: usize = 16;

/// The lanes of a picture.
pub(crate) struct Picture<'a> {
    /// The lanes from top to bottom: at most [`MOST_LANES`].
    pub(crate) lanes: Vec<Lane<'a>>,
    /// How many further lanes there are.
    pub(crate) more: usize,
    /// What the marks mean.
    pub(crate) legend: Vec<Key>,
}

/// One entry of a legend.
pub(crate) struct Key {
    /// The symbols of the marks with this meaning, each of one character. If there are several, they are the numbers of
    /// the actors.
    pub(crate) symbols: String,
    pub(crate) meaning: String,
}

/// The line of one thread or actor.
pub(crate) struct Lane<'a> {
    pub(crate) name: String,
    /// What is on the lane, by the time at which it began.
    pub(crate) marks: Vec<Mark<'a>>,
    /// A word or two at the end of the lane, or nothing.
    pub(crate) remark: String,
}

/// An event on a lane.
pub(crate) struct Mark<'a> {
    pub(crate) event: &'a Event,
    /// An index into the legend.
    pub(crate) key: usize,
    /// One of the symbols of the key.
    pub(crate) symbol: char,
    /// What the lane's name does not say: the actor, or what it did.
    pub(crate) label: String,
    /// Whether the actor was on no thread, although others may have been. In logical time nothing is on a thread.
    pub(crate) is_off: bool,
    /// The rest of what is known about it: what the actor did, or on which thread.
    pub(crate) detail: String,
}

impl<'a> Picture<'a> {
    /// Chooses the lanes of `trace`.
    ///
    /// If every actor stays on one thread, each thread has a lane, which shows the actors that run on it. If an actor
    /// moves or waits, or if there are no threads, each actor has a lane. It shows where the actor runs. If no thread
    /// has several actors and no actor several threads, it shows what the actor does instead.
    pub(crate) fn of(trace: &'a Trace) -> Self {
        let mut picture = if needs_actors(trace) { Picture::of_actors(trace) } else { Picture::of_threads(trace) };
        picture.more = picture.lanes.len().saturating_sub(MOST_LANES);
        picture.lanes.truncate(MOST_LANES);
        picture
    }

    /// The entries of the legend that these lanes need, each with its index and with the symbols that the lanes use.
    pub(crate) fn used(&self) -> Vec<(usize, String, &Key)> {
        let marks = self.lanes.iter().flat_map(|lane| &lane.marks);
        let seen: BTreeSet<(usize, char)> = marks.map(|mark| (mark.key, mark.symbol)).collect();
        let used = |at, key: &Key| key.symbols.chars().filter(|symbol| seen.contains(&(at, *symbol))).collect();
        let keys = self.legend.iter().enumerate().map(|(at, key)| (at, used(at, key), key));
        keys.filter(|(_, symbols, _): &(_, String, _)| !symbols.is_empty()).collect()
    }

    /// The group of each entry of the legend. Meanings that end with the same letter, such as `waits for a` and `runs f
    /// for a`, are a group. Others are alone.
    pub(crate) fn groups(&self) -> Vec<usize> {
        let about: Vec<_> = self.legend.iter().map(|key| (letter(&key.meaning), &key.meaning)).collect();
        let same = |one: &(Option<char>, &String), other: &(Option<char>, &String)| match one.0 {
            Some(letter) => other.0 == Some(letter),
            None => one.1 == other.1,
        };
        let mut firsts: Vec<&(Option<char>, &String)> = Vec::new();
        let group = |one| {
            firsts.iter().position(|first| same(first, one)).unwrap_or_else(|| {
                firsts.push(one);
                firsts.len() - 1
            })
        };
        about.iter().map(group).collect()
    }

    fn of_threads(trace: &'a Trace) -> Self {
        let kinds = distinct(trace.events.iter().map(kind));
        let actors_of = |name: &str| {
            let events = trace.events.iter().filter(|event| kind(event) == name);
            distinct(events.map(|event| &*event.actor))
        };
        // The actors of one kind can have their numbers as symbols, if each number is a digit.
        let all_digits = |kind: &&&str| {
            let actors = actors_of(kind);
            actors.len() > 1 && actors.iter().all(|actor| digit(actor).is_some())
        };
        let numbered = kinds.iter().find(all_digits).copied();
        let mut legend: Vec<Key> = Vec::new();
        // The key and the symbol of each actor.
        let mut keys: BTreeMap<&str, (usize, char)> = BTreeMap::new();
        for name in &kinds {
            let actors = actors_of(name);
            let at = legend.len();
            if numbered == Some(name) {
                let digits = || actors.iter().filter_map(|actor| Some((*actor, digit(actor)?)));
                keys.extend(digits().map(|(actor, digit)| (actor, (at, digit))));
                let symbols: BTreeSet<char> = digits().map(|(_, digit)| digit).collect();
                let symbols = symbols.into_iter().collect();
                legend.push(Key { symbols, meaning: clean(name) });
                continue;
            }
            let alone = actors.len() == 1;
            let symbol = symbol(name, alone, &legend);
            keys.extend(actors.iter().map(|actor| (*actor, (at, symbol))));
            let meaning = if alone { clean(actors[0]) } else { format!("{} ({})", clean(name), actors.len()) };
            legend.push(Key { symbols: symbol.to_string(), meaning });
        }
        let lane = |thread: usize| {
            let here = trace.events.iter().filter(|event| event.thread == Some(thread));
            let mark = |event: &'a Event| {
                let (key, symbol) = keys[&*event.actor];
                Mark { event, key, symbol, label: clean(&event.actor), detail: clean(&event.did), is_off: false }
            };
            let marks: Vec<_> = here.map(mark).collect();
            let actors = distinct(marks.iter().map(|mark| &mark.event.actor)).len();
            let remark = if actors > 1 { format!("{actors} units") } else { String::new() };
            Lane { name: format!("thread {}", thread + 1), marks, remark }
        };
        let threads = distinct(trace.events.iter().filter_map(|event| event.thread));
        Picture { lanes: threads.into_iter().map(lane).collect(), more: 0, legend }
    }

    fn of_actors(trace: &'a Trace) -> Self {
        // If several actors share threads, an actor's place tells more than what it does there. Off the threads, and
        // on a thread of its own, its word tells more.
        let share = share_threads(trace);
        let place = |event: &'a Event| match event.thread {
            Some(thread) if share => (thread, ""),
            _ => (usize::MAX, &*event.did),
        };
        let places: BTreeSet<_> = trace.events.iter().map(place).collect();
        let mut legend: Vec<Key> = Vec::new();
        let mut keys: BTreeMap<(usize, &str), (usize, char)> = BTreeMap::new();
        for (thread, did) in places {
            let (symbol, meaning) = match thread {
                usize::MAX => {
                    let on_thread = |event: &Event| event.did == did && event.thread.is_some();
                    (symbol(did, trace.events.iter().any(on_thread), &legend), clean(did))
                }
                0..9 => (char::from(b'1' + thread as u8), format!("on thread {}", thread + 1)),
                _ => ('+', "on a further thread".to_string()),
            };
            let is_further = symbol == '+' && legend.last().is_some_and(|last| last.symbols == "+");
            if !is_further {
                legend.push(Key { symbols: symbol.to_string(), meaning });
            }
            keys.insert((thread, did), (legend.len() - 1, symbol));
        }
        let lane = |actor: &'a str| {
            let its = trace.events.iter().filter(|event| event.actor == actor);
            let mark = |event: &'a Event| {
                let (key, symbol) = keys[&place(event)];
                let is_off = event.thread.is_none() && trace.clock == Clock::Nanoseconds;
                let detail = event.thread.map_or(String::new(), |thread| format!("(thread {})", thread + 1));
                Mark { event, key, symbol, label: clean(&event.did), detail, is_off }
            };
            let marks: Vec<_> = its.map(mark).collect();
            let threads: Vec<usize> = marks.iter().filter_map(|mark| mark.event.thread).collect();
            let remark = match threads.windows(2).filter(|pair| pair[0] != pair[1]).count() {
                0 => String::new(),
                1 => "1 move".to_string(),
                moves => format!("{moves} moves"),
            };
            Lane { name: clean(actor), marks, remark }
        };
        Picture { lanes: actors(trace).into_iter().map(lane).collect(), more: 0, legend }
    }
}

/// The actors of a trace: one kind after the other, and those of a kind by their numbers.
pub(crate) fn actors(trace: &Trace) -> Vec<&str> {
    let kinds = distinct(trace.events.iter().map(kind));
    let mut actors = distinct(trace.events.iter().map(|event| (kind(event), &*event.actor)));
    // With an equal number of digits the order of the numbers is their order as text.
    actors.sort_by_key(|(kind, actor)| (kinds.iter().position(|other| other == kind), actor.len(), *actor));
    actors.into_iter().map(|(_, actor)| actor).collect()
}

/// Whether a lane for each actor tells more than one for each thread.
fn needs_actors(trace: &Trace) -> bool {
    let mut places: BTreeMap<&str, Option<usize>> = BTreeMap::new();
    trace
        .events
        .iter()
        .any(|event| event.thread.is_none() || *places.entry(&event.actor).or_insert(event.thread) != event.thread)
}

/// Whether an actor has several threads, or a thread several actors.
fn share_threads(trace: &Trace) -> bool {
    let pairs = trace.events.iter().filter_map(|event| Some((&*event.actor, event.thread?)));
    let pairs: BTreeSet<(&str, usize)> = pairs.collect();
    let actors: BTreeSet<&str> = pairs.iter().map(|(actor, _)| *actor).collect();
    let threads: BTreeSet<usize> = pairs.iter().map(|(_, thread)| *thread).collect();
    pairs.len() > actors.len().min(threads.len())
}

/// Returns the number at the end of an actor's name, if it is a single digit.
fn digit(actor: &str) -> Option<char> {
    let (_, number) = actor.rsplit_once(' ')?;
    number.parse().ok().filter(char::is_ascii_digit)
}

/// Returns a symbol for `name` that the legend does not have yet: its last word if that is a letter, or else one of its
/// letters, or else the first free letter of the alphabet. It is a capital if `capital` is true.
fn symbol(name: &str, capital: bool, legend: &[Key]) -> char {
    let case = |letter: char| if capital { letter.to_ascii_uppercase() } else { letter.to_ascii_lowercase() };
    let free = |symbol: &char| legend.iter().all(|key| !key.symbols.contains(*symbol));
    let letters = letter(name).into_iter().chain(name.chars().filter(char::is_ascii_alphabetic)).chain('a'..='z');
    letters.map(case).find(free).unwrap_or('#')
}

/// Returns the last word of `name`, if it is a letter.
fn letter(name: &str) -> Option<char> {
    let (_, last) = name.rsplit_once(' ')?;
    last.parse().ok().filter(char::is_ascii_alphabetic)
}

/// Returns `name` without characters that would break a line or move the cursor.
fn clean(name: &str) -> String {
    name.chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect()
}

/// The time axis of a picture.
pub(crate) struct Axis {
    /// The last moment of the trace, in its own unit. At least 1.
    pub(crate) end: u64,
    /// The name of the unit of the labels.
    pub(crate) unit: &'static str,
    /// How many units of the trace are one unit of the labels.
    pub(crate) size: u64,
}

impl Axis {
    pub(crate) fn of(trace: &Trace) -> Self {
        let end = trace.events.iter().map(Event::end).max().unwrap_or(0).max(1);
        let units = [("s", 1_000_000_000), ("ms", 1_000_000), ("µs", 1000)];
        let (unit, size) = match trace.clock {
            Clock::Steps => ("steps", 1),
            // The largest unit in which the axis has several labels.
            Clock::Nanoseconds => units.into_iter().find(|(_, size)| end >= 4 * size).unwrap_or(("ns", 1)),
        };
        Axis { end, unit, size }
    }

    /// At most six moments that have a label: the multiples of 1, 2 or 5 times a power of ten.
    pub(crate) fn ticks(&self) -> impl Iterator<Item = u64> {
        let steps = (0..18).flat_map(|power| [1, 2, 5].map(|times| times * 10_u64.pow(power)));
        let enough = |step: &u64| self.end / self.size / step < 5;
        let step = steps.map(|step| step.saturating_mul(self.size)).find(|step| enough(&(step / self.size)));
        let (step, end) = (step.unwrap_or(u64::MAX), self.end);
        (0..).map_while(move |tick: u64| tick.checked_mul(step)).take_while(move |tick| *tick <= end)
    }

    /// The label of a tick, without the unit.
    pub(crate) fn label(&self, tick: u64) -> u64 {
        tick / self.size
    }
}
