//! Doc comments as text.

use syn::{Attribute, Expr, ExprLit, Lit, Meta};

/// The doc comment among the attributes, as Markdown; what is included from a file is left out.
pub(crate) fn text(attributes: &[Attribute]) -> Option<String> {
    let lines: Vec<_> = attributes.iter().filter_map(line).collect();
    let text = lines.join("\n");
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// One `///`, which the compiler hands over with the blank behind it, or a whole `/** */`.
fn line(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(pair) = &attribute.meta else { return None };
    let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = &pair.value else { return None };
    let text = text.value();
    pair.path.is_ident("doc").then(|| text.strip_prefix(' ').unwrap_or(&text).trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::text;

    #[test]
    fn lines_become_markdown() {
        let lines = [parse_quote!(#[doc = " One."]), parse_quote!(#[doc = ""]), parse_quote!(#[doc = "   * two"])];
        assert_eq!(text(&lines).as_deref(), Some("One.\n\n  * two"));
    }

    #[test]
    fn what_is_no_comment_is_left_out() {
        let others =
            [parse_quote!(#[doc(hidden)]), parse_quote!(#[doc = include_str!("a.md")]), parse_quote!(#[must_use])];
        assert_eq!(text(&others), None);
        assert_eq!(text(&[parse_quote!(#[doc = " "])]), None);
    }
}
