//! How far long work is, for a person at a terminal.

use std::fmt;
use std::io::{IsTerminal, Read, stderr, stdout};

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

/// A bar on standard error, if that is a terminal; else nothing.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Over so many steps.
    pub(crate) fn new(what: &'static str, total: u64) -> Self {
        Self::with(what, total, "{human_pos}/{human_len} {rate}")
    }

    /// Beside lines on standard output: nothing where they come to a terminal, too, since a bar would stand between them.
    pub(crate) fn beside_lines(what: &'static str, total: u64) -> Self {
        if stdout().is_terminal() { Self(ProgressBar::hidden()) } else { Self::new(what, total) }
    }

    /// Over a file of that size.
    pub(crate) fn over_bytes(what: &'static str, total: u64) -> Self {
        Self::with(what, total, "{binary_bytes}/{binary_total_bytes}")
    }

    fn with(what: &'static str, total: u64, figures: &str) -> Self {
        if !stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::new(total).with_message(what);
        let style = ProgressStyle::with_template(&format!("{{msg}} [{{wide_bar}}] {figures}, {{eta}} left"));
        // a writer that fails is the bar's, which is only for the eye
        let rate = |state: &ProgressState, text: &mut dyn fmt::Write| {
            let _ = write!(text, "{:.0}/s", state.per_sec());
        };
        Self(match style {
            Ok(style) => bar.with_style(style.with_key("rate", rate).progress_chars("=> ")),
            Err(_) => bar,
        })
    }

    /// The same bytes, each of which is a step.
    pub(crate) fn of(&self, source: impl Read) -> impl Read {
        self.0.wrap_read(source)
    }

    /// One more is done.
    pub(crate) fn step(&self) {
        self.0.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
