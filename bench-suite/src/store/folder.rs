//! The folder: a file for each experiment, each written whole or not at all.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Deserialize;
use thiserror::Error;

use super::{OLDEST, Results, SCHEMA};
use crate::place;

/// Where results are kept.
#[derive(Clone, Debug)]
pub struct Store(PathBuf);

/// Why results cannot be read or written.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The file system refuses.
    #[error("{}: {source}", path.display())]
    File {
        /// What could not be read or written.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not of results.
    #[error("{}: not results of this lab: {source}; move the file away, or measure again to replace it", path.display())]
    Garbled {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// Another version of this program wrote the file.
    #[error("{}: written by another version (schema {found}, this one reads {SCHEMA}); measure again to replace it", path.display())]
    OtherSchema {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: u32,
    },
}

impl Store {
    /// The store of this checkout: the folder `lab` in Cargo's target folder, or where `LAB_STORE` says.
    #[must_use]
    pub fn here() -> Self {
        if let Some(folder) = std::env::var_os("LAB_STORE").filter(|folder| !folder.is_empty()) {
            return Store(folder.into());
        }
        Store(place::target().join("lab"))
    }

    /// The reference set that is committed in this repository: one machine's results, to compare with.
    ///
    /// # Errors
    ///
    /// If the checkout of this repository is not found.
    pub fn reference() -> anyhow::Result<Self> {
        let folder = place::workspace().context("the reference set is in the checkout of this course")?;
        Ok(Store(folder.join("bench-suite/reference")))
    }

    /// A store in `folder`.
    #[must_use]
    pub fn at(folder: &Path) -> Self {
        Store(folder.to_path_buf())
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.0
    }

    /// Writes `results`, in the place of earlier ones of the same experiment. Partial ones stand apart, and replace
    /// nothing but partial ones. Until the new file is there, whole, the old one is.
    ///
    /// # Errors
    ///
    /// If the file system refuses.
    pub fn write(&self, results: &Results) -> Result<PathBuf, StoreError> {
        let path = self.path(&results.experiment, results.complete);
        let garbled = |source| StoreError::Garbled { path: path.clone(), source };
        let mut json = serde_json::to_vec(results).map_err(garbled)?;
        json.push(b'\n');
        self.write_file(&path, &json)?;
        Ok(path)
    }

    /// Writes a file of the store, whole or not at all.
    ///
    /// # Errors
    ///
    /// If the file system refuses.
    pub fn write_file(&self, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
        let write = || {
            let folder = path.parent().unwrap_or(&self.0);
            fs::create_dir_all(folder)?;
            // In the same folder, so that the renaming at the end is one step.
            let mut file = new_file(folder)?;
            file.write_all(bytes)?;
            file.as_file().sync_all()?;
            file.persist(path)?;
            Ok(())
        };
        write().map_err(|source| StoreError::File { path: path.to_path_buf(), source })
    }

    /// The complete results of `experiment`, or `None` if it has not been run.
    ///
    /// # Errors
    ///
    /// If there is a file that cannot be read as results of this version.
    pub fn read(&self, experiment: &str) -> Result<Option<Results>, StoreError> {
        read(&self.path(experiment, true))
    }

    fn path(&self, experiment: &str, complete: bool) -> PathBuf {
        let folder = if complete { self.0.clone() } else { self.0.join("partial") };
        folder.join(format!("{experiment}.json"))
    }
}

/// A temporary file in `folder`, as readable as other new files there: by default a temporary file is its owner's alone.
#[cfg(unix)]
fn new_file(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    use std::os::unix::fs::PermissionsExt;
    tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o666)).tempfile_in(folder)
}

/// A temporary file in `folder`, as readable as other new files there.
#[cfg(not(unix))]
fn new_file(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    tempfile::NamedTempFile::new_in(folder)
}

fn read(path: &Path) -> Result<Option<Results>, StoreError> {
    /// What every schema has.
    #[derive(Deserialize)]
    struct Version {
        schema: u32,
    }
    let garbled = |source| StoreError::Garbled { path: path.to_path_buf(), source };
    let json = match fs::read(path) {
        Ok(json) => json,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(StoreError::File { path: path.to_path_buf(), source }),
    };
    match serde_json::from_slice(&json).map_err(garbled)? {
        Version { schema: OLDEST..=SCHEMA } => serde_json::from_slice(&json).map(Some).map_err(garbled),
        Version { schema: found } => Err(StoreError::OtherSchema { path: path.to_path_buf(), found }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Depth, Results};
    use super::*;

    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(&folder.path().join("lab"));
        (folder, store)
    }

    #[test]
    fn what_is_written_is_read() {
        let (_folder, store) = store();
        assert!(store.read("memo_hit").unwrap().is_none());
        let results = Results::new("memo_hit", Depth::Quick, true, Vec::new());
        store.write(&results).unwrap();
        assert_eq!(store.read("memo_hit").unwrap().unwrap(), results);
    }

    #[test]
    fn partial_results_leave_complete_ones_alone() {
        let (_folder, store) = store();
        let complete = Results::new("memo_hit", Depth::Full, true, Vec::new());
        store.write(&complete).unwrap();
        store.write(&Results::new("memo_hit", Depth::Quick, false, Vec::new())).unwrap();
        assert_eq!(store.read("memo_hit").unwrap().unwrap(), complete);
    }

    #[test]
    fn other_files_are_refused_and_kept() {
        let (_folder, store) = store();
        let path = store.write(&Results::new("memo_hit", Depth::Quick, true, Vec::new())).unwrap();
        for (text, complaint) in [
            ("{ \"schema\": 999 }", "written by another version (schema 999"),
            ("{ \"schema\": 1 }", "not results of this lab"),
            ("no JSON", "not results of this lab"),
            ("", "not results of this lab"),
        ] {
            fs::write(&path, text).unwrap();
            let error = store.read("memo_hit").unwrap_err().to_string();
            assert!(error.contains(complaint), "{text:?}: {error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }
}
