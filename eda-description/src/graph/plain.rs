//! Descriptions of others are not checked, so what a drawing has of them is made plain: nothing of it steers a terminal.

/// Lines stay lines.
pub(super) fn text(text: &str) -> String {
    let lines: Vec<_> = text.split('\n').map(line).collect();
    lines.join("\n")
}

/// As it is, but for control characters, and for what turns the direction of text: those are escaped.
pub(super) fn line(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        if steers(letter) { plain.extend(letter.escape_default()) } else { plain.push(letter) }
    }
    plain
}

fn steers(letter: char) -> bool {
    (letter.is_control() && letter != '\t')
        || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
