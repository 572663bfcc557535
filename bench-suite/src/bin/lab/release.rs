//! A release build of the `lab`, for the commands that measure.
//!
//! `cargo lab` runs a debug build, which is ready a few seconds after an edit; a release build takes minutes. But
//! times of a debug build mean nothing. So a command that measures tells Cargo to make the release build, and hands
//! over to it.

use std::env;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, ensure};
use bench_suite::place;
use serde_json::Value;

/// Set for the release build, so that it does not hand over again if it is a debug build after all.
const HANDED_OVER: &str = "LAB_HANDED_OVER";

/// Runs this command line in a release build, if this program is a debug build, and returns its exit code. Returns
/// `None` if this program is a release build.
///
/// # Errors
///
/// If there is no release build and Cargo cannot make one. Then nothing is measured.
pub(crate) fn hand_over() -> anyhow::Result<Option<ExitCode>> {
    if !cfg!(debug_assertions) {
        return Ok(None);
    }
    ensure!(
        env::var_os(HANDED_OVER).is_none(),
        "Cargo makes a debug build here even with --release, and times of a debug build mean nothing: see its profiles"
    );
    anstream::eprintln!("This command measures, so it needs a release build of the lab:");
    let lab = build()?;
    let status = Command::new(&lab).args(env::args_os().skip(1)).env(HANDED_OVER, "1").status();
    let status = status.with_context(|| format!("{} cannot be started", lab.display()))?;
    Ok(Some(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)))
}

/// Makes the release build with the Cargo that runs this program, and returns the path of the `lab`. Cargo shows
/// its progress on standard error.
fn build() -> anyhow::Result<PathBuf> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(place::workspace()?)
        .args(["build", "--release", "--bin", "lab", "--message-format=json-render-diagnostics"])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("Cargo, which makes the release build, cannot be started; run this as `cargo lab`")?;
    ensure!(output.status.success(), "there is no release build, and a debug build measures nothing");
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == "lab")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .context("Cargo has made the release build, but does not say where")
}
