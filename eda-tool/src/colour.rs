//! Colour for the words by which the eye finds what went wrong.

use console::style;

/// Whether a person reads standard error who wants colour: it is a terminal, and neither `NO_COLOR` nor a dumb one is in the way.
pub(crate) fn is_wanted() -> bool {
    console::colors_enabled_stderr()
}

/// The lines of a complaint, where wanted with the word that begins each in colour.
pub(crate) fn complaint(text: &str, is_wanted: bool) -> String {
    let words = [("error:", style("error:").red()), ("found:", style("found:").yellow())];
    let line = |line: &str| {
        let begun = words.iter().find_map(|(word, painted)| Some((line.strip_prefix(word)?, painted)));
        begun.map_or_else(
            || line.to_owned(),
            |(rest, painted)| painted.clone().bold().force_styling(is_wanted).to_string() + rest,
        )
    };
    text.split_inclusive('\n').map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::complaint;

    #[test]
    fn only_the_first_word_of_a_line_is_painted_and_only_where_it_is_wanted() {
        let text = "error: no error: at all\nfound: nothing\n  hint: look\n";
        assert_eq!(complaint(text, false), text);
        let painted = "\u{1b}[31m\u{1b}[1merror:\u{1b}[0m no error: at all\n\u{1b}[33m\u{1b}[1mfound:\u{1b}[0m nothing\n  hint: look\n";
        assert_eq!(complaint(text, true), painted);
    }
}
