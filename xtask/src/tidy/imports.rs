//! `eda-core` can be read from top to bottom: a file imports only from its own row or from rows above it.

use super::{Source, Violation};

/// The code map of ARCHITECTURE.md, row by row.
const ROWS: &[&[&str]] = &[
    &["error", "mutant"],
    &["message", "event"],
    &["json", "envelope"],
    &["topology", "transport"],
    &["failure", "publisher", "journal", "context"],
    &["extract", "outcome"],
    &["handler"],
    &["middleware", "retry", "telemetry"],
    &["broker", "service", "app", "health"],
    &["runtime"],
];

/// Every `crate::…` of the code names a module of the own row or of one above.
pub(crate) fn order(source: &Source) -> Vec<Violation> {
    let Some(inside) = source.path.strip_prefix("eda-core/src/") else { return Vec::new() };
    let own = inside.split(['/', '.']).next().unwrap_or_default();
    if own == "lib" {
        return Vec::new();
    }
    let Some(own_row) = row(own) else {
        let what =
            format!("`{own}` has no row: add it to the code map in ARCHITECTURE.md and to xtask/src/tidy/imports.rs");
        return vec![Violation::new(1, what)];
    };
    let mut found = Vec::new();
    let mut group = false;
    for (line, code) in source.code() {
        let mut names = named(&code);
        if group {
            names.extend(listed(&code));
        }
        if code.contains("crate::{") {
            names.extend(listed(code.split("crate::{").nth(1).unwrap_or_default()));
            group = true;
        }
        group &= !code.contains("};");
        for name in names {
            if row(name).is_some_and(|row| row > own_row) {
                found.push(Violation::new(
                    line,
                    format!(
                        "`{own}` (row {}) imports from `{name}` (row {}): {ADVICE}",
                        own_row + 1,
                        row(name).unwrap_or_default() + 1
                    ),
                ));
            }
        }
    }
    found
}

const ADVICE: &str = "move what is shared into the upper row";

fn row(module: &str) -> Option<usize> {
    ROWS.iter().position(|row| row.contains(&module))
}

/// Modules that follow `crate::`; macros are written with `$crate`, for other packages.
fn named(code: &str) -> Vec<&str> {
    let places = code.match_indices("crate::").filter(|(at, _)| !code[..*at].ends_with('$'));
    places.map(|(at, path)| word(&code[at + path.len()..])).collect()
}

/// Modules in a list between braces, at its first level as far as a line shows it.
fn listed(code: &str) -> Vec<&str> {
    code.split(',').map(|part| word(part.trim_start())).collect()
}

fn word(code: &str) -> &str {
    code.split(|letter: char| !(letter.is_alphanumeric() || letter == '_')).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, text: &str) -> Vec<usize> {
        order(&Source::new(path, text)).into_iter().map(|wrong| wrong.line).collect()
    }

    #[test]
    fn imports_point_up() {
        let good = "use crate::error::Error;\nuse crate::topology::Policy;\n// crate::runtime\n";
        assert!(check("eda-core/src/transport/memory.rs", good).is_empty());
        assert!(check("eda-core/src/lib.rs", "pub use crate::runtime::Running;").is_empty());
        assert!(check("eda-rabbit/src/convert.rs", "use crate::topology::Plan;").is_empty());
        assert!(check("eda-core/src/error.rs", "#[cfg(test)]\nmod tests {\n    use crate::app::App;\n}\n").is_empty());
    }

    #[test]
    fn imports_that_point_down_are_found() {
        assert_eq!(check("eda-core/src/message/id.rs", "use crate::error::Error;\nuse crate::handler::Meta;\n"), [2]);
        assert_eq!(check("eda-core/src/event.rs", "use crate::{\n    error::Error,\n    app::App,\n};\n"), [3]);
        assert_eq!(check("eda-core/src/new.rs", ""), [1]);
    }
}
