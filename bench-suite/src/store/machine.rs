//! The machine on which results were measured, and the build that measured them.

use std::collections::BTreeMap;
use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::built;

/// The crates whose versions can change a result.
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

/// The properties of the machine and of the build that can change a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The name that the processor reports, or the architecture where the system does not show that name.
    pub processor: String,
    /// The number of processors that are online.
    pub cores: usize,
    /// The number of processors that this process may use, as `std::thread::available_parallelism` counts them.
    pub allowed_cores: usize,
    /// The size of main memory in bytes; `None` where the system does not show it.
    pub memory_bytes: Option<u64>,
    /// The operating system and the release of its kernel.
    pub kernel: String,
    /// The limits of the system that can stop an experiment or change its result, by name. A limit that this system
    /// does not have is absent.
    pub limits: BTreeMap<String, String>,
    /// The version of the compiler, as `rustc --version` prints it.
    pub rustc: String,
    /// The build profile and its optimisation level.
    pub profile: String,
    /// The versions of the crates that can change a result, by the name of the crate.
    pub crates: BTreeMap<String, String>,
}

impl Machine {
    /// Describes this machine and this build.
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

    /// The processor time that the cgroup allows, in cores; `None` if it sets no quota.
    #[must_use]
    pub fn quota(&self) -> Option<f64> {
        self.limits.get(QUOTA).and_then(|cpu_max| cores_of(cpu_max))
    }

    /// The numbers of workers that a runtime may start by default on this machine. That is the number of allowed
    /// cores. Where a quota sets that number, std rounds the quota down, and Go rounds it up to at least two
    /// workers.
    ///
    /// Source: `std::thread::available_parallelism`, and the release notes of Go 1.25.
    #[must_use]
    pub fn default_workers(&self) -> RangeInclusive<usize> {
        let allowed = self.allowed_cores;
        match self.quota() {
            Some(quota) if (quota as usize) <= allowed => allowed..=(quota.ceil() as usize).max(2).min(self.cores),
            _ => allowed..=allowed,
        }
    }
}

/// The name of the limit that holds the quota of processor time.
const QUOTA: &str = "cgroup cpu.max";

/// The quota in `cpu.max` divided by its period, in cores; `None` if there is no quota.
fn cores_of(cpu_max: &str) -> Option<f64> {
    let (quota, period) = cpu_max.split_once(' ')?;
    Some(quota.parse::<f64>().ok()? / period.parse::<f64>().ok()?)
}

/// The lowest `cpu.max` of this process's cgroup and of the cgroups that contain it.
///
/// Source: the kernel's `cgroup-v2.rst`, "CPU Interface Files".
fn cpu_max() -> Option<String> {
    let own = fs::read_to_string("/proc/self/cgroup").ok()?;
    let own = Path::new("/sys/fs/cgroup").join(own.lines().find_map(|line| line.strip_prefix("0::/"))?);
    let all = own.ancestors().take_while(|folder| folder.starts_with("/sys/fs/cgroup"));
    let all = all.filter_map(|folder| trimmed(folder.join("cpu.max")));
    all.min_by(|a, b| {
        let [a, b] = [a, b].map(|cpu_max| cores_of(cpu_max).unwrap_or(f64::INFINITY));
        a.total_cmp(&b)
    })
}

/// The value after `name` and a colon in a file of `name: value` lines.
fn field(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix(':'))?;
    Some(value.trim().to_string())
}

fn trimmed(path: impl AsRef<Path>) -> Option<String> {
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

/// Reads the limits that can stop an experiment or change its result.
fn limits() -> BTreeMap<String, String> {
    let files = [
        ("max_map_count", "/proc/sys/vm/max_map_count"),
        ("overcommit_memory", "/proc/sys/vm/overcommit_memory"),
        ("pid_max", "/proc/sys/kernel/pid_max"),
        ("threads-max", "/proc/sys/kernel/threads-max"),
        ("cgroup pids.max", "/sys/fs/cgroup/pids.max"),
        ("transparent_hugepage", "/sys/kernel/mm/transparent_hugepage/enabled"),
    ];
    let mut limits: BTreeMap<String, String> =
        files.iter().filter_map(|(name, path)| Some((name.to_string(), trimmed(path)?))).collect();
    limits.extend(cpu_max().map(|cpu_max| (QUOTA.to_string(), cpu_max)));
    let ulimits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    for (name, line) in [("stack ulimit in bytes", "Max stack size"), ("process ulimit", "Max processes")] {
        let rest = ulimits.lines().find_map(|text| text.strip_prefix(line));
        if let Some(soft) = rest.and_then(|rest| rest.split_whitespace().next()) {
            limits.insert(name.to_string(), soft.to_string());
        }
    }
    limits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_allows_what_the_runtimes_make_of_it() {
        let machine = |allowed_cores, cpu_max: &str| {
            let limits = BTreeMap::from([(QUOTA.to_string(), cpu_max.to_string())]);
            Machine { cores: 8, allowed_cores, limits, ..Machine::this() }.default_workers()
        };
        assert_eq!(machine(8, "max 100000"), 8..=8);
        assert_eq!(machine(1, "50000 100000"), 1..=2);
        assert_eq!(machine(2, "250000 100000"), 2..=3);
        assert_eq!(machine(4, "400000 100000"), 4..=4);
        // The process may use two cores only, so the quota of four cores has no effect.
        assert_eq!(machine(2, "400000 100000"), 2..=2);
    }
}
