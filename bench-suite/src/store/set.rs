//! A set of results from elsewhere: a folder of results, one file of results, or what `cargo lab report --json` prints.

use std::fs;
use std::path::Path;

use super::folder::{Kind, Store, StoreError, parse};
use super::results::Results;

/// Reads the complete results at `path`, which is a folder, a file of one experiment, or a list of results.
///
/// # Errors
///
/// If there is nothing that can be read, or a file does not hold results, or has a schema that this version cannot
/// read.
pub fn read_set(path: &Path) -> Result<Vec<Results>, StoreError> {
    if !path.is_dir() {
        let json = fs::read(path).map_err(|source| StoreError::File { path: path.to_path_buf(), source })?;
        return parse(path, Kind::Results, &json);
    }
    let store = Store::at(path);
    let names = fs::read_dir(path).map_err(|source| StoreError::File { path: path.to_path_buf(), source })?;
    let mut experiments: Vec<String> = names
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".json").map(str::to_string))
        .collect();
    experiments.sort_unstable();
    let read = experiments.iter().map(|experiment| store.read(experiment));
    read.filter_map(Result::transpose).collect()
}

#[cfg(test)]
mod tests {
    use green_threads::workload::Depth;

    use super::*;

    #[test]
    fn a_folder_a_file_and_a_list_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(&folder.path().join("lab"));
        let [ring, spawn] = ["ring", "spawn"].map(|name| Results::new(name, Depth::Quick, true, Vec::new()));
        let file = store.write(&ring).unwrap();
        store.write(&spawn).unwrap();
        store.write(&Results::new("parked", Depth::Quick, false, Vec::new())).unwrap();
        assert_eq!(read_set(store.folder()).unwrap(), [ring.clone(), spawn.clone()]);
        assert_eq!(read_set(&file).unwrap(), std::slice::from_ref(&ring));
        let list = folder.path().join("list.json");
        fs::write(&list, serde_json::to_string(&[&ring, &spawn]).unwrap()).unwrap();
        assert_eq!(read_set(&list).unwrap(), [ring, spawn]);
    }

    #[test]
    fn other_files_are_refused_with_their_path() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mine.json");
        let complaint = |text: &str| {
            fs::write(&file, text).unwrap();
            read_set(&file).unwrap_err().to_string()
        };
        for (text, why) in [
            ("", "not results of this lab"),
            ("[1]", "not results of this lab"),
            ("[{\"schema\": 999}]", "written by another version (schema 999"),
            ("{\"schema\": 999}", "written by another version (schema 999"),
        ] {
            let said = complaint(text);
            assert!(said.contains(why) && said.contains("mine.json"), "{text}: {said}");
        }
        assert!(read_set(&folder.path().join("nothing")).unwrap_err().to_string().contains("nothing"));
    }
}
