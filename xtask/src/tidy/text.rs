//! Rules of every file: documentation, length, words, allowances, blanks.

use super::{Source, Violation};

const MAX_LINES: usize = 350;
const WORDS: &[(&str, &str)] = &[
    ("todo!", "unfinished: do it, or return an error that says what is missing"),
    ("unimplemented!", "unfinished: do it, or return an error that says what is missing"),
    ("dbg!", "left over from debugging: remove it"),
    ("#[ignore", "a test that never runs: repair or remove it"),
];

/// Every module begins with `//!`.
pub(crate) fn module_docs(source: &Source) -> Option<Violation> {
    let documented = source.lines.first().is_some_and(|line| line.starts_with("//!") || line.starts_with("#![doc"));
    let missing = || Violation::new(1, "no `//!` on the first line: say in a sentence what this module is");
    (!documented && !source.is_data()).then(missing)
}

/// No source file is too long to be read at once.
pub(crate) fn length(source: &Source) -> Option<Violation> {
    let count = source.lines.len();
    let long = || Violation::new(MAX_LINES + 1, format!("{count} lines, {MAX_LINES} are the most: split the module"));
    (count > MAX_LINES && !source.is_test()).then(long)
}

/// Nothing is left unfinished.
pub(crate) fn words(source: &Source) -> Vec<Violation> {
    let mut found = Vec::new();
    for (line, code) in source.code_and_tests() {
        let words = WORDS.iter().filter(|(word, _)| holds_word(&code, word));
        found.extend(words.map(|(word, what)| Violation::new(line, format!("`{word}`: {what}"))));
    }
    let fixme = concat!("FIX", "ME");
    for (index, _) in source.lines.iter().enumerate().filter(|(_, line)| line.contains(fixme)) {
        found.push(Violation::new(index + 1, format!("{fixme}: do it, or open an issue and remove this")));
    }
    found
}

/// Every allowance says why.
pub(crate) fn allowances(source: &Source) -> Vec<Violation> {
    if source.is_data() {
        return Vec::new();
    }
    let lines: Vec<(usize, String)> = source.code_and_tests().collect();
    let mut found = Vec::new();
    for (index, (line, code)) in lines.iter().enumerate() {
        if !["#[allow(", "#![allow(", "#[expect(", "#![expect("].iter().any(|opening| code.contains(opening)) {
            continue;
        }
        let last = lines[index..].iter().position(|(_, code)| code.contains(")]")).unwrap_or_default();
        let mut attribute = lines[index..=index + last].iter();
        if !attribute.any(|(_, code)| code.contains("reason =")) {
            found
                .push(Violation::new(*line, "an allowance without `reason = \"…\"`: say why, or repair what it hides"));
        }
    }
    found
}

/// No tabs, no blanks at the end of a line.
pub(crate) fn blanks(source: &Source) -> Vec<Violation> {
    let numbered = source.lines.iter().enumerate();
    let wrong = numbered.filter_map(|(index, line)| {
        if line.contains('\t') {
            Some(Violation::new(index + 1, "a tab: use spaces"))
        } else {
            (line.trim_end() != *line).then(|| Violation::new(index + 1, "blanks at the end of the line: remove them"))
        }
    });
    wrong.collect()
}

fn holds_word(code: &str, word: &str) -> bool {
    let goes_on = |at: usize| code[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_');
    code.match_indices(word).any(|(at, _)| !goes_on(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(found: impl IntoIterator<Item = Violation>) -> Vec<usize> {
        found.into_iter().map(|wrong| wrong.line).collect()
    }

    #[test]
    fn a_module_begins_with_its_documentation() {
        assert_eq!(module_docs(&Source::new("src/a.rs", "//! A.\n")), None);
        assert_eq!(lines(module_docs(&Source::new("src/a.rs", "use b;\n"))), [1]);
        assert_eq!(module_docs(&Source::new("tests/ui/a.rs", "use b;\n")), None);
    }

    #[test]
    fn a_file_has_at_most_350_lines() {
        assert_eq!(length(&Source::new("src/a.rs", &"\n".repeat(350))), None);
        assert_eq!(lines(length(&Source::new("src/a.rs", &"\n".repeat(351)))), [351]);
        assert_eq!(length(&Source::new("tests/a.rs", &"\n".repeat(351))), None);
    }

    #[test]
    fn nothing_is_left_unfinished() {
        assert_eq!(words(&Source::new("src/a.rs", "a(\"dbg!\"); // todo!\nmy_todo!();\n")), []);
        assert_eq!(lines(words(&Source::new("src/a.rs", "todo!()\ndbg!(a)\n#[ignore]\n"))), [1, 2, 3]);
        assert_eq!(lines(words(&Source::new("src/a.rs", concat!("a();\n// FIX", "ME\n")))), [2]);
    }

    #[test]
    fn an_allowance_has_a_reason() {
        assert_eq!(allowances(&Source::new("a.rs", "#[allow(dead_code, reason = \"b\")]\n")), []);
        assert_eq!(allowances(&Source::new("a.rs", "#![allow(\n    dead_code,\n    reason = \"b\"\n)]\n")), []);
        let bad = "#[allow(dead_code)]\n#[allow(\n    b,\n)]\n#[allow(c, reason = \"d\")]\n";
        assert_eq!(lines(allowances(&Source::new("a.rs", bad))), [1, 2]);
    }

    #[test]
    fn blanks_and_tabs() {
        assert_eq!(blanks(&Source::new("a.md", "a\n\n b\n")), []);
        assert_eq!(lines(blanks(&Source::new("a.md", "a \n\tb\nc\n"))), [1, 2]);
    }
}
