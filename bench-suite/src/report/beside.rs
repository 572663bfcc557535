//! The results of several machines side by side, such as those of a class: one row for each machine.

use super::sheet::{Mood, Sheet, Word};
use crate::distinct;

/// Puts the sheets of several machines side by side. `machines` has the name of each machine and its sheets. Sheets with
/// the same title become one sheet, in which each row is repeated for each machine that has it.
pub(super) fn side_by_side(machines: &[(String, Vec<Sheet>)]) -> Vec<Sheet> {
    let titles = distinct(machines.iter().flat_map(|(_, sheets)| sheets).map(|sheet| sheet.title.clone()));
    let of = |title: String| {
        let have = |(name, sheets): &'_ (String, Vec<Sheet>)| {
            sheets.iter().find(|sheet| sheet.title == title).map(|sheet| (name.clone(), sheet.clone()))
        };
        one(&machines.iter().filter_map(have).collect::<Vec<_>>())
    };
    titles.into_iter().map(of).collect()
}

fn one(sheets: &[(String, Sheet)]) -> Sheet {
    let Some((_, first)) = sheets.first() else { return Sheet::default() };
    let keys = first.keys;
    let named = |sheet: &Sheet| sheet.heads[..=sheet.keys].to_vec();
    // A machine lacks the columns of what it did not measure.
    let heads = distinct(sheets.iter().flat_map(|(_, sheet)| sheet.heads[sheet.keys + 1..].iter().cloned()));
    let identity = |(name, words): &(String, Vec<Word>), keys: usize| {
        let settings = words[..keys].iter().map(|word| word.text.clone());
        std::iter::once(name.clone()).chain(settings).collect::<Vec<String>>()
    };
    let rows = distinct(sheets.iter().flat_map(|(_, sheet)| sheet.rows.iter().map(|row| identity(row, sheet.keys))));
    let mut shown = Vec::new();
    for row in &rows {
        for (machine, sheet) in sheets {
            let Some((_, words)) = sheet.rows.iter().find(|own| identity(own, sheet.keys) == *row) else { continue };
            let word = |head: &String| {
                let at = sheet.heads.iter().skip(sheet.keys + 1).position(|own| own == head);
                at.map_or_else(|| Word::new("", Mood::Faint), |at| words[sheet.keys + at].clone())
            };
            let settings = row[1..].iter().map(|text| Word::new(text.clone(), Mood::Plain));
            let machine = Word::new(machine.clone(), Mood::Plain);
            let words = settings.chain([machine]).chain(heads.iter().map(word)).collect();
            shown.push((row[0].clone(), words));
        }
    }
    let notes = sheets.iter().flat_map(|(machine, sheet)| {
        sheet.notes.iter().filter(|note| note.starts_with("- ")).map(move |note| format!("- {machine}: {}", &note[2..]))
    });
    Sheet {
        title: first.title.clone(),
        caption: first.caption.clone(),
        heads: named(first).into_iter().chain(["machine".to_string()]).chain(heads.clone()).collect(),
        rows: shown,
        keys: keys + 1,
        notes: distinct(notes),
        prose: first.prose,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(heads: &[&str], rows: &[&[&str]], notes: &[&str]) -> Sheet {
        let word = |text: &&str| Word::new(*text, Mood::Plain);
        Sheet {
            title: "parked".to_string(),
            heads: heads.iter().map(ToString::to_string).collect(),
            rows: rows.iter().map(|row| (row[0].to_string(), row[1..].iter().map(word).collect())).collect(),
            keys: 1,
            notes: notes.iter().map(ToString::to_string).collect(),
            ..Sheet::default()
        }
    }

    /// The second machine has no goroutines, but a column that the first one lacks.
    #[test]
    fn each_machine_has_a_row_and_its_own_columns() {
        let anna = sheet(
            &["model", "units", "resident"],
            &[&["task", "1,000", "456 B"], &["goroutine", "1,000", "2 KiB"]],
            &["- thread: crashes"],
        );
        let ben = sheet(
            &["model", "units", "kernel", "resident"],
            &[&["task", "1,000", "1 B", "460 B"], &["task", "10,000", "2 B", "450 B"]],
            &["a statement"],
        );
        let machines = [("anna".to_string(), vec![anna]), ("ben".to_string(), vec![ben])];
        let [sheet] = &*side_by_side(&machines) else { panic!("one sheet") };
        assert_eq!(sheet.heads, ["model", "units", "machine", "resident", "kernel"]);
        let rows: Vec<Vec<&str>> = sheet
            .rows
            .iter()
            .map(|(name, words)| std::iter::once(&**name).chain(words.iter().map(|word| &*word.text)).collect())
            .collect();
        assert_eq!(
            rows,
            [
                vec!["task", "1,000", "anna", "456 B", ""],
                vec!["task", "1,000", "ben", "460 B", "1 B"],
                vec!["goroutine", "1,000", "anna", "2 KiB", ""],
                vec!["task", "10,000", "ben", "450 B", "2 B"],
            ]
        );
        assert_eq!((sheet.keys, &*sheet.notes), (2, &["- anna: thread: crashes".to_string()][..]));
    }
}
