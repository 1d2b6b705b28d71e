//! The page, whose console blocks are what was done and told.

use std::path::{Path, PathBuf};

const BEGIN: &str = "## An incident\n";

pub(crate) struct Page {
    file: PathBuf,
    text: String,
    /// What the page is to be.
    told: String,
    /// How much of the page is behind what was told so far.
    at: usize,
}

impl Page {
    pub(crate) fn open() -> Self {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operations.md");
        let text = std::fs::read_to_string(&file).expect("the page is there");
        Self::of(file, text)
    }

    fn of(file: PathBuf, text: String) -> Self {
        let at = text.find(BEGIN).expect("the page has the incident") + BEGIN.len();
        Self { told: text[..at].to_owned(), file, text, at }
    }

    /// A command whose output is of no matter.
    pub(crate) fn begins(&mut self, command: &str) {
        self.go_to(command);
    }

    /// A command and all that it tells.
    pub(crate) fn tells(&mut self, command: &str, output: &str) {
        self.go_to(command);
        self.told.push_str(output);
        // until the next command, or the end of the block
        let rest = &self.text[self.at..];
        let end = ["\n$ ", "\n```"].iter().filter_map(|end| format!("\n{rest}").find(end)).min();
        self.at += end.expect("a console block has an end");
    }

    /// # Panics
    /// Where the page tells something else.
    pub(crate) fn end(mut self) {
        let rest = &self.text[self.at..];
        let incident = rest.find("\n## ").map_or(rest, |end| &rest[..end]);
        has_no_command(incident);
        self.told.push_str(rest);
        if std::env::var_os("EDA_BLESS").is_some() {
            std::fs::write(&self.file, &self.told).expect("the page can be written");
        } else {
            let differing = self.told.lines().zip(self.text.lines()).find(|(told, written)| told != written);
            assert!(
                self.told == self.text,
                "docs/operations.md tells something else; EDA_BLESS=1 mends it. First told, then written:\n{differing:#?}"
            );
        }
    }

    fn go_to(&mut self, command: &str) {
        let line = format!("$ {command}\n");
        let rest = &self.text[self.at..];
        let begin = rest.find(&line).unwrap_or_else(|| panic!("the page lacks, in this order: {line}"));
        has_no_command(&rest[..begin]);
        let end = begin + line.len();
        self.told.push_str(&rest[..end]);
        self.at += end;
    }
}

/// # Panics
/// Where a part of the page that is passed over has a command.
fn has_no_command(passed: &str) {
    let command = passed.lines().find(|line| line.starts_with("$ "));
    assert!(command.is_none(), "the page has a command that is not run here: {command:?}");
}

mod tests {
    use super::*;

    const TOLD: &str = "one tells\n";

    fn page(commands: &str) -> Page {
        let others = "```console\n$ billing dead list\n```\n";
        Page::of(PathBuf::new(), format!("{others}{BEGIN}```console\n{commands}```\n## Others\n{others}"))
    }

    #[test]
    fn a_page_whose_commands_are_all_run_is_told() {
        let mut page = page("$ shop one\none tells\n$ kill %2\n");
        page.tells("shop one", TOLD);
        page.begins("kill %2");
        page.end();
    }

    #[test]
    #[should_panic(expected = "not run here: Some(\"$ shop two\")")]
    fn a_command_before_the_next_one_is_not_passed_over() {
        let mut page = page("$ shop one\none tells\n$ shop two\ntwo tells\n$ shop three\n");
        page.tells("shop one", TOLD);
        page.begins("shop three");
    }

    #[test]
    #[should_panic(expected = "not run here: Some(\"$ kill %2\")")]
    fn a_command_behind_the_last_one_is_not_passed_over() {
        let mut page = page("$ shop one\none tells\n$ kill %2\n");
        page.tells("shop one", TOLD);
        page.end();
    }
}
