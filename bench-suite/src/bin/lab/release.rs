//! The `lab` as a release build, for what measures.
//!
//! `cargo lab` is a debug build, which is there some seconds after an edit; a release build takes minutes. What a debug
//! build measures would say nothing. So a command that measures has Cargo make the release build, and hands over to it.

use std::env;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, ensure};
use bench_suite::place;
use serde_json::Value;

/// Set for the program that is handed over to, so that one that is a debug build after all does not do so again.
const HANDED_OVER: &str = "LAB_HANDED_OVER";

/// Runs this command line in a release build, if this is a debug build; otherwise returns nothing.
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
        "what Cargo builds with --release is a debug build here, and that measures nothing: see its profiles"
    );
    anstream::eprintln!("This measures, so it takes a release build of the lab:");
    let lab = build()?;
    let status = Command::new(&lab).args(env::args_os().skip(1)).env(HANDED_OVER, "1").status();
    let status = status.with_context(|| format!("{} cannot be started", lab.display()))?;
    Ok(Some(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)))
}

/// Has the Cargo that runs us build the release, which shows how far it has come on the standard error.
fn build() -> anyhow::Result<PathBuf> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(place::workspace()?)
        .args(["build", "--release", "--bin", "lab", "--message-format=json-render-diagnostics"])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("Cargo cannot be started, and it makes the release build; run this as `cargo lab`")?;
    ensure!(output.status.success(), "there is no release build, and a debug build measures nothing");
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == "lab")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .context("Cargo has made the release build, and does not say where")
}
