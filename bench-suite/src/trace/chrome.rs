//! A trace as JSON for Perfetto and for Chrome's `chrome://tracing`.
//!
//! Source: the Trace Event Format
//! (<https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU>).

use green_threads::probe::trace::{Clock, Event, Trace};
use serde_json::{Value, json};

use crate::distinct;

/// Returns these traces, each with its name, as one file that <https://ui.perfetto.dev> opens.
///
/// Each trace is a process with a track for each thread. An actor that is on no thread has a track of its own. Times
/// are in microseconds, as the format wants; one step of a checker is one microsecond.
#[must_use]
pub fn chrome<'a>(traces: impl IntoIterator<Item = (&'a str, &'a Trace)>) -> Value {
    let mut events = Vec::new();
    for (at, (name, trace)) in traces.into_iter().enumerate() {
        let process = at + 1;
        let named = |kind: &str, track: usize, name: &str| {
            let args = json!({ "name": name });
            json!({ "ph": "M", "name": kind, "pid": process, "tid": track, "args": args })
        };
        events.push(named("process_name", 0, name));
        for (thread, id) in trace.threads.iter().enumerate() {
            events.push(named("thread_name", thread + 1, &format!("thread {} (kernel: {id})", thread + 1)));
        }
        let alone = trace.events.iter().filter(|event| event.thread.is_none());
        let alone = distinct(alone.map(|event| &*event.actor));
        let first = trace.threads.len() + 1;
        for (at, actor) in alone.iter().enumerate() {
            events.push(named("thread_name", first + at, actor));
        }
        for event in &trace.events {
            let actor = alone.iter().position(|actor| *actor == event.actor);
            let track = event.thread.map_or(first + actor.unwrap_or(0), |thread| thread + 1);
            events.push(one(event, trace.clock, process, track));
        }
    }
    json!({ "traceEvents": events, "displayTimeUnit": "ns" })
}

fn one(event: &Event, clock: Clock, process: usize, track: usize) -> Value {
    let microseconds = |time: u64| match clock {
        Clock::Nanoseconds => time as f64 / 1000.0,
        Clock::Steps => time as f64,
    };
    let mut one = json!({
        "name": format!("{} {}", event.actor, event.did),
        "cat": event.did,
        "ts": microseconds(event.at),
        "pid": process,
        "tid": track,
    });
    match event.until {
        Some(until) => {
            one["ph"] = "X".into();
            one["dur"] = microseconds(until.saturating_sub(event.at)).into();
        }
        None => {
            one["ph"] = "i".into();
            // The mark is as high as its thread's track.
            one["s"] = "t".into();
        }
    }
    one
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(actor: &str, thread: Option<usize>, at: u64, until: Option<u64>) -> Event {
        Event { actor: actor.to_string(), did: "does".to_string(), thread, at, until }
    }

    #[test]
    fn each_event_has_what_the_format_requires() {
        let run = Trace {
            threads: vec![501, 502],
            events: vec![
                event("hog", Some(0), 0, Some(2500)),
                event("<&> \"short\" 1", Some(1), 1500, None),
                event("unit 2", None, 2000, Some(2000)),
            ],
            ..Trace::default()
        };
        let steps = Trace { clock: Clock::Steps, events: vec![event("caller", None, 3, Some(5))], ..Trace::default() };
        let text = chrome([("run", &run), ("steps", &steps)]).to_string();
        let json: Value = serde_json::from_str(&text).unwrap();
        let events = json["traceEvents"].as_array().unwrap();
        for event in events {
            assert!(event["name"].is_string() && event["pid"].is_u64() && event["tid"].is_u64(), "{event}");
            match event["ph"].as_str().unwrap() {
                "M" => assert!(event["args"]["name"].is_string(), "{event}"),
                "X" => assert!(event["ts"].is_number() && event["dur"].is_number(), "{event}"),
                "i" => assert!(event["ts"].is_number() && event["s"] == "t", "{event}"),
                other => panic!("{other}: {event}"),
            }
        }
        let find = |name: &str| events.iter().find(|event| event["name"] == name).unwrap();
        let hog = find("hog does");
        assert_eq!((&hog["ts"], &hog["dur"], &hog["tid"]), (&json!(0.0), &json!(2.5), &json!(1)));
        assert_eq!(find("<&> \"short\" 1 does")["ts"], 1.5);
        assert_eq!((&find("unit 2 does")["dur"], &find("unit 2 does")["tid"]), (&json!(0.0), &json!(3)));
        assert_eq!((&find("caller does")["dur"], &find("caller does")["pid"]), (&json!(2.0), &json!(2)));
        let tracks = events.iter().filter(|event| event["name"] == "thread_name");
        let tracks: Vec<&str> = tracks.filter_map(|event| event["args"]["name"].as_str()).collect();
        assert_eq!(tracks, ["thread 1 (kernel: 501)", "thread 2 (kernel: 502)", "unit 2", "caller"]);
    }
}
