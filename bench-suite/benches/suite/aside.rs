//! Criterion's own words, set aside: some lines for each of several hundred benchmarks, between which nobody would find
//! the tables.
//!
//! Criterion writes them to the standard output and the standard error, and to nothing else. So while it has its turn,
//! both are a file. Only Unix has a way to do this without `unsafe`; elsewhere they stay what they are.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::Context;
use bench_suite::store::Store;

/// Where criterion's words go.
pub(crate) struct Aside {
    path: PathBuf,
    file: File,
}

impl Aside {
    /// Nothing, where this cannot be done.
    ///
    /// # Errors
    ///
    /// If the file system refuses the file.
    pub(crate) fn begin(store: &Store) -> anyhow::Result<Option<Self>> {
        if cfg!(not(unix)) {
            return Ok(None);
        }
        let path = store.folder().join("criterion.txt");
        let created = std::fs::create_dir_all(store.folder()).and_then(|()| File::create(&path));
        let file = created.with_context(|| format!("{} cannot be made, for criterion's own words", path.display()))?;
        Ok(Some(Aside { path, file }))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives criterion its turn.
    ///
    /// # Errors
    ///
    /// If the operating system refuses.
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
