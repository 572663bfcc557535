//! The figures that `figures.toml` describes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use bench_suite::report::select::{Described, Sources};
use maud::html;

use crate::directive::line_of;
use crate::whose::{self, Shown, Whose};

/// The file of descriptions, in the folder of the chapters.
const FILE: &str = "figures.toml";

/// The descriptions, by id.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    described: BTreeMap<String, Described>,
    text: String,
}

impl Figures {
    /// Reads the descriptions beside the chapters. A book without the file has no figures. The second value lists what
    /// is wrong with the file.
    pub(crate) fn read(folder: &Path) -> (Self, Vec<String>) {
        let Ok(text) = fs::read_to_string(folder.join(FILE)) else { return Default::default() };
        match toml::from_str(&text) {
            Ok(described) => (Figures { described, text }, Vec::new()),
            Err(error) => {
                let line = error.span().map_or(1, |span| line_of(&text, span.start));
                (Figures::default(), vec![format!("{FILE}:{line}: {}", error.message())])
            }
        }
    }

    /// Whether there are any.
    pub(crate) fn is_some(&self) -> bool {
        !self.described.is_empty()
    }

    /// What is wrong with the descriptions, whether a chapter shows them or not.
    pub(crate) fn faults(&self, sources: &Sources) -> Vec<String> {
        let fault = |(id, described): (&String, &Described)| {
            let fault = described.figure(id, sources).err()?;
            let head = format!("[{id}]");
            let line = 1 + self.text.lines().position(|line| line.trim() == head).unwrap_or(0);
            Some(format!("{FILE}:{line}: {fault}"))
        };
        self.described.iter().filter_map(fault).collect()
    }

    /// A figure as HTML, without blank lines. Its experiment or its traces are added to `shown`.
    ///
    /// # Errors
    ///
    /// If there is no such figure, or if its description is wrong.
    pub(crate) fn html(&self, id: &str, sources: &Sources, shown: &mut Shown) -> anyhow::Result<String> {
        let Some(described) = self.described.get(id) else {
            let known: Vec<&str> = self.described.keys().map(String::as_str).collect();
            bail!(
                "{FILE} has no figure `{id}`; it has {}",
                if known.is_empty() { "none".into() } else { known.join(", ") }
            );
        };
        let figure = described.figure(&format!("figure-{id}"), sources).with_context(|| format!("figure `{id}`"))?;
        let mut traces = Vec::new();
        for name in described.traces() {
            traces.push((name, Whose::of_trace(&sources.trace(name)?)));
        }
        let recorded = (!traces.is_empty()).then(|| whose::recorded(traces.iter().map(|(_, whose)| whose)));
        shown.extend(traces.into_iter().map(|(name, whose)| (name.to_string(), whose)));
        if !described.experiment.is_empty() {
            shown.insert(described.experiment.clone(), Whose::of(&*sources.of(&described.experiment)?));
        }
        let html = html! { (figure.html()) "\n" (recorded.unwrap_or_default()) }.into_string();
        Ok(html.lines().filter(|line| !line.trim().is_empty()).collect::<Vec<_>>().join("\n"))
    }
}
