//! A `Cargo.toml` as the rules see it, and what each must say.

use super::{Source, Violation};

/// `name = value` in a section.
pub(crate) struct Entry<'a> {
    pub(crate) line: usize,
    pub(crate) section: &'a str,
    pub(crate) name: &'a str,
    pub(crate) value: &'a str,
}

/// The entries of a manifest; `[dependencies.name]` counts as an entry, too.
pub(crate) fn entries<'a>(source: &'a Source) -> Vec<Entry<'a>> {
    let mut section = "";
    let mut entries = Vec::new();
    for (index, text) in source.lines.iter().enumerate() {
        let line = index + 1;
        if let Some(title) = text.strip_prefix('[') {
            section = title.split(']').next().unwrap_or_default();
            if let Some((above, name)) = section.rsplit_once('.').filter(|(above, _)| above.ends_with("dependencies")) {
                entries.push(Entry { line, section: above, name, value: "" });
            }
        } else if let Some((name, value)) = text.split_once('=') {
            entries.push(Entry { line, section, name: name.trim(), value: value.trim() });
        }
    }
    entries
}

/// The name of the package, if the manifest is one's.
pub(crate) fn package<'a>(entries: &[Entry<'a>]) -> Option<(usize, &'a str)> {
    let named = entries.iter().find(|entry| entry.section == "package" && entry.name == "name")?;
    Some((named.line, named.value.trim_matches('"')))
}

/// Every package has a licence and a description.
pub(crate) fn described(source: &Source) -> Vec<Violation> {
    let entries = entries(source);
    let Some((line, package)) = package(&entries) else { return Vec::new() };
    let lacks = |key: &str| {
        let is_it = |entry: &Entry| entry.section == "package" && entry.name.split('.').next() == Some(key);
        !entries.iter().any(is_it)
    };
    let missing = ["license", "description"].into_iter().filter(|key| lacks(key));
    missing.map(|key| Violation::new(line, format!("`{package}` has no `{key}`: add it to `[package]`"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Vec<usize> {
        described(&Source::new("a/Cargo.toml", text)).into_iter().map(|wrong| wrong.line).collect()
    }

    #[test]
    fn a_package_is_described_and_licensed() {
        let good = "[package]\nname = \"a\"\ndescription = \"b\"\nlicense.workspace = true\n";
        assert!(check(good).is_empty());
        assert!(check("[workspace]\nmembers = []\n").is_empty());
        assert_eq!(check("[package]\nname = \"a\"\n[lib]\ndescription = \"b\"\n"), [2, 2]);
    }

    #[test]
    fn a_dependency_may_have_a_section_of_its_own() {
        let source = Source::new("a/Cargo.toml", "[dependencies.b]\nversion = \"1\"\n");
        let [table, version] = entries(&source).try_into().ok().expect("two entries");
        assert_eq!((table.section, table.name), ("dependencies", "b"));
        assert_eq!((version.section, version.name), ("dependencies.b", "version"));
    }
}
