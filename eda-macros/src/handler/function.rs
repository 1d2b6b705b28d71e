//! The function under `#[handler]`, as far as it matters: what stands in its body is not looked at, so that a
//! half-typed one is still a handler for the editor.

use proc_macro2::TokenStream;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Error, Result, Signature, Visibility};

/// Everything before the body.
pub(crate) struct Function {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) signature: Signature,
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        let ahead = input.fork();
        let signature = match input.parse() {
            Ok(signature) => signature,
            // a function with a mistake gets the parser's words; anything else is no function
            Err(error) if is_function(&ahead) => return Err(error),
            Err(_) => return Err(Error::new(ahead.span(), "`#[handler]` belongs on an `async fn`")),
        };
        input.parse::<TokenStream>()?;
        Ok(Self { attributes, visibility, signature })
    }
}

fn is_function(input: ParseStream<'_>) -> bool {
    input.parse::<TokenStream>().is_ok_and(|tokens| {
        let words = tokens.into_iter().take_while(|token| matches!(token, proc_macro2::TokenTree::Ident(_)));
        words.map(|word| word.to_string()).any(|word| word == "fn")
    })
}
