//! Lines on the terminal, in colour where that is wanted.

use std::io::{IsTerminal, Write, stdout};

/// Knows whether stdout takes colours.
#[derive(Clone, Copy, Debug)]
pub struct Terminal {
    colour: bool,
}

#[derive(Clone, Copy, Debug)]
pub enum Style {
    Plain,
    Bold,
    Dim,
    Green,
    Yellow,
    Red,
    /// One of a few colours that are easy to tell apart, chosen by number.
    Hue(usize),
}

impl Terminal {
    /// Colours are for people: not for files and pipes, and not where `NO_COLOR` is set.
    pub fn new() -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { colour: stdout().is_terminal() && !refused }
    }

    pub fn paint(self, style: Style, text: &str) -> String {
        let code = match style {
            _ if !self.colour => return text.to_owned(),
            Style::Plain => return text.to_owned(),
            Style::Bold => "1",
            Style::Dim => "2",
            Style::Green => "32",
            Style::Yellow => "33",
            Style::Red => "1;31",
            Style::Hue(number) => ["36", "35", "34", "96", "95", "94", "92"][number % 7],
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

/// Writes a whole line at once. A reader that has gone away, such as `head`, is no reason to stop serving orders.
pub fn say(text: &str) {
    let _ = writeln!(stdout().lock(), "{text}");
}
