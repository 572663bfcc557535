//! What this crate asks of the operating system by a call rather than by reading a file of `/proc`. All that
//! differs from system to system is here.
//!
//! The runtimes are measured on Linux. Elsewhere this crate compiles, but each function here that a measurement
//! needs returns an error that says so.

pub(crate) use here::*;

#[cfg(target_os = "linux")]
mod here {
    use std::io;
    use std::time::Duration;

    use rustix::thread::{CpuSet, gettid, sched_getaffinity, sched_setaffinity};
    use rustix::time::{ClockId, clock_gettime};

    /// Returns the cores on which the calling thread may run (`sched_getaffinity(2)`).
    pub(crate) fn allowed_cores() -> io::Result<Vec<usize>> {
        let set = sched_getaffinity(None)?;
        Ok((0..CpuSet::MAX_CPU).filter(|&core| set.is_set(core)).collect())
    }

    /// Keeps the calling thread on this core (`sched_setaffinity(2)`).
    pub(crate) fn pin_to(core: usize) -> io::Result<()> {
        let mut set = CpuSet::new();
        set.set(core);
        Ok(sched_setaffinity(None, &set)?)
    }

    /// Returns the kernel's number of the calling thread (`gettid(2)`).
    pub(crate) fn this_thread() -> u32 {
        gettid().as_raw_nonzero().get().cast_unsigned()
    }

    /// Returns the processor time that the process has used (`clock_gettime(2)`).
    #[expect(clippy::unnecessary_wraps, reason = "elsewhere it is an error")]
    pub(crate) fn processor_time() -> io::Result<Duration> {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        Ok(Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32))
    }

    /// The size of a page, in bytes.
    pub(crate) fn page_size() -> usize {
        rustix::param::page_size()
    }

    /// The machine's main memory, in bytes (`sysinfo(2)`).
    pub(crate) fn memory_bytes() -> usize {
        let info = rustix::system::sysinfo();
        usize::try_from(u128::from(info.totalram) * u128::from(info.mem_unit))
            .unwrap_or(usize::MAX)
    }

    /// Writes to the standard output by a call that needs hardly any stack (`write(2)`).
    pub(crate) fn write_to_stdout(bytes: &[u8]) {
        // An error means that the reader has closed its end.
        let _ = rustix::io::write(rustix::stdio::stdout(), bytes);
    }
}

#[cfg(not(target_os = "linux"))]
mod here {
    use std::io::{self, Write};
    use std::time::Duration;

    /// Always an error.
    pub(crate) fn allowed_cores() -> io::Result<Vec<usize>> {
        only_linux("reports the cores on which a thread may run")
    }

    /// Always an error.
    pub(crate) fn pin_to(_: usize) -> io::Result<()> {
        only_linux("can pin a thread to a core here")
    }

    /// Always 0.
    pub(crate) fn this_thread() -> u32 {
        0
    }

    /// Always an error.
    pub(crate) fn processor_time() -> io::Result<Duration> {
        only_linux("reports the processor time of a process here")
    }

    /// The size of a page, in bytes.
    pub(crate) fn page_size() -> usize {
        #[cfg(unix)]
        let bytes = rustix::param::page_size();
        // The page size on every processor that Windows runs on.
        #[cfg(not(unix))]
        let bytes = 4096;
        bytes
    }

    /// Not known, so the only limit is the largest size that an allocation may have.
    pub(crate) fn memory_bytes() -> usize {
        isize::MAX.unsigned_abs()
    }

    /// Writes to the standard output.
    pub(crate) fn write_to_stdout(bytes: &[u8]) {
        // An error means that the reader has closed its end.
        let _ = io::stdout().write_all(bytes);
    }

    fn only_linux<T>(does: &str) -> io::Result<T> {
        Err(io::Error::new(io::ErrorKind::Unsupported, format!("only Linux {does}")))
    }
}
