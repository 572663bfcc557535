//! What the kernel says of the threads of this process (Linux: `/proc/self/task`).

use std::io;

use crate::system;

/// What one thread is doing, and how often it has stopped doing something.
///
/// Source: `proc_pid_stat(5)` and `proc_pid_status(5)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    /// The kernel's number for it.
    pub id: u32,
    /// Its name, cut by the kernel to 15 bytes.
    pub name: String,
    /// Whether it is asleep, waiting for an event.
    pub asleep: bool,
    /// How often it has gone to sleep of its own accord. A waiter that polls has more of these each time one looks; one
    /// that really sleeps has not.
    pub voluntary_switches: u64,
}

/// The kernel's number of the calling thread, which is [`Thread::id`] in a listing; 0 where the kernel is not Linux.
#[must_use]
pub fn this() -> u32 {
    system::this_thread()
}

/// Every thread of this process, in the order of their numbers.
///
/// # Errors
///
/// If `/proc` cannot be read.
pub fn all() -> io::Result<Vec<Thread>> {
    of_process("self")
}

/// Every thread of the process `pid`, in the order of their numbers.
///
/// # Errors
///
/// If there is no such process, or `/proc` cannot be read.
pub fn of(pid: u32) -> io::Result<Vec<Thread>> {
    of_process(&pid.to_string())
}

fn of_process(pid: &str) -> io::Result<Vec<Thread>> {
    let mut threads = Vec::new();
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread may end between the listing and the reading: then it is not there, and that is no error.
        if let Ok(status) = std::fs::read_to_string(task?.path().join("status")) {
            threads.extend(parse(&status));
        }
    }
    threads.sort_by_key(|thread| thread.id);
    Ok(threads)
}

fn parse(status: &str) -> Option<Thread> {
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim);
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
        let waiter = Builder::new().name("a-waiter".into()).spawn(move || held.recv()).unwrap();
        let look = || all().unwrap().into_iter().find(|thread| thread.name == "a-waiter");
        // It has gone to sleep when the kernel says so, however long that takes.
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
