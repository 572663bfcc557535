//! Child processes under a deadline: whatever could hang or crash does it there, and what became of it is a result.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, TryRecvError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

#[cfg(target_os = "linux")]
use green_threads::probe::threads::{self, Thread};
use serde::{Deserialize, Serialize};
use wait_timeout::ChildExt;

/// The most that is kept of a child's output, in bytes; the rest is read and thrown away, so that the child never waits
/// for a reader.
const OUTPUT_LIMIT: usize = 1 << 20;

/// The most bytes of a line of a conversation: a child that says more on one line says nothing that is understood.
const LINE_LIMIT: usize = 1 << 16;

/// How many lines of a conversation may wait to be heard. Then the child waits, so that one that babbles costs no
/// memory.
const LINES_WAITING: usize = 64;

/// How a child ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum End {
    /// By itself, with this exit status.
    Exit(i32),
    /// By this signal: a crash. On Windows, by this exception.
    Signal(i32),
    /// Killed, since its time was up.
    Deadline {
        /// Whether all its threads were asleep then, each waiting for another: a deadlock. Otherwise some of them were
        /// still working.
        asleep: bool,
    },
}

/// What became of a child.
#[derive(Clone, Debug)]
pub struct Report {
    /// How it ended.
    pub end: End,
    /// What it wrote to its standard output, up to a mebibyte.
    pub stdout: String,
    /// What it wrote to its standard error, up to a mebibyte.
    pub stderr: String,
}

/// Runs `command` with nothing on its standard input, and kills it if it has not ended after `deadline`.
///
/// # Errors
///
/// If the child cannot be started or waited for.
pub fn run(command: &mut Command, deadline: Duration) -> io::Result<Report> {
    run_with(command, |child| wait_or_kill(child, deadline))
}

/// The same for a child that is expected to hang, which need not take its whole time for that: it is killed as well
/// once all its threads are asleep and none has run for as long as `still`.
///
/// # Errors
///
/// As [`run`].
pub fn run_until_still(command: &mut Command, still: Duration, deadline: Duration) -> io::Result<Report> {
    run_with(command, |child| {
        let start = Instant::now();
        let mut before = None;
        while start.elapsed() + still < deadline {
            if let Some(status) = child.wait_timeout(still)? {
                return Ok(ended(status));
            }
            let now = asleep(child);
            if now.is_some() && now == before {
                return kill(child, true);
            }
            before = now;
        }
        wait_or_kill(child, still)
    })
}

fn run_with(command: &mut Command, wait: impl FnOnce(&mut Child) -> io::Result<End>) -> io::Result<Report> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let stdout = reader(child.stdout.take());
    let stderr = reader(child.stderr.take());
    let end = wait(&mut child)?;
    let text = |reader: JoinHandle<String>| reader.join().unwrap_or_default();
    Ok(Report { end, stdout: text(stdout), stderr: text(stderr) })
}

fn wait_or_kill(child: &mut Child, deadline: Duration) -> io::Result<End> {
    if let Some(status) = child.wait_timeout(deadline)? {
        return Ok(ended(status));
    }
    // Two looks, between which none of its threads has run.
    let first = asleep(child);
    let asleep = first.is_some() && first == asleep(child);
    kill(child, asleep)
}

fn kill(child: &mut Child, asleep: bool) -> io::Result<End> {
    // It may have ended meanwhile; then there is nothing to kill, and that is what we wanted.
    let _ = child.kill();
    child.wait()?;
    Ok(End::Deadline { asleep })
}

/// A child that is asked and answers, a line each. Dropped, it is killed.
#[derive(Debug)]
pub struct Conversation {
    child: Child,
    /// Until the child has been told that nothing more comes.
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    stderr: Option<JoinHandle<String>>,
}

impl Conversation {
    /// Starts `command`.
    ///
    /// # Errors
    ///
    /// If the child cannot be started.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let (said, lines) = mpsc::sync_channel(LINES_WAITING);
        let stdout = child.stdout.take();
        thread::spawn(move || {
            let Some(mut stdout) = stdout.map(BufReader::new) else { return };
            loop {
                let mut line = Vec::new();
                let limited = stdout.by_ref().take(LINE_LIMIT as u64).read_until(b'\n', &mut line);
                // The end, or a broken pipe; or nobody listens any more.
                if !limited.is_ok_and(|bytes| bytes > 0)
                    || said.send(String::from_utf8_lossy(&line).into_owned()).is_err()
                {
                    return;
                }
            }
        });
        let stderr = Some(reader(child.stderr.take()));
        Ok(Conversation { input: child.stdin.take(), child, lines, stderr })
    }

    /// The child's number at the operating system.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Says a line. If the child is gone, nobody hears it, and [`hear`](Conversation::hear) will tell.
    pub fn tell(&mut self, line: &str) {
        if let Some(input) = &mut self.input {
            let _ = writeln!(input, "{line}").and_then(|()| input.flush());
        }
    }

    /// The child's next line, or how it ended: by itself, or killed since it said nothing for as long as `deadline`.
    ///
    /// # Errors
    ///
    /// If the child cannot be waited for.
    pub fn hear(&mut self, deadline: Duration) -> io::Result<Result<String, Report>> {
        match self.lines.recv_timeout(deadline) {
            Ok(line) => Ok(Ok(line)),
            Err(RecvTimeoutError::Timeout) => self.end(Duration::ZERO).map(Err),
            Err(RecvTimeoutError::Disconnected) => self.end(deadline).map(Err),
        }
    }

    /// The child's next line, if it has said one; how it ended, if it will say no more.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "only the tracer calls it, which Linux has"))]
    pub(crate) fn try_hear(&mut self) -> Option<Result<String, Report>> {
        match self.lines.try_recv() {
            Ok(line) => Some(Ok(line)),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => self.end(Duration::ZERO).ok().map(Err),
        }
    }

    /// Tells the child that nothing more comes, and how it ended, killed if it has not after `deadline`.
    ///
    /// # Errors
    ///
    /// If the child cannot be waited for.
    pub fn end(&mut self, deadline: Duration) -> io::Result<Report> {
        self.input = None;
        let end = wait_or_kill(&mut self.child, deadline)?;
        let stderr = self.stderr.take().map(|reader| reader.join().unwrap_or_default());
        Ok(Report { end, stdout: self.lines.try_iter().collect(), stderr: stderr.unwrap_or_default() })
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads a pipe to its end on a thread of its own: a child that fills one pipe while we read the other would wait.
fn reader(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<String> {
    thread::spawn(move || {
        let Some(mut pipe) = pipe else { return String::new() };
        let mut kept = Vec::new();
        // A pipe that breaks has ended: what came before is what there is.
        let _ = pipe.by_ref().take(OUTPUT_LIMIT as u64).read_to_end(&mut kept);
        let _ = io::copy(&mut pipe, &mut io::sink());
        String::from_utf8_lossy(&kept).into_owned()
    })
}

#[cfg(unix)]
fn ended(status: ExitStatus) -> End {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => End::Exit(code),
        (None, signal) => End::Signal(signal.unwrap_or_default()),
    }
}

/// Windows has no signals: the status of a process that crashed is the number of its exception, whose two highest bits
/// are set.
#[cfg(not(unix))]
fn ended(status: ExitStatus) -> End {
    match status.code().unwrap_or_default() {
        exception if exception.cast_unsigned() >> 30 == 0b11 => End::Signal(exception),
        status => End::Exit(status),
    }
}

/// The threads of the child, and how often each has gone to sleep, if all are asleep.
#[cfg(target_os = "linux")]
fn asleep(child: &Child) -> Option<Vec<Thread>> {
    let threads = threads::of(child.id()).unwrap_or_default();
    (!threads.is_empty() && threads.iter().all(|thread| thread.asleep)).then_some(threads)
}

/// Only Linux tells.
#[cfg(not(target_os = "linux"))]
fn asleep(_: &Child) -> Option<()> {
    None
}

/// The name of a signal that ends a process, as `signal(7)` gives it; of an exception of Windows, its number.
#[must_use]
pub fn signal_name(signal: i32) -> String {
    match signal {
        4 => "SIGILL".into(),
        6 => "SIGABRT".into(),
        7 => "SIGBUS".into(),
        8 => "SIGFPE".into(),
        9 => "SIGKILL".into(),
        11 => "SIGSEGV".into(),
        exception if exception < 0 => format!("exception {exception:#X}"),
        other => format!("signal {other}"),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str, deadline: Duration) -> Report {
        run(Command::new("sh").args(["-c", script]), deadline).unwrap()
    }

    const LONG: Duration = Duration::from_secs(60);
    /// How a sleeping child ends that is killed. Only Linux tells that it slept.
    const SLEPT: End = End::Deadline { asleep: cfg!(target_os = "linux") };
    const SHORT: Duration = Duration::from_millis(200);

    #[test]
    fn an_exit_is_told_with_its_output() {
        let report = shell("echo out; echo err >&2; exit 3", LONG);
        assert_eq!((report.end, &*report.stdout, &*report.stderr), (End::Exit(3), "out\n", "err\n"));
    }

    #[test]
    fn a_signal_is_told() {
        assert_eq!(shell("kill -SEGV $$", LONG).end, End::Signal(11));
    }

    #[test]
    fn a_sleeper_and_a_spinner_are_told_apart() {
        assert_eq!(shell("exec sleep 1000", SHORT).end, SLEPT);
        assert_eq!(shell("while :; do :; done", SHORT).end, End::Deadline { asleep: false });
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn one_that_is_still_is_not_waited_for() {
        let until_still = |script: &str, deadline| {
            run_until_still(Command::new("sh").args(["-c", script]), SHORT / 4, deadline).unwrap()
        };
        assert_eq!(until_still("exec sleep 1000", 10 * LONG).end, End::Deadline { asleep: true });
        assert_eq!(until_still("while :; do :; done", SHORT).end, End::Deadline { asleep: false });
        assert_eq!(until_still("exit 3", LONG).end, End::Exit(3));
    }

    fn talk(script: &str) -> Conversation {
        Conversation::start(Command::new("sh").args(["-c", script])).unwrap()
    }

    #[test]
    fn a_conversation_goes_to_and_fro() {
        let mut child = talk("while read line; do echo \"<$line>\"; done; exit 3");
        for word in ["one", "two"] {
            child.tell(word);
            assert_eq!(child.hear(LONG).unwrap().unwrap(), format!("<{word}>\n"));
        }
        assert_eq!(child.end(LONG).unwrap().end, End::Exit(3));
    }

    #[test]
    fn a_silent_child_is_killed_and_a_dead_one_is_told() {
        assert_eq!(talk("exec sleep 1000").hear(SHORT).unwrap().unwrap_err().end, SLEPT);
        let report = talk("echo why >&2; kill -SEGV $$").hear(LONG).unwrap().unwrap_err();
        assert_eq!((report.end, &*report.stderr), (End::Signal(11), "why\n"));
    }

    #[test]
    fn babble_is_cut_and_costs_no_memory() {
        let mut child = talk("exec cat /dev/zero");
        assert_eq!(child.hear(LONG).unwrap().unwrap().len(), LINE_LIMIT);
    }

    #[test]
    fn more_output_than_is_kept_blocks_nobody() {
        let report = shell("head -c 3000000 /dev/zero", LONG);
        assert_eq!((report.end, report.stdout.len()), (End::Exit(0), OUTPUT_LIMIT));
    }
}
