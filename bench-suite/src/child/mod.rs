//! Child processes: whatever could hang or crash does it there, and how it ended is a result.

mod watch;

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, TryRecvError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use wait_timeout::ChildExt;

pub use watch::Patience;
use watch::{LOOK, Watch};

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
    /// Killed, because there was evidence that it hangs.
    Hang {
        /// All threads were asleep and nothing woke them, but to look for work: a deadlock. Otherwise the child used up
        /// its processor time.
        asleep: bool,
    },
    /// Killed after a very long time, without evidence that it hangs: the machine may have been too busy.
    Undecided,
}

/// What is said of an end that is undecided.
pub const UNDECIDED: &str = if cfg!(target_os = "linux") {
    "undecided: the machine was too busy"
} else {
    "undecided: only Linux shows whether it hangs"
};

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

/// Runs `command` with nothing on its standard input, and kills it if it hangs.
///
/// # Errors
///
/// If the child cannot be started or waited for.
pub fn run(command: &mut Command, patience: Patience) -> io::Result<Report> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let stdout = reader(child.stdout.take());
    let stderr = reader(child.stderr.take());
    let end = wait(&mut child, patience)?;
    let text = |reader: JoinHandle<String>| reader.join().unwrap_or_default();
    Ok(Report { end, stdout: text(stdout), stderr: text(stderr) })
}

fn wait(child: &mut Child, patience: Patience) -> io::Result<End> {
    let mut watch = Watch::new(child.id(), patience);
    loop {
        if let Some(status) = child.wait_timeout(LOOK)? {
            return Ok(ended(status));
        }
        if let Some(end) = watch.look() {
            return kill(child, end);
        }
    }
}

/// Kills the child, whose end this is.
fn kill(child: &mut Child, end: End) -> io::Result<End> {
    // It may have ended meanwhile. Then there is nothing to kill.
    let _ = child.kill();
    child.wait()?;
    Ok(end)
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

    /// The child's next line, or how it ended: by itself, or killed because it said nothing for as long as `silence` and
    /// then showed that it hangs.
    ///
    /// # Errors
    ///
    /// If the child cannot be waited for.
    pub fn hear(&mut self, silence: Duration) -> io::Result<Result<String, Report>> {
        let mut watch = Watch::new(self.child.id(), patience(silence));
        // While it may be silent it is left alone, because what it measures could be disturbed.
        let mut wait = silence;
        loop {
            match self.lines.recv_timeout(wait) {
                Ok(line) => return Ok(Ok(line)),
                Err(RecvTimeoutError::Disconnected) => return self.end(silence).map(Err),
                Err(RecvTimeoutError::Timeout) => wait = LOOK,
            }
            if let Some(end) = watch.look() {
                let end = kill(&mut self.child, end)?;
                return Ok(Err(self.report(end)));
            }
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

    /// Tells the child that nothing more comes, and waits for its end. It is killed if it takes longer than `silence` and
    /// hangs.
    ///
    /// # Errors
    ///
    /// If the child cannot be waited for.
    pub fn end(&mut self, silence: Duration) -> io::Result<Report> {
        self.input = None;
        let end = match self.child.wait_timeout(silence)? {
            Some(status) => ended(status),
            None => wait(&mut self.child, patience(silence))?,
        };
        Ok(self.report(end))
    }

    fn report(&mut self, end: End) -> Report {
        let stderr = self.stderr.take().map(|reader| reader.join().unwrap_or_default());
        Report { end, stdout: self.lines.try_iter().collect(), stderr: stderr.unwrap_or_default() }
    }
}

/// With a child that has been silent for so long: a second without a step is a deadlock then.
fn patience(silence: Duration) -> Patience {
    Patience::new(Duration::from_secs(1), silence)
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

    const LONG: Duration = Duration::from_secs(60);
    const SHORT: Duration = Duration::from_millis(200);
    /// How a sleeping child ends that is killed. Only Linux shows that it sleeps.
    const SLEPT: End = if cfg!(target_os = "linux") { End::Hang { asleep: true } } else { End::Undecided };
    const SPUN: End = if cfg!(target_os = "linux") { End::Hang { asleep: false } } else { End::Undecided };

    fn shell(script: &str) -> Report {
        run(Command::new("sh").args(["-c", script]), Patience::new(SHORT, 5 * SHORT)).unwrap()
    }

    #[test]
    fn an_exit_is_told_with_its_output() {
        let report = shell("echo out; echo err >&2; exit 3");
        assert_eq!((report.end, &*report.stdout, &*report.stderr), (End::Exit(3), "out\n", "err\n"));
    }

    #[test]
    fn a_signal_is_told() {
        assert_eq!(shell("kill -SEGV $$").end, End::Signal(11));
    }

    #[test]
    fn a_sleeper_and_a_spinner_are_told_apart() {
        assert_eq!(shell("exec sleep 1000").end, SLEPT);
        assert_eq!(shell("while :; do :; done").end, SPUN);
    }

    /// It wakes up three times a second, and finds nothing to do.
    #[test]
    #[cfg(target_os = "linux")]
    fn one_that_only_looks_for_work_hangs() {
        let patient = Patience::new(10 * SHORT, LONG);
        let looks = "while :; do sleep 0.3; done";
        assert_eq!(run(Command::new("sh").args(["-c", looks]), patient).unwrap().end, SLEPT);
    }

    /// The shell is asleep all the time, and what it has started works.
    #[test]
    #[cfg(target_os = "linux")]
    fn one_whose_own_child_works_does_not_hang() {
        let works = "timeout 2 sh -c 'while :; do :; done'";
        let patient = Patience::new(SHORT, LONG);
        assert_eq!(
            run(Command::new("sh").args(["-c", &format!("{works}; exit 3")]), patient).unwrap().end,
            End::Exit(3)
        );
    }

    /// Others want its core, and it gives it to them at once, so that it uses next to no processor time.
    #[test]
    #[cfg(target_os = "linux")]
    fn one_that_only_yields_hangs_on_a_busy_machine() {
        use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
        let busy = AtomicBool::new(true);
        std::thread::scope(|scope| {
            for _ in 0..2 * std::thread::available_parallelism().map_or(1, usize::from) {
                scope.spawn(|| {
                    while busy.load(Relaxed) {
                        std::hint::spin_loop();
                    }
                });
            }
            let mut child = Command::new(std::env::current_exe().unwrap());
            child.args(["--exact", "child::tests::yields_forever", "--test-threads=1"]).env(YIELDS_FOREVER, "1");
            let report = run(&mut child, Patience::new(LONG, 20 * SHORT)).unwrap();
            busy.store(false, Relaxed);
            assert_eq!(report.end, SPUN, "{report:?}");
        });
    }

    /// Says to the test below that it is that child.
    const YIELDS_FOREVER: &str = "BENCH_SUITE_YIELDS_FOREVER";

    #[test]
    fn yields_forever() {
        while std::env::var_os(YIELDS_FOREVER).is_some() {
            std::thread::yield_now();
        }
    }

    #[test]
    fn without_evidence_it_is_undecided() {
        let impatient = Patience { wall: SHORT, ..Patience::new(LONG, LONG) };
        assert_eq!(run(Command::new("sleep").arg("1000"), impatient).unwrap().end, End::Undecided);
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
        let report = shell("head -c 3000000 /dev/zero");
        assert_eq!((report.end, report.stdout.len()), (End::Exit(0), OUTPUT_LIMIT));
    }
}
