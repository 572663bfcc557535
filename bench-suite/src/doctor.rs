//! Lists the limits of this machine that decide the results, and what each of them will stop.

use std::fs;
use std::process::{Command, Stdio};

use serde::Serialize;

use crate::child::probe::twin;
use crate::store::Machine;

/// One property of the machine that decides results.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Symptom {
    /// The name of the limit or tool.
    pub name: &'static str,
    /// Its value on this machine.
    pub here: String,
    /// What this value means for the measurements.
    pub follows: String,
}

/// Returns every property of this machine that decides results.
#[must_use]
pub fn examine() -> Vec<Symptom> {
    let machine = Machine::this();
    let limit = |name: &str| machine.limits.get(name).cloned();
    let number = |name: &str| limit(name).and_then(|text| text.parse::<u64>().ok());
    let mut symptoms = Vec::new();
    if cfg!(not(target_os = "linux")) {
        symptoms.push(Symptom {
            name: "operating system",
            here: std::env::consts::OS.to_string(),
            follows:
                "`cargo lab run` and all that needs placement, memory or sleep are skipped: only Linux offers them"
                    .to_string(),
        });
    }
    symptoms.extend([
        Symptom {
            name: "cores",
            here: format!("{} online, {} allowed", machine.cores, machine.allowed_cores),
            follows: match machine.allowed_cores {
                1 => "no parallelism: both placements are the same, and one worker is the default".to_string(),
                cores => format!("{cores} workers are the default; more than that share cores"),
            },
        },
        Symptom {
            name: "memory",
            here: machine.memory_bytes.map_or_else(unknown, |bytes| crate::report::bytes(bytes as f64)),
            follows:
                "a million goroutines take about 2.7 GB, a million tasks 0.5 GB; `parked` stops before memory runs out"
                    .to_string(),
        },
        Symptom {
            name: "cgroup cpu.max",
            here: limit("cgroup cpu.max").unwrap_or_else(|| "none".to_string()),
            follows: match limit("cgroup cpu.max").as_deref() {
                None | Some("max 100000" | "max") => "no quota: times are not cut into slices".to_string(),
                Some(_) => {
                    "a quota stops all threads for the rest of each period; Go and may round it up to a number of \
                            workers, std and tokio down"
                        .to_string()
                }
            },
        },
        Symptom {
            name: "vm.max_map_count",
            here: limit("max_map_count").unwrap_or_else(unknown),
            follows: number("max_map_count").map_or_else(unknown, |mappings| {
                format!(
                    "at most about {} coroutines, which take two mappings each, or {} threads, which take four",
                    in_hundreds(mappings / 2),
                    in_hundreds(mappings / 4)
                )
            }),
        },
    ]);
    for (name, key) in [
        ("kernel.threads-max", "threads-max"),
        ("kernel.pid_max", "pid_max"),
        ("cgroup pids.max", "cgroup pids.max"),
        ("process ulimit", "process ulimit"),
    ] {
        let Some(here) = limit(key) else { continue };
        let walls = number("max_map_count").map(|mappings| mappings / 4);
        let follows = match (here.parse::<u64>(), walls) {
            (Ok(threads), Some(wall)) if threads < wall => {
                format!("this stops threads before they run out of mappings, at about {}", in_hundreds(wall))
            }
            (Ok(_), _) => "threads run out of mappings first".to_string(),
            (Err(_), _) => "no limit".to_string(),
        };
        symptoms.push(Symptom { name, here, follows });
    }
    symptoms.extend([
        Symptom {
            name: "vm.overcommit_memory",
            here: limit("overcommit_memory").unwrap_or_else(unknown),
            follows: match limit("overcommit_memory").as_deref() {
                Some("2") => "strict: a reserved stack counts as used, so far fewer stacks fit".to_string(),
                _ => "a reserved stack costs nothing until it is touched".to_string(),
            },
        },
        Symptom {
            name: "transparent huge pages",
            here: limit("transparent_hugepage").map_or_else(unknown, |text| selected(&text)),
            follows: match limit("transparent_hugepage").map(|text| selected(&text)).as_deref() {
                Some("always") => {
                    "a stack of 2 MiB or more may become resident as a whole at its first touch".to_string()
                }
                _ => "stacks become resident page by page".to_string(),
            },
        },
        Symptom {
            name: "stack ulimit",
            here: number("stack ulimit in bytes")
                .map_or_else(|| "unlimited".to_string(), |bytes| crate::report::bytes(bytes as f64)),
            follows: "applies to the main thread; Rust's other threads take 2 MiB in any case".to_string(),
        },
        Symptom {
            name: "tracing",
            here: tracing(),
            follows: "`system_calls` traces a child; it is skipped if that is not allowed".to_string(),
        },
        optional(
            "Go",
            twin::version(),
            "goroutines are measured",
            "goroutines are skipped; install Go 1.25 or later from your system's packages or go.dev",
        ),
        optional(
            "nightly Rust",
            nightly(),
            "`cargo lab race` uses ThreadSanitizer",
            "ThreadSanitizer is skipped; `rustup toolchain install nightly` installs it",
        ),
    ]);
    symptoms
}

fn optional(name: &'static str, found: Result<String, String>, with: &str, without: &str) -> Symptom {
    match found {
        Ok(version) => Symptom { name, here: version, follows: with.to_string() },
        Err(why) => Symptom { name, here: why, follows: without.to_string() },
    }
}

fn unknown() -> String {
    "not known".to_string()
}

fn in_hundreds(number: u64) -> String {
    crate::report::count((number / 100 * 100) as f64)
}

/// The word in brackets, which is how the kernel marks the selected value.
fn selected(text: &str) -> String {
    let inside = text.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
    inside.map_or_else(|| text.to_string(), |(word, _)| word.to_string())
}

/// Which processes may trace others here, by the rule of the kernel's Yama module, if the kernel includes it (see the
/// kernel's `Documentation/admin-guide/LSM/Yama.rst`).
fn tracing() -> String {
    match fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").as_deref().map(str::trim) {
        Err(_) if cfg!(not(target_os = "linux")) => "only on Linux".to_string(),
        Err(_) => "no rule forbids it".to_string(),
        Ok("0" | "1") => "a process may trace its children".to_string(),
        Ok("2") => "root only".to_string(),
        Ok(_) => "forbidden".to_string(),
    }
}

fn nightly() -> Result<String, String> {
    let output = Command::new("rustup").args(["run", "nightly", "rustc", "--version"]).stdin(Stdio::null()).output();
    match output {
        Ok(output) if output.status.success() => Ok(String::from_utf8_lossy(&output.stdout).trim().to_string()),
        Ok(_) => Err("none is installed".to_string()),
        Err(_) => Err("there is no rustup here".to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_selected_stands_in_brackets() {
        assert_eq!(selected("always [madvise] never"), "madvise");
        assert_eq!(selected("odd"), "odd");
    }

    #[test]
    fn everything_has_a_reading_and_a_consequence() {
        let symptoms = examine();
        assert!(symptoms.iter().all(|symptom| !symptom.here.is_empty() && !symptom.follows.is_empty()), "{symptoms:?}");
        #[cfg(target_os = "linux")]
        for name in ["cores", "vm.max_map_count", "kernel.threads-max", "kernel.pid_max", "Go", "nightly Rust"] {
            assert!(symptoms.iter().any(|symptom| symptom.name == name), "{name}");
        }
    }
}
