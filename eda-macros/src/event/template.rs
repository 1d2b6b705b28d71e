//! The template of a routing key: text with fields in braces.

use syn::{Error, LitStr, Result};

/// Stands for a field; no text has it.
const GAP: &str = "{}";

/// `order.{region}.created`, cut at its braces.
pub(crate) struct Template {
    pub(crate) text: LitStr,
    pub(crate) pieces: Vec<Piece>,
}

/// A part of a template.
pub(crate) enum Piece {
    Text(String),
    Gap(String),
}

impl Template {
    pub(crate) fn parse(text: LitStr) -> Result<Self> {
        let value = text.value();
        let mut pieces = Vec::new();
        let mut rest = value.as_str();
        while let Some(at) = rest.find(['{', '}']) {
            let (before, brace) = rest.split_at(at);
            push_text(&mut pieces, before);
            let Some(inside) = brace.strip_prefix('{') else {
                return Err(Error::new_spanned(&text, "a `}` without its `{`: write `{field}`"));
            };
            let end = inside.find(['{', '}', '.']).filter(|end| inside[*end..].starts_with('}'));
            let Some((field, after)) = end.map(|end| (&inside[..end], &inside[end + 1..])) else {
                return Err(Error::new_spanned(&text, "a `{` without its `}`: write `{field}`"));
            };
            let field = field.trim().trim_start_matches("r#");
            if field.is_empty() {
                return Err(Error::new_spanned(&text, "empty braces: write the name of a field in them, `{field}`"));
            }
            pieces.push(Piece::Gap(field.to_owned()));
            rest = after;
        }
        push_text(&mut pieces, rest);
        Ok(Self { text, pieces })
    }

    pub(crate) fn is_static(&self) -> bool {
        self.pieces.iter().all(|piece| matches!(piece, Piece::Text(_)))
    }

    /// What stands around the gaps: one more than there are gaps.
    pub(crate) fn around_gaps(&self) -> Vec<String> {
        let mut around = vec![String::new()];
        for piece in &self.pieces {
            match (piece, around.last_mut()) {
                (Piece::Text(text), Some(last)) => last.push_str(text),
                _ => around.push(String::new()),
            }
        }
        around
    }

    /// The text with something for each gap.
    pub(crate) fn whole(&self) -> String {
        self.around_gaps().join(GAP)
    }

    /// The pattern that all keys match: a segment with a gap can be anything.
    pub(crate) fn binding(&self) -> String {
        let whole = self.whole();
        let segments: Vec<_> = whole.split('.').map(|part| if part.contains(GAP) { "*" } else { part }).collect();
        segments.join(".")
    }
}

fn push_text(pieces: &mut Vec<Piece>, text: &str) {
    if !text.is_empty() {
        pieces.push(Piece::Text(text.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use proc_macro2::Span;
    use syn::LitStr;

    use super::Template;

    fn template(text: &str) -> Result<Template, String> {
        Template::parse(LitStr::new(text, Span::call_site())).map_err(|error| error.to_string())
    }

    #[test]
    fn segments_with_gaps_become_wildcards() {
        let binding = |text| template(text).unwrap().binding();
        assert_eq!(binding("order.created"), "order.created");
        assert_eq!(binding("order.{region}.created"), "order.*.created");
        assert_eq!(binding("{tenant}.order-{id}-{part}.done"), "*.*.done");
    }

    #[test]
    fn gaps_are_surrounded() {
        assert_eq!(template("{a}{b}").unwrap().around_gaps(), ["", "", ""]);
        assert_eq!(template("x.{a}.y").unwrap().around_gaps(), ["x.", ".y"]);
        assert_eq!(template("x").unwrap().around_gaps(), ["x"]);
    }

    #[test]
    fn lonely_braces_are_refused() {
        for text in ["a.{b", "a.b}", "a.{b.{c}", "a.{}", "{", "}"] {
            assert!(template(text).is_err(), "{text}");
        }
    }
}
