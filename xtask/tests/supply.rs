//! What everything is built of, as `deny.toml` allows it. Advisories need the network: the GitHub workflow asks for those.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The texts in a list of `deny.toml`.
fn list(section: &str, name: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join("deny.toml")).expect("it is committed");
    let section = text.split(&format!("\n[{section}]\n")).nth(1).expect("it has the section");
    let section = section.split("\n[").next().unwrap_or_default();
    let list = section.split(&format!("\n{name} = [")).nth(1).and_then(|rest| rest.split(']').next());
    list.expect("it has the list").split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Every package of the lock file, with every feature of ours.
fn packages() -> Vec<Value> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--locked", "--all-features", "--format-version", "1"]).current_dir(root());
    let output = cargo.output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    let packages = metadata["packages"].as_array().expect("there are some").clone();
    assert!(packages.len() > 100, "{}", packages.len());
    packages
}

/// Whether an SPDX expression is fulfilled by these licences: `AND` binds stronger than `OR`; `/` is an older `OR`.
fn fulfils(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let (is_fulfilled, rest) = any(&words, allowed);
    assert!(rest.is_empty(), "`{expression}` can't be read");
    is_fulfilled
}

fn any<'a, 'b>(words: &'a [&'b str], allowed: &[String]) -> (bool, &'a [&'b str]) {
    let (mut is_fulfilled, mut rest) = all(words, allowed);
    while let ["OR", after @ ..] = rest {
        let (other, after) = all(after, allowed);
        (is_fulfilled, rest) = (is_fulfilled | other, after);
    }
    (is_fulfilled, rest)
}

fn all<'a, 'b>(words: &'a [&'b str], allowed: &[String]) -> (bool, &'a [&'b str]) {
    let (mut is_fulfilled, mut rest) = one(words, allowed);
    while let ["AND", after @ ..] = rest {
        let (other, after) = one(after, allowed);
        (is_fulfilled, rest) = (is_fulfilled & other, after);
    }
    (is_fulfilled, rest)
}

fn one<'a, 'b>(words: &'a [&'b str], allowed: &[String]) -> (bool, &'a [&'b str]) {
    match words {
        ["(", inner @ ..] => {
            let (is_fulfilled, rest) = any(inner, allowed);
            (is_fulfilled, rest.strip_prefix(&[")"]).expect("it is closed"))
        }
        // an exception gives a right more than the licence that it stands behind
        [licence, "WITH", _, rest @ ..] | [licence, rest @ ..] => (allowed.iter().any(|known| known == licence), rest),
        [] => (false, words),
    }
}

#[test]
fn an_expression_is_read_as_spdx_has_it() {
    let allowed = ["MIT", "ISC"].map(str::to_owned);
    for (expression, expected) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("GPL-3.0 OR MIT", true),
        ("GPL-3.0/MIT", true),
        ("GPL-3.0 AND MIT", false),
        ("ISC AND (GPL-3.0 OR MIT)", true),
        ("GPL-3.0 OR ISC AND MIT", true),
        ("(GPL-3.0 OR ISC) AND GPL-2.0", false),
        ("MIT WITH LLVM-exception", true),
        ("", false),
    ] {
        assert_eq!(fulfils(expression, &allowed), expected, "{expression}");
    }
}

#[test]
fn every_package_has_a_licence_that_is_allowed() {
    let allowed = list("licenses", "allow");
    for package in packages() {
        let licence = package["license"].as_str().unwrap_or_default();
        assert!(fulfils(licence, &allowed), "{} {}: `{licence}`", package["name"], package["version"]);
    }
}

#[test]
fn every_package_comes_from_where_it_may() {
    let allowed = list("sources", "allow-registry");
    for package in packages() {
        let name = &package["name"];
        if let Some(source) = package["source"].as_str() {
            let registry = source.strip_prefix("registry+").unwrap_or_else(|| panic!("{name} is from {source}"));
            assert!(allowed.iter().any(|known| known == registry), "{name} is from {source}");
        } else {
            let manifest = Path::new(package["manifest_path"].as_str().expect("it has one"));
            let root = root().canonicalize().expect("it is there");
            assert!(manifest.starts_with(&root), "{name} lies outside of the repository");
        }
    }
}

#[test]
fn no_second_tls_comes_in() {
    let banned = list("bans", "deny");
    assert!(banned.len() >= 5, "{banned:?}");
    for package in packages() {
        let name = package["name"].as_str().expect("it has one");
        assert!(!banned.iter().any(|other| other == name), "{name} is banned");
    }
}

/// The commands of cargo that look at the lock file.
const BUILDS: [&str; 6] = ["build", "check", "clippy", "doc", "run", "test"];

/// What follows `cargo ` in the lines of a workflow, and the lists that `xtask` gives to cargo.
fn commands(text: &str, is_rust: bool) -> Vec<String> {
    let lists = text.split("[\"").skip(1).filter_map(|list| Some(list.split(']').next()?.replace(['"', ','], "")));
    let lines = text.lines().filter_map(|line| Some(line.split_once("cargo ")?.1.to_owned()));
    let all: Vec<String> = if is_rust { lists.collect() } else { lines.collect() };
    all.into_iter().filter(|command| command.split(' ').next().is_some_and(|first| BUILDS.contains(&first))).collect()
}

#[test]
fn nothing_is_built_but_what_the_lock_file_says() {
    let workflows = fs::read_dir(root().join(".github/workflows")).expect("there are some");
    let mut files: Vec<PathBuf> = workflows.map(|entry| entry.expect("an entry").path()).collect();
    files.extend(["test.rs", "fuzz.rs", "chaos.rs", "count.rs"].map(|file| root().join("xtask/src").join(file)));
    let mut count = 0;
    for file in files {
        let text = fs::read_to_string(&file).expect("it can be read");
        for command in commands(&text, file.extension().is_some_and(|ending| ending == "rs")) {
            assert!(command.contains("--locked"), "{}: {command}", file.display());
            count += 1;
        }
    }
    assert!(count >= 10, "only {count} commands were found");
    let alias = fs::read_to_string(root().join(".cargo/config.toml")).expect("it can be read");
    assert!(alias.contains("run --quiet --locked"), "{alias}");
}
