//! The Go twin: a program that runs the workloads on goroutines. It is built if there is a `go` on PATH, and
//! otherwise skipped with a reason.

use std::env::consts::EXE_SUFFIX;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::place;

/// The Go program that runs the same workloads on goroutines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Twin {
    /// The twin has been built at this path.
    Built(PathBuf),
    /// There is no twin, for this reason.
    Skipped(String),
}

/// The version and the platform of the `go` on PATH, such as `go1.25.0 linux/amd64`.
///
/// # Errors
///
/// If there is no `go`, or it does not work: the reason.
pub fn version() -> Result<String, String> {
    let output = match Command::new("go").arg("version").stdin(Stdio::null()).output() {
        Ok(output) => output,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err("no `go` is on PATH".to_string()),
        Err(error) => return Err(format!("the `go` on PATH cannot be run: {error}")),
    };
    if !output.status.success() {
        return Err(format!("`go version` failed with {}", output.status));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.trim().trim_start_matches("go version ").to_string())
}

impl Twin {
    /// Builds the twin into `folder`. Where nothing has changed, the cache of Go makes this quick.
    #[must_use]
    pub fn build(folder: &Path) -> Twin {
        if let Err(why) = version() {
            return Twin::Skipped(why);
        }
        let source = match place::workspace() {
            Ok(workspace) => workspace.join("bench-suite").join("go"),
            Err(error) => return Twin::Skipped(format!("the source of the Go twin is not found: {error:#}")),
        };
        // Go runs in the folder of the source, so a relative path would lead elsewhere.
        let program =
            std::path::absolute(folder).unwrap_or_else(|_| folder.to_path_buf()).join(format!("go-twin{EXE_SUFFIX}"));
        let mut command = Command::new("go");
        command.args(["build", "-o"]).arg(&program).arg(".").current_dir(source).stdin(Stdio::null());
        // The twin needs no other module, and must be built by the installed compiler.
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
