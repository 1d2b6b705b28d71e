//! Packages depend on each other in one direction.

use super::manifest::{Entry, entries, package};
use super::{Source, Violation};

/// What each package of ours may depend on, of ours.
const ARROWS: &[(&str, &[&str])] = &[
    ("eda-core", &[]),
    ("eda-macros", &[]),
    ("eda-rabbit", &["eda-core"]),
    ("eda-testing", &["eda-core"]),
    ("eda-description", &["eda-core"]),
    ("eda-http", &["eda-core", "eda-description"]),
    ("eda-journal", &["eda-core"]),
    ("eda-tool", &["eda-core", "eda-description", "eda-journal"]),
    ("eda-rs", &["eda-core", "eda-macros", "eda-http", "eda-journal", "eda-rabbit", "eda-testing", "eda-tool"]),
    ("eda-fuzz", &["eda-core", "eda-rabbit"]),
    ("eda-guest", &["eda-rs"]),
    ("eda-ui", &["eda-rs"]),
    ("eda-asyncapi", &["eda-rs"]),
    ("eda-example-otel", &["eda-rs"]),
    ("eda-inprocess", &["eda-rs"]),
    ("eda-bench", &["eda-rs", "eda-inprocess", "rabbit-node"]),
    ("eda-chaos", &["eda-rs", "rabbit-node"]),
    ("eda-simulation", &["eda-core", "eda-rabbit"]),
    ("rabbit-node", &[]),
    ("xtask", &["rabbit-node"]),
];
/// Packages that only tests use, and on which dev-dependencies make no circle: `rabbit-node` depends on nothing of ours,
/// `eda-testing` on `eda-core` only.
const FOR_TESTS: &[&str] = &["rabbit-node", "eda-testing"];

/// No dependency of a `Cargo.toml` points the wrong way.
pub(crate) fn packages(source: &Source) -> Vec<Violation> {
    let entries = entries(source);
    let Some((line, package)) = package(&entries) else { return Vec::new() };
    let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == package) else {
        let what = format!(
            "`{package}` has no arrows: add it to the code map in ARCHITECTURE.md and to xtask/src/tidy/arrows.rs"
        );
        return vec![Violation::new(line, what)];
    };
    let mut found = Vec::new();
    for entry in entries.iter().filter(|entry| is_dependency(entry)) {
        let target = target(entry);
        if !ARROWS.iter().any(|(name, _)| *name == target) {
            continue;
        }
        let for_tests = entry.section.ends_with("dev-dependencies");
        let may = allowed.contains(&target) || (for_tests && FOR_TESTS.contains(&target) && package != "eda-core");
        if !may {
            let what = format!("`{package}` must not depend on `{target}`: see the code map in ARCHITECTURE.md");
            found.push(Violation::new(entry.line, what));
        } else if for_tests && (!entry.value.contains("path =") || entry.value.contains("version =")) {
            let what = format!("`{target}` for tests: name its `path` and no version, which would hinder publishing");
            found.push(Violation::new(entry.line, what));
        }
    }
    found
}

fn is_dependency(entry: &Entry) -> bool {
    entry.section.ends_with("dependencies") && !entry.section.starts_with("workspace")
}

/// The package that is meant, which may be another than the name says.
fn target<'a>(entry: &Entry<'a>) -> &'a str {
    let renamed = entry.value.split_once("package =").and_then(|(_, rest)| rest.split('"').nth(1));
    renamed.unwrap_or_else(|| entry.name.split('.').next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Vec<usize> {
        packages(&Source::new("a/Cargo.toml", text)).into_iter().map(|wrong| wrong.line).collect()
    }

    #[test]
    fn arrows_that_point_the_right_way() {
        let rabbit = "[package]\nname = \"eda-rabbit\"\n[dependencies]\neda-core.workspace = true\n";
        assert!(check(rabbit).is_empty());
        assert!(check(&format!("{rabbit}[dev-dependencies]\nrabbit-node = {{ path = \"b\" }}\n")).is_empty());
        assert!(check("[workspace.dependencies]\neda-core = \"1\"\n[package]\nname = \"eda-core\"\n").is_empty());
    }

    #[test]
    fn arrows_that_point_the_wrong_way() {
        assert_eq!(check("[package]\nname = \"eda-core\"\n[dev-dependencies]\neda-testing = { path = \"b\" }\n"), [4]);
        assert_eq!(check("[package]\nname = \"eda-core\"\n[dev-dependencies]\neda-rs = { path = \"..\" }\n"), [4]);
        assert_eq!(check("[package]\nname = \"eda-macros\"\n[dependencies]\nx = { package = \"eda-core\" }\n"), [4]);
        assert_eq!(check("[package]\nname = \"eda-rabbit\"\n[dependencies]\nrabbit-node.workspace = true\n"), [4]);
        assert_eq!(check("[package]\nname = \"eda-core\"\n[dependencies.eda-rs]\npath = \"..\"\n"), [3]);
        assert_eq!(check("[package]\nname = \"eda-new\"\n"), [2]);
    }

    #[test]
    fn a_dev_dependency_of_ours_has_no_version() {
        let with =
            |value: &str| check(&format!("[package]\nname = \"eda-rabbit\"\n[dev-dependencies]\nrabbit-node{value}\n"));
        assert_eq!(with(".workspace = true"), [4]);
        assert_eq!(with(" = { path = \"b\", version = \"1\" }"), [4]);
    }
}
