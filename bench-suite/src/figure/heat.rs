//! A matrix of words, each on the colour of its mood; and the one that counts what the actors of a trace did.

use green_threads::probe::trace::Trace;
use maud::html;

use super::svg::{Anchor, BAD, Drawing, FG, GOOD, MUTED, RULE, px, text, widest};
use super::{Heat, Mood, Word, count};
use crate::distinct;
use crate::trace::picture;

/// The height of a row, in pixels.
const ROW: f64 = 22.0;
/// The height of a line of a head, in pixels.
const LINE: f64 = 15.0;
/// The space around a word, in pixels.
const GAP: f64 = 10.0;

impl Heat {
    /// What each actor of a trace did on each OS thread, and how often. If `good` names what an actor should do there, a
    /// word is good if it did nothing else. What was on no thread is left out, and so is what the trace could not hold.
    #[must_use]
    pub fn of(trace: &Trace, good: Option<&str>) -> Self {
        let mut threads = distinct(trace.events.iter().filter_map(|event| event.thread));
        threads.sort_unstable();
        let word = |actor: &str, thread: usize| {
            let here = trace.events.iter().filter(|event| event.actor == actor && event.thread == Some(thread));
            let did: Vec<&str> = here.map(|event| event.did.as_str()).collect();
            let mut kinds = distinct(did.iter().copied());
            kinds.sort_unstable();
            let times = |kind: &str| did.iter().filter(|other| **other == kind).count() as f64;
            let counts: Vec<String> = kinds.iter().map(|kind| format!("{} {kind}", count(times(kind)))).collect();
            match (&kinds[..], good) {
                ([], _) => Word::new("-", Mood::Faint),
                (_, None) => Word::new(counts.join(", "), Mood::Plain),
                ([only], Some(good)) if *only == good => Word::new(counts.join(", "), Mood::Good),
                _ => Word::new(counts.join(", "), Mood::Bad),
            }
        };
        let row = |actor: &str| (actor.to_string(), threads.iter().map(|thread| word(actor, *thread)).collect());
        let heads = threads.iter().map(|thread| format!("thread {}", thread + 1));
        Heat {
            heads: std::iter::once(String::new()).chain(heads).collect(),
            rows: picture::actors(trace).into_iter().map(row).collect(),
        }
    }
}

pub(super) fn draw(heat: &Heat) -> Drawing {
    let names = heat.rows.iter().map(|(name, _)| name.as_str());
    let corner = heat.heads.first().map_or("", String::as_str);
    let left = widest(names.chain(corner.lines())) + GAP;
    let heads = || heat.heads.iter().skip(1);
    let words = heat.rows.iter().flat_map(|(_, words)| words).map(|word| word.text.as_str());
    let column = widest(words.chain(heads().flat_map(|head| head.lines()))) + GAP;
    let lines = heat.heads.iter().map(|head| head.lines().count()).max().unwrap_or(0);
    let top = lines as f64 * LINE + GAP;
    // The last line of each head is beside the matrix.
    let head_line = |head: &str, at: usize| top - GAP + LINE * (at as f64 + 1.0 - head.lines().count() as f64);
    let marks = html! {
        @for (at, line) in corner.lines().enumerate() {
            (text(0.0, head_line(corner, at), Anchor::Start, MUTED, line))
        }
        @for (place, head) in heads().enumerate() {
            @for (at, line) in head.lines().enumerate() {
                (text(left + column * (place as f64 + 0.5), head_line(head, at), Anchor::Middle, FG, line))
            }
        }
        @for (row, (name, words)) in heat.rows.iter().enumerate() {
            @let y = top + ROW * row as f64;
            (text(0.0, y + 15.0, Anchor::Start, FG, name))
            @for (place, word) in words.iter().enumerate() {
                @let x = left + column * place as f64;
                @let (colour, opacity) = tint(word.mood);
                rect x=(px(x + 1.0)) y=(px(y + 1.0)) width=(px(column - 2.0)) height=(px(ROW - 2.0)) fill=(colour)
                    fill-opacity=(opacity) {}
                @let ink = if word.mood == Mood::Faint { MUTED } else { FG };
                (text(x + column / 2.0, y + 15.0, Anchor::Middle, ink, &word.text))
            }
        }
    };
    Drawing { width: left + column * heads().count() as f64, height: top + ROW * heat.rows.len() as f64, marks }
}

/// The colour behind a word, and how much of it shows. The word itself stays readable on it.
fn tint(mood: Mood) -> (&'static str, f64) {
    match mood {
        Mood::Good => (GOOD, 0.15),
        Mood::Plain => (RULE, 0.4),
        Mood::Bad => (BAD, 0.4),
        Mood::Faint => (RULE, 0.15),
    }
}
