//! The machine that results come from, and what the program was built with.

use std::collections::BTreeMap;
use std::fs;

use serde::{Deserialize, Serialize};

/// What this crate was built with; `build.rs` writes it.
mod built {
    #![allow(dead_code, unreachable_pub, clippy::all, reason = "generated")]
    include!(concat!(env!("OUT_DIR"), "/built.rs"));
}

/// The target that this program is built for, as Cargo names it.
pub(crate) const BUILT_FOR: &str = built::TARGET;

/// The crates whose versions decide a result.
const CRATES: &[&str] = &[
    "criterion",
    "crossbeam",
    "crossbeam-channel",
    "corosensei",
    "dashmap",
    "generator",
    "hyper",
    "may",
    "moka",
    "once_map",
    "papaya",
    "parking_lot",
    "quick_cache",
    "stacker",
    "tokio",
    "ureq",
];

/// What decides a result, of the machine and of the build.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The processor's own name for itself.
    pub processor: String,
    /// How many processors are online.
    pub cores: usize,
    /// On how many of them this process may run.
    pub allowed_cores: usize,
    /// Main memory, in bytes.
    pub memory_bytes: Option<u64>,
    /// The operating system and its kernel.
    pub kernel: String,
    /// The limits that stop an experiment, by the names of their files; those that this system has.
    pub limits: BTreeMap<String, String>,
    /// The compiler.
    pub rustc: String,
    /// The build profile and its optimisation level.
    pub profile: String,
    /// The versions of the crates that decide a result.
    pub crates: BTreeMap<String, String>,
}

impl Machine {
    /// This machine, and this build.
    #[must_use]
    pub fn this() -> Self {
        let allowed_cores = std::thread::available_parallelism().map_or(1, usize::from);
        Machine {
            processor: field("/proc/cpuinfo", "model name").unwrap_or_else(|| std::env::consts::ARCH.to_string()),
            cores: cores_online().unwrap_or(allowed_cores),
            allowed_cores,
            memory_bytes: memory_bytes(),
            kernel: kernel(),
            limits: limits(),
            rustc: built::RUSTC_VERSION.to_string(),
            profile: format!("{}, opt-level {}", built::PROFILE, built::OPT_LEVEL),
            crates: built::DEPENDENCIES
                .iter()
                .filter(|(name, _)| CRATES.contains(name))
                .map(|(name, version)| (name.to_string(), version.to_string()))
                .collect(),
        }
    }
}

/// The value after `name` and a colon in a file of such lines.
fn field(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix(':'))?;
    Some(value.trim().to_string())
}

fn trimmed(path: &str) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim().to_string())
}

fn cores_online() -> Option<usize> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    Some(text.lines().filter(|line| line.starts_with("processor")).count()).filter(|cores| *cores > 0)
}

fn memory_bytes() -> Option<u64> {
    let kibibytes: u64 = field("/proc/meminfo", "MemTotal")?.strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

fn kernel() -> String {
    let release = trimmed("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{} {release}", std::env::consts::OS).trim().to_string()
}

/// The limits that stop an experiment, or change its answer.
fn limits() -> BTreeMap<String, String> {
    let files = [
        ("max_map_count", "/proc/sys/vm/max_map_count"),
        ("overcommit_memory", "/proc/sys/vm/overcommit_memory"),
        ("pid_max", "/proc/sys/kernel/pid_max"),
        ("threads-max", "/proc/sys/kernel/threads-max"),
        ("cgroup cpu.max", "/sys/fs/cgroup/cpu.max"),
        ("cgroup pids.max", "/sys/fs/cgroup/pids.max"),
        ("transparent_hugepage", "/sys/kernel/mm/transparent_hugepage/enabled"),
    ];
    let mut limits: BTreeMap<String, String> =
        files.iter().filter_map(|(name, path)| Some((name.to_string(), trimmed(path)?))).collect();
    let ulimits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    for (name, line) in [("stack ulimit in bytes", "Max stack size"), ("process ulimit", "Max processes")] {
        let rest = ulimits.lines().find_map(|text| text.strip_prefix(line));
        if let Some(soft) = rest.and_then(|rest| rest.split_whitespace().next()) {
            limits.insert(name.to_string(), soft.to_string());
        }
    }
    limits
}
