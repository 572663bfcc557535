//! What the kernel reports about the threads of a process (Linux: `/proc/PID/task`).

use std::io;
use std::time::Duration;

use crate::system;

/// The state of one thread, and how often it has gone to sleep.
///
/// Source: `proc_pid_stat(5)` and `proc_pid_status(5)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    /// The kernel's number for the thread.
    pub id: u32,
    /// Its name, which the kernel cuts to 15 bytes.
    pub name: String,
    /// Whether it is asleep, waiting for an event.
    pub asleep: bool,
    /// How often it has gone to sleep voluntarily. For a waiter that polls, this number grows between two
    /// readings; for one that really sleeps it does not.
    pub voluntary_switches: u64,
}

/// Returns the kernel's number of the calling thread, which is [`Thread::id`] in a listing. Returns 0 if the
/// system is not Linux.
#[must_use]
pub fn this() -> u32 {
    system::this_thread()
}

/// Returns every thread of this process, ordered by number.
///
/// # Errors
///
/// If `/proc` cannot be read.
pub fn all() -> io::Result<Vec<Thread>> {
    of_process("self")
}

/// Returns every thread of the process `pid`, ordered by number.
///
/// # Errors
///
/// If there is no such process, or `/proc` cannot be read.
pub fn of(pid: u32) -> io::Result<Vec<Thread>> {
    of_process(&pid.to_string())
}

/// Returns the process `pid` and its descendants: the processes that it has started and not yet waited for, and
/// those that they have started.
#[must_use]
pub fn family(pid: u32) -> Vec<u32> {
    let mut family = vec![pid];
    let mut next = 0;
    while let Some(pid) = family.get(next) {
        let tasks = std::fs::read_dir(format!("/proc/{pid}/task"))
            .into_iter()
            .flatten()
            .flatten();
        let children = tasks.filter_map(|task| {
            std::fs::read_to_string(task.path().join("children")).ok()
        });
        let children: Vec<u32> = children
            .flat_map(|pids| {
                pids.split_whitespace()
                    .filter_map(|pid| pid.parse().ok())
                    .collect::<Vec<_>>()
            })
            .collect();
        family.extend(children);
        next += 1;
    }
    family
}

/// Returns the processor time used by the process `pid` and by the children that it has waited for, in steps
/// of 10 ms.
///
/// # Errors
///
/// If there is no such process, or `/proc` cannot be read.
pub fn processor_of(pid: u32) -> io::Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // Fields are counted from after the name, which is in brackets and may contain blanks and brackets itself. The
    // kernel gives times in units of 10 ms, whatever its own clock.
    let fields =
        stat.rsplit_once(')').map_or("", |(_, fields)| fields).split_whitespace();
    let times =
        fields.skip(11).take(4).map(|field| field.parse::<u64>().unwrap_or_default());
    Ok(Duration::from_millis(10 * times.sum::<u64>()))
}

/// The time that the threads of a process have had on the processors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turns {
    /// How long they ran.
    pub ran: Duration,
    /// How long they were ready to run while other threads ran.
    pub waited: Duration,
    /// How many times they began to run.
    pub count: u64,
}

/// Returns the processor time that the threads of the process `pid` have had. Threads that have ended are left
/// out.
///
/// Source: `Documentation/scheduler/sched-stats.rst` of the kernel.
///
/// # Errors
///
/// If there is no such process, or if `/proc` cannot be read.
pub fn turns_of(pid: u32) -> io::Result<Turns> {
    let mut turns = Turns::default();
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let numbers =
            std::fs::read_to_string(task?.path().join("schedstat")).unwrap_or_default();
        let mut numbers = numbers
            .split_whitespace()
            .map(|number| number.parse::<u64>().unwrap_or_default());
        let mut next = || numbers.next().unwrap_or_default();
        turns.ran += Duration::from_nanos(next());
        turns.waited += Duration::from_nanos(next());
        turns.count += next();
    }
    Ok(turns)
}

fn of_process(pid: &str) -> io::Result<Vec<Thread>> {
    let mut threads = Vec::new();
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread may end between the listing and the reading. It is then left out; that is not an error.
        if let Ok(status) = std::fs::read_to_string(task?.path().join("status")) {
            threads.extend(parse(&status));
        }
    }
    threads.sort_by_key(|thread| thread.id);
    Ok(threads)
}

fn parse(status: &str) -> Option<Thread> {
    let field = |name: &str| {
        status
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
            .map(str::trim)
    };
    Some(Thread {
        id: field("Pid")?.parse().ok()?,
        name: field("Name")?.to_string(),
        asleep: field("State")?.starts_with('S'),
        voluntary_switches: field("voluntary_ctxt_switches")?.parse().ok()?,
    })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::thread::Builder;

    #[test]
    fn a_waiting_thread_is_asleep_and_stays_so() {
        let (hold, held) = mpsc::channel::<()>();
        let waiter =
            Builder::new().name("a-waiter".into()).spawn(move || held.recv()).unwrap();
        let look = || all().unwrap().into_iter().find(|thread| thread.name == "a-waiter");
        // The kernel says when it has gone to sleep; wait for that, however long it takes.
        while !look().is_some_and(|thread| thread.asleep) {
            std::thread::yield_now();
        }
        let (first, second) = (look().unwrap(), look().unwrap());
        assert_eq!(first, second);
        drop(hold);
        waiter.join().unwrap().unwrap_err();
    }

    #[test]
    fn this_thread_is_awake() {
        let threads = all().unwrap();
        let this = threads.iter().find(|thread| thread.id == this()).unwrap();
        assert!(!this.asleep, "{threads:?}");
    }
}
