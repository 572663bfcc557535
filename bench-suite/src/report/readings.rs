//! How the tables of the timed experiments are read: their captions and the heads of their columns.

use std::collections::BTreeMap;

use super::timed::was_disturbed;
use super::words::{count, duration, ratio, times};
use crate::store::{Cell, Estimate, Figure, Found};

/// Makes words of a cell's figures.
type Words = fn(&BTreeMap<String, Figure>) -> String;

/// Makes words of a subject and of its cells in the headline.
type Remark = fn(&str, &[&Cell]) -> String;

/// How an experiment's columns are headed, and how its numbers are to be read.
pub(super) struct Reading {
    /// What a row is.
    pub(super) rows: &'static str,
    pub(super) caption: &'static str,
    /// A parameter that has sheets of its own for each of its values, as the placement has.
    pub(super) split: &'static str,
    pub(super) head: fn(&BTreeMap<String, String>) -> String,
    /// The figure that stands in brackets.
    pub(super) count: &'static str,
    /// How often it should be counted: other numbers are marked.
    pub(super) expected: Option<f64>,
    /// What stands in a place instead of the time and its ratio.
    pub(super) instead: Option<Words>,
    /// Which settings stand in the headline: few, and in each placement.
    pub(super) headline: fn(&BTreeMap<String, String>) -> bool,
    /// The headline's last columns, by their heads.
    pub(super) beside: &'static [(&'static str, Remark)],
}

const PLAIN: Reading = Reading {
    rows: "",
    caption: "",
    split: "",
    head: |of| of.values().cloned().collect::<Vec<_>>().join("\n"),
    count: "",
    expected: None,
    instead: None,
    headline: |_| true,
    beside: &[],
};

const MEMO: Reading = Reading { rows: "memo", ..PLAIN };

const MODEL: Reading = Reading { rows: "model", head: workers, ..PLAIN };

/// One worker, in each placement.
fn one_worker(of: &BTreeMap<String, String>) -> bool {
    of["workers"] == "1"
}

/// One thread, and two in each placement.
fn one_and_two(of: &BTreeMap<String, String>) -> bool {
    matches!((of["threads"].as_str(), of["placement"].as_str()), ("1", "free") | ("2", _))
}

pub(super) fn reading(experiment: &str) -> Reading {
    match experiment {
        "memo_hit" => Reading {
            caption: "Every key is there. Time of one look-up as each thread sees it, and how many times that of a \
                      plain HashMap with foldhash that no thread writes. A star: the best memos, which the spread \
                      cannot separate. Each memo hashes as its users get it: memo2::lending and quick_cache with \
                      foldhash, once_map with aHash, the others with the standard library's SipHash.",
            headline: |of| of["choice"] == "zipf" && of["keys"] == "1000" && one_and_two(of),
            beside: &[
                ("two threads\nto one, free", what_sharing_costs),
                ("a hit takes", |subject, _| hit_takes(subject).to_string()),
            ],
            split: "choice",
            head: |of| format!("{} keys\n{}", grouped(&of["keys"]), several(&of["threads"], "thread")),
            ..MEMO
        },
        "memo_hit_foldhash" => Reading {
            caption: "As memo_hit, for the memos that can be given a hash function: the same one, foldhash, for all.",
            ..reading("memo_hit")
        },
        "memo_miss" => Reading {
            caption: "No key is there, and all are distinct. Time of one call as each thread sees it, and how many \
                      times the best one's. f does nothing, or computes for 50 µs.",
            head: |of| format!("f {}\n{}", of["f"].replace("50us", "50 µs"), several(&of["threads"], "thread")),
            headline: |of| of["f"] == "trivial" && one_and_two(of),
            ..MEMO
        },
        "memo_herd" => Reading {
            caption: "Many callers of one cold key. Time from the value being there until the last caller has it, how \
                      many times the best one's, and in brackets the calls of f.",
            head: |of| several(&of["callers"], "caller"),
            headline: |of| of["callers"] != "2",
            count: "calls",
            expected: Some(1.0),
            ..MEMO
        },
        "memo_http" => Reading {
            caption: "Real pages over HTTP: each caller asks for all of them. Time until all have all, how many times \
                      the best one's, and in brackets the requests that the server saw.",
            head: |of| format!("{} callers\n{} pages\n{} ms each", of["callers"], of["pages"], of["delay ms"]),
            count: "requests",
            ..MEMO
        },
        "spawn" => Reading {
            caption: "Spawn and join units that do nothing, in batches. Shown: time per unit, and the ratio to the \
                      fastest. Inside: a unit of the runtime spawns. Outside: an OS thread spawns that is not a worker.",
            split: "variant",
            head: |of| format!("batches of {}\n{}", grouped(&of["batch"]), workers(of)),
            headline: |of| of["variant"] == "inside" && one_worker(of),
            ..MODEL
        },
        "switch" => Reading {
            caption: "yield: two units share one worker (threads: one core), and each yield hands over to the other. \
                      Time of one yield. (On task-current-thread every second yield comes back to the same task.) \
                      With more workers or cores, each unit may have its own, and there is nobody to hand over to. The \
                      crates generator and corosensei switch stacks with no scheduler: time of a round trip. \
                      yield-alone: one unit yields and no other is there. Time of one yield, the way into the \
                      scheduler and back. park: two units wake each other and wait. Time of a round trip.",
            split: "variant",
            headline: |of| of["variant"] != "yield-alone" && one_worker(of),
            ..MODEL
        },
        "ping_pong" => Reading {
            caption: "A ball to and fro between two units, each way by a channel: time of a round trip, and how many \
                      times the best one's (gopl exercise 9.5). Spinning threads try for some microseconds before \
                      they sleep: whether the other is awake to answer meanwhile is luck, and the time a hundredth or all.",
            ..MODEL
        },
        "ring" => Reading {
            caption: "A token round a ring of units: time of one hop, and how many times the best one's.",
            head: |of| format!("{} units\n{}", grouped(&of["units"]), workers(of)),
            headline: |of| of["units"] == "100",
            ..MODEL
        },
        "pipeline" => Reading {
            caption: "A value through a chain of units, whose stages have all begun. Shown: time of one crossing, and the \
                      ratio to the fastest (gopl exercise 9.4).",
            head: |of| format!("{} stages\n{}", grouped(&of["stages"]), workers(of)),
            headline: |of| of["stages"] == "100",
            ..MODEL
        },
        "compute" => Reading {
            caption: "64 units that only compute, spawned and joined: time of all, and how many times the best one's \
                      (gopl exercise 9.6). Threads have no workers: the kernel schedules them on all cores.",
            head: |of| {
                let cores = std::thread::available_parallelism().map_or(1, usize::from);
                let more = of["workers"].parse().is_ok_and(|workers: usize| workers > cores);
                format!("{}{}", workers(of), if more { "\nmore than cores" } else { "" })
            },
            ..MODEL
        },
        "wakeup" => Reading {
            caption: "A unit wakes another and goes on working until 50 µs later. Shown: how long the woken unit waits \
                      until it runs, median / 99th percentile of the waits of all rounds together. Beside: how often \
                      it ran before its waker had finished, which takes another worker.",
            instead: Some(|figures| {
                let median = |name| figures.get(name).map_or(f64::NAN, Figure::median);
                format!(
                    "{} / {}  beside {}%",
                    duration(median("p50")),
                    duration(median("p99")),
                    count((median("beside") * 100.0).round())
                )
            }),
            ..MODEL
        },
        "skynet" => Reading {
            caption: "A tree of units, ten children each, that sums the numbers of its leaves: time of a whole tree, how \
                      many times the best one's, and in brackets the units created.",
            head: |of| format!("{} leaves\n{}", grouped(&of["leaves"]), workers(of)),
            headline: |of| of["leaves"] == "1000",
            count: "units",
            ..MODEL
        },
        "runtime_hit" => Reading {
            caption: "Every key is there. Time of one look-up, and how many times the best one's: with several \
                      callers, of all look-ups together. memo2 looks by itself; memo3 asks its monitor.",
            split: "variant",
            head: |of| format!("{}\n{}", several(&of["callers"], "caller"), workers(of)),
            headline: |of| of["callers"] == "1" && one_worker(of),
            ..MODEL
        },
        "monitor_round_trip" => Reading {
            caption: "memo3, a key that is there: time of one look-up, and how many times the best one's. In brackets, \
                      how many times that of a bare echo, which answers over the same kinds of channel and does nothing \
                      else: what the memo adds to its channels; and the same with a faster hash function than the \
                      standard library's.",
            instead: Some(|figures| {
                let median = |name| figures.get(name).map_or(f64::NAN, Figure::median);
                let [over, faster] = ["over", "over_foldhash"].map(|name| times(median(name)));
                format!("{} {:>6} ({over}, {faster})", duration(median("time")), times(median("ratio")))
            }),
            ..MODEL
        },
        _ => PLAIN,
    }
}

/// What a hit has to write to memory that other threads use: why sharing costs what it costs.
fn hit_takes(subject: &str) -> &'static str {
    match subject {
        "HashMap" | "memo1" | "memo2::lending" => "no lock",
        "memo2::coarse" | "memo2::duplicating" | "memo2::robust" => "one lock",
        "memo2" => "two locks",
        "memo3" => "two messages",
        "dashmap" | "once_map" | "quick_cache" => "a shard's lock",
        "papaya" => "no lock, a guard",
        "moka" => "no lock, a record",
        _ => "",
    }
}

/// How many times a look-up of one of two threads takes that of a thread alone.
fn what_sharing_costs(_: &str, cells: &[&Cell]) -> String {
    let time = |threads: &str| {
        let cell =
            cells.iter().find(|cell| cell.setting["threads"] == threads && cell.setting["placement"] == "free")?;
        match &cell.found {
            Found::Figures(figures) if !was_disturbed(figures) => Some(figures.get("time")?.estimate()),
            _ => None,
        }
    };
    match time("1").zip(time("2")) {
        // They were not in the same rounds, so the ends of the one are held against the other ends of the other.
        Some((one, two)) => ratio(&Estimate {
            median: two.median / one.median,
            low: two.low / one.high,
            high: two.high / one.low,
            ..one
        }),
        None => "-".to_string(),
    }
}

fn workers(of: &BTreeMap<String, String>) -> String {
    several(&of["workers"], "worker")
}

fn several(number: &str, what: &str) -> String {
    if number == "1" { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// A number with its thousands apart.
fn grouped(number: &str) -> String {
    number.parse().map_or_else(|_| number.to_string(), count)
}
