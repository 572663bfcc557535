//! One child: started where it is to run, asked under a deadline.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use green_threads::probe::placement::allowed_cores;
use green_threads::probe::protocol::{Answer, Line, Model, Preemption, Ready, Setup};

use super::Stop;
use super::twin::Twin;
use crate::child::{Conversation, Finished};

/// The programs that children are.
#[derive(Clone, Debug)]
pub struct Programs {
    /// The `lab` command: it hands its argument after `child probe` to [`green_threads::probe::serve`].
    pub lab: PathBuf,
    /// The Go twin, or why there is none.
    pub twin: Twin,
}

impl Programs {
    /// Those of this checkout: `lab`, and the Go twin, which is built into `folder` if there is a `go`.
    #[must_use]
    pub fn here(lab: PathBuf, folder: &Path) -> Self {
        Programs { lab, twin: Twin::build(folder) }
    }

    /// Whether there is a program for `model`.
    ///
    /// # Errors
    ///
    /// If there is none, with the reason.
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

/// A child that measures.
#[derive(Debug)]
pub struct Session {
    conversation: Conversation,
    deadline: Duration,
    /// What it has proved of itself.
    pub ready: Ready,
    progress: Option<u64>,
}

/// A child that gave no answer, and is no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoAnswer {
    /// Why it gave none.
    pub why: Stop,
    /// How far it had come, as it last said.
    pub progress: Option<u64>,
}

impl Session {
    /// Starts the child of `setup`, on the cores that it names, and waits until it is ready. It must say something at
    /// least as often as `deadline`.
    ///
    /// # Errors
    ///
    /// If the child does not get ready.
    pub fn start(programs: &Programs, setup: &Setup, deadline: Duration) -> Result<Session, NoAnswer> {
        let refused = |why: String| NoAnswer { why: Stop::Refused(why), progress: None };
        let mut command = programs.command(setup.model).map_err(refused)?;
        command.arg(serde_json::to_string(setup).map_err(|error| refused(error.to_string()))?);
        // A panic of a unit is a result; its backtrace would cost the unit's stack, and takes mappings where none is
        // left.
        command.env("RUST_BACKTRACE", "0");
        // What the user has set for Go would change the results.
        match setup.preemption {
            Preemption::Default => command.env_remove("GODEBUG"),
            Preemption::AsyncPreemptOff => command.env("GODEBUG", "asyncpreemptoff=1"),
        };
        // The child inherits the cores of the thread that starts it.
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
            found => Err(refused(format!("a parallelism of {expected} was asked for, and it has {found}"))),
        }
    }

    /// Asks for `iterations`, and waits for the answer.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn ask(&mut self, iterations: u64) -> Result<Answer, NoAnswer> {
        self.tell(iterations);
        self.answer()
    }

    /// Asks for `iterations` and does not wait.
    pub(crate) fn tell(&mut self, iterations: u64) {
        self.conversation.tell(&iterations.to_string());
    }

    /// Waits for the answer to what was asked.
    pub(crate) fn answer(&mut self) -> Result<Answer, NoAnswer> {
        match self.hear()? {
            Line::Answer(answer) => Ok(answer),
            line => Err(self.garbled(&format!("{line:?}"))),
        }
    }

    /// The answer to what was asked, if it is there.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "only the tracer calls it, which Linux has"))]
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

    /// How long it may be silent.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "only the tracer calls it, which Linux has"))]
    pub(crate) fn deadline(&self) -> Duration {
        self.deadline
    }

    /// How far it has come, as it last said.
    #[must_use]
    pub fn progress(&self) -> Option<u64> {
        self.progress
    }

    /// Its process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.conversation.id()
    }

    /// The next line that is no progress.
    fn hear(&mut self) -> Result<Line, NoAnswer> {
        loop {
            let line = match self.conversation.hear(self.deadline) {
                Ok(Ok(line)) => line,
                Ok(Err(report)) => return Err(self.ended(&report)),
                Err(error) => return Err(self.garbled(&format!("its process cannot be waited for: {error}"))),
            };
            if let Some(line) = self.understand(&line)? {
                return Ok(line);
            }
        }
    }

    /// What a line says; nothing, if it only tells progress.
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
