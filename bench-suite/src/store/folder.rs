//! The folder of results: one file for each experiment. A write replaces a file completely or not at all.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Deserialize;
use serde::de::Error as _;
use thiserror::Error;

use super::results::{OLDEST, Results, SCHEMA};
use crate::place;

/// The folder in which results are kept.
#[derive(Clone, Debug)]
pub struct Store(PathBuf);

/// Why results cannot be read or written.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The file system reports an error.
    #[error("{}: {source}", path.display())]
    File {
        /// The file that could not be read or written.
        path: PathBuf,
        /// The error of the file system.
        source: io::Error,
    },
    /// The file is not valid JSON, or does not hold results.
    #[error("{}: not results of this lab: {source}; move the file away or measure again to replace it", path.display())]
    Garbled {
        /// The path of the file.
        path: PathBuf,
        /// The error of the JSON parser.
        source: serde_json::Error,
    },
    /// Another version of this program wrote the file, in a schema that this version cannot read.
    #[error(
        "{}: written by another version (schema {found}, this one reads up to schema {SCHEMA}); \
         measure again to replace it",
        path.display()
    )]
    OtherSchema {
        /// The path of the file.
        path: PathBuf,
        /// The schema that the file names.
        found: u32,
    },
}

impl Store {
    /// The store of this checkout: the folder that the variable `LAB_STORE` names, or else `lab` in Cargo's target
    /// folder.
    #[must_use]
    pub fn here() -> Self {
        if let Some(folder) = std::env::var_os("LAB_STORE").filter(|folder| !folder.is_empty()) {
            return Store(folder.into());
        }
        Store(place::target().join("lab"))
    }

    /// The reference set that is committed in this repository: results of one machine, for comparison.
    ///
    /// # Errors
    ///
    /// If the checkout of this repository is not found.
    pub fn reference() -> anyhow::Result<Self> {
        let folder = place::workspace().context("the reference set is part of the checkout of this course")?;
        Ok(Store(folder.join("bench-suite/reference")))
    }

    /// A store in `folder`, which need not exist yet.
    #[must_use]
    pub fn at(folder: &Path) -> Self {
        Store(folder.to_path_buf())
    }

    /// The folder of this store.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.0
    }

    /// Writes `results` to the file of their experiment, and returns its path. They replace earlier results of the
    /// same experiment. Partial results have a file of their own, so they replace only partial results. The old
    /// file stays in place until the new one is complete.
    ///
    /// # Errors
    ///
    /// If the file system reports an error.
    pub fn write(&self, results: &Results) -> Result<PathBuf, StoreError> {
        let path = self.path(&results.experiment, results.complete);
        let garbled = |source| StoreError::Garbled { path: path.clone(), source };
        let mut json = serde_json::to_vec(results).map_err(garbled)?;
        json.push(b'\n');
        self.write_file(&path, &json)?;
        Ok(path)
    }

    /// Writes `bytes` to `path`, completely or not at all, and creates the folder of `path` if it is missing.
    ///
    /// # Errors
    ///
    /// If the file system reports an error.
    pub fn write_file(&self, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
        let write = || {
            let folder = path.parent().unwrap_or(&self.0);
            fs::create_dir_all(folder)?;
            // The temporary file is in the same folder, so that the final rename is atomic.
            let mut file = new_file(folder)?;
            file.write_all(bytes)?;
            file.as_file().sync_all()?;
            file.persist(path)?;
            Ok(())
        };
        write().map_err(|source| StoreError::File { path: path.to_path_buf(), source })
    }

    /// Reads the complete results of `experiment`; `None` if there are none.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, does not hold results, or has a schema that this version cannot read.
    pub fn read(&self, experiment: &str) -> Result<Option<Results>, StoreError> {
        read(&self.path(experiment, true))
    }

    fn path(&self, experiment: &str, complete: bool) -> PathBuf {
        let folder = if complete { self.0.clone() } else { self.0.join("partial") };
        folder.join(format!("{experiment}.json"))
    }
}

/// A temporary file in `folder`, with the permissions of any other new file there. By default a temporary file can
/// be read by its owner only.
#[cfg(unix)]
fn new_file(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    use std::os::unix::fs::PermissionsExt;
    tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o666)).tempfile_in(folder)
}

/// A temporary file in `folder`, with the permissions of any other new file there.
#[cfg(not(unix))]
fn new_file(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    tempfile::NamedTempFile::new_in(folder)
}

fn read(path: &Path) -> Result<Option<Results>, StoreError> {
    match fs::read(path) {
        Ok(json) => parse(path, &json)?.into_iter().next().map_or_else(
            || {
                Err(StoreError::Garbled {
                    path: path.to_path_buf(),
                    source: serde_json::Error::custom("an empty list"),
                })
            },
            |results| Ok(Some(results)),
        ),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(StoreError::File { path: path.to_path_buf(), source }),
    }
}

/// Parses `json`, which was read from `path`: the results of one experiment, or a list of results.
pub(super) fn parse(path: &Path, json: &[u8]) -> Result<Vec<Results>, StoreError> {
    /// The field that every version of the schema has.
    #[derive(Deserialize)]
    struct Version {
        schema: u32,
    }
    let garbled = |source| StoreError::Garbled { path: path.to_path_buf(), source };
    let is_list = json.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
    let versions: Vec<Version> = match is_list {
        true => serde_json::from_slice(json).map_err(garbled)?,
        false => vec![serde_json::from_slice(json).map_err(garbled)?],
    };
    if let Some(other) = versions.iter().find(|version| !(OLDEST..=SCHEMA).contains(&version.schema)) {
        return Err(StoreError::OtherSchema { path: path.to_path_buf(), found: other.schema });
    }
    match is_list {
        true => serde_json::from_slice(json).map_err(garbled),
        false => Ok(vec![serde_json::from_slice(json).map_err(garbled)?]),
    }
}

#[cfg(test)]
mod tests {
    use green_threads::workload::Depth;

    use super::super::results::Results;
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
