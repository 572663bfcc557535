//! The damage that a data race does, as a table of counts.

use super::sheet::{Mood, Sheet, Word};
use crate::race::Damage;
use crate::store::{Found, Results, Series};

pub(super) fn sheet(results: &Results) -> Sheet {
    let rows = results.cells.iter().map(|cell| {
        let count = |damage: Damage| match &cell.found {
            Found::Quantities(quantities) => quantities.get(damage.name()).map(Series::median),
            _ => None,
        };
        let words = Damage::ALL.iter().map(|damage| match (count(*damage), damage) {
            (None, _) => Word::new("-", Mood::Faint),
            (Some(count), Damage::Right) => Word::new(count.to_string(), Mood::Good),
            (Some(0.0), _) => Word::new("0", Mood::Faint),
            (Some(count), _) => Word::new(count.to_string(), Mood::Bad),
        });
        (cell.subject.clone(), words.collect())
    });
    Sheet {
        title: "race".to_string(),
        caption: "Two threads ask one memo for the same keys; each run is a new process. Shown: the number of runs \
                  with each kind of damage. A run with several kinds counts as the worst of them."
            .to_string(),
        heads: std::iter::once("memo")
            .chain(Damage::ALL.iter().map(|damage| damage.name()))
            .map(str::to_string)
            .collect(),
        rows: rows.collect(),
        notes: Vec::new(),
        ..Sheet::default()
    }
}
