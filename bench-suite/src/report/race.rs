//! The counts of a race.

use super::{Mood, Sheet, Word};
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
        caption: "Two threads ask one memo for the same keys, again and again in new processes. How many runs ended \
                  so; of several things that happened in a run, the worst counts."
            .to_string(),
        heads: std::iter::once("memo")
            .chain(Damage::ALL.iter().map(|damage| damage.name()))
            .map(str::to_string)
            .collect(),
        rows: rows.collect(),
        notes: Vec::new(),
        prose: false,
    }
}
