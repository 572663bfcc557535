//! What was observed of runtimes: a sheet for each variant of a workload, a row for each model in each setting.

use super::words::{bytes, count, duration, times};
use super::{Mood, Sheet, Word, distinct};
use crate::store::{BELOW, Cell, Figure, Found, Results, Unit};

/// One variant of a workload, as its table shows it.
struct Table {
    /// The variant; empty if there is but one.
    variant: &'static str,
    caption: &'static str,
    /// The parameters that have columns, with their heads.
    parameters: &'static [(&'static str, &'static str)],
    /// The figures that have columns, with their heads.
    figures: &'static [(&'static str, &'static str)],
    /// The facts that have columns, with their heads.
    facts: &'static [(&'static str, &'static str)],
}

const WORKERS: (&str, &str) = ("workers", "workers");

const PLACEMENT: (&str, &str) = ("placement", "placed");

fn tables(experiment: &str) -> &'static [Table] {
    match experiment {
        "system_calls" => &[Table {
            variant: "*",
            caption: "Units that do nothing, spawned by a unit in batches of 1,000 and joined: the system calls that one of \
                      them takes, counted by tracing the process.",
            parameters: &[WORKERS],
            figures: &[
                ("all", "all"),
                ("clone3", "clone3"),
                ("mmap", "mmap"),
                ("mprotect", "mprotect"),
                ("munmap", "munmap"),
                ("madvise", "madvise"),
                ("futex", "futex"),
                ("write", "write"),
                ("epoll_wait", "epoll_wait"),
                ("sched_yield", "sched_yield"),
                ("other", "other"),
            ],
            facts: &[],
        }],
        "parked" => &[
            Table {
                variant: "slope",
                caption: "Units that wait, and what each takes: the difference between n of them and half as many, for one. \
                          Resident is memory that was touched, reserved are addresses; neither includes page tables and \
                          the kernel's own memory. The kernel counts the latter for the whole machine: where other \
                          processes hide what a unit takes, a bound is shown.",
                parameters: &[("n", "units")],
                figures: &[
                    ("resident", "resident"),
                    ("page_tables", "page\ntables"),
                    ("kernel", "kernel"),
                    ("reserved", "reserved"),
                    ("mappings", "mappings"),
                    ("threads", "threads"),
                ],
                facts: &[],
            },
            Table {
                variant: "how_many",
                caption: "Units that wait, as many as there can be, up to a million; what stopped them; and what each took.",
                parameters: &[],
                figures: &[
                    ("units", "units"),
                    ("progress", "at least"),
                    ("resident", "resident"),
                    ("mappings", "mappings\nof all"),
                ],
                facts: &[],
            },
        ],
        "stack" => &[
            Table {
                variant: "touch",
                caption: "100 units that have used so much of their stack and wait: the resident memory of each.",
                parameters: &[("stack", "stack"), ("n", "used")],
                figures: &[("resident", "resident")],
                facts: &[],
            },
            Table {
                variant: "deepest",
                caption: "Recursion until the stack is full: how deep it came, and what became of it.",
                parameters: &[("stack", "stack")],
                figures: &[("progress", "came to"), ("depth", "depth")],
                facts: &[("joiner", "its joiner saw")],
            },
            Table {
                variant: "overflow",
                caption: "Recursion for ever: what the process, whoever joins, and destructors see of it.",
                parameters: &[("stack", "stack")],
                figures: &[("progress", "destructors\nthat ran")],
                facts: &[("joiner", "its joiner saw")],
            },
            Table {
                variant: "growing",
                caption: "Recursion beyond any fixed stack, where stacks grow: Go's do, and `stacker` lets a thread's. Of \
                          Go's: the stack at its deepest, and what is left of it after the return and a few collections.",
                parameters: &[("n", "wanted")],
                figures: &[
                    ("depth", "depth"),
                    ("resident", "resident"),
                    ("stack_most", "stack at\nits deepest"),
                    ("stack_left", "stack\nleft"),
                ],
                facts: &[],
            },
            Table {
                variant: "default",
                caption: "The stack that a thread gets if the program does not choose its size: the addresses of its mapping.",
                parameters: &[],
                figures: &[("reserved", "reserved")],
                facts: &[],
            },
        ],
        "pipeline_most" => &[Table {
            variant: "most",
            caption: "The longest chain of units that can be built, up to a million stages, and the time of one value \
                      through it (gopl exercise 9.4).",
            parameters: &[WORKERS],
            figures: &[("stages", "stages"), ("progress", "at least"), ("cross", "one\ncrossing")],
            facts: &[],
        }],
        "zero_one" => &[Table {
            variant: "",
            caption: "A unit writes a 1 after each new unit that it spawns, which writes a 0 when it comes to run. Runs \
                      of equal digits: with one worker they show when it lets go, with several how they interleave.",
            parameters: &[WORKERS],
            figures: &[("runs", "runs"), ("median", "median\nlength"), ("p99", "p99"), ("longest", "longest")],
            facts: &[],
        }],
        "hog" => &[Table {
            variant: "*",
            caption: "One unit computes for about 200 ms and never yields; 100 short ones are spawned meanwhile. Shown: \
                      how many of them ran before it ended, when the first and the last ran, and how long the hog took. \
                      Its loop calls functions (calls), or none (no-calls). Go preempts at calls, and since 1.14 \
                      anywhere, by a signal; with asyncpreemptoff it does as before. Only on one core must something \
                      take the processor away from the hog.",
            parameters: &[("variant", "the hog's\nloop"), WORKERS, PLACEMENT, ("preemption", "preemption")],
            figures: &[
                ("before", "ran before\nits end"),
                ("first", "first"),
                ("last", "last"),
                ("hog", "the hog\ntook"),
            ],
            facts: &[],
        }],
        "blocking" => &[Table {
            variant: "*",
            caption: "64 units that each wait 50 ms: by the runtime's own sleep, by a system call that blocks the \
                      thread, or by one that is handed to another thread (offload).",
            parameters: &[("variant", "wait"), WORKERS],
            figures: &[
                ("total", "all done\nafter"),
                ("threads_before", "threads\nbefore"),
                ("threads_most", "most\nthreads"),
                ("threads_after", "threads\nafter"),
            ],
            facts: &[],
        }],
        "identity" => &[Table {
            variant: "",
            caption: "16 units that yield 100 times each. How many ran on more than one OS thread, on how many at most, \
                      and how many of the 16 always found their own number where they had put it.",
            parameters: &[WORKERS],
            figures: &[
                ("moved", "moved"),
                ("threads_seen", "threads\nseen"),
                ("thread_local_right", "in a\nthread_local"),
                ("own_local_right", "in the\nruntime's local"),
                ("argument_right", "in an\nargument"),
            ],
            facts: &[],
        }],
        "lock_across_yield" => &[Table {
            variant: "*",
            caption: "One worker. A unit takes a lock and yields; another wants the lock. With the operating system's \
                      mutex it blocks the worker, so that nobody can ever unlock; the runtime's own lets the worker go on.",
            parameters: &[("variant", "mutex")],
            figures: &[("done", "done")],
            facts: &[],
        }],
        "facade" => &[Table {
            variant: "*",
            caption: "What our façade over may costs: the same through it and by may itself, in turns in one process; how \
                      many times the one takes what the other does.",
            parameters: &[("variant", "what"), ("n", "in a turn"), WORKERS],
            figures: &[("overhead", "façade\nover may")],
            facts: &[],
        }],
        "default_workers" => &[Table {
            variant: "",
            caption: "How many workers a runtime takes when nobody says, here (GOMAXPROCS in gopl).",
            parameters: &[],
            figures: &[("default_workers", "workers")],
            facts: &[],
        }],
        "memo_fill" => &[Table {
            variant: "*",
            caption: "One thread asks for many keys, none of which is there; f does nothing. The time of one key, \
                      and the memory that the process has more for each, the memo's copy of the key (44 bytes of text) \
                      included.",
            parameters: &[("variant", "memo"), ("n", "keys")],
            figures: &[("time", "each\ntakes"), ("resident", "memory\nof each")],
            facts: &[],
        }],
        "runtime_herd" => &[Table {
            variant: "*",
            caption: "Many callers of one cold key, each a unit of its own. The value comes when all of them \
                      wait: how much memory each then takes, with its unit; half of them have the value after \
                      the first time, 99 in a hundred after the second, and the last after the third.",
            parameters: &[("variant", "memo"), ("n", "callers"), WORKERS, PLACEMENT],
            figures: &[
                ("calls", "calls\nof f"),
                ("resident", "each\ntakes"),
                ("half", "half"),
                ("most", "99%"),
                ("last", "the last"),
            ],
            facts: &[],
        }],
        "runtime_http" => &[Table {
            variant: "*",
            caption: "10,000 requests at once, each on a unit of its own, for 1,000 pages over HTTP through one \
                      memo. The server, which takes 20 ms to answer, is another process: its count of requests \
                      is one a page.",
            parameters: &[("variant", "memo"), WORKERS, PLACEMENT],
            figures: &[
                ("requests", "server\nsaw"),
                ("most_a_page", "most\na page"),
                ("time", "all done\nafter"),
                ("throughput", "requests\na second"),
                ("peak", "peak\nmemory"),
            ],
            facts: &[],
        }],
        _ => &[],
    }
}

/// Whether `experiment` is observed.
pub(super) fn is_one(experiment: &str) -> bool {
    !tables(experiment).is_empty()
}

pub(super) fn sheets(results: &Results) -> Vec<Sheet> {
    tables(&results.experiment).iter().map(|table| sheet(&results.experiment, table, &results.cells)).collect()
}

fn sheet(experiment: &str, table: &Table, cells: &[Cell]) -> Sheet {
    let variant = |cell: &Cell| cell.setting.get("variant").cloned().unwrap_or_default();
    let cells: Vec<&Cell> =
        cells.iter().filter(|cell| table.variant == "*" || variant(cell) == table.variant).collect();
    // A figure that nobody reports has no column.
    let has = |name: &str| cells.iter().any(|cell| shown(cell, name).is_some());
    let figures: Vec<_> = table.figures.iter().filter(|(name, _)| has(name)).collect();
    let facts: Vec<_> =
        table.facts.iter().filter(|(name, _)| cells.iter().any(|cell| fact(cell, name).is_some())).collect();
    let stopped = cells.iter().any(|cell| matches!(&cell.found, Found::Observed(seen) if seen.stopped.is_some()));
    let heads =
        table.parameters.iter().chain(figures.iter().copied()).chain(facts.iter().copied()).map(|(_, head)| *head);
    let heads = std::iter::once("model").chain(heads).chain(stopped.then_some("what stopped it"));

    let present = cells.iter().filter(|cell| !matches!(cell.found, Found::Absent { .. }));
    let row = |cell: &&Cell| {
        let mut words: Vec<Word> = table.parameters.iter().map(|(name, _)| parameter(cell, name)).collect();
        words.extend(
            figures
                .iter()
                .map(|(name, _)| shown(cell, name).map_or_else(nothing, |number| Word::new(number, Mood::Plain))),
        );
        words.extend(
            facts.iter().map(|(name, _)| fact(cell, name).map_or_else(nothing, |text| Word::new(text, Mood::Plain))),
        );
        if stopped {
            words.push(match &cell.found {
                Found::Observed(seen) => {
                    seen.stopped.as_ref().map_or_else(nothing, |fate| Word::new(fate.word(), Mood::Bad))
                }
                _ => nothing(),
            });
        }
        (cell.subject.clone(), words)
    };
    let title = if table.variant == "*" || experiment.ends_with(table.variant) {
        experiment.to_string()
    } else {
        format!("{experiment}, {}", table.variant)
    };
    Sheet {
        title,
        caption: table.caption.to_string(),
        heads: heads.map(str::to_string).collect(),
        rows: present.map(row).collect(),
        notes: distinct(cells.iter().filter_map(|cell| note(cell, table))),
        prose: false,
    }
}

fn nothing() -> Word {
    Word::new("", Mood::Faint)
}

/// What became of a cell that has no row, or not the whole of one.
fn note(cell: &Cell, table: &Table) -> Option<String> {
    let of = if table.variant == "*" { format!(" ({})", cell.setting.get("variant")?) } else { String::new() };
    match &cell.found {
        Found::Absent { why } => Some(format!("- {}{of}: {why}", cell.subject)),
        Found::Observed(seen) => Some(format!("- {}{of}: {}", cell.subject, seen.stopped.as_ref()?)),
        _ => None,
    }
}

fn parameter(cell: &Cell, name: &str) -> Word {
    let value = cell.setting.get(name).cloned().unwrap_or_default();
    let in_bytes = name == "stack"
        || (name == "n"
            && cell.setting.get("variant").is_some_and(|variant| variant == "touch" || variant == "growing"));
    let text = match value.parse::<f64>() {
        // Whatever the setting says, threads have no workers, and a goroutine's stack has no size that could be set.
        Ok(_) if name == "workers" && cell.subject == "thread" => "-".to_string(),
        Ok(_) if name == "stack" && cell.subject == "goroutine" => "-".to_string(),
        Ok(number) if in_bytes => bytes(number),
        Ok(number) => count(number),
        Err(_) => value,
    };
    Word::new(text, Mood::Plain)
}

/// The figure of this name, or the bound that it is below, if the cell has either.
fn shown(cell: &Cell, name: &str) -> Option<String> {
    let bound = || Some(format!("< {}", number(figure(cell, &format!("{name}{BELOW}"))?, name)));
    figure(cell, name).map(|figure| number(figure, name)).or_else(bound)
}

fn number(figure: &Figure, name: &str) -> String {
    let median = figure.median();
    match figure.unit {
        // Results of before there were bounds have differences below zero.
        Unit::Bytes if median < 0.0 => "noise".to_string(),
        Unit::Nanoseconds => duration(median),
        Unit::Bytes => bytes(median),
        // How far a recursion has come is told in bytes.
        Unit::Count if name == "progress" && median >= 1024.0 => count(median),
        Unit::Ratio => times(median),
        Unit::Count | Unit::Share => count(median),
    }
}

fn figure<'a>(cell: &'a Cell, name: &str) -> Option<&'a Figure> {
    match &cell.found {
        Found::Observed(seen) => seen.figures.get(name),
        _ => None,
    }
}

fn fact<'a>(cell: &'a Cell, name: &str) -> Option<&'a str> {
    match &cell.found {
        Found::Observed(seen) => seen.facts.get(name).map(String::as_str),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::store::{Depth, Observation};

    #[test]
    fn a_bound_is_shown_as_one_and_a_difference_below_zero_as_noise() {
        let cell = |subject: &str, figures: &[(&str, f64)]| {
            let figure =
                |(name, number): &(&str, f64)| (name.to_string(), Figure { unit: Unit::Bytes, rounds: vec![*number] });
            let seen = Observation { figures: figures.iter().map(figure).collect(), ..Observation::default() };
            Cell {
                subject: subject.to_string(),
                setting: BTreeMap::from([("variant".to_string(), "slope".to_string())]),
                found: Found::Observed(seen),
            }
        };
        let cells = vec![
            cell("thread", &[("resident", 8192.0), ("kernel", 27.0 * 1024.0)]),
            cell("task", &[("resident", 512.0), ("kernel_below", 1536.0)]),
            cell("coroutine", &[("resident", 8192.0), ("kernel", -4096.0)]),
        ];
        let sheet = &sheets(&Results::new("parked", Depth::Quick, true, cells))[0];
        let at = sheet.heads.iter().position(|head| head == "kernel").unwrap();
        let kernel: Vec<&str> = sheet.rows.iter().map(|(_, words)| &*words[at - 1].text).collect();
        assert_eq!(kernel, ["27.0 KiB", "< 1.50 KiB", "noise"]);
    }
}
