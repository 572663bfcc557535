//! The memory and threads that this process uses (Linux: `/proc`).

use std::fs;
use std::io;

/// What the process uses at one moment.
///
/// Source: `proc_pid_status(5)`, `proc_pid_maps(5)`, `proc_meminfo(5)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Main memory that the process has touched and not given back, in bytes (`VmRSS`).
    pub resident: u64,
    /// Address space that it has mapped, touched or not, in bytes (`VmSize`).
    pub reserved: u64,
    /// Its page tables, in bytes (`VmPTE`).
    pub page_tables: u64,
    /// Memory that the kernel itself uses, for all processes together, in bytes (`KernelStack` and `Slab`). Only
    /// the difference of two readings is meaningful, and only if no other process starts or stops much between
    /// them.
    pub kernel: u64,
    /// The number of mappings, which `vm.max_map_count` limits.
    pub mappings: u64,
    /// The number of OS threads.
    pub threads: u64,
}

impl Memory {
    /// Reads what the process uses now.
    ///
    /// # Errors
    ///
    /// If `/proc` cannot be read, or lacks a field that Linux gives.
    pub fn now() -> io::Result<Memory> {
        let status = fs::read_to_string("/proc/self/status")?;
        let machine = fs::read_to_string("/proc/meminfo")?;
        let kibibytes = |text, name| Ok::<_, io::Error>(number(text, name)? * 1024);
        Ok(Memory {
            resident: kibibytes(&status, "VmRSS")?,
            reserved: kibibytes(&status, "VmSize")?,
            page_tables: kibibytes(&status, "VmPTE")?,
            kernel: kibibytes(&machine, "KernelStack")? + kibibytes(&machine, "Slab")?,
            mappings: count_lines("/proc/self/maps")?,
            threads: number(&status, "Threads")?,
        })
    }

    /// Returns the most main memory that the process has had resident at any moment so far, in bytes (`VmHWM`).
    ///
    /// # Errors
    ///
    /// As [`now`](Memory::now).
    pub fn peak() -> io::Result<u64> {
        Ok(number(&fs::read_to_string("/proc/self/status")?, "VmHWM")? * 1024)
    }

    /// Reads until two readings in a row have the same resident memory, and returns the last one; gives up after
    /// 100 readings.
    ///
    /// # Errors
    ///
    /// As [`now`](Memory::now).
    pub fn at_rest() -> io::Result<Memory> {
        let mut last = Memory::now()?;
        for _ in 0..100 {
            std::thread::yield_now();
            let now = Memory::now()?;
            if now.resident == last.resident {
                return Ok(now);
            }
            last = now;
        }
        Ok(last)
    }
}

/// Returns the size of the mapping that contains `address`, in bytes.
///
/// # Errors
///
/// If `/proc` cannot be read, or no mapping contains it.
pub fn mapping_of(address: usize) -> io::Result<u64> {
    let maps = fs::read_to_string("/proc/self/maps")?;
    let bounds = |line: &str| {
        let (from, to) = line.split_once(' ')?.0.split_once('-')?;
        Some((u64::from_str_radix(from, 16).ok()?, u64::from_str_radix(to, 16).ok()?))
    };
    let found = maps
        .lines()
        .filter_map(bounds)
        .find(|(from, to)| (*from..*to).contains(&(address as u64)));
    let missing = || {
        io::Error::new(
            io::ErrorKind::InvalidData,
            "/proc lists no mapping for an address in use",
        )
    };
    found.map(|(from, to)| to - from).ok_or_else(missing)
}

/// Checks that the machine still has memory for other processes: 512 MiB, or a sixteenth of all, whichever is
/// more.
///
/// # Errors
///
/// If less is left; the error says how much. Or if `/proc` cannot be read.
pub fn room_for_others() -> io::Result<()> {
    let machine = fs::read_to_string("/proc/meminfo")?;
    let available = number(&machine, "MemAvailable")? * 1024;
    let total = number(&machine, "MemTotal")? * 1024;
    if available < (total / 16).max(512 << 20) {
        return Err(io::Error::other(format!(
            "stopped with {available} bytes of memory left"
        )));
    }
    Ok(())
}

/// Finds the line of a `/proc` file that starts with `name:` and returns its number.
fn number(text: &str, name: &str) -> io::Result<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("/proc has no value for {name}"),
        )
    })
}

fn count_lines(path: &str) -> io::Result<u64> {
    let bytes = fs::read(path)?;
    Ok(bytes.iter().filter(|byte| **byte == b'\n').count() as u64)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_has_the_size_that_it_was_made_with() {
        const BYTES: usize = 64 << 20;
        let large = std::hint::black_box(vec![1_u8; BYTES]);
        assert!(mapping_of(large.as_ptr().addr()).unwrap() >= BYTES as u64);
        mapping_of(0).unwrap_err();
    }

    #[test]
    fn a_name_is_no_prefix_of_another() {
        assert_eq!(number("VmPTEs: 1 kB\nVmPTE:  2 kB\n", "VmPTE").unwrap(), 2);
        assert!(number("VmPTE: x\n", "VmPTE").is_err());
    }
}
