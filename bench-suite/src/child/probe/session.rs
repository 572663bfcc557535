//! One child process: it is started in its placement and asked under a deadline.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use green_threads::probe::placement::allowed_cores;
use green_threads::probe::protocol::{Answer, Line, Model, Preemption, Ready, Setup};

use super::stop::Stop;
use super::twin::Twin;
use crate::child::{Conversation, Finished};

/// The programs that run as child processes.
#[derive(Clone, Debug)]
pub struct Programs {
    /// The `lab` command. It passes the argument after `child probe` to [`green_threads::serve::serve`].
    pub lab: PathBuf,
    /// The Go twin, or why there is none.
    pub twin: Twin,
}

impl Programs {
    /// The programs of this checkout: `lab`, and the Go twin, which is built into `folder` if there is a `go`.
    #[must_use]
    pub fn here(lab: PathBuf, folder: &Path) -> Self {
        Programs { lab, twin: Twin::build(folder) }
    }

    /// Checks that there is a program for `model`.
    ///
    /// # Errors
    ///
    /// If there is none: the reason.
    pub fn has(&self, model: Model) -> Result<(), String> {
        self.command(model).map(|_| ())
    }

    fn command(&self, model: Model) -> Result<Command, String> {
        match (model, &self.twin) {
            (Model::Goroutine, Twin::Built(program)) => Ok(Command::new(program)),
            (Model::Goroutine, Twin::Skipped(why)) => Err(why.clone()),
            _ => {
                let mut command = Command::new(&self.lab);
                command.args(["child", "probe"]);
                Ok(command)
            }
        }
    }
}

/// A child process that measures one model in one setting.
#[derive(Debug)]
pub struct Session {
    conversation: Conversation,
    deadline: Duration,
    /// What the child proved about itself at its start: its parallelism and its number of threads.
    pub ready: Ready,
    progress: Option<u64>,
}

/// Why a child gave no answer, and how far it had come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoAnswer {
    /// Why the child gave no answer.
    pub why: Stop,
    /// The last progress that the child reported.
    pub progress: Option<u64>,
}

impl Session {
    /// Starts a child for `setup` in the placement of `setup`, and waits until it is ready. The child must never be
    /// silent for longer than `deadline`.
    ///
    /// # Errors
    ///
    /// If the child does not get ready.
    pub fn start(programs: &Programs, setup: &Setup, deadline: Duration) -> Result<Session, NoAnswer> {
        let refused = |why: String| NoAnswer { why: Stop::Refused(why), progress: None };
        let mut command = programs.command(setup.model).map_err(refused)?;
        command.arg(serde_json::to_string(setup).map_err(|error| refused(error.to_string()))?);
        // A panic of a unit is a result. Its backtrace would take more of the unit's stack, and memory mappings
        // where none may be left.
        command.env("RUST_BACKTRACE", "0");
        // A `GODEBUG` of the user would change the results.
        match setup.preemption {
            Preemption::Default => command.env_remove("GODEBUG"),
            Preemption::AsyncPreemptOff => command.env("GODEBUG", "asyncpreemptoff=1"),
        };
        // The child inherits the allowed cores of the thread that starts it.
        let begun = setup.placement.run(|| {
            let cores = allowed_cores().map_or(1, |cores| cores.len());
            Conversation::start(&mut command).map(|conversation| (conversation, cores))
        });
        let (conversation, cores) = begun
            .and_then(|begun| begun)
            .map_err(|error| refused(format!("its process cannot be started: {error}")))?;
        let ready = Ready { parallelism: 0, threads: 0 };
        let mut session = Session { conversation, deadline, ready, progress: None };
        match session.hear()? {
            Line::Ready(ready) => session.ready = ready,
            line => return Err(session.garbled(&format!("{line:?}"))),
        }
        let expected = if setup.model == Model::Thread { cores } else { setup.workers };
        match session.ready.parallelism {
            found if found == expected => Ok(session),
            found => Err(refused(format!("the setup asks for a parallelism of {expected}, but the child has {found}"))),
        }
    }

    /// Asks the child for `iterations`, and waits for its answer.
    ///
    /// # Errors
    ///
    /// If the child gives no answer.
    pub fn ask(&mut self, iterations: u64) -> Result<Answer, NoAnswer> {
        self.tell(iterations);
        self.answer()
    }

    /// Asks the child for `iterations` without waiting for the answer.
    pub(crate) fn tell(&mut self, iterations: u64) {
        self.conversation.tell(&iterations.to_string());
    }

    /// Waits for the answer to the last question.
    pub(crate) fn answer(&mut self) -> Result<Answer, NoAnswer> {
        match self.hear()? {
            Line::Answer(answer) => Ok(answer),
            line => Err(self.garbled(&format!("{line:?}"))),
        }
    }

    /// The answer to the last question; `None` if the child has not given it yet.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "only the tracer calls it, and only on Linux"))]
    pub(crate) fn try_answer(&mut self) -> Option<Result<Answer, NoAnswer>> {
        match self.conversation.try_hear()? {
            Ok(line) => match self.understand(&line) {
                Ok(Some(Line::Answer(answer))) => Some(Ok(answer)),
                Ok(Some(line)) => Some(Err(self.garbled(&format!("{line:?}")))),
                Ok(None) => None,
                Err(ended) => Some(Err(ended)),
            },
            Err(report) => Some(Err(self.ended(&report))),
        }
    }

    /// The longest time for which the child may be silent.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "only the tracer calls it, and only on Linux"))]
    pub(crate) fn deadline(&self) -> Duration {
        self.deadline
    }

    /// The last progress that the child reported; `None` if it reported none.
    #[must_use]
    pub fn progress(&self) -> Option<u64> {
        self.progress
    }

    /// The process id of the child.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.conversation.id()
    }

    /// The next line that is not a progress report.
    fn hear(&mut self) -> Result<Line, NoAnswer> {
        loop {
            let line = match self.conversation.hear(self.deadline) {
                Ok(Ok(line)) => line,
                Ok(Err(report)) => return Err(self.ended(&report)),
                Err(error) => return Err(self.garbled(&format!("cannot wait for its process: {error}"))),
            };
            if let Some(line) = self.understand(&line)? {
                return Ok(line);
            }
        }
    }

    /// Parses a line of the child; `None` if it only reports progress.
    fn understand(&mut self, line: &str) -> Result<Option<Line>, NoAnswer> {
        match serde_json::from_str(line) {
            Ok(Line::Progress(so_far)) => {
                self.progress = Some(so_far);
                Ok(None)
            }
            Ok(Line::Refused(why)) => Err(NoAnswer { why: Stop::Refused(why), progress: self.progress }),
            Ok(line) => Ok(Some(line)),
            Err(_) => Err(self.garbled(line.trim_end())),
        }
    }

    fn ended(&self, report: &Finished) -> NoAnswer {
        NoAnswer { why: Stop::Ended(report.end.clone()), progress: self.progress }
    }

    fn garbled(&self, line: &str) -> NoAnswer {
        NoAnswer { why: Stop::Garbled(line.chars().take(200).collect()), progress: self.progress }
    }
}
