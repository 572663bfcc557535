//! For each experiment the reader's own results if there are any that can be read, or else those of the reference set.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use green_threads::workload::Depth;

use super::fault::Fault;
use crate::measure;
use crate::report::experiments;
use crate::store::{Found, KeptTrace, Results, Store};

/// The reader's store and the reference set. Each file is read once.
#[derive(Debug)]
pub struct Sources {
    own: Store,
    reference: Store,
    read: RefCell<BTreeMap<String, Result<Rc<Source>, Fault>>>,
}

/// A trace.
#[derive(Debug)]
pub struct TraceSource {
    /// The reader's own trace, or else that of the reference set.
    pub shown: KeptTrace,
    /// Whether it is the reader's own.
    pub is_own: bool,
    /// Why the reader's own trace cannot be read.
    pub unread: Option<String>,
}

/// The results of one experiment.
#[derive(Debug)]
pub struct Source {
    /// The reader's own complete results; `None` if there are none, or if they cannot be read.
    pub own: Option<Results>,
    /// The results in the reference set, which decide which addresses exist.
    pub reference: Results,
    /// Why the reader's own results cannot be read.
    pub unread: Option<String>,
}

impl Source {
    /// The results that pages show: the reader's own, or else those of the reference set.
    #[must_use]
    pub fn shown(&self) -> &Results {
        self.own.as_ref().unwrap_or(&self.reference)
    }

    /// Whether the reader's machine cannot run `subject`, as goroutines without Go. Then the reference set's results stand
    /// in for it, and pages mark them.
    pub(super) fn is_lent(&self, subject: &str) -> bool {
        let is_absent = |results: &Results| {
            let mut cells = results.cells.iter().filter(|cell| cell.subject == subject).peekable();
            cells.peek().is_some() && cells.all(|cell| matches!(cell.found, Found::Absent { .. }))
        };
        self.own.as_ref().is_some_and(is_absent) && !is_absent(&self.reference)
    }

    /// The results that say something of all of these subjects.
    pub(super) fn saying(&self, subjects: &[&str]) -> &Results {
        if subjects.iter().any(|subject| self.is_lent(subject)) { &self.reference } else { self.shown() }
    }

    /// The same results without the reader's own.
    pub(super) fn only_reference(&self) -> Source {
        Source { own: None, reference: self.reference.clone(), unread: None }
    }
}

impl Sources {
    /// Chooses between these two stores.
    #[must_use]
    pub fn new(own: Store, reference: Store) -> Self {
        Sources { own, reference, read: RefCell::default() }
    }

    /// Chooses between the store of this checkout and its reference set.
    ///
    /// # Errors
    ///
    /// If the checkout of this repository is not found.
    pub fn here() -> anyhow::Result<Self> {
        Ok(Sources::new(Store::here(), Store::reference()?))
    }

    /// The reader's own store.
    #[must_use]
    pub fn own(&self) -> &Store {
        &self.own
    }

    /// The reference set.
    #[must_use]
    pub fn reference(&self) -> &Store {
        &self.reference
    }

    /// The results of `experiment`.
    ///
    /// # Errors
    ///
    /// If there is no such experiment, or if the reference set has no results of it.
    pub fn of(&self, experiment: &str) -> Result<Rc<Source>, Fault> {
        let mut read = self.read.borrow_mut();
        read.entry(experiment.to_string()).or_insert_with(|| self.choose(experiment).map(Rc::new)).clone()
    }

    /// The trace of this name.
    ///
    /// # Errors
    ///
    /// If the reference set has no such trace.
    pub fn trace(&self, name: &str) -> Result<TraceSource, Fault> {
        let missing = |why| Fault::Trace { name: name.to_string(), known: traces(&self.reference), why };
        let reference = self.reference.read_trace(name).map_err(|error| missing(Some(error.to_string())))?;
        let reference = reference.ok_or_else(|| missing(None))?;
        Ok(match self.own.read_trace(name) {
            Ok(Some(shown)) => TraceSource { shown, is_own: true, unread: None },
            Ok(None) => TraceSource { shown: reference, is_own: false, unread: None },
            Err(error) => TraceSource { shown: reference, is_own: false, unread: Some(error.to_string()) },
        })
    }

    fn choose(&self, experiment: &str) -> Result<Source, Fault> {
        if !experiments().contains(&experiment) {
            return Err(Fault::Experiment { experiment: experiment.to_string(), known: experiments() });
        }
        let missing = |why| Fault::Reference { experiment: experiment.to_string(), why };
        let reference = self.reference.read(experiment).map_err(|error| missing(Some(error.to_string())))?;
        let reference = reference.ok_or_else(|| missing(None))?;
        let (own, unread) = match self.own.read(experiment) {
            Ok(own) => (own, None),
            Err(error) => (None, Some(error.to_string())),
        };
        // In partial results a missing cell means nothing, and the numbers of a trial mean nothing.
        let own = own.filter(|results| results.complete && results.depth != Depth::Trial);
        Ok(Source { own, reference, unread })
    }
}

/// The names of the traces in `store`.
fn traces(store: &Store) -> Vec<String> {
    let files = std::fs::read_dir(store.folder().join("traces")).into_iter().flatten().flatten();
    let name = |file: std::fs::DirEntry| Some(file.file_name().to_str()?.strip_suffix(".json")?.to_string());
    let mut names: Vec<String> = files.filter_map(name).collect();
    names.sort();
    names
}

/// The command that measures `experiment`.
#[must_use]
pub fn command(experiment: &str) -> String {
    match (experiment, measure::workload_of(experiment)) {
        ("conformance" | "race", _) => format!("cargo lab {experiment}"),
        (_, Some(workload)) => format!("cargo lab run {workload}"),
        (_, None) => format!("cargo bench -- {experiment}"),
    }
}
