//! Builds the book with mdBook as a library.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use mdbook_driver::MDBook;
use mdbook_driver::config::Config;

use crate::check;
use crate::complaints::Complaints;
use crate::preprocess::{NAME, Results};

/// Builds the book into `dest`, or into the folder that its `book.toml` names, and returns the path of its first
/// page.
///
/// # Errors
///
/// If mdBook fails or logs a warning or an error, or if [`check`] finds a fault.
pub(crate) fn build(dest: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    let complaints = Complaints::default();
    let dest = tracing::subscriber::with_default(complaints.clone(), || render(dest, &complaints))?;
    complaints.extend(check::links(&dest)?);

    let complaints = complaints.take();
    for complaint in &complaints {
        eprintln!("{complaint}");
    }
    ensure!(complaints.is_empty(), "the book has {} fault(s); see above", complaints.len());
    Ok(dest.join("index.html"))
}

/// Renders the book with mdBook, and returns the folder that holds it.
fn render(dest: Option<PathBuf>, complaints: &Complaints) -> anyhow::Result<PathBuf> {
    let mut book = load()?;
    book.with_preprocessor(Results(complaints.clone()));
    if let Some(dest) = dest {
        // mdBook takes a relative path as relative to the book. On a command line it is relative to the current
        // folder.
        book.config.build.build_dir = std::path::absolute(dest)?;
    }
    let dest = book.build_dir_for("html");
    may_replace(&dest)?;
    complaints.extend(check::anchors(&book));
    complaints.extend(check::snippets(&book));
    book.build()?;
    // Removes the `..` of `book/../target/book`.
    Ok(dest.canonicalize()?)
}

/// Loads the book. Its preprocessor runs before mdBook's own `links`, which would remove the backslash of a directive
/// that is text. The external command of the preprocessor is replaced before it runs: see [`Results`].
pub(crate) fn load() -> anyhow::Result<MDBook> {
    let root = root()?;
    let mut config = Config::from_disk(root.join("book.toml"))?;
    config.update_from_env()?;
    config.set(format!("preprocessor.{NAME}.before"), ["links"])?;
    MDBook::load_with_config(root, config)
}

/// The folder into which the book is built by default. It exists afterwards.
///
/// # Errors
///
/// If there is no book, or if the folder cannot be made.
pub(crate) fn dest() -> anyhow::Result<PathBuf> {
    let book = load()?;
    let dest = book.build_dir_for("html");
    fs::create_dir_all(&dest)?;
    Ok(dest.canonicalize()?)
}

/// The folder of `book.toml`: this package's own under `cargo run`, otherwise the current folder or `book` in it.
pub(crate) fn root() -> anyhow::Result<PathBuf> {
    let package = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let roots = package.into_iter().chain([PathBuf::from("."), PathBuf::from("book")]);
    let root = roots.into_iter().find(|root| root.join("book.toml").is_file());
    root.context("there is no book.toml here or in book/; run this in the repository, or as `cargo book`")
}

/// Refuses to build into a folder that is not a book. mdBook empties the folder that it builds into, whatever it
/// contains.
fn may_replace(dest: &Path) -> anyhow::Result<()> {
    let is_empty = match fs::read_dir(dest) {
        Ok(mut entries) => entries.next().is_none(),
        Err(_) => !dest.exists(),
    };
    if !is_empty && !dest.join("toc.html").is_file() {
        bail!("{} contains something that is not a book, and building would delete it", dest.display());
    }
    Ok(())
}
