//! Redirects the output of criterion to a file. It has several lines for each of several hundred benchmarks, and
//! would hide the tables.
//!
//! Criterion writes to standard output and standard error, and to nothing else. So both are redirected to a file
//! while criterion runs. Without `unsafe` only Unix can redirect them; on other systems the output stays on the
//! terminal.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::Context;
use bench_suite::store::Store;

/// The file to which the output of criterion goes.
pub(crate) struct Aside {
    path: PathBuf,
    file: File,
}

impl Aside {
    /// Creates the file `criterion.txt` in the folder of `store`. Returns `None` on systems that cannot redirect
    /// the output.
    ///
    /// # Errors
    ///
    /// If the file cannot be created.
    pub(crate) fn begin(store: &Store) -> anyhow::Result<Option<Self>> {
        if cfg!(not(unix)) {
            return Ok(None);
        }
        let path = store.folder().join("criterion.txt");
        let created = std::fs::create_dir_all(store.folder()).and_then(|()| File::create(&path));
        let file =
            created.with_context(|| format!("{} cannot be created for the output of criterion", path.display()))?;
        Ok(Some(Aside { path, file }))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Runs `turn` while standard output and standard error go to the file.
    ///
    /// # Errors
    ///
    /// If the operating system cannot redirect them.
    #[cfg(unix)]
    pub(crate) fn during<T>(&self, turn: impl FnOnce() -> T) -> anyhow::Result<T> {
        use std::io::Write;

        use rustix::io::dup;
        use rustix::stdio::{dup2_stderr, dup2_stdout, stderr, stdout};

        let (out, error) = (dup(stdout())?, dup(stderr())?);
        std::io::stdout().flush()?;
        dup2_stdout(&self.file)?;
        dup2_stderr(&self.file)?;
        let turn = turn();
        std::io::stdout().flush()?;
        dup2_stdout(&out)?;
        dup2_stderr(&error)?;
        Ok(turn)
    }

    #[cfg(not(unix))]
    pub(crate) fn during<T>(&self, turn: impl FnOnce() -> T) -> anyhow::Result<T> {
        let _ = &self.file;
        Ok(turn())
    }
}
