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
        assert!(!rest.lines().any(|line| line.starts_with("$ shop")), "not run: {rest}");
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
        let end = rest.find(&line).unwrap_or_else(|| panic!("the page lacks, in this order: {line}")) + line.len();
        self.told.push_str(&rest[..end]);
        self.at += end;
    }
}
