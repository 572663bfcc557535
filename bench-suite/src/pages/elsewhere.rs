//! A page server in a process of its own, for a measurement in which nothing of the server may be in the client's
//! memory.

use std::io::{self, BufRead, Write};
use std::process::Command;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::server::{Server, Site};
use crate::child::Conversation;
use crate::place;

/// How long the other process may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A [`Server`] in another process, which ends when this is dropped.
#[derive(Debug)]
pub struct Elsewhere {
    conversation: Conversation,
    first: String,
}

/// What the other process writes on its standard output.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    /// The URL of page 0 without its number.
    Pages(String),
    /// How many requests have arrived for each page.
    Requests(Vec<usize>),
}

impl Elsewhere {
    /// Starts a server of `site`.
    ///
    /// # Errors
    ///
    /// If the process cannot be started, or the server in it finds no free port.
    pub fn start(site: Site) -> io::Result<Elsewhere> {
        let mut lab = Command::new(place::lab());
        lab.args(["child", "pages"]);
        lab.args([site.pages.to_string(), site.size.to_string(), site.delay.as_millis().to_string()]);
        let mut server = Elsewhere { conversation: Conversation::start(&mut lab)?, first: String::new() };
        match server.hear()? {
            Line::Pages(first) => server.first = first,
            Line::Requests(_) => return Err(io::Error::other("the page server answered an unasked question")),
        }
        Ok(server)
    }

    /// The URL of page number `page`.
    #[must_use]
    pub fn url(&self, page: usize) -> String {
        format!("{}{page}", self.first)
    }

    /// How many requests have arrived for each page.
    ///
    /// # Errors
    ///
    /// If the other process has ended.
    pub fn requests(&mut self) -> io::Result<Vec<usize>> {
        self.conversation.tell("how many requests?");
        match self.hear()? {
            Line::Requests(counts) => Ok(counts),
            Line::Pages(_) => Err(io::Error::other("the page server does not say how many requests it has had")),
        }
    }

    fn hear(&mut self) -> io::Result<Line> {
        match self.conversation.hear(PATIENCE)? {
            Ok(line) => Ok(serde_json::from_str(&line)?),
            Err(report) => Err(io::Error::other(format!("the page server has ended: {}", report.stderr.trim()))),
        }
    }
}

/// The other process's part: serves `site` until its input ends.
///
/// # Errors
///
/// If there is no free port, or the process that started this one cannot be reached.
pub fn serve(site: Site) -> io::Result<()> {
    let server = Server::start(site)?;
    let url = server.url(0);
    say(&Line::Pages(url.trim_end_matches('0').to_string()))?;
    for line in io::stdin().lock().lines() {
        line?;
        say(&Line::Requests((0..site.pages).map(|page| server.requests(page)).collect()))?;
    }
    Ok(())
}

fn say(line: &Line) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, line)?;
    out.write_all(b"\n")?;
    out.flush()
}
