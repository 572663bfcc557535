//! The programs that race, and how they are built.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::place;

/// A program of one of the memos' crates. It is not an example, because Cargo builds for an example all that the
/// crate's tests need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Program {
    /// The name of the memo that it runs.
    pub subject: &'static str,
    /// The crate that contains it.
    package: &'static str,
    /// The name of the binary.
    name: &'static str,
}

impl Program {
    /// The race, and the same program with a memo that threads may share.
    pub const ALL: [Program; 2] = [
        Program { subject: "memo1::racy", package: "memo1", name: "race" },
        Program { subject: "memo2", package: "memo2", name: "herd" },
    ];

    /// Builds the program with the Cargo that runs us, and returns its path.
    ///
    /// # Errors
    ///
    /// If there is no Cargo, or it cannot build the program. Cargo prints the reason on the standard error.
    pub fn build(self) -> anyhow::Result<PathBuf> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        self.build_with(Command::new(cargo).arg("build").arg("--release"))
    }

    /// Builds the program with `cargo`, a `build` command to which this adds the rest.
    pub(super) fn build_with(self, cargo: &mut Command) -> anyhow::Result<PathBuf> {
        let output = cargo
            .current_dir(place::workspace()?)
            .args(["--package", self.package, "--bin", self.name, "--message-format=json-render-diagnostics"])
            .stdin(Stdio::null())
            // Cargo prints its progress and its errors there.
            .stderr(Stdio::inherit())
            .output()
            .context("Cargo builds the programs, but it cannot be started; run this as `cargo lab race`")?;
        ensure!(
            output.status.success(),
            "Cargo cannot build the program {} of {}; its message above says why",
            self.name,
            self.package
        );
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|message| message["target"]["name"] == self.name)
            .find_map(|message| message["executable"].as_str().map(PathBuf::from))
            .with_context(|| format!("Cargo has built the program {}, but does not say where", self.name))
    }
}
