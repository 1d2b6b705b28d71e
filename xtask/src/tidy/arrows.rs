//! Packages depend on each other in one direction.

use super::{Source, Violation};

/// What each package may depend on, of ours; a package that is not listed may depend on all of them.
const ARROWS: &[(&str, &[&str])] = &[
    ("eda-core", &[]),
    ("eda-macros", &[]),
    ("eda-rabbit", &["eda-core"]),
    ("eda-testing", &["eda-core"]),
    ("eda-rs", &["eda-core", "eda-macros", "eda-rabbit"]),
    ("rabbit-node", &[]),
    ("xtask", &["rabbit-node"]),
];
/// Packages that only tests use; dev-dependencies on them are free, since they depend on nothing of ours.
const FOR_TESTS: &[&str] = &["rabbit-node"];

/// No dependency of a `Cargo.toml` points the wrong way.
pub(crate) fn packages(source: &Source) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut package = "";
    let mut section = "";
    for (index, line) in source.lines.iter().enumerate() {
        if let Some(title) = line.strip_prefix('[') {
            section = title.trim_end_matches(']');
        }
        let (name, value) = line.split_once('=').unwrap_or((line, ""));
        let name = name.trim();
        if section == "package" && name == "name" {
            package = value.trim().trim_matches('"');
        }
        let depends = section.ends_with("dependencies") && !section.starts_with("workspace");
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == package).filter(|_| depends) else { continue };
        let renamed = value.split_once("package =").and_then(|(_, rest)| rest.split('"').nth(1));
        let target = renamed.unwrap_or_else(|| name.split('.').next().unwrap_or_default());
        let ours = ARROWS.iter().any(|(name, _)| *name == target);
        let for_tests = section.ends_with("dev-dependencies") && FOR_TESTS.contains(&target);
        if ours && !for_tests && !allowed.contains(&target) {
            let what = format!("`{package}` must not depend on `{target}`: see the code map in ARCHITECTURE.md");
            found.push(Violation::new(index + 1, what));
        }
    }
    found
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
        assert_eq!(check("[package]\nname = \"eda-core\"\n[dev-dependencies]\neda-rs = { path = \"..\" }\n"), [4]);
        assert_eq!(check("[package]\nname = \"eda-macros\"\n[dependencies]\nx = { package = \"eda-core\" }\n"), [4]);
        assert_eq!(check("[package]\nname = \"eda-rabbit\"\n[dependencies]\nrabbit-node.workspace = true\n"), [4]);
    }
}
