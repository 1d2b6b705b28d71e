//! A file as the rules see it: which lines are code, which are tests.

/// A file of the repository and its lines.
pub(crate) struct Source<'a> {
    pub(crate) path: &'a str,
    pub(crate) lines: Vec<&'a str>,
    /// Lines from here on are tests.
    tests_from: usize,
}

impl<'a> Source<'a> {
    pub(crate) fn new(path: &'a str, text: &'a str) -> Self {
        let lines: Vec<&str> = text.split_terminator('\n').collect();
        // `#[cfg(test)] mod tests;` is a line in the middle, `mod tests {` the end of a file
        let opens = |line: &str| line.starts_with("mod ") && line.ends_with('{');
        let tests = lines.windows(2).position(|pair| pair[0] == "#[cfg(test)]" && opens(pair[1]));
        Self { path, tests_from: tests.unwrap_or(lines.len()), lines }
    }

    /// Whether the whole file is a test, a benchmark, or recorded output.
    pub(crate) fn is_test(&self) -> bool {
        self.path.split('/').any(|part| matches!(part, "tests" | "benches" | "snapshots" | "ui" | "tests.rs"))
    }

    /// Whether the file is a recorded expansion or an input for the compiler, and no module of ours.
    pub(crate) fn is_data(&self) -> bool {
        self.path.split('/').any(|part| matches!(part, "snapshots" | "ui"))
    }

    /// Numbered lines of code, without comments, the text in string literals, and tests.
    pub(crate) fn code(&self) -> impl Iterator<Item = (usize, String)> + '_ {
        let until = if self.is_test() { 0 } else { self.tests_from };
        self.stripped(until)
    }

    /// As [`code`](Self::code), with tests.
    pub(crate) fn code_and_tests(&self) -> impl Iterator<Item = (usize, String)> + '_ {
        self.stripped(self.lines.len())
    }

    fn stripped(&self, until: usize) -> impl Iterator<Item = (usize, String)> + '_ {
        let mut open = None;
        self.lines[..until].iter().enumerate().map(move |(index, line)| (index + 1, strip(line, &mut open)))
    }
}

/// Takes comments and the text in literals out of a line; `open` is how a literal that goes on over lines will end.
fn strip(line: &str, open: &mut Option<String>) -> String {
    let mut code = String::new();
    let mut rest = line;
    loop {
        if let Some(end) = open.as_deref() {
            let Some(at) = literal_end(rest, end) else { return code };
            code.push('"');
            rest = &rest[at + end.len()..];
            *open = None;
        }
        let Some(at) = rest.find(['"', '/', '\'']) else { return code + rest };
        let (before, from) = rest.split_at(at);
        code.push_str(before);
        if from.starts_with("//") {
            return code;
        }
        rest = &from[1..];
        if from.starts_with('"') {
            let hashes = code.len() - code.trim_end_matches('#').len();
            let raw = code[..code.len() - hashes].ends_with('r');
            *open = Some(if raw { format!("\"{}", "#".repeat(hashes)) } else { "\"".into() });
        } else if let Some(quoted) = ["'\"'", "'\\\"'", "'/'"].into_iter().find(|quoted| from.starts_with(quoted)) {
            rest = &from[quoted.len()..];
        }
        code.push_str(&from[..1]);
    }
}

fn literal_end(text: &str, end: &str) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + text[from..].find(end)?;
        let slashes = text[..at].len() - text[..at].trim_end_matches('\\').len();
        if end.len() > 1 || slashes.is_multiple_of(2) {
            return Some(at);
        }
        from = at + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::Source;

    fn code(text: &str) -> Vec<String> {
        Source::new("src/a.rs", text).code().map(|(_, line)| line).collect()
    }

    #[test]
    fn comments_and_literals_are_no_code() {
        assert_eq!(code("a(\"x\\\"y\", 'z'); // b"), ["a(\"\", 'z'); "]);
        assert_eq!(code("a(r#\"x\"y\"#);\nlet q = '\"'; b()"), ["a(r#\"\");", "let q = '; b()"]);
        assert_eq!(code("a(\"x\n  todo!() \\\n y\");"), ["a(\"", "", "\");"]);
    }

    #[test]
    fn tests_at_the_end_are_no_code() {
        assert_eq!(code("a();\n#[cfg(test)]\nmod tests {\n    b();\n}\n"), ["a();"]);
        assert_eq!(code("#[cfg(test)]\nmod tests;\na();\n").len(), 3);
    }
}
