//! Conversations with a child process: it answers questions, one line each.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, TryRecvError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use wait_timeout::ChildExt;

use super::end::End;
use super::finished::{Finished, kill, reader, wait};
use super::watch::{LOOK, Patience, Watch};

/// The number of lines that may wait for the parent. When so many wait, the reading thread stops, the pipe fills
/// up, and the child blocks. So a child that babbles costs no memory.
const LINES_WAITING: usize = 64;

/// The longest line of a conversation, in bytes. A longer line arrives in pieces, which are not valid answers.
const LINE_LIMIT: usize = 1 << 16;

/// A child process that answers questions. Each question and each answer is one line. Dropping the conversation
/// kills the child.
#[derive(Debug)]
pub struct Conversation {
    child: Child,
    /// `None` once the parent has told the child that there are no more questions.
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    stderr: Option<JoinHandle<String>>,
}

impl Conversation {
    /// Starts `command` as a child whose standard input, output and error are pipes.
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
                // This thread stops at the end of the output, at a broken pipe, or when the conversation has been
                // dropped.
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

    /// The process id of the child.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a line to the child. If the child has ended, the line is lost, and [`hear`](Conversation::hear)
    /// reports how it ended.
    pub fn tell(&mut self, line: &str) {
        if let Some(input) = &mut self.input {
            let _ = writeln!(input, "{line}").and_then(|()| input.flush());
        }
    }

    /// Waits for the next line of the child. If the child ends instead, returns how it ended. A child that is
    /// silent for longer than `silence` is watched from then on, and is killed if it hangs.
    ///
    /// # Errors
    ///
    /// If the operating system cannot wait for the child.
    pub fn hear(&mut self, silence: Duration) -> io::Result<Result<String, Finished>> {
        let mut watch = Watch::new(self.child.id(), patience(silence));
        // The child is not watched during `silence`, because that could disturb what it measures.
        let mut wait = silence;
        loop {
            match self.lines.recv_timeout(wait) {
                Ok(line) => return Ok(Ok(line)),
                Err(RecvTimeoutError::Disconnected) => return self.end(silence).map(Err),
                Err(RecvTimeoutError::Timeout) => wait = LOOK,
            }
            if let Some(end) = watch.look() {
                let end = kill(&mut self.child, end)?;
                return Ok(Err(self.finished(Err(end))));
            }
        }
    }

    /// The next line of the child, or how it ended if there are no more lines; `None` if the child has said nothing
    /// new. It does not wait for a line.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "only the tracer calls it, and only on Linux"))]
    pub(crate) fn try_hear(&mut self) -> Option<Result<String, Finished>> {
        match self.lines.try_recv() {
            Ok(line) => Some(Ok(line)),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => self.end(Duration::ZERO).ok().map(Err),
        }
    }

    /// Tells the child that there are no more questions, and waits for its end. A child that takes longer than
    /// `silence` and hangs is killed.
    ///
    /// # Errors
    ///
    /// If the operating system cannot wait for the child.
    pub fn end(&mut self, silence: Duration) -> io::Result<Finished> {
        self.input = None;
        let end = match self.child.wait_timeout(silence)? {
            Some(status) => Ok(status),
            None => wait(&mut self.child, patience(silence))?,
        };
        Ok(self.finished(end))
    }

    fn finished(&mut self, end: Result<ExitStatus, End>) -> Finished {
        let stderr = self.stderr.take().map(|reader| reader.join().unwrap_or_default());
        Finished::new(end, self.lines.try_iter().collect(), stderr.unwrap_or_default())
    }
}

/// The patience with a child that has already been silent for `silence`: from then on, a second in which none of
/// its threads runs is a deadlock.
fn patience(silence: Duration) -> Patience {
    Patience::new(Duration::from_secs(1), silence)
}

impl Drop for Conversation {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::super::finished::tests::{LONG, SHORT, SLEPT};
    use super::*;

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
        assert_eq!(child.end(LONG).unwrap().end.status(), Some(3));
    }

    #[test]
    fn a_silent_child_is_killed_and_a_dead_one_is_told() {
        assert_eq!(talk("exec sleep 1000").hear(SHORT).unwrap().unwrap_err().end, SLEPT);
        let report = talk("echo why >&2; kill -SEGV $$").hear(LONG).unwrap().unwrap_err();
        let crash = End::Crashes { signal: "SIGSEGV".into(), says: "why".into() };
        assert_eq!((report.end, &*report.stderr), (crash, "why\n"));
    }

    #[test]
    fn babble_is_cut_and_costs_no_memory() {
        let mut child = talk("exec cat /dev/zero");
        assert_eq!(child.hear(LONG).unwrap().unwrap().len(), LINE_LIMIT);
    }
}
