//! A child that runs to its end.

use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};

use wait_timeout::ChildExt;

use super::end::End;
use super::watch::{LOOK, Patience, Watch};

/// The most bytes that are kept of a child's output. The rest is read and discarded, so that the child never waits
/// for a reader.
const OUTPUT_LIMIT: usize = 1 << 20;

/// A child process that has ended.
#[derive(Clone, Debug)]
pub struct Finished {
    /// How it ended.
    pub end: End,
    /// What it wrote to its standard output, up to a mebibyte.
    pub stdout: String,
    /// What it wrote to its standard error, up to a mebibyte.
    pub stderr: String,
}

/// Runs `command` with an empty standard input until it ends. A child that hangs is killed.
///
/// # Errors
///
/// If the child cannot be started, or if the operating system cannot wait for it.
pub fn run(command: &mut Command, patience: Patience) -> io::Result<Finished> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let stdout = reader(child.stdout.take());
    let stderr = reader(child.stderr.take());
    let end = wait(&mut child, patience)?;
    let text = |reader: JoinHandle<String>| reader.join().unwrap_or_default();
    Ok(Finished::new(end, text(stdout), text(stderr)))
}

impl Finished {
    /// `end` is the exit status of the child, or how it ended if it was killed.
    pub(super) fn new(end: Result<ExitStatus, End>, stdout: String, stderr: String) -> Self {
        Finished { end: end.map_or_else(|killed| killed, |status| End::of(status, &stderr)), stdout, stderr }
    }
}

/// Waits for the end of the child, and returns its exit status. A child that hangs is killed; then its [`End`]
/// takes the place of the status.
pub(super) fn wait(child: &mut Child, patience: Patience) -> io::Result<Result<ExitStatus, End>> {
    let mut watch = Watch::new(child.id(), patience);
    loop {
        if let Some(status) = child.wait_timeout(LOOK)? {
            return Ok(Ok(status));
        }
        if let Some(end) = watch.look() {
            return kill(child, end).map(Err);
        }
    }
}

/// Kills the child, and returns `end`.
pub(super) fn kill(child: &mut Child, end: End) -> io::Result<End> {
    // The child may have ended since the last look. Then there is nothing to kill.
    let _ = child.kill();
    child.wait()?;
    Ok(end)
}

/// Reads a pipe to its end on a thread of its own. Otherwise a child that fills one pipe would wait while we read
/// the other.
pub(super) fn reader(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<String> {
    thread::spawn(move || {
        let Some(mut pipe) = pipe else { return String::new() };
        let mut kept = Vec::new();
        // A broken pipe counts as the end of the output: what was read before is kept.
        let _ = pipe.by_ref().take(OUTPUT_LIMIT as u64).read_to_end(&mut kept);
        let _ = io::copy(&mut pipe, &mut io::sink());
        String::from_utf8_lossy(&kept).into_owned()
    })
}

#[cfg(all(test, unix))]
pub(super) mod tests {
    use std::time::Duration;

    use super::*;

    pub(in super::super) const LONG: Duration = Duration::from_secs(60);
    pub(in super::super) const SHORT: Duration = Duration::from_millis(200);
    /// The end of a child that was killed while it slept. Only Linux shows that it sleeps.
    pub(in super::super) const SLEPT: End =
        if cfg!(target_os = "linux") { End::Hangs { asleep: true } } else { End::Undecided };
    const SPUN: End = if cfg!(target_os = "linux") { End::Hangs { asleep: false } } else { End::Undecided };

    fn shell(script: &str) -> Finished {
        run(Command::new("sh").args(["-c", script]), Patience::new(SHORT, 5 * SHORT)).unwrap()
    }

    #[test]
    fn an_exit_is_told_with_its_output() {
        let report = shell("echo out; echo err >&2; exit 3");
        let exit = End::Exits { status: 3, says: "err".into() };
        assert_eq!((report.end, &*report.stdout, &*report.stderr), (exit, "out\n", "err\n"));
    }

    #[test]
    fn a_signal_is_told() {
        let crash = End::Crashes { signal: "SIGSEGV".into(), says: "nothing".into() };
        assert_eq!(shell("kill -SEGV $$").end, crash);
    }

    #[test]
    fn a_sleeper_and_a_spinner_are_told_apart() {
        assert_eq!(shell("exec sleep 1000").end, SLEPT);
        assert_eq!(shell("while :; do :; done").end, SPUN);
    }

    /// The child wakes up three times a second and finds no work.
    #[test]
    #[cfg(target_os = "linux")]
    fn one_that_only_looks_for_work_hangs() {
        let patient = Patience::new(10 * SHORT, LONG);
        let looks = "while :; do sleep 0.3; done";
        assert_eq!(run(Command::new("sh").args(["-c", looks]), patient).unwrap().end, SLEPT);
    }

    /// The shell sleeps all the time, and the program that it has started works.
    #[test]
    #[cfg(target_os = "linux")]
    fn one_whose_own_child_works_does_not_hang() {
        let works = "timeout 2 sh -c 'while :; do :; done'";
        let patient = Patience::new(SHORT, LONG);
        let end = run(Command::new("sh").args(["-c", &format!("{works}; exit 3")]), patient).unwrap().end;
        assert_eq!(end.status(), Some(3));
    }

    /// Other threads want its core, and the child yields it to them at once, so it uses almost no processor time.
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
            child
                .args(["--exact", "child::finished::tests::yields_forever", "--test-threads=1"])
                .env(YIELDS_FOREVER, "1");
            let report = run(&mut child, Patience::new(LONG, 20 * SHORT)).unwrap();
            busy.store(false, Relaxed);
            assert_eq!(report.end, SPUN, "{report:?}");
        });
    }

    /// The environment variable that makes the test below yield without end. It is set for the child only.
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

    #[test]
    fn more_output_than_is_kept_blocks_nobody() {
        let report = shell("head -c 3000000 /dev/zero");
        assert_eq!((report.end.status(), report.stdout.len()), (Some(0), OUTPUT_LIMIT));
    }
}
