//! The URLs that the user names.

use std::collections::HashSet;
use std::io::{self, Read};

use anyhow::{Context, bail, ensure};

use super::MOST_PAGES;

/// The most bytes that standard input may have: more than `MOST_PAGES` URLs need. It also stops input that never ends.
const LONGEST: u64 = 1 << 20;

/// The URLs of the command line, each once. `-` is replaced by the URLs of standard input.
pub(super) fn urls(arguments: &[String]) -> anyhow::Result<Vec<String>> {
    let mut urls = Vec::new();
    for argument in arguments {
        match argument.as_str() {
            "-" => urls.extend(from(io::stdin().lock())?),
            url => urls.push(url.to_owned()),
        }
    }
    let mut seen = HashSet::new();
    urls.retain(|url| seen.insert(url.clone()));
    ensure!(!urls.is_empty(), "standard input names no URL; write one URL a line");
    if i64::try_from(urls.len()).is_ok_and(|count| count <= MOST_PAGES) {
        return Ok(urls);
    }
    bail!("{} URLs are more than can be asked for at once; name at most {MOST_PAGES}", urls.len())
}

/// The URLs in `input`: one in each line, except in blank lines and comments.
fn from(input: impl Read) -> anyhow::Result<Vec<String>> {
    let mut text = Vec::new();
    input.take(LONGEST + 1).read_to_end(&mut text).context("standard input cannot be read")?;
    ensure!(text.len() as u64 <= LONGEST, "standard input is longer than {LONGEST} bytes; name fewer URLs");
    // Some editors begin every file with an invisible byte order mark, which is not part of the URL.
    let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&text);
    let mut urls = Vec::new();
    for (index, line) in text.split(|&byte| byte == b'\n').enumerate() {
        let line = str::from_utf8(line)
            .with_context(|| format!("line {} of standard input is not UTF-8, so it is not a URL", index + 1))?
            .trim();
        if !line.is_empty() && !line.starts_with('#') {
            urls.push(line.to_owned());
        }
    }
    Ok(urls)
}
