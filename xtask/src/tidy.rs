//! `cargo xtask tidy`: the rules that rustc and clippy don't know. ARCHITECTURE.md says why they hold.

mod arrows;
mod imports;
mod links;
mod places;
mod source;
mod text;

use std::path::Path;
use std::process::Command;

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

/// Checks every file that git knows or would add.
pub(crate) fn run() -> Result<(), String> {
    let root = crate::root();
    let mut found = Vec::new();
    let paths = files(&root)?;
    for path in &paths {
        let Ok(text) = std::fs::read_to_string(root.join(path)) else { continue };
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
        found.extend(arrows::packages(&source));
    } else if has_ending(path, "md") {
        found.extend(links::relative(&source, |target| root.join(target).exists()));
    }
    found.sort_by_key(|wrong| wrong.line);
    found
}

fn files(root: &Path) -> Result<Vec<String>, String> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate"])
        .current_dir(root)
        .output()
        .map_err(|error| format!("starting git: {error}"))?;
    if !output.status.success() {
        return Err(format!("git ls-files: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    let listed = String::from_utf8_lossy(&output.stdout);
    Ok(listed
        .lines()
        .filter(|path| ["rs", "md", "toml"].iter().any(|ending| has_ending(path, ending)))
        .map(String::from)
        .collect())
}

fn has_ending(path: &str, ending: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == ending)
}
