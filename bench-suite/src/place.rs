//! Finds the folder of the workspace, the `lab` program, and Cargo's target folder.
//!
//! Each is found when it is needed. A path that is compiled into a program is wrong once the checkout has been
//! renamed, moved or mounted elsewhere, and Cargo does not rebuild for that.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::built;

/// The folder of the workspace: the first one above the package that Cargo runs, above this program, or above the
/// current folder.
///
/// # Errors
///
/// If none of these is in the workspace. The error lists where this looked.
pub fn workspace() -> anyhow::Result<PathBuf> {
    workspace_above(&[
        ("the package that Cargo runs", env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from)),
        ("this program", env::current_exe().ok()),
        ("the current folder", env::current_dir().ok()),
    ])
}

fn workspace_above(starts: &[(&str, Option<PathBuf>)]) -> anyhow::Result<PathBuf> {
    let starts = || starts.iter().filter_map(|(what, start)| Some((what, start.as_deref()?)));
    let is_workspace =
        |folder: &&Path| ["Cargo.toml", "bench-suite/Cargo.toml"].iter().all(|file| folder.join(file).is_file());
    let found = starts().flat_map(|(_, start)| start.ancestors()).find(is_workspace);
    found.map(Path::to_path_buf).with_context(|| {
        let looked: Vec<_> = starts().map(|(what, start)| format!("{what}, {}", start.display())).collect();
        format!(
            "the folder of this workspace was not found: no folder with a bench-suite/Cargo.toml is above {}; run this \
             in the checkout, by `cargo lab` or `cargo bench`",
            looked.join("; nor above ")
        )
    })
}

/// The path of the `lab` program: this program itself, or, in a test or benchmark, the one that Cargo has built
/// for it.
#[must_use]
pub fn lab() -> PathBuf {
    let told = env::var_os("CARGO_BIN_EXE_lab").filter(|path| !path.is_empty());
    told.map_or_else(|| beside(&env::current_exe().unwrap_or_default()), PathBuf::from)
}

/// The path of the `lab` next to `program`. Cargo puts tests and benchmarks one level deeper, into the folder
/// `deps`.
fn beside(program: &Path) -> PathBuf {
    let folder = program.parent().unwrap_or(Path::new(""));
    let folder = if folder.ends_with("deps") { folder.parent().unwrap_or(folder) } else { folder };
    folder.join(format!("lab{}", env::consts::EXE_SUFFIX))
}

/// Cargo's target folder, in which [`lab`] was built. If the `lab` was installed or copied and is not in such a
/// folder, this is the folder `target` of the workspace, or of the current folder.
#[must_use]
pub fn target() -> PathBuf {
    let found = target_of(&lab()).map(Path::to_path_buf);
    found.or_else(|| Some(workspace().ok()?.join("target"))).unwrap_or_else(|| PathBuf::from("target"))
}

/// The target folder of a program that Cargo has built. The program is in a folder for its profile; with
/// `--target` that folder is inside another one for the target. Nothing else in the target folder identifies it:
/// `CACHEDIR.TAG`, for example, exists only where Cargo created the folder itself.
fn target_of(program: &Path) -> Option<&Path> {
    let profile = program.parent()?;
    if ![".cargo-lock", "deps"].iter().any(|mark| profile.join(mark).exists()) {
        return None;
    }
    let above = profile.parent()?;
    if above.file_name() == Some(OsStr::new(built::TARGET)) { above.parent() } else { Some(above) }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_workspace_is_above_one_of_the_starts() {
        let folder = tempfile::tempdir().unwrap();
        let [inside, outside] = ["a room/target/debug", "elsewhere"].map(|name| folder.path().join(name));
        let root = folder.path().join("a room");
        for made in [&inside, &outside, &root.join("bench-suite")] {
            fs::create_dir_all(made).unwrap();
        }
        let starts =
            [("this program", Some(inside.join("lab"))), ("that", None), ("the current folder", Some(outside))];
        let lost = workspace_above(&starts).unwrap_err().to_string();
        assert!(lost.contains("above this program, ") && lost.contains("nor above the current folder, "), "{lost}");
        fs::write(root.join("Cargo.toml"), "").unwrap();
        workspace_above(&starts).unwrap_err();
        fs::write(root.join("bench-suite/Cargo.toml"), "").unwrap();
        assert_eq!(workspace_above(&starts).unwrap(), root);
    }

    /// No file of the target folder itself is needed: a folder that was there before Cargo has none.
    #[test]
    fn a_benchmark_and_the_lab_have_one_target_folder() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("made before");
        for profile in ["debug".to_string(), "release".to_string(), format!("{}/release", built::TARGET)] {
            let profile = target.join(profile);
            fs::create_dir_all(profile.join("deps")).unwrap();
            let lab = beside(&profile.join("lab"));
            assert_eq!(beside(&profile.join("deps").join("suite-0123456789abcdef")), lab);
            assert_eq!(target_of(&lab), Some(&*target));
        }
        assert_eq!(target_of(&folder.path().join("bin/lab")), None, "an installed `lab` has no target folder");
    }
}
