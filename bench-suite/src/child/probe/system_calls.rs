//! Counts every system call of a child.
//!
//! The kernel stops a traced thread at each of its system calls and lets the tracer look (`ptrace(2)`). So the
//! counts are exact for every model, and no extra program is needed. While it is traced, the child is much slower,
//! so its times mean nothing.

use std::collections::BTreeMap;

use green_threads::probe::protocol::Answer;

use super::session::{NoAnswer, Session};

/// The number of calls of each system call, by its name.
pub type Counts = BTreeMap<String, u64>;

/// Asks `session` for `iterations`, and counts the system calls of all its threads until it answers.
///
/// # Errors
///
/// If the system does not allow one process to trace another ([`Untraced::Refused`]), or if the child does not
/// answer.
pub fn ask(session: &mut Session, iterations: u64) -> Result<(Answer, Counts), Untraced> {
    // The kernel ties a trace to the tracing thread, and releases the child when that thread ends.
    std::thread::scope(|scope| {
        let tracer = scope.spawn(|| system::ask(session, iterations));
        tracer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Why there are no counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Untraced {
    /// The system does not allow the trace, or the traced child missed its deadline.
    Refused(String),
    /// The child gave no answer.
    Ended(NoAnswer),
}

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod system {
    use std::collections::{BTreeMap, BTreeSet};
    use std::thread;
    use std::time::Instant;

    use green_threads::probe::protocol::Answer;
    use green_threads::probe::threads;
    use nix::libc;
    use nix::sys::ptrace::{self, Options};
    use nix::sys::signal::Signal;
    use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
    use nix::unistd::Pid;

    use super::{Counts, Session, Untraced};

    pub(super) fn ask(session: &mut Session, iterations: u64) -> Result<(Answer, Counts), Untraced> {
        let refused = |what: &str, error: nix::Error| Untraced::Refused(format!("{what} is not allowed here: {error}"));
        let mut tracer = Tracer::default();
        // This loop may miss a thread that starts while the others are seized, so it looks again until it finds no
        // new thread.
        loop {
            let listed = threads::of(session.id()).unwrap_or_default();
            let new: Vec<Pid> = listed
                .iter()
                .map(|thread| Pid::from_raw(thread.id.cast_signed()))
                .filter(|thread| !tracer.threads.contains(thread))
                .collect();
            if new.is_empty() {
                break;
            }
            for thread in new {
                match ptrace::seize(thread, Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_TRACECLONE) {
                    // The thread has ended since it was listed.
                    Err(nix::Error::ESRCH) => continue,
                    seized => seized.map_err(|error| refused("tracing a process", error))?,
                }
                tracer.threads.insert(thread);
                ptrace::interrupt(thread).map_err(|error| refused("stopping a traced thread", error))?;
            }
        }
        // `step` lets each thread run from its first stop to its next system call.
        session.tell(iterations);
        let begin = Instant::now();
        let answer = loop {
            while tracer.step() {}
            if begin.elapsed() > session.deadline() {
                return Err(Untraced::Refused("the traced child gave no answer within its deadline".to_string()));
            }
            if let Some(answer) = session.try_answer() {
                break answer.map_err(Untraced::Ended)?;
            }
            thread::yield_now();
        };
        Ok((answer, tracer.named()))
    }

    #[derive(Default)]
    struct Tracer {
        threads: BTreeSet<Pid>,
        /// The threads that are in a system call now. A thread stops when it enters a system call and again when it
        /// leaves it.
        inside: BTreeSet<Pid>,
        counts: BTreeMap<i64, u64>,
    }

    impl Tracer {
        /// Handles one stop, if a thread has stopped. Returns whether there was one.
        fn step(&mut self) -> bool {
            // This waits only for threads that this thread traces. Other code waits for the other children.
            let flags = WaitPidFlag::WNOHANG | WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
            let (thread, signal) = match waitpid(None, Some(flags)) {
                Ok(WaitStatus::PtraceSyscall(thread)) => {
                    if !self.inside.remove(&thread) {
                        self.inside.insert(thread);
                        if let Some(number) = number(thread) {
                            *self.counts.entry(number).or_default() += 1;
                        }
                    }
                    (thread, None)
                }
                // A signal for the child: it is passed on.
                Ok(WaitStatus::Stopped(thread, signal)) => (thread, Some(signal)),
                // The first stop of a new thread, or the stop of its parent after `clone`.
                Ok(WaitStatus::PtraceEvent(thread, signal, event)) => {
                    let stop = event == libc::PTRACE_EVENT_STOP || signal == Signal::SIGTRAP;
                    (thread, (!stop).then_some(signal))
                }
                Ok(WaitStatus::Exited(..) | WaitStatus::Signaled(..)) => return true,
                Ok(_) | Err(_) => return false,
            };
            // The thread may have been killed since it stopped. Then a later stop reports that.
            let _ = ptrace::syscall(thread, signal);
            true
        }

        fn named(self) -> Counts {
            self.counts.into_iter().map(|(number, count)| (name(number), count)).collect()
        }
    }

    #[cfg(target_arch = "x86_64")]
    fn number(thread: Pid) -> Option<i64> {
        Some(ptrace::getregs(thread).ok()?.orig_rax.cast_signed())
    }

    #[cfg(target_arch = "aarch64")]
    fn number(thread: Pid) -> Option<i64> {
        Some(ptrace::getregset::<ptrace::regset::NT_PRSTATUS>(thread).ok()?.regs[8].cast_signed())
    }

    /// The names of the system calls that runtimes make. Any other one is named by its number.
    fn name(number: i64) -> String {
        let known = [
            (libc::SYS_read, "read"),
            (libc::SYS_write, "write"),
            (libc::SYS_mmap, "mmap"),
            (libc::SYS_mprotect, "mprotect"),
            (libc::SYS_munmap, "munmap"),
            (libc::SYS_madvise, "madvise"),
            (libc::SYS_clone, "clone"),
            (libc::SYS_clone3, "clone3"),
            (libc::SYS_exit, "exit"),
            (libc::SYS_futex, "futex"),
            (libc::SYS_sched_yield, "sched_yield"),
            (libc::SYS_sched_getaffinity, "sched_getaffinity"),
            (libc::SYS_nanosleep, "nanosleep"),
            (libc::SYS_clock_nanosleep, "clock_nanosleep"),
            (libc::SYS_rt_sigprocmask, "rt_sigprocmask"),
            (libc::SYS_sigaltstack, "sigaltstack"),
            (libc::SYS_set_robust_list, "set_robust_list"),
            (libc::SYS_rseq, "rseq"),
            (libc::SYS_prctl, "prctl"),
            (libc::SYS_gettid, "gettid"),
            (libc::SYS_tgkill, "tgkill"),
            (libc::SYS_getpid, "getpid"),
            (libc::SYS_epoll_pwait, "epoll_pwait"),
            #[cfg(target_arch = "x86_64")]
            (libc::SYS_epoll_wait, "epoll_wait"),
        ];
        let found = known.iter().find(|(known, _)| *known == number);
        found.map_or_else(|| format!("number {number}"), |(_, name)| (*name).to_string())
    }
}

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
mod system {
    use super::{Answer, Counts, Session, Untraced};

    pub(super) fn ask(_: &mut Session, _: u64) -> Result<(Answer, Counts), Untraced> {
        Err(Untraced::Refused("system calls are counted on Linux only, on x86-64 and AArch64".to_string()))
    }
}
