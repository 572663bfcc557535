//! The Go twin: found, built and used where there is a `go`, and otherwise skipped, with the reason.

use std::env::consts::EXE_SUFFIX;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::place;

/// The Go program that runs the same workloads on goroutines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Twin {
    /// Here it is.
    Built(PathBuf),
    /// There is none, for this reason.
    Skipped(String),
}

/// The version of the `go` on PATH, as it says itself, or why there is none.
///
/// # Errors
///
/// If there is no `go`, or it does not work.
pub fn version() -> Result<String, String> {
    let output = match Command::new("go").arg("version").stdin(Stdio::null()).output() {
        Ok(output) => output,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err("no `go` is on PATH".to_string()),
        Err(error) => return Err(format!("the `go` on PATH cannot be run: {error}")),
    };
    if !output.status.success() {
        return Err(format!("`go version` ends with {}", output.status));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.trim().trim_start_matches("go version ").to_string())
}

impl Twin {
    /// Builds the twin into `folder`. Go's own cache makes that quick where nothing has changed.
    #[must_use]
    pub fn build(folder: &Path) -> Twin {
        if let Err(why) = version() {
            return Twin::Skipped(why);
        }
        let source = match place::workspace() {
            Ok(workspace) => workspace.join("bench-suite").join("go"),
            Err(error) => return Twin::Skipped(format!("the source of the Go twin is not found: {error:#}")),
        };
        // Go runs in the folder of the source, from which another path would lead elsewhere.
        let program =
            std::path::absolute(folder).unwrap_or_else(|_| folder.to_path_buf()).join(format!("go-twin{EXE_SUFFIX}"));
        let mut command = Command::new("go");
        command.args(["build", "-o"]).arg(&program).arg(".").current_dir(source).stdin(Stdio::null());
        // The twin needs nothing from elsewhere, and no other compiler than the one that is here.
        command.env("GOTOOLCHAIN", "local").env("GOFLAGS", "-mod=mod").env("GOPROXY", "off").env("GOWORK", "off");
        match std::fs::create_dir_all(folder).and_then(|()| command.output()) {
            Ok(output) if output.status.success() => Twin::Built(program),
            Ok(output) => {
                let says =
                    String::from_utf8_lossy(&output.stderr).trim().lines().take(3).collect::<Vec<_>>().join(" / ");
                Twin::Skipped(format!("the Go twin cannot be built: {says}"))
            }
            Err(error) => Twin::Skipped(format!("the Go twin cannot be built: {error}")),
        }
    }
}
