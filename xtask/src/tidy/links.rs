//! Relative links in Markdown lead to files that exist.

use super::{Source, Violation};

/// Every relative link has its target; `exists` is asked with a path from the root.
pub(crate) fn relative(source: &Source, exists: impl Fn(&str) -> bool) -> Vec<Violation> {
    let folder = source.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut found = Vec::new();
    let mut fenced = false;
    for (index, line) in source.lines.iter().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        for target in targets(line) {
            let file = target.split('#').next().unwrap_or_default();
            let elsewhere = file.is_empty() || file.contains(':') || file.starts_with("//");
            if !elsewhere && !exists(&resolved(folder, file)) {
                let what = format!("the link to `{target}` leads nowhere: correct the path");
                found.push(Violation::new(index + 1, what));
            }
        }
    }
    found
}

/// Targets of `[text](target)` and `[name]: target`, outside of code.
fn targets(line: &str) -> Vec<String> {
    let plain: String = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
    let inline = plain.match_indices("](").filter_map(|(at, open)| plain[at + open.len()..].split([')', ' ']).next());
    let mut targets: Vec<String> = inline.map(String::from).collect();
    let definition =
        plain.strip_prefix('[').filter(|rest| !rest.starts_with('^')).and_then(|rest| rest.split_once("]: "));
    targets.extend(definition.and_then(|(_, target)| target.split(' ').next()).map(String::from));
    targets
}

fn resolved(folder: &str, target: &str) -> String {
    match target.strip_prefix('/') {
        Some(from_root) => from_root.into(),
        None if folder.is_empty() => target.into(),
        None => format!("{folder}/{target}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Vec<usize> {
        let exists = |path: &str| path == "docs/there.md";
        relative(&Source::new("docs/a.md", text), exists).into_iter().map(|wrong| wrong.line).collect()
    }

    #[test]
    fn links_that_lead_somewhere() {
        assert!(check("[a](there.md#part), [b](#here), [c](https://example.org/d)\n[e]: there.md\n").is_empty());
        assert!(check("`[a](gone.md)`\n```text\n[b](gone.md)\n```\n").is_empty());
    }

    #[test]
    fn links_that_lead_nowhere() {
        assert_eq!(check("[a](there.md)\n[b](gone.md)\n[c]: gone.md\n[`d`](gone.md#e)\n"), [2, 3, 4]);
    }
}
