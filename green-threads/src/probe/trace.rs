//! Traces: which actor did what, when, and on which OS thread.
//!
//! A [`Trace`] is data. A [`Recorder`] writes one while a workload runs, if the setup asks for it. A checker that
//! tries every order of steps can write one too: its actors run on no thread, and its [`Clock`] counts steps.
//!
//! A picture of a trace has lanes: one for each thread, or one for each actor. Both are in each [`Event`].
//!
//! A workload names its actors to the recorder of its request ([`Ask::trace`](crate::workload::Ask::trace)). If the
//! setup asks for no trace, the recorder is off. Each call of an actor is then one branch, which reads no clock and
//! takes no lock.
//!
//! An event costs little, but not nothing. On the machine of the reference set, with one thread that records, a moment
//! costs about 130 ns and a span 175 ns. While the recorder is off they cost 3 ns and 5 ns, most of which is the call.
//! These are medians of 2001 rounds of 500 events each. To measure them again:
//!
//! ```sh
//! cargo run --release -p green-threads --example recording
//! ```
//!
//! Threads that record at the same time also wait for each other, because the order of events is kept under a lock.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::threads;

/// What some actors did, in the order in which they began it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// The unit of all times in this trace.
    #[serde(default)]
    pub clock: Clock,
    /// The kernel's number of each OS thread, in the order in which the threads appear; 0 if it is not known. Empty
    /// if nothing ran on a thread.
    #[serde(default)]
    pub threads: Vec<u32>,
    /// The events, ordered by the time at which they began. The first is at 0.
    pub events: Vec<Event>,
    /// How many further events there were. A trace does not keep more than it can hold.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub dropped: u64,
}

/// The unit in which a trace counts time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Clock {
    /// Nanoseconds since the first event of the trace.
    #[default]
    Nanoseconds,
    /// Steps of a checker since the first event of the trace: logical time.
    Steps,
}

/// One thing that an actor did: at one moment, or over a span of time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The name of the unit, thread or caller that did it, such as `hog`. Actors of a kind have a number at the
    /// end of their names: `short 17`.
    pub actor: String,
    /// What it did, in a short word such as `computes`.
    pub did: String,
    /// The OS thread on which it ran, as an index into [`Trace::threads`]. `None` if it was on no thread, because it
    /// waited or because the trace has no threads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<usize>,
    /// When it began.
    pub at: u64,
    /// When a span ended. `None` for an event of one moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
}

impl Event {
    /// Returns when it ended: for an event of one moment, when it happened.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.until.unwrap_or(self.at)
    }
}

impl Trace {
    /// The most events that a trace holds.
    pub const MOST_EVENTS: usize = 1000;

    /// The most bytes that the events of a trace take as JSON. With the rest of an answer they must fit into one
    /// line of at most 64 KiB.
    pub const MOST_BYTES: usize = 48 << 10;

    /// The most iterations that a child runs for a trace. The other results of so many fit beside the trace.
    pub const MOST_ITERATIONS: u64 = 100;

    /// A trace that counts steps and has no threads: as many of `events` as a trace holds. They are ordered by the
    /// steps at which they began.
    #[must_use]
    pub fn of_steps(events: impl IntoIterator<Item = Event>) -> Self {
        Trace { clock: Clock::Steps, ..Trace::default() }.with(events)
    }

    /// Adds as many of `events` as this trace holds, and counts the others.
    fn with(mut self, events: impl IntoIterator<Item = Event>) -> Self {
        let mut bytes = 0;
        for event in events {
            // One more for the comma.
            bytes += serde_json::to_string(&event).map_or(0, |json| json.len() + 1);
            if bytes > Self::MOST_BYTES || self.events.len() == Self::MOST_EVENTS {
                self.dropped += 1;
            } else {
                self.events.push(event);
            }
        }
        self
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Records a trace, or nothing. Clones record into the same trace.
#[derive(Clone, Debug, Default)]
pub struct Recorder(Option<Arc<Recording>>);

#[derive(Debug)]
struct Recording {
    start: Instant,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    threads: Vec<u32>,
    events: Vec<Noted>,
    dropped: u64,
}

/// An event as it is kept while the workload runs. The names become text only at the end.
#[derive(Debug)]
struct Noted {
    actor: (&'static str, Option<u64>),
    did: &'static str,
    thread: Option<usize>,
    at: u64,
    until: Until,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Until {
    Moment,
    Open,
    Ended(u64),
}

impl Recorder {
    /// Creates a recorder that records a trace if `on` is true, and otherwise nothing.
    #[must_use]
    pub fn new(on: bool) -> Self {
        let recording = || Recording { start: Instant::now(), seen: Mutex::default() };
        Recorder(on.then(|| Arc::new(recording())))
    }

    /// Returns the actor with this name.
    #[must_use]
    pub fn actor(&self, name: &'static str) -> Actor {
        Actor { recorder: self.clone(), name: (name, None) }
    }

    /// Returns one of several actors of a kind: the one with this number.
    #[must_use]
    pub fn one_of(&self, kind: &'static str, number: u64) -> Actor {
        Actor { recorder: self.clone(), name: (kind, Some(number)) }
    }

    /// Ends the trace and returns it; `None` if this recorder records nothing. A span that has not ended ends now.
    /// Actors may still exist, but what they do from now on is lost.
    #[must_use]
    pub fn finish(&self) -> Option<Trace> {
        let recording = self.0.as_ref()?;
        let Seen { threads, mut events, dropped } =
            std::mem::take(&mut *recording.seen());
        let now = recording.now();
        events.sort_by_key(|event| event.at);
        let start = events.first().map_or(0, |event| event.at);
        let trace = Trace { threads, dropped, ..Trace::default() };
        Some(trace.with(events.iter().map(|noted| noted.event(start, now))))
    }
}

impl Recording {
    /// A unit that panicked while it held this lock has left the trace as it was.
    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

impl Seen {
    /// Returns the index of the thread with this number, which is new if it is not listed yet.
    fn thread(&mut self, id: u32) -> usize {
        let found = self.threads.iter().position(|known| *known == id);
        found.unwrap_or_else(|| {
            self.threads.push(id);
            self.threads.len() - 1
        })
    }
}

impl Noted {
    fn event(&self, start: u64, now: u64) -> Event {
        let until = match self.until {
            Until::Moment => None,
            Until::Open => Some(now - start),
            Until::Ended(until) => Some(until - start),
        };
        let actor = match self.actor {
            (name, None) => name.to_string(),
            (kind, Some(number)) => format!("{kind} {number}"),
        };
        let did = self.did.to_string();
        Event { actor, did, thread: self.thread, at: self.at - start, until }
    }
}

/// A unit, thread or caller, as a trace names it.
#[derive(Clone, Debug)]
pub struct Actor {
    recorder: Recorder,
    name: (&'static str, Option<u64>),
}

impl Actor {
    /// Records that the actor, which runs on this thread, did something at this moment.
    pub fn did(&self, what: &'static str) {
        self.note(what, true, Until::Moment);
    }

    /// Records that the actor does something on this thread, until the returned span is dropped. Until then it must
    /// not move to another thread, so it must not yield.
    pub fn holds(&self, what: &'static str) -> Span {
        self.span(what, true)
    }

    /// Records that the actor waits, and so is on no thread, until the returned span is dropped.
    pub fn waits(&self, what: &'static str) -> Span {
        self.span(what, false)
    }

    fn span(&self, did: &'static str, on_thread: bool) -> Span {
        let at = self.note(did, on_thread, Until::Open);
        Span { recorder: self.recorder.clone(), at }
    }

    /// Adds an event, and returns its index; `None` if nothing is recorded or the trace is full.
    fn note(&self, did: &'static str, on_thread: bool, until: Until) -> Option<usize> {
        let recording = self.recorder.0.as_ref()?;
        let id = on_thread.then(threads::this);
        let mut seen = recording.seen();
        if seen.events.len() == Trace::MOST_EVENTS {
            seen.dropped += 1;
            return None;
        }
        let thread = id.map(|id| seen.thread(id));
        // The clock is read under the lock, so that the order of the events is the order of their times.
        let at = recording.now();
        seen.events.push(Noted { actor: self.name, did, thread, at, until });
        Some(seen.events.len() - 1)
    }
}

/// A span of time that ends when this is dropped.
#[must_use = "the span ends when this is dropped"]
#[derive(Debug)]
pub struct Span {
    recorder: Recorder,
    at: Option<usize>,
}

impl Drop for Span {
    fn drop(&mut self) {
        let (Some(recording), Some(at)) = (&self.recorder.0, self.at) else {
            return;
        };
        let mut seen = recording.seen();
        let now = recording.now();
        // If the trace has been finished, the event is not there any more.
        if let Some(noted) = seen.events.get_mut(at) {
            noted.until = Until::Ended(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recorder_that_is_off_records_nothing() {
        let recorder = Recorder::new(false);
        let hog = recorder.actor("hog");
        hog.did("began");
        drop(hog.holds("computes"));
        assert_eq!(recorder.finish(), None);
    }

    #[test]
    fn a_trace_has_what_its_actors_did_in_order() {
        let recorder = Recorder::new(true);
        let (hog, short) = (recorder.actor("hog"), recorder.one_of("short", 7));
        let computes = hog.holds("computes");
        let other = std::thread::spawn(move || {
            drop(short.waits("sleeps"));
            short.did("ran");
        });
        other.join().unwrap();
        drop(computes);
        let trace = recorder.finish().unwrap();
        let did = |event: &Event| {
            (event.actor.clone(), event.did.clone(), event.thread, event.until.is_some())
        };
        let event = |actor: &str, did: &str, thread, span| {
            (actor.to_string(), did.to_string(), thread, span)
        };
        assert_eq!(
            trace.events.iter().map(did).collect::<Vec<_>>(),
            [
                event("hog", "computes", Some(0), true),
                event("short 7", "sleeps", None, true),
                event("short 7", "ran", Some(1), false),
            ]
        );
        assert_eq!((trace.events[0].at, trace.threads.len()), (0, 2));
        assert!(trace.events[0].end() >= trace.events[2].at);
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let recorder = Recorder::new(true);
        let unit = recorder.one_of("unit", u64::MAX);
        let most = Trace::MOST_EVENTS as u64;
        (0..most + 5).for_each(|_| unit.did("yielded"));
        let trace = recorder.finish().unwrap();
        assert_eq!(trace.events.len() as u64 + trace.dropped, most + 5);
        assert!(trace.events.len() > 500, "{} events fit", trace.events.len());
        assert!(serde_json::to_string(&trace).unwrap().len() < 60 << 10);
    }

    #[test]
    fn a_span_may_outlive_its_trace() {
        let recorder = Recorder::new(true);
        let unit = recorder.actor("unit");
        let span = unit.holds("computes");
        let trace = recorder.finish().unwrap();
        drop(span);
        assert!(trace.events[0].until.is_some(), "an open span ends with its trace");
        assert_eq!(recorder.finish().unwrap(), Trace::default());
    }

    /// The JSON texts are checked literally: files that people keep have the same words.
    #[test]
    fn the_words_of_a_trace() {
        let json = concat!(
            r#"{"clock":"steps","threads":[],"events":["#,
            r#"{"actor":"caller 1","did":"waits","at":0,"until":2},"#,
            r#"{"actor":"caller 2","did":"locks","at":1}]}"#
        );
        let trace: Trace = serde_json::from_str(json).unwrap();
        assert_eq!((trace.clock, trace.events[1].end()), (Clock::Steps, 1));
        assert_eq!(serde_json::to_string(&trace).unwrap(), json);
        let short = r#"{"events":[]}"#;
        assert_eq!(serde_json::from_str::<Trace>(short).unwrap(), Trace::default());
    }
}
