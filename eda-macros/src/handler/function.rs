//! The function under `#[handler]`, as far as it matters: what stands in its body is not looked at, so that a
//! half-typed one is still a handler for the editor.

use proc_macro2::{TokenStream, TokenTree};
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Result, Signature, Visibility};

/// Everything before the body.
pub(crate) struct Function {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) signature: Signature,
}

impl Function {
    /// `#[deprecated]` holds for the subscription, too.
    pub(crate) fn deprecated(&self) -> impl Iterator<Item = &Attribute> {
        self.attributes.iter().filter(|attribute| attribute.path().is_ident("deprecated"))
    }
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        if !is_function(&input.fork()) {
            return Err(input.error("`#[handler]` belongs on an `async fn`"));
        }
        // a function with a mistake gets the parser's words
        let signature = input.parse()?;
        input.parse::<TokenStream>()?;
        Ok(Self { attributes, visibility, signature })
    }
}

fn is_function(input: ParseStream<'_>) -> bool {
    input.parse::<TokenStream>().is_ok_and(|tokens| {
        let is_word = |token: &TokenTree| matches!(token, TokenTree::Ident(_) | TokenTree::Literal(_));
        let words = tokens.into_iter().take_while(is_word);
        words.map(|word| word.to_string()).any(|word| word == "fn")
    })
}
