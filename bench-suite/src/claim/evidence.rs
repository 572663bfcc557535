//! The results by which claims are judged, and whether they are complete enough to judge a claim.

use std::collections::BTreeMap;

use green_threads::workload::Depth;

use super::cover::Cover;
use crate::store::{Machine, Results, Store};

/// Why a claim cannot be judged: what is missing.
#[derive(Debug)]
pub(super) struct Gap(pub(super) String);

/// The results by which claims are judged, by the name of their experiment.
#[derive(Clone, Debug, Default)]
pub struct Evidence(BTreeMap<String, Results>);

impl Evidence {
    pub(super) fn read<'a>(store: &Store, experiments: impl Iterator<Item = &'a str>) -> (Self, Vec<String>) {
        let (mut all, mut unread) = (BTreeMap::new(), Vec::new());
        for experiment in experiments {
            if all.contains_key(experiment) {
                continue;
            }
            match store.read(experiment) {
                Ok(Some(results)) => drop(all.insert(experiment.to_string(), results)),
                Ok(None) => {}
                Err(error) => unread.push(error.to_string()),
            }
        }
        unread.sort();
        unread.dedup();
        (Evidence(all), unread)
    }

    /// Makes evidence of these results.
    #[must_use]
    pub fn of(results: Vec<Results>) -> Self {
        Evidence(results.into_iter().map(|results| (results.experiment.clone(), results)).collect())
    }

    pub(super) fn results(&self, experiment: &str) -> Result<&Results, Gap> {
        self.0.get(experiment).ok_or_else(|| Gap(format!("`{experiment}` has no results")))
    }

    /// The machine on which everything in `covers` was measured. There is a gap if an experiment is
    /// missing, partial or only tried, or if the machines or builds differ.
    pub(super) fn machine(&self, covers: &[Cover]) -> Result<&Machine, Gap> {
        let mut first: Option<&Results> = None;
        for cover in covers {
            let results = self.results(cover.experiment)?;
            if !results.complete {
                return Err(Gap(format!("`{}` was measured only in part", cover.experiment)));
            }
            if results.depth == Depth::Trial {
                return Err(Gap(format!("`{}` was only tried, not measured", cover.experiment)));
            }
            match first {
                Some(first) if first.machine != results.machine => {
                    let names = format!("`{}` and `{}`", first.experiment, results.experiment);
                    return Err(Gap(format!("{names} were measured on different machines or by different builds")));
                }
                _ => first = Some(results),
            }
        }
        first.map(|results| &results.machine).ok_or_else(|| Gap("the claim covers nothing".to_string()))
    }
}
