//! The folder of results: one file for each experiment, and one for each trace. A write replaces a file completely or
//! not at all.

use std::fs;
use std::io::{self, Write};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::results::{OLDEST, Results, SCHEMA};
use super::traces::{KeptTrace, TRACE_SCHEMA};
use crate::place;

/// The folder in which results and traces are kept.
#[derive(Clone, Debug)]
pub struct Store(PathBuf);

/// Why a file of a store cannot be read or written.
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
    /// The file is not valid JSON, or does not hold what it should.
    #[error(
        "{}: not {} of this lab: {source}; move the file away or {} again to replace it",
        path.display(), kind.what(), kind.make()
    )]
    Garbled {
        /// The path of the file.
        path: PathBuf,
        /// What the file should hold.
        kind: Kind,
        /// The error of the JSON parser.
        source: serde_json::Error,
    },
    /// Another version of this program wrote the file, in a schema that this version cannot read.
    #[error(
        "{}: written by another version (schema {found}, this one reads up to schema {}); {} again to replace it",
        path.display(), kind.schemas().end(), kind.make()
    )]
    OtherSchema {
        /// The path of the file.
        path: PathBuf,
        /// What the file should hold.
        kind: Kind,
        /// The schema that the file names.
        found: u32,
    },
}

/// What a file of a store holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The results of an experiment.
    Results,
    /// A trace.
    Trace,
}

impl Kind {
    fn what(self) -> &'static str {
        match self {
            Kind::Results => "results",
            Kind::Trace => "a trace",
        }
    }

    /// What the user does to replace the file.
    fn make(self) -> &'static str {
        match self {
            Kind::Results => "measure",
            Kind::Trace => "record",
        }
    }

    /// The schemas that this version can read.
    fn schemas(self) -> RangeInclusive<u32> {
        match self {
            Kind::Results => OLDEST..=SCHEMA,
            Kind::Trace => TRACE_SCHEMA..=TRACE_SCHEMA,
        }
    }
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
        self.write_json(self.path(&results.experiment, results.complete), Kind::Results, results)
    }

    /// Writes `trace` to the file of its name, and returns its path. It replaces an earlier trace of that name.
    ///
    /// # Errors
    ///
    /// If the file system reports an error.
    pub fn write_trace(&self, trace: &KeptTrace) -> Result<PathBuf, StoreError> {
        self.write_json(self.trace_path(&trace.name), Kind::Trace, trace)
    }

    fn write_json(&self, path: PathBuf, kind: Kind, content: &impl Serialize) -> Result<PathBuf, StoreError> {
        let garbled = |source| StoreError::Garbled { path: path.clone(), kind, source };
        let mut json = serde_json::to_vec(content).map_err(garbled)?;
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
        read(&self.path(experiment, true), Kind::Results)
    }

    /// Reads the trace `name`; `None` if there is none.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, does not hold a trace, or has a schema that this version cannot read.
    pub fn read_trace(&self, name: &str) -> Result<Option<KeptTrace>, StoreError> {
        read(&self.trace_path(name), Kind::Trace)
    }

    fn trace_path(&self, name: &str) -> PathBuf {
        self.0.join("traces").join(format!("{name}.json"))
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

fn read<T: DeserializeOwned>(path: &Path, kind: Kind) -> Result<Option<T>, StoreError> {
    match fs::read(path) {
        Ok(json) => parse(path, kind, &json)?.into_iter().next().map_or_else(
            || {
                let source = serde_json::Error::custom("an empty list");
                Err(StoreError::Garbled { path: path.to_path_buf(), kind, source })
            },
            |content| Ok(Some(content)),
        ),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(StoreError::File { path: path.to_path_buf(), source }),
    }
}

/// Parses `json`, which was read from `path`: one file of this kind, or a list of such files.
pub(super) fn parse<T: DeserializeOwned>(path: &Path, kind: Kind, json: &[u8]) -> Result<Vec<T>, StoreError> {
    /// The field that every version of the schema has.
    #[derive(Deserialize)]
    struct Version {
        schema: u32,
    }
    let garbled = |source| StoreError::Garbled { path: path.to_path_buf(), kind, source };
    let is_list = json.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
    let versions: Vec<Version> = match is_list {
        true => serde_json::from_slice(json).map_err(garbled)?,
        false => vec![serde_json::from_slice(json).map_err(garbled)?],
    };
    if let Some(other) = versions.iter().find(|version| !kind.schemas().contains(&version.schema)) {
        return Err(StoreError::OtherSchema { path: path.to_path_buf(), kind, found: other.schema });
    }
    match is_list {
        true => serde_json::from_slice(json).map_err(garbled),
        false => Ok(vec![serde_json::from_slice(json).map_err(garbled)?]),
    }
}

#[cfg(test)]
mod tests {
    use green_threads::probe::trace::Trace;
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
    #[test]
    fn traces_are_kept_by_name() {
        let (_folder, store) = store();
        let trace = Trace { threads: vec![7], dropped: 2, ..Trace::default() };
        let kept = KeptTrace::new("herd-memo2", "six callers of memo2", "cargo lab trace herd", trace);
        assert!(store.read_trace("herd-memo2").unwrap().is_none());
        let path = store.write_trace(&kept).unwrap();
        assert!(path.ends_with("lab/traces/herd-memo2.json"), "{}", path.display());
        assert_eq!(store.read_trace("herd-memo2").unwrap().unwrap(), kept);
        for (text, complaint) in [
            ("{ \"schema\": 999 }", "written by another version (schema 999, this one reads up to schema 1); record"),
            ("{ \"schema\": 1 }", "not a trace of this lab"),
            ("", "not a trace of this lab"),
        ] {
            fs::write(&path, text).unwrap();
            let error = store.read_trace("herd-memo2").unwrap_err().to_string();
            assert!(error.contains(complaint) && error.contains("record again"), "{text:?}: {error}");
        }
    }
}
