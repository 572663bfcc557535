//! Criterion's own words, set aside: some lines for each of several hundred benchmarks, between which nobody would find
//! the tables.
//!
//! Criterion writes them to the standard output and nowhere else. So while it runs, that is a file. Only Unix has a way to
//! do this without `unsafe`; elsewhere they stay where they are.

use std::io;
use std::path::PathBuf;

use bench_suite::store::Store;

/// As long as this lives, the standard output is a file.
pub(crate) struct Aside {
    file: PathBuf,
    #[cfg(unix)]
    terminal: std::os::fd::OwnedFd,
}

#[cfg(unix)]
impl Aside {
    /// # Errors
    ///
    /// If the file system refuses the file.
    pub(crate) fn begin(store: &Store) -> anyhow::Result<Self> {
        let file = store.folder().join("criterion.txt");
        std::fs::create_dir_all(store.folder())?;
        let terminal = rustix::io::dup(rustix::stdio::stdout())?;
        rustix::stdio::dup2_stdout(std::fs::File::create(&file)?)?;
        Ok(Aside { file, terminal })
    }

    /// Where criterion's words are. From now on the standard output is what it was.
    ///
    /// # Errors
    ///
    /// If the operating system refuses.
    pub(crate) fn end(self) -> anyhow::Result<PathBuf> {
        io::Write::flush(&mut io::stdout())?;
        rustix::stdio::dup2_stdout(&self.terminal)?;
        Ok(self.file)
    }
}

/// It is not asked for.
#[cfg(not(unix))]
impl Aside {
    pub(crate) fn begin(store: &Store) -> anyhow::Result<Self> {
        Ok(Aside { file: store.folder().to_path_buf() })
    }

    pub(crate) fn end(self) -> anyhow::Result<PathBuf> {
        io::Write::flush(&mut io::stdout())?;
        Ok(self.file)
    }
}
