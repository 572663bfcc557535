//! `cargo lab grade`: judges one memo by the properties that it must keep.

use std::process::ExitCode;

use anyhow::bail;
use bench_suite::place;
use bench_suite::report::{self, Mood, Sheet, Word};
use bench_suite::spec::declared::{Declared, declared};
use bench_suite::spec::matrix::{self, Situation, Tried};
use bench_suite::spec::{Outcome, PROPERTIES, storm};
use bench_suite::subject::{self, Callers::Threads};
use indicatif::{ProgressBar, ProgressStyle};

/// Judge a memo: try it from threads, and say whether it keeps every property that is required.
///
/// By default these are the properties that memo2 keeps. A property that cannot be tried on this memo counts only if it is
/// named. The exit status is 0 if the memo keeps all of them, and 1 if not.
/// `cargo lab conformance` shows what each memo does and judges none.
#[derive(clap::Args)]
pub(crate) struct Grade {
    /// The memo to judge.
    #[arg(default_value = "mine")]
    memo: String,
    /// Require only these properties, by id [default: all that memo2 keeps].
    #[arg(long, value_name = "PROPERTY", num_args = 1..)]
    require: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Grade {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let situations = self.situations()?;
        let bar = ProgressBar::new(situations.len() as u64)
            .with_style(ProgressStyle::with_template("{pos:>3} of {len}  {bar:30}  {msg}")?);
        let tried = matrix::run(&place::lab(), &situations, storm::SEED, &|tried| {
            bar.set_message(tried.situation.property);
            bar.inc(1);
        })?;
        bar.finish_and_clear();
        let counts = |tried: &&Tried| !self.require.is_empty() || !matches!(tried.outcome, Outcome::CannotBe { .. });
        let required = tried.iter().filter(counts).count();
        let kept = tried.iter().filter(|tried| tried.outcome == Outcome::Kept).count();
        if self.json {
            let properties: Vec<_> = tried
                .iter()
                .map(|tried| serde_json::json!({ "property": tried.situation.property, "result": tried.outcome }))
                .collect();
            let grade = serde_json::json!({
                "memo": self.memo, "required": required, "kept": kept, "properties": properties,
            });
            anstream::println!("{}", serde_json::to_string_pretty(&grade)?);
        } else {
            report::print(&self.sheet(&tried));
            anstream::println!("\n{} keeps {kept} of {required} required properties.", self.memo);
        }
        Ok(if kept == required { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// One situation for each property that is required.
    fn situations(&self) -> anyhow::Result<Vec<Situation>> {
        let of_memo: Vec<Situation> =
            matrix::all().into_iter().filter(|one| one.callers == Threads && one.subject == self.memo).collect();
        if of_memo.is_empty() {
            let known: Vec<_> = subject::called_by(Threads).iter().map(|about| about.name).collect();
            bail!("there is no memo {:?} that threads can call; there are: {}", self.memo, known.join(", "));
        }
        if let Some(unknown) = self.require.iter().find(|id| !of_memo.iter().any(|one| one.property == **id)) {
            let known: Vec<_> = of_memo.iter().map(|one| one.property).collect();
            bail!("threads try no property {unknown:?}; they try: {}", known.join(", "));
        }
        let is_required = |one: &Situation| match self.require.is_empty() {
            true => declared(Threads, "memo2", one.property) == Declared::Kept,
            false => self.require.iter().any(|id| id == one.property),
        };
        Ok(of_memo.into_iter().filter(is_required).collect())
    }

    fn sheet(&self, tried: &[Tried]) -> Sheet {
        let row = |tried: &Tried| {
            let id = tried.situation.property;
            let says = PROPERTIES.iter().find(|property| property.id == id).map_or("", |property| property.says);
            let (mood, why) = match &tried.outcome {
                Outcome::Kept => (Mood::Good, says.to_string()),
                Outcome::CannotBe { .. } if self.require.is_empty() => {
                    (Mood::Faint, format!("{says}: {}", tried.outcome))
                }
                outcome => (Mood::Bad, format!("{says}: {outcome}")),
            };
            (id.to_string(), vec![Word::new(tried.outcome.word(), mood), Word::new(why, Mood::Plain)])
        };
        Sheet {
            title: format!("grade {}", self.memo),
            caption: "The properties that the memo must keep, tried from threads.".to_string(),
            heads: ["property", "result", "what it must do"].map(str::to_string).into(),
            rows: tried.iter().map(row).collect(),
            prose: true,
            ..Sheet::default()
        }
    }
}
