//! `cargo xtask tidy`: the rules that rustc and clippy don't know. ARCHITECTURE.md says why they hold.

mod arrows;
mod imports;
mod links;
mod manifest;
mod places;
mod source;
mod text;

use std::fs;
use std::path::Path;

use self::source::Source;

/// What is wrong in a line of a file, and what to do about it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    line: usize,
    what: String,
}

impl Violation {
    fn new(line: usize, what: impl Into<String>) -> Self {
        Self { line, what: what.into() }
    }
}

/// Folders that hold no sources of ours, as in .gitignore.
const FOREIGN: &[&str] = &[".git", "target", "wip"];
const ENDINGS: &[&str] = &["rs", "md", "toml", "yml"];

/// Checks every file of the repository.
pub(crate) fn run() -> Result<(), String> {
    let root = crate::root();
    let mut found = Vec::new();
    let mut paths = Vec::new();
    files(&root, "", &mut paths).map_err(|error| format!("listing files: {error}"))?;
    paths.sort();
    for path in &paths {
        let Ok(text) = fs::read_to_string(root.join(path)) else { continue };
        found.extend(
            check(&root, path, &text).into_iter().map(|wrong| format!("{path}:{}: {}", wrong.line, wrong.what)),
        );
    }
    if found.is_empty() {
        println!("{} files are tidy", paths.len());
        return Ok(());
    }
    Err(format!("{}\n{} to tidy", found.join("\n"), found.len()))
}

fn check(root: &Path, path: &str, text: &str) -> Vec<Violation> {
    let source = Source::new(path, text);
    let mut found = text::blanks(&source);
    if has_ending(path, "rs") {
        found.extend(text::module_docs(&source));
        found.extend(text::length(&source));
        found.extend(text::words(&source));
        found.extend(text::allowances(&source));
        found.extend(imports::order(&source));
        found.extend(places::spawns(&source));
        found.extend(places::lapin(&source));
        found.extend(places::sockets(&source));
    } else if path.ends_with("Cargo.toml") {
        found.extend(manifest::described(&source));
        found.extend(arrows::packages(&source));
    } else if has_ending(path, "md") {
        found.extend(links::relative(&source, |target| root.join(target).exists()));
    }
    found.sort_by_key(|wrong| wrong.line);
    found
}

/// Paths from the root. git is not asked: a copy of the sources need not be a repository.
fn files(root: &Path, folder: &str, paths: &mut Vec<String>) -> std::io::Result<()> {
    for entry in fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        let kind = entry.file_type()?;
        if kind.is_dir() && !FOREIGN.contains(&name.as_str()) {
            files(root, &path, paths)?;
        } else if kind.is_file() && ENDINGS.iter().any(|ending| has_ending(&name, ending)) {
            paths.push(path);
        }
    }
    Ok(())
}

fn has_ending(path: &str, ending: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == ending)
}
